// The switch that all instances share. Of two changes the later wins, by the clocks of those who made them; so a
// clock that is ahead must do no harm: nobody follows a stamp of the future, nobody leaves it in Redis, and whoever
// gave it takes it back as soon as its own clock is right.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "storage/shared_state.h"

namespace rampart::storage {

namespace asio = boost::asio;
namespace log = base::log;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::uint64_t SharedState::unix_ms_now() const {
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(hooks_.wall_now().time_since_epoch()).count());
}

bool SharedState::is_ahead(const ChangeStamp& stamp) const {
  constexpr auto kAheadMax = static_cast<std::uint64_t>(duration_cast<milliseconds>(kClockAheadMax).count());
  return stamp.unix_ms > unix_ms_now() + kAheadMax;
}

// Our clock was ahead when the state in force was made or followed, and has been set right. It becomes a change of
// when that really was: before what the others, who could not follow it, have done since.
void SharedState::restamp_if_ahead() {
  if (!is_ahead(stamp_)) return;
  const std::uint64_t now = unix_ms_now();
  const auto age = duration_cast<milliseconds>(base::monotonic_now() - changed_at_).count();
  stamp_ = {now - std::min(now, static_cast<std::uint64_t>(std::max<std::int64_t>(age, 0))), instance_.instance};
  blocking_.sender = stamp_.to_uuid();
}

void SharedState::note_future(const BlockingMessage& message) {
  count([](RedisStatus& s) { ++s.blocking_rejected; });
  const auto now = base::monotonic_now();
  if (future_logged_at_ && now - *future_logged_at_ <= kLogPeriod) return;
  future_logged_at_ = now;
  log::warn("redis", "a change of blocking from the future is ignored: set the clocks",
            {{"sender", message.sender}});
}

void SharedState::take_blocking_message(std::string_view payload) {
  auto message = parse_blocking_message(payload);
  if (!message) return count([](RedisStatus& s) { ++s.bad_messages; });
  if (const auto stamp = ChangeStamp::parse(message->sender)) {
    if (stamp->instance == instance_.instance) return count([](RedisStatus& s) { ++s.own_messages; });
    return adopt(std::move(*message), *stamp);
  }
  // Blocky's: it says no time, so it is a change of this moment. Stored for those who come late, but not published.
  restamp_if_ahead();
  ChangeStamp stamp = instance_;
  stamp.unix_ms = std::max(unix_ms_now(), stamp_.unix_ms + 1);
  message->sender = stamp.to_uuid();
  adopt(std::move(*message), stamp);
  store_blocking();
}

// The moment is the caller's: this thread may come to it later, and of two changes, on two instances, one after the
// other, the later must win.
void SharedState::announce(BlockingChange change) {
  asio::post(io_, [this, change = std::move(change), at = unix_ms_now(), made = base::monotonic_now()]() mutable {
    restamp_if_ahead();
    const bool was_overtaken = at <= stamp_.unix_ms;
    stamp_ = {std::max(at, stamp_.unix_ms + 1), instance_.instance};
    blocking_ = {change.enabled, change.duration, change.groups, stamp_.to_uuid()};
    changed_at_ = made;
    is_unpublished_ = true;
    // Another's change may have come into force since the caller's did, and this one counts as newer.
    if (was_overtaken) static_cast<void>(hooks_.adopt_blocking(change));
    if (!link_->is_up()) return;
    store_blocking();
    publish_blocking();
  });
}

void SharedState::store_blocking() {
  link_->command({"SET", kRedisBlockingKey, to_json(blocking_)}, [this](const RedisReply& reply) {
    if (reply.is_error()) note_refusal(reply);
  });
}

void SharedState::publish_blocking() {
  is_unpublished_ = false;
  link_->command({"PUBLISH", kRedisBlockingChannel, to_json(blocking_)}, [this](const RedisReply& reply) {
    if (reply.is_error()) return note_refusal(reply);
    count([](RedisStatus& s) { ++s.blocking_published; });
  });
}

void SharedState::compare_stored() {
  link_->command({"GET", kRedisBlockingKey}, [this](const RedisReply& reply) {
    restamp_if_ahead();
    const auto message = reply.is_text() ? parse_blocking_message(reply.text) : std::nullopt;
    auto stamp = message ? ChangeStamp::parse(message->sender) : std::nullopt;
    if (stamp && is_ahead(*stamp)) {
      note_future(*message);
      stamp.reset();
    }
    if (stamp && *stamp > stamp_) {
      is_unpublished_ = false;  // somebody was later than we: what nobody has heard of is void
      return adopt(*message, *stamp);
    }
    if (stamp_.unix_ms == 0) return;
    if (!stamp || *stamp < stamp_) {
      count([](RedisStatus& s) { ++s.blocking_repaired; });
      store_blocking();
    }
    if (is_unpublished_) publish_blocking();
  });
}

void SharedState::adopt(BlockingMessage message, const ChangeStamp& stamp) {
  restamp_if_ahead();
  if (stamp <= stamp_) return count([](RedisStatus& s) { ++s.blocking_stale; });
  if (is_ahead(stamp)) return note_future(message);
  const std::uint64_t now = unix_ms_now();
  const auto age = milliseconds(now > stamp.unix_ms ? now - stamp.unix_ms : 0);
  stamp_ = stamp;
  changed_at_ = base::monotonic_now() - age;
  blocking_ = std::move(message);
  is_unpublished_ = false;
  BlockingChange change{blocking_.enabled, milliseconds(0), blocking_.groups};
  if (!change.enabled && blocking_.duration.count() > 0) {
    change.duration = duration_cast<milliseconds>(blocking_.duration) - age;
    if (change.duration.count() <= 0) change = {};  // it is over
  }
  if (const auto done = hooks_.adopt_blocking(change); !done.ok()) {
    count([](RedisStatus& s) { ++s.blocking_rejected; });
    log::warn("redis", "a change of blocking cannot be followed", {{"error", done.error()}});
    return;
  }
  count([](RedisStatus& s) { ++s.blocking_adopted; });
}

}  // namespace rampart::storage
