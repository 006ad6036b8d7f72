#include "storage/shared_state.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/background_thread.h"
#include "base/log.h"

namespace rampart::storage {

namespace asio = boost::asio;
namespace log = base::log;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kFirstRoundMax{3};
constexpr seconds kFlushMax{10};
constexpr std::size_t kUnsentBytesMax = std::size_t{8} << 20;  // above it the queue waits

}  // namespace

// One walk over all stored answers.
struct SharedState::Warming {
  std::string cursor = "0";
  std::size_t keys_left = kWarmKeysMax;
  base::Instant end{};
};

// The replies own it: when the connection is lost they go, and whoever waits is told.
struct SharedState::Flushing {
  ~Flushing() { end(base::Error{std::string("the connection to Redis was lost on the way")}); }
  void end(base::Status outcome) {
    if (!std::exchange(is_over, true)) done.set_value(std::move(outcome));
  }

  std::string cursor = "0";
  base::Instant give_up{};
  std::promise<base::Status> done;
  bool is_over = false;
};

SharedState::SharedState(RedisOptions options, SharedStateHooks hooks, std::size_t workers)
    : options_(std::move(options)), hooks_(std::move(hooks)) {
  for (std::size_t i = 0; i < workers; ++i) rings_.push_back(std::make_unique<CacheExportRing>());
  instance_.unix_ms = unix_ms_now();
  sender_ = instance_.to_uuid();
  status_.since = base::wall_now();
}

SharedState::~SharedState() { stop(milliseconds(0)); }

base::Status SharedState::start() {
  auto first = first_round_.get_future();
  if (auto opened = open_link(); !opened.ok()) return opened;
  tick();
  const bool must_join = options_.required;
  thread_ = std::thread([this] {
    base::name_thread("redis");
    io_.run();
  });
  if (must_join) return first.get();  // ends with the attempts, each of which has its timeouts
  static_cast<void>(first.wait_for(kFirstRoundMax));
  return base::Done{};
}

base::Status SharedState::open_link() {
  ++round_;
  link_ = std::make_unique<RedisLink>(
      io_, options_, std::vector<std::string_view>{kRedisCacheChannel, kRedisBlockingChannel},
      RedisLink::Events{[this](const std::string& server) { on_up(server); },
                        [this](const std::string& error) { on_down(error); },
                        [this](std::string_view channel, std::string_view payload) { on_message(channel, payload); }});
  return link_->start();
}

void SharedState::end_first_round(base::Status outcome) {
  if (std::exchange(first_round_over_, true)) return;
  first_round_.set_value(std::move(outcome));
}

void SharedState::on_up(const std::string& server) {
  log::info("redis", "joined", {{"server", server}});
  count([&](RedisStatus& s) {
    s.state = RedisState::kUp;
    s.since = base::wall_now();
    s.server = server;
    ++s.connects;
  });
  ++round_;
  lookups_ = 0;
  heartbeat_at_ = base::monotonic_now() + kHeartbeat;
  compare_stored();
  drain_rings();
  send_queue();
  auto warming = std::make_shared<Warming>();
  warming->end = base::monotonic_now() + kWarmTimeMax;
  warm_page(warming);
}

void SharedState::on_down(const std::string& error) {
  ++round_;
  lookups_ = 0;
  requeue_unanswered();
  bool is_news = false;
  count([&](RedisStatus& s) {
    is_news = s.state != RedisState::kDown;
    if (is_news) s.since = base::wall_now();
    s.state = RedisState::kDown;
    s.last_error = error;
    s.last_error_at = base::wall_now();
    ++s.failures;
  });
  if (is_news) log::warn("redis", "is away: nothing is shared until it is back", {{"error", error}});
  if (first_round_over_) return;
  const std::int64_t retries = options_.attempts == 0 ? 3 : std::max(options_.attempts, 0);
  if (!options_.required) end_first_round(base::Done{});
  else if (failures_at_start_++ >= retries)
    end_first_round(base::Error{"redis.required is true, and Redis was away in " + std::to_string(retries + 1) +
                                " attempts (redis.connectionAttempts): " + error});
}

