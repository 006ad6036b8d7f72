// Keeps the names of hosts files fresh: reads all sources, at start, on reload and every refreshPeriod, on a thread
// of its own. All or nothing, as in Blocky: when one source cannot be read, the names in force stay.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "base/time.h"
#include "blocklists/list_download.h"
#include "control/config.h"
#include "resolver/hosts_names.h"

namespace rampart::control {

class HostsKeeper {
 public:
  /// Of all sources of hosts names together. More is a block list.
  static constexpr std::uint64_t kTextBytesMax = std::uint64_t{128} << 20;

  /// `on_change` is called from the keeper's thread when names() has become another.
  HostsKeeper(const base::HashKey& key, std::function<void()> on_change);
  ~HostsKeeper();
  HostsKeeper(const HostsKeeper&) = delete;
  HostsKeeper& operator=(const HostsKeeper&) = delete;

  /// Reads by the strategy of `config` and begins to refresh; fails only with `failOnError`. `downloads`: how list
  /// hosts are reached, the limits of `config` are put in.
  [[nodiscard]] base::Status start(const HostsFile& config, blocklists::DownloadOptions downloads);
  /// Takes over another configuration and reads everything again, now.
  void reload(const HostsFile& config, blocklists::DownloadOptions downloads);
  /// From any thread: downloads under way end soon, and nothing is refreshed any more.
  void stop();

  /// Null without sources, or before anything could be read.
  [[nodiscard]] std::shared_ptr<const resolver::HostsNames> names() const;
  [[nodiscard]] std::uint64_t failed_downloads() const noexcept { return downloader_.failed_attempts(); }

 private:
  enum class Effort : std::uint8_t { kAtHand, kFull };
  void configure(const HostsFile& config, blocklists::DownloadOptions downloads);
  [[nodiscard]] base::Status load(Effort effort);
  [[nodiscard]] base::Result<std::string, std::string> read(const blocklists::SourceSpec& source, Effort effort);
  [[nodiscard]] base::Status check(const std::string& name, const std::string& text) const;
  void schedule();
  void run();

  const base::HashKey key_;
  const std::function<void()> on_change_;

  std::mutex loading_mutex_;  // one load at a time; guards the next three
  HostsFile config_;
  bool is_complete_ = true;  ///< the last load took every source
  blocklists::ListDownloader downloader_;

  mutable std::mutex mutex_;  // taken after loading_mutex_
  std::condition_variable wake_;
  std::shared_ptr<const resolver::HostsNames> names_;
  base::Instant due_ = base::Instant::max();
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace rampart::control
