#include "tests/support/real_lists.h"

#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace rampart::support {
namespace {

std::optional<std::filesystem::path> find_list(std::string_view file) {
  const std::string name = std::string(file) + ".zst";
  std::vector<std::filesystem::path> directories;
  if (const char* directory = std::getenv("RAMPART_DATA_DIR")) directories.emplace_back(directory);
  // Tests run in the source directory or below the build directory: look beside each parent.
  auto here = std::filesystem::current_path();
  for (; here.has_relative_path(); here = here.parent_path()) directories.push_back(here / "../shared/data");
  for (const auto& directory : directories) {
    std::error_code error;
    if (std::filesystem::is_regular_file(directory / name, error)) return directory / name;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_real_list(std::string_view file) {
  const auto path = find_list(file);
  if (!path) return std::nullopt;
  std::ifstream in(*path, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(in), {}};

  std::string text;
  ZSTD_DStream* stream = ZSTD_createDStream();
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::vector<char> buffer(ZSTD_DStreamOutSize());
  while (input.pos < input.size) {
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    const std::size_t status = ZSTD_decompressStream(stream, &output, &input);
    if (ZSTD_isError(status) != 0) {
      ZSTD_freeDStream(stream);
      throw std::runtime_error(path->string() + ": " + ZSTD_getErrorName(status));
    }
    text.append(buffer.data(), output.pos);
  }
  ZSTD_freeDStream(stream);
  return text;
}

std::vector<std::string> popular_names() {
  std::vector<std::string> names;
  const auto text = read_real_list("top-20k.csv");
  if (!text) return names;
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t comma = line.find(',');
    if (comma != std::string_view::npos) names.emplace_back(line.substr(comma + 1));
  }
  return names;
}

}  // namespace rampart::support