void SharedState::on_message(std::string_view channel, std::string_view payload) {
  if (channel == kRedisCacheChannel) return take_message(payload);
  if (channel == kRedisBlockingChannel) take_blocking_message(payload);
}

void SharedState::tick() {
  timer_.expires_after(kBatchPeriod);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) tick();
  });
  drain_rings();
  send_queue();
  count([this](RedisStatus& s) { s.queued = queue_.size(); });
  if (is_stopping_) {
    const bool is_done = !link_->is_up() || (link_->waiting_replies() == 0 && link_->unsent_bytes() == 0);
    if (is_done || base::monotonic_now() >= stop_at_) finish();
    return;
  }
  if (link_->is_up() && base::monotonic_now() >= heartbeat_at_) {
    heartbeat_at_ = base::monotonic_now() + kHeartbeat;
    link_->ping();
    compare_stored();
  }
}

// --- answers of ours ---------------------------------------------------------------------------------------

void SharedState::drain_rings() {
  for (bool found = true; found;) {
    found = false;
    for (auto& ring : rings_)
      found |= ring->consume([this](const ExportedAnswer& answer) { enqueue(answer); }, kBatchMax) != 0;
    if (queue_.size() >= kBatchMax) send_queue();
  }
}

void SharedState::enqueue(const ExportedAnswer& answer) {
  const auto length = dns::measure_uncompressed(answer.message.subspan(dns::kHeaderBytes));
  if (!length.ok()) return;  // ours, so it cannot be
  Queued entry;
  entry.key = std::string(kRedisCachePrefix) +
              cache_key_text(dns::NameView(answer.message.subspan(dns::kHeaderBytes, *length)), answer.type);
  entry.message.assign(answer.message.begin(), answer.message.end());
  base::store_u16(entry.message.data(), 0);  // the cache's ID field is a stamp of its own
  entry.is_publishable = is_publishable(answer.type);
  entry.expires = base::monotonic_now() + seconds(answer.ttl_seconds);
  queue_bytes_ += entry.message.size();
  queue_.push_back(std::move(entry));
  trim_queue();
}

void SharedState::trim_queue() {
  while (queue_.size() > kQueueMax || queue_bytes_ > kQueueBytesMax) {
    queue_bytes_ -= queue_.front().message.size();
    queue_.pop_front();
    count([](RedisStatus& s) { ++s.dropped_queue_full; });
  }
}

void SharedState::send_queue() {
  while (link_->is_up() && !queue_.empty() && link_->waiting_replies() < kWaitingMax &&
         link_->unsent_bytes() < kUnsentBytesMax && unanswered_bytes_ < kQueueBytesMax) {
    const auto now = base::monotonic_now();
    std::vector<Queued> batch;
    std::string text;
    std::size_t bytes = 0;
    while (batch.size() < kBatchMax && !queue_.empty()) {
      Queued entry = std::move(queue_.front());
      queue_.pop_front();
      queue_bytes_ -= entry.message.size();
      // Whole seconds, rounded up, as Blocky's; a second may have begun while it waited.
      const auto left = (duration_cast<milliseconds>(entry.expires - now).count() + 999) / 1000;
      if (left <= 0) {
        count([](RedisStatus& s) { ++s.dropped_expired; });
        continue;
      }
      link_->command({"SET", entry.key, base::as_text(entry.message), "EX", std::to_string(left)}, [this](const RedisReply& reply) {
        if (reply.is_error()) return note_refusal(reply);
        count([](RedisStatus& s) { ++s.published; });
      });
      if (entry.is_publishable)
        append_cache_entry(text, std::string_view(entry.key).substr(kRedisCachePrefix.size()), entry.message);
      bytes += entry.message.size();
      batch.push_back(std::move(entry));
    }
    if (batch.empty()) continue;
    unanswered_.push_back(std::move(batch));
    unanswered_bytes_ += bytes;
    const auto on_last_reply = [this, bytes](const RedisReply& reply) {
      unanswered_.pop_front();
      unanswered_bytes_ -= bytes;
      if (reply.is_error()) note_refusal(reply);
    };
    if (text.empty()) {
      link_->command({"PING"}, on_last_reply);
      continue;
    }
    finish_cache_message(text, sender_);
    link_->command({"PUBLISH", kRedisCacheChannel, text}, on_last_reply);
  }
}

