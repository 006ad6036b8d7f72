#include "blocklists/list_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace rampart::blocklists {
namespace {

constexpr std::size_t kChunkBytes = 1 << 16;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char want, char c) { return want == std::tolower(static_cast<unsigned char>(c)); });
}

bool is_html(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f\v"), text.size()));
  return starts_with_ignoring_case(text, "<!doctype html") || starts_with_ignoring_case(text, "<html");
}

// Hands text to whoever wants it and keeps the bounds on it.
class TextFeed {
 public:
  TextFeed(const TakeText& take, const ReadOptions& options) : take_(take), options_(options) {}
  // False: stop reading (the taker has enough, a web page, or text too long).
  bool take(std::string_view text) {
    if (bytes_ == 0) is_html_ = !options_.accept_html && is_html(text);
    bytes_ += text.size();
    return !is_html_ && !is_too_long() && take_(text);
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool is_too_long() const { return bytes_ > options_.text_bytes_max; }
  [[nodiscard]] bool is_web_page() const { return is_html_; }

 private:
  const TakeText& take_;
  const ReadOptions& options_;
  std::uint64_t bytes_ = 0;
  bool is_html_ = false;
};

base::Status read_plain(std::FILE* file, TextFeed& feed) {
  std::vector<char> chunk(kChunkBytes);
  for (std::size_t n; (n = std::fread(chunk.data(), 1, chunk.size(), file)) > 0;)
    if (!feed.take({chunk.data(), n})) return base::Done{};
  if (std::ferror(file)) return base::Error{std::string("read failed: ") + std::strerror(errno)};
  return base::Done{};
}

// One member or several (RFC 1952 2.2), as parallel compressors and `cat a.gz b.gz` write them; zeros may follow.
base::Status read_gzip(std::FILE* file, TextFeed& feed) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return base::Error{std::string("zlib does not start")};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  const base::Error<std::string> damaged{"gzip data is damaged"};
  std::vector<unsigned char> in(kChunkBytes);
  std::vector<char> out(kChunkBytes);
  enum class Place { kInMember, kBehindMember, kInPadding } place = Place::kInMember;
  for (std::size_t n; (n = std::fread(in.data(), 1, in.size(), file)) > 0;) {
    stream.next_in = in.data();
    stream.avail_in = static_cast<uInt>(n);
    while (stream.avail_in > 0) {
      if (place == Place::kBehindMember && *stream.next_in == 0) place = Place::kInPadding;
      if (place == Place::kInPadding) {
        if (*stream.next_in != 0) return damaged;
        ++stream.next_in;
        --stream.avail_in;
        continue;
      }
      if (place == Place::kBehindMember && inflateReset(&stream) != Z_OK) return damaged;
      stream.next_out = reinterpret_cast<unsigned char*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      const int state = inflate(&stream, Z_NO_FLUSH);
      if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) return damaged;
      place = state == Z_STREAM_END ? Place::kBehindMember : Place::kInMember;
      if (!feed.take({out.data(), out.size() - stream.avail_out})) return base::Done{};
    }
  }
  if (place == Place::kInMember) return base::Error{std::string("gzip data is cut short")};
  return base::Done{};
}

base::Status read_zstd(std::FILE* file, TextFeed& feed) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  std::vector<char> in(kChunkBytes);
  std::vector<char> out(kChunkBytes);
  std::size_t wanted = 1;
  for (std::size_t n; (n = std::fread(in.data(), 1, in.size(), file)) > 0;) {
    ZSTD_inBuffer input{in.data(), n, 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output{out.data(), out.size(), 0};
      wanted = ZSTD_decompressStream(stream.get(), &output, &input);
      if (ZSTD_isError(wanted))
        return base::Error{std::string("zstd data is damaged: ") + ZSTD_getErrorName(wanted)};
      if (!feed.take({out.data(), output.pos})) return base::Done{};
    }
  }
  if (wanted != 0) return base::Error{std::string("zstd data is cut short")};
  return base::Done{};
}

base::Status read_stream(std::FILE* file, TextFeed& feed) {
  std::rewind(file);
  unsigned char magic[4] = {};
  const std::size_t n = std::fread(magic, 1, sizeof(magic), file);
  if (std::ferror(file)) return base::Error{std::string(std::strerror(errno))};
  std::rewind(file);
  if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) return read_gzip(file, feed);
  if (n == 4 && magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
    return read_zstd(file, feed);
  return read_plain(file, feed);
}

