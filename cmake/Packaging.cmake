# What `cmake --install` lays down and what `cpack -G DEB` packs: the binary, its service with user and folders,
# and one configuration file. dpkg treats that file as the owner's: an upgrade keeps edits, only a purge removes it.
include_guard()
include(GNUInstallDirs)

# Packing takes the binary that was built; it does not build the tests first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

install(TARGETS rampart RUNTIME DESTINATION bin COMPONENT rampart)
install(FILES deploy/systemd/rampart.service DESTINATION lib/systemd/system COMPONENT rampart)
install(FILES deploy/systemd/rampart.sysusers DESTINATION lib/sysusers.d RENAME rampart.conf COMPONENT rampart)
install(FILES deploy/systemd/rampart.tmpfiles DESTINATION lib/tmpfiles.d RENAME rampart.conf COMPONENT rampart)
install(FILES deploy/systemd/rampart.yml DESTINATION /etc/rampart COMPONENT rampart)
install(FILES README.md DESTINATION share/doc/rampart COMPONENT rampart)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rampart)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Rampart project <rampart@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Filtering DNS forwarder, a drop-in for Blocky")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)  # so that /etc/rampart stays /etc, beside the prefix /usr
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL rampart)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-sysusers, systemd | systemd-tmpfiles, ca-certificates, procps")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "curl")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/cmake/debian/conffiles
  ${CMAKE_SOURCE_DIR}/cmake/debian/postinst
  ${CMAKE_SOURCE_DIR}/cmake/debian/prerm
  ${CMAKE_SOURCE_DIR}/cmake/debian/postrm)
include(CPack)
