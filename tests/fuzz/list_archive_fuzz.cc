// Lists inside gzip and zstd. The first octet chooses: the rest is an archive as it came, which ends in text within
// the bound or in an error; or it is text, which comes out of an archive as it went in, never out of half of one.
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <memory>

#include "blocklists/list_source.h"
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using fuzz::require;

namespace {

constexpr std::uint64_t kTextBytesMax = 1 << 20;

struct Out {
  bool ok = false;
  std::string text;
  std::string error;
};

Out unpack(std::string_view archive) {
  Out out;
  if (archive.empty()) return out;  // fmemopen() knows no empty file
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      fmemopen(const_cast<char*>(archive.data()), archive.size(), "rb"), std::fclose);
  require(file != nullptr);
  const auto take = [&](std::string_view piece) {
    out.text += piece;
    return true;
  };
  const auto bytes = blocklists::read_text(file.get(), "list", take, {.text_bytes_max = kTextBytesMax});
  out.ok = bytes.ok();
  if (out.ok) {
    require(*bytes == out.text.size());
  } else {
    out.error = bytes.error();
    require(!out.error.empty());
  }
  require(out.text.size() <= kTextBytesMax);
  return out;
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  require(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

bool is_archive(std::string_view text) {
  return text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest = base::as_text({data + 2, size - 2});
  switch (data[0] % 4) {
    case 0: unpack(rest); break;  // plain, gzip or zstd by its first octets
    case 1: unpack("\x1f\x8b\x08" + std::string(rest)); break;
    case 2: unpack("\x28\xb5\x2f\xfd" + std::string(rest)); break;
    default: {
      const Out plain = unpack(rest);
      for (const std::string& archive : {gzip(rest), zstd(rest)}) {
        const Out unpacked = unpack(archive);
        // A web page is refused in every wrapping; an archive within an archive stays what it is.
        if (!is_archive(rest) && !rest.empty()) {
          require(unpacked.ok == plain.ok);
          if (plain.ok) require(unpacked.text == rest && plain.text == rest);
        }
        const std::size_t cut = 4 + data[1] % (archive.size() - 4);
        const Out half = unpack(std::string_view(archive).substr(0, cut));
        require(!half.ok && rest.starts_with(half.text));
      }
    }
  }
  return 0;
}