// What went out on a lost connection may have arrived or not. Sent twice it does no harm: the others take it over once more.
void SharedState::requeue_unanswered() {
  for (; !unanswered_.empty(); unanswered_.pop_back()) {
    auto& batch = unanswered_.back();
    for (auto entry = batch.rbegin(); entry != batch.rend(); ++entry) {
      queue_bytes_ += entry->message.size();
      queue_.push_front(std::move(*entry));
    }
  }
  unanswered_bytes_ = 0;
  trim_queue();
}

void SharedState::note_refusal(const RedisReply& reply) {
  count([&](RedisStatus& s) {
    ++s.publish_refused;
    s.last_error = reply.text;
    s.last_error_at = base::wall_now();
  });
  if (base::monotonic_now() - refusal_logged_at_ > kLogPeriod) {
    refusal_logged_at_ = base::monotonic_now();
    log::warn("redis", "refuses what we share", {{"error", reply.text}});
  }
  // A master that became a replica, or lost its own, will never take it.
  if (reply.text.starts_with("READONLY") || reply.text.starts_with("MASTERDOWN")) link_->abandon(reply.text);
}

// --- answers of others -------------------------------------------------------------------------------------

void SharedState::take_message(std::string_view payload) {
  auto message = parse_cache_message(payload);
  if (!message) return count([](RedisStatus& s) { ++s.bad_messages; });
  if (message->sender == sender_) return count([](RedisStatus& s) { ++s.own_messages; });
  if (message->bad_entries != 0) count([&](RedisStatus& s) { s.bad_entries += message->bad_entries; });
  for (auto& entry : message->entries) {
    if (lookups_ >= kLookupsMax || link_->unsent_bytes() > kUnsentBytesMax) {
      count([](RedisStatus& s) { ++s.dropped_lookups_full; });
      continue;
    }
    ++lookups_;
    const std::string key = std::string(kRedisCachePrefix) + entry.key;
    link_->command({"PTTL", key}, [this, entry = std::move(entry)](const RedisReply& reply) {
      --lookups_;
      take_over(entry.key, entry.message, reply, false);
    });
  }
}

void SharedState::take_over(const std::string& key, base::ByteView message, const RedisReply& pttl, bool is_warm) {
  const auto parsed = parse_cache_key(key);
  TakeOver outcome = TakeOver::kExpired;
  if (!parsed) return count([](RedisStatus& s) { ++s.bad_entries; });
  if (pttl.type == RedisReply::Type::kInteger && pttl.integer > 0) {
    const auto ttl = std::min<std::int64_t>((pttl.integer - 1) / 1000 + 1, INT32_MAX);
    outcome = hooks_.take_over(*parsed, message, static_cast<std::uint32_t>(ttl));
  }
  count([&](RedisStatus& s) {
    ++s.taken_over[static_cast<std::size_t>(outcome)];
    if (is_warm && outcome == TakeOver::kStored) ++s.warm_started;
  });
}

void SharedState::warm_page(const std::shared_ptr<Warming>& warming) {
  const std::string pattern = std::string(kRedisCachePrefix) + "*";
  link_->command({"SCAN", warming->cursor, "MATCH", pattern, "COUNT", "100"}, [this, warming](const RedisReply& page) {
    const bool is_page = page.type == RedisReply::Type::kArray && page.items.size() == 2 && page.items[0]->is_text() &&
                         page.items[1]->type == RedisReply::Type::kArray;
    if (!is_page) {
      if (page.is_error()) note_refusal(page);
      return end_first_round(base::Done{});
    }
    warming->cursor = page.items[0]->text;
    for (const auto& item : page.items[1]->items) {
      if (!item->is_text() || !item->text.starts_with(kRedisCachePrefix) || warming->keys_left == 0) continue;
      --warming->keys_left;
      const auto pttl = std::make_shared<RedisReply>();
      link_->command({"PTTL", item->text}, [pttl](const RedisReply& reply) {
        pttl->type = reply.type;
        pttl->integer = reply.integer;
      });
      link_->command({"GET", item->text}, [this, pttl, key = item->text.substr(kRedisCachePrefix.size())](const RedisReply& value) {
        if (value.is_text()) take_over(key, base::as_bytes(value.text), *pttl, true);
        else if (value.is_error()) count([](RedisStatus& s) { ++s.bad_entries; });
      });
    }
    // Replies come in order: behind the last of this page the next one is asked for, or all is done.
    link_->command({"PING"}, [this, warming](const RedisReply&) {
      const bool is_over = warming->cursor == "0" || warming->keys_left == 0 || base::monotonic_now() > warming->end;
      if (!is_over) return warm_page(warming);
      if (warming->cursor != "0") count([](RedisStatus& s) { ++s.warm_cut_short; });
      end_first_round(base::Done{});
    });
  });
}

