// What instances share over Redis: fresh answers, and whether blocking is on. One thread of its own does all of it;
// workers only push into their rings, and nobody ever waits for Redis (but an operator's flush, bounded).
//
//   worker rings -> queue -> SET + PUBLISH            answers of ours
//   message -> PTTL -> take_over(); SCAN at each join -> PTTL + GET -> take_over()      answers of others
//   announce() -> SET + PUBLISH; message, and GET each second -> adopt_blocking()       the blocking switch
//
// A taken-over answer goes into the cache by another way than a worker's, so it is never published again. The stored
// blocking state is compared each second with the one in force; the newer one wins on either side. That one rule
// covers late joiners, lost messages, FLUSHALL, a partition that heals and a value of another type in our key.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.h"
#include "storage/cache_export_ring.h"
#include "storage/redis_link.h"
#include "storage/redis_messages.h"
#include "storage/redis_options.h"
#include "storage/redis_status.h"

namespace rampart::storage {

/// A change of the switch, as the rest of the server sees it.
struct BlockingChange {
  bool enabled = true;
  std::chrono::milliseconds duration{0};  ///< still to run; 0: until enabled
  std::vector<std::string> groups;        ///< empty: all
};

struct SharedStateHooks {
  /// Checks an answer like an upstream's and puts it into the cache. Redis thread.
  std::function<TakeOver(const SharedKey&, base::ByteView message, std::uint32_t ttl_seconds)> take_over;
  /// Redis thread; must not call back.
  std::function<base::Status(const BlockingChange&)> adopt_blocking;
  /// The clock that stamps changes; any thread.
  std::function<base::WallTime()> wall_now = base::wall_now;
};

class SharedState {
 public:
  static constexpr std::size_t kQueueMax = 1000;  ///< as Blocky's buffer
  static constexpr std::size_t kQueueBytesMax = std::size_t{8} << 20;
  static constexpr std::size_t kBatchMax = 100;   ///< entries in one message, as Blocky's
  static constexpr std::chrono::milliseconds kBatchPeriod{100};
  static constexpr std::chrono::milliseconds kHeartbeat{1000};
  static constexpr std::size_t kWaitingMax = 4096;  ///< replies to come, before nothing more is sent
  static constexpr std::size_t kLookupsMax = 4096;  ///< entries of others that wait for their TTL
  static constexpr std::size_t kWarmKeysMax = 100'000;
  static constexpr std::chrono::seconds kWarmTimeMax{5};
  /// Changes further ahead of our clock are no clock's drift, and would silence everybody until then.
  static constexpr std::chrono::minutes kClockAheadMax{5};
  static constexpr std::chrono::seconds kLogPeriod{10};  ///< between two warnings of the same kind

  SharedState(RedisOptions options, SharedStateHooks hooks, std::size_t workers);
  ~SharedState();
  SharedState(const SharedState&) = delete;

  /// Returns when the first round is over: joined and warm, or found away; with `required`, joined, or an error once
  /// the attempts are used up. Bounded by the connection's timeouts; at most 3 s when Redis is not required.
  [[nodiscard]] base::Status start();
  /// Sends what waits, at most for so long; then the thread ends.
  void stop(std::chrono::milliseconds patience);

  [[nodiscard]] CacheExportRing& ring(std::size_t worker) noexcept { return *rings_[worker]; }

  // Any thread.
  /// Blocking was switched here; returns at once.
  void announce(BlockingChange change);
  /// Deletes all shared answers; an error when Redis is away or needs longer than 10 s.
  [[nodiscard]] base::Status flush();
  /// Leaves the old server and joins the new one.
  void reconfigure(RedisOptions options);
  [[nodiscard]] RedisStatus status() const;

 private:
  struct Queued {
    std::string key;  ///< with prefix
    std::vector<std::uint8_t> message;
    bool is_publishable = true;
    base::Instant expires{};
  };
  struct Warming;
  struct Flushing;

  // All on the Redis thread.
  base::Status open_link();
  void on_up(const std::string& server);
  void on_down(const std::string& error);
  void on_message(std::string_view channel, std::string_view payload);
  void tick();
  void drain_rings();
  void enqueue(const ExportedAnswer& answer);
  void send_queue();
  void requeue_unanswered();
  void trim_queue();
  void take_message(std::string_view payload);
  void take_over(const std::string& key, base::ByteView message, const RedisReply& pttl, bool is_warm);
  void warm_page(const std::shared_ptr<Warming>& warming);
  void flush_page(const std::shared_ptr<Flushing>& flushing);
  // shared_state_blocking.cc
  [[nodiscard]] std::uint64_t unix_ms_now() const;
  [[nodiscard]] bool is_ahead(const ChangeStamp& stamp) const;
  void restamp_if_ahead();
  void note_future(const BlockingMessage& message);
  void take_blocking_message(std::string_view payload);
  void compare_stored();
  void adopt(BlockingMessage message, const ChangeStamp& stamp);
  void store_blocking();
  void publish_blocking();

  void note_refusal(const RedisReply& reply);
  void end_first_round(base::Status outcome);
  void finish();
  template <class Change>
  void count(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }

  RedisOptions options_;
  const SharedStateHooks hooks_;
  std::vector<std::unique_ptr<CacheExportRing>> rings_;

  // Redis thread
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_};
  std::unique_ptr<RedisLink> link_;
  std::deque<Queued> queue_;
  std::size_t queue_bytes_ = 0;
  std::deque<std::vector<Queued>> unanswered_;  ///< sent, but not all replies of the batch are here: sent again if need be
  std::size_t unanswered_bytes_ = 0;
  std::size_t lookups_ = 0;
  std::uint64_t round_ = 0;  ///< of the link: replies of an earlier one do not come
  base::Instant heartbeat_at_{};
  ChangeStamp stamp_;            ///< of the blocking state in force
  base::Instant changed_at_{};   ///< the same moment by the clock that nobody sets
  BlockingMessage blocking_;     ///< as stored
  bool is_unpublished_ = false;  ///< a change of ours that nobody has heard
  ChangeStamp instance_ = ChangeStamp::random_instance();
  std::string sender_;           ///< of cache messages
  std::int64_t failures_at_start_ = 0;
  base::Instant refusal_logged_at_{};
  std::optional<base::Instant> future_logged_at_;
  bool is_stopping_ = false;
  base::Instant stop_at_{};

  std::promise<base::Status> first_round_;
  bool first_round_over_ = false;
  std::thread thread_;

  mutable std::mutex mutex_;  // guards status_
  RedisStatus status_;
};

}  // namespace rampart::storage