base::Status read_file(const std::string& path, TextFeed& feed) {
  // Without O_NONBLOCK a pipe would hold us until somebody writes into it.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  const File file(fd < 0 ? nullptr : ::fdopen(fd, "rb"), std::fclose);
  if (!file) return base::Error{std::string(std::strerror(errno)) + " (check the path, relative to the working directory)"};
  struct stat about {};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
    return base::Error{std::string("it is no regular file (a list is a file, a URL or inline text)")};
  return read_stream(file.get(), feed);
}

std::string explain_errors(const ListStatistics& statistics) {
  std::string text = "too many parse errors (" + std::to_string(statistics.error_count) + ")";
  for (const auto& error : statistics.errors) text += "; line " + std::to_string(error.line) + ": " + error.text;
  return text;
}

template <class Read>
base::Result<std::uint64_t, std::string> read_bounded(const std::string& name, const TakeText& take,
                                                      const ReadOptions& reading, const Read& read) {
  TextFeed feed(take, reading);
  const auto refused = [&](Refusal cause, const std::string& why) {
    if (reading.refusals) reading.refusals->add(cause);
    return base::Error{name + ": " + why};
  };
  if (const base::Status done = read(feed); !done.ok())
    return base::Error{"cannot open source: " + name + ": " + done.error()};
  if (feed.is_web_page()) return refused(Refusal::kHtml, "it is an HTML page, not a list (check the URL)");
  if (feed.is_too_long())
    return refused(Refusal::kTooLong, "more than " + std::to_string(reading.text_bytes_max >> 20) +
                                          " MiB of text, refused (is it an archive bomb?)");
  return feed.bytes();
}

template <class Read>
base::Result<LoadedSource, std::string> compile(const std::string& name, const base::HashKey& key,
                                                const ListParserOptions& options, const ReadOptions& reading,
                                                const Read& read) {
  SourceCompiler compiler(key);
  ListParser parser(options, compiler);
  const auto bytes = read([&parser](std::string_view text) { return parser.feed(text); });
  if (!bytes.ok()) return base::Error{bytes.error()};
  if (!parser.finish()) {
    if (reading.refusals) reading.refusals->add(Refusal::kErrors);
    return base::Error{name + ": " + explain_errors(parser.statistics())};
  }
  LoadedSource loaded;
  loaded.rules = std::make_shared<CompiledSource>(compiler.finish());
  loaded.statistics = parser.statistics();
  loaded.bytes = *bytes;
  return loaded;
}

}  // namespace

std::string SourceSpec::display_name() const {
  if (kind != SourceKind::kInline) return text;
  constexpr std::size_t kShown = 12;
  const std::string line = text.substr(0, text.find('\n'));
  return line.size() <= kShown ? line : line.substr(0, kShown) + "...";
}

base::Result<std::uint64_t, std::string> read_text(const SourceSpec& spec, const TakeText& take,
                                                 const ReadOptions& reading) {
  return read_bounded(spec.display_name(), take, reading, [&](TextFeed& feed) -> base::Status {
    if (spec.kind != SourceKind::kInline) return read_file(spec.text, feed);
    static_cast<void>(feed.take(spec.text));
    return base::Done{};
  });
}

base::Result<std::uint64_t, std::string> read_text(std::FILE* file, const std::string& name, const TakeText& take,
                                                 const ReadOptions& reading) {
  return read_bounded(name, take, reading, [&](TextFeed& feed) { return read_stream(file, feed); });
}

base::Result<LoadedSource, std::string> load_local(const SourceSpec& spec, const base::HashKey& key,
                                                   const ListParserOptions& options, const ReadOptions& reading) {
  return compile(spec.display_name(), key, options, reading,
                 [&](const TakeText& take) { return read_text(spec, take, reading); });
}

base::Result<LoadedSource, std::string> load_stream(std::FILE* file, const std::string& name,
                                                    const base::HashKey& key, const ListParserOptions& options,
                                                    const ReadOptions& reading) {
  return compile(name, key, options, reading, [&](const TakeText& take) { return read_text(file, name, take, reading); });
}

}  // namespace rampart::blocklists
