// Where a list comes from, and reading it: inline text, a local file (plain, gzip or zstd), or a URL.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "blocklists/admission_gate.h"
#include "blocklists/compiled_source.h"
#include "blocklists/list_parser.h"

namespace rampart::blocklists {

/// More text than this from one source is an archive bomb: a list of ten million names is about 300 MB.
inline constexpr std::uint64_t kSourceTextBytesMax = std::uint64_t{1} << 30;

enum class SourceKind : std::uint8_t { kInline, kFile, kHttp };

struct SourceSpec {
  SourceKind kind = SourceKind::kInline;
  std::string text;  ///< the list itself, a path, or a URL

  /// For logs and statistics: URL or path; at most 12 characters of inline text.
  [[nodiscard]] std::string display_name() const;
  friend bool operator==(const SourceSpec&, const SourceSpec&) = default;
  friend bool operator<(const SourceSpec& a, const SourceSpec& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.text < b.text;
  }
};

/// One successful reading of a source.
struct LoadedSource {
  std::shared_ptr<CompiledSource> rules;
  ListStatistics statistics;
  std::uint64_t bytes = 0;  ///< of text, after decompression
  std::string stale_because;  ///< why this is the last good copy from disk, not what the server has now; else empty
  bool was_refused = false;   ///< of a stale one: there is a newer version, and it was refused
};

/// How strictly a source is read, beside its lines.
struct ReadOptions {
  bool accept_html = false;
  std::uint64_t text_bytes_max = kSourceTextBytesMax;
  RefusalCounters* refusals = nullptr;  ///< counts text that is no list; borrowed
};

/// Gets the text in pieces, cut anywhere; false: enough, stop reading.
using TakeText = std::function<bool(std::string_view)>;

/// The text of an inline list or a local file, decompressed; returns how many octets were handed out.
[[nodiscard]] base::Result<std::uint64_t, std::string> read_text(const SourceSpec& spec, const TakeText& take,
                                                                 const ReadOptions& reading = {});
/// The same for an open file, read from its start; `name` is what errors call it.
[[nodiscard]] base::Result<std::uint64_t, std::string> read_text(std::FILE* file, const std::string& name,
                                                                 const TakeText& take,
                                                                 const ReadOptions& reading = {});

/// Reads inline text or a local file. Errors name the source, what was found, and the cure.
/// Memory: one chunk of text beside the compiled rules.
[[nodiscard]] base::Result<LoadedSource, std::string> load_local(const SourceSpec& spec, const base::HashKey& key,
                                                                 const ListParserOptions& options,
                                                                 const ReadOptions& reading = {});

/// The same for an open file, read from its start; `name` is what errors call it. The caller closes the file.
[[nodiscard]] base::Result<LoadedSource, std::string> load_stream(std::FILE* file, const std::string& name,
                                                                  const base::HashKey& key,
                                                                  const ListParserOptions& options,
                                                                  const ReadOptions& reading = {});

}  // namespace rampart::blocklists