// --- flush -------------------------------------------------------------------------------------------------

base::Status SharedState::flush() {
  auto flushing = std::make_shared<Flushing>();
  flushing->give_up = base::monotonic_now() + kFlushMax;
  auto done = flushing->done.get_future();
  asio::post(io_, [this, flushing = std::move(flushing)] {
    drain_rings();  // what waits is older than the flush
    queue_.clear();
    queue_bytes_ = 0;
    if (link_->is_up()) flush_page(flushing);
    else flushing->end(base::Error{std::string("Redis is away: its answers stay until they expire")});
  });
  if (done.wait_for(kFlushMax) != std::future_status::ready)
    return base::Error{std::string("Redis did not delete the shared answers within 10 s")};
  return done.get();
}

// Deleting while scanning is allowed: what was there at the beginning is seen at least once.
void SharedState::flush_page(const std::shared_ptr<Flushing>& flushing) {
  const std::string pattern = std::string(kRedisCachePrefix) + "*";
  link_->command({"SCAN", flushing->cursor, "MATCH", pattern, "COUNT", "1000"}, [this, flushing](const RedisReply& page) {
    if (page.type != RedisReply::Type::kArray || page.items.size() != 2 || !page.items[0]->is_text())
      return flushing->end(base::Error{"Redis refuses SCAN: " + page.text});
    flushing->cursor = page.items[0]->text;
    for (const auto& item : page.items[1]->items)
      if (item->is_text() && item->text.starts_with(kRedisCachePrefix)) link_->command({"DEL", item->text});
    link_->command({"PING"}, [this, flushing](const RedisReply&) {
      if (flushing->cursor == "0") flushing->end(base::Done{});
      else if (base::monotonic_now() < flushing->give_up) flush_page(flushing);
      else flushing->end(base::Error{std::string("Redis holds more answers than could be deleted in 10 s")});
    });
  });
}

// --- life --------------------------------------------------------------------------------------------------

void SharedState::reconfigure(RedisOptions options) {
  asio::post(io_, [this, options = std::move(options)] {
    if (options == options_) return;
    options_ = options;
    link_->stop();
    lookups_ = 0;
    requeue_unanswered();
    count([](RedisStatus& s) {
      s.state = RedisState::kConnecting;
      s.since = base::wall_now();
    });
    if (const auto opened = open_link(); !opened.ok()) on_down(opened.error());
  });
}

void SharedState::stop(milliseconds patience) {
  if (!thread_.joinable()) return;
  asio::post(io_, [this, patience] {
    is_stopping_ = true;
    stop_at_ = base::monotonic_now() + patience;
    timer_.cancel();
    tick();
  });
  thread_.join();
}

void SharedState::finish() {
  link_->stop();
  timer_.cancel();
  count([](RedisStatus& s) {
    s.state = RedisState::kStopped;
    s.since = base::wall_now();
  });
  end_first_round(base::Error{std::string("stopped")});
  io_.stop();
}

RedisStatus SharedState::status() const {
  const std::lock_guard lock(mutex_);
  RedisStatus status = status_;
  for (const auto& ring : rings_) status.dropped_ring_full += ring->refused();
  return status;
}

}  // namespace rampart::storage
