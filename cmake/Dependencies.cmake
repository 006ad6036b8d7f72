# Every library we use, all from Debian 12 (tools/setup installs them).
include_guard()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
foreach(pair "cares;libcares" "curl;libcurl" "re2;re2" "idn2;libidn2" "psl;libpsl" "pq;libpq" "hiredis;hiredis"
             "sqlite;sqlite3" "zstd;libzstd" "nghttp2;libnghttp2" "prometheus;prometheus-cpp-core")
  list(GET pair 0 short)
  list(GET pair 1 package)
  pkg_check_modules(${short} REQUIRED IMPORTED_TARGET GLOBAL ${package})
endforeach()

# Asio without its deprecated parts, and header only: no Boost library is linked.
add_library(rampart_asio INTERFACE)
target_link_libraries(rampart_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(rampart_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_USE_STD_STRING_VIEW)

if(RAMPART_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(RAMPART_BENCH)
  find_package(benchmark REQUIRED)
endif()
