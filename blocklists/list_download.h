// Lists from http and https: asks only for what changed, keeps the last good copy on disk, and falls back to it
// when the server, the network or the content is bad. A web page in place of a list (a captive portal, a vanished
// project) is refused, so it never replaces a list.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/ip_address.h"
#include "base/keyed_hash.h"
#include "base/result.h"
#include "blocklists/download_cache.h"
#include "blocklists/list_source.h"

namespace rampart::blocklists {

struct DownloadOptions {
  std::chrono::milliseconds timeout{5'000};  ///< one whole exchange, redirects and body included
  std::uint32_t attempts = 3;                ///< 0: until it succeeds or is stopped
  std::chrono::milliseconds cooldown{500};   ///< between attempts
  std::string cache_path;                    ///< folder of last good copies; empty: none
  std::uint64_t body_bytes_max = kSourceTextBytesMax;  ///< of a response, after its content encoding is undone
  ReadOptions reading;
  /// Addresses of a list host. Blocks; called from load(). Unset: the system's resolver.
  std::function<base::Result<std::vector<base::IpAddress>, std::string>(const std::string& host)> resolve_host;
  /// Asked a few times a second: true ends the download. For stop requests that no one can pass to stop().
  std::function<bool()> is_stopping;
};

/// Whether a version that was read to its end may come into force. `entries_on_disk`: of the last good copy, if known.
using Judge = std::function<std::optional<Refused>(const LoadedSource& version,
                                                   std::optional<std::uint64_t> entries_on_disk)>;

/// Certificates are checked against the system's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR.
///
/// load() is safe from several threads, as long as no two of them load the same URL. It blocks: never on a worker.
class ListDownloader {
 public:
  explicit ListDownloader(DownloadOptions options = {});

  /// Not while load() runs.
  void set_options(DownloadOptions options);

  /// The list behind the URL `spec.text`, or the last good copy (which says why), or
  /// `Can't download file: <url>: <reason>`.
  [[nodiscard]] base::Result<LoadedSource, std::string> load(const SourceSpec& spec, const base::HashKey& key,
                                                             const ListParserOptions& parser_options,
                                                             const Judge& judge = {});

  /// The same for a text that is no list: `read` makes of the file what it wants, or says why the server's version must
  /// not be used. What it returns has `rules`, empty ones.
  using Read = std::function<base::Result<LoadedSource, std::string>(std::FILE* file)>;
  [[nodiscard]] base::Result<LoadedSource, std::string> load(const SourceSpec& spec, const Read& read,
                                                             const Judge& judge = {});
  [[nodiscard]] base::Result<LoadedSource, std::string> load_copy(const SourceSpec& spec, const Read& read,
                                                                  const Judge& judge = {}) const;

  /// The last good copy on disk without asking the server, or an error.
  [[nodiscard]] base::Result<LoadedSource, std::string> load_copy(const SourceSpec& spec, const base::HashKey& key,
                                                                  const ListParserOptions& parser_options,
                                                                  const Judge& judge = {}) const;

  /// From any thread: ends what load() does within about a second, now and in future.
  void stop() noexcept;

  /// Exchanges that brought no list.
  [[nodiscard]] std::uint64_t failed_attempts() const noexcept { return failed_attempts_.value(); }

 private:
  struct Attempt;
  [[nodiscard]] bool is_stopping() const;
  void cool_down();
  struct Job;
  [[nodiscard]] Read list_reader(const SourceSpec& spec, const base::HashKey& key,
                                 const ListParserOptions& parser_options) const;
  [[nodiscard]] Attempt fetch(const std::string& url, const Validators& known, std::FILE* body) const;
  [[nodiscard]] Attempt exchange(const std::string& url, const Validators& known, std::FILE* body,
                                 std::chrono::milliseconds timeout) const;
  [[nodiscard]] base::Result<LoadedSource, std::string> load_fresh(Job& job, bool conditional);

  DownloadOptions options_;
  DownloadCache cache_;
  base::SharedCounter failed_attempts_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;  // for the sleep between attempts only
  std::condition_variable wake_;
};

}  // namespace rampart::blocklists
