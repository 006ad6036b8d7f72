// Questions in flight: pooled slots, found by what they ask, so that an identical question joins instead of
// asking again. A slot has two lanes; a lane is one upstream being asked. Slots are allocated when first needed, up to a bound, and never given back: a worker in steady state does not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/keyed_hash.h"
#include "base/time.h"
#include "resolver/deadline_timer.h"
#include "resolver/forwarder.h"
#include "resolver/upstream.h"
#include "resolver/upstream_query.h"
#include "resolver/upstream_stream.h"
#include "resolver/upstream_udp.h"

namespace rampart::resolver {

struct Slot;

/// The upstreams of one configuration as this worker holds them.
struct ActiveGroup {
  std::string name;
  UpstreamStrategy strategy;
  base::Duration timeout;
  std::vector<std::shared_ptr<Upstream>> upstreams;  ///< at most kUpstreamsPerGroupMax
};
struct ActiveSet {
  std::shared_ptr<const UpstreamSet> config;
  std::vector<ActiveGroup> groups;
};

struct Lane;

/// So often a query is sent to one upstream within its deadline.
inline constexpr std::uint8_t kTransmissionsMax = 3;

/// One address of an upstream being asked over UDP; in use while it has a socket.
struct UdpAttempt : UdpExchange {
  std::uint8_t transmissions = 0;
  bool is_unreachable = false;   ///< noted; acted upon when the slot's timer fires
  Lane* lane = nullptr;
  std::uint64_t upper_case = 0;
  base::Instant sent_at{};       ///< first
};

/// One upstream being asked. Over UDP a retransmission goes to its next address, while the answers of those asked
/// before are still waited for: a slow answer is no lost one.
struct Lane : StreamExchange {
  enum class State : std::uint8_t {
    kIdle,
    kAddress,  ///< waits for the addresses of the upstream's host name
    kUdp,
    kStream,   ///< TCP or TLS
  };
  Slot* slot = nullptr;
  Upstream* upstream = nullptr;  ///< kept alive by the slot's set
  State state = State::kIdle;
  std::uint8_t address = 0;      ///< index of the address that is asked
  std::uint8_t addresses_failed = 0;
  std::uint8_t transmissions = 0;  ///< of all attempts
  bool with_edns = false;
  bool is_edns_retry = false;    ///< the upstream refused EDNS in this lane
  bool case_lost = false;        ///< the upstream lost the letter case in this lane
  bool is_truncated = false;     ///< the upstream's answer over UDP did not fit
  bool over_stream = false;      ///< no more UDP in this lane
  bool is_stream_retry = false;  ///< on a second connection
  bool was_open = false;         ///< the connection that broke had been usable
  bool is_unreachable = false;   ///< noted; acted upon when the slot's timer fires
  std::array<UdpAttempt, kTransmissionsMax> attempts;
  base::Instant sent_at{};       ///< to the address that was asked last
  base::Instant resend_at{};
  base::Instant deadline{};
};

/// A copy of a message that is delivered only if nothing better comes.
struct KeptMessage {
  std::array<std::uint8_t, dns::kUdpPayloadBytes> bytes;
  std::uint16_t length = 0;
};

struct Slot : Deadline {
  Slot(Expired on_expired, void* slot_owner) noexcept : Deadline(on_expired), owner(slot_owner) {}
  void* const owner;  ///< for `expired`

  // What is asked.
  std::array<std::uint8_t, dns::kNameBytesMax> name;
  std::array<std::uint8_t, kEcsBytesMax> ecs;
  std::uint8_t name_length = 0;
  std::uint8_t ecs_length = 0;
  dns::RrType qtype{};
  dns::RrClass qclass{};
  std::uint16_t group = 0;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  [[nodiscard]] UpstreamQuestion question() const noexcept {
    return {{name.data(), name_length}, qtype, qclass, dnssec_ok, checking_disabled, {ecs.data(), ecs_length}};
  }

  // Who waits.
  ForwardWaiter* first = nullptr;
  ForwardWaiter* last = nullptr;

  // Who is asked.
  std::shared_ptr<const ActiveSet> set;
  std::array<Lane, 2> lanes;
  std::uint64_t tried = 0;            ///< by index in the group
  std::uint8_t tries = 0;
  std::shared_ptr<Upstream> only;     ///< a probe of this upstream, which joins nobody
  base::Instant deadline{};
  base::Instant hedge_at{};           ///< ask one more if nobody has answered by then
  const Upstream* last_asked = nullptr;
  std::unique_ptr<KeptMessage> kept;
  bool kept_is_answer = false;        ///< truncated, against SERVFAIL or REFUSED
  bool had_timeout = false;

  // Of the table.
  Slot* next_in_bucket = nullptr;     ///< or in the free list
  std::uint64_t hash = 0;
  bool is_in_flight = false;
};

class InflightTable {
 public:
  InflightTable(std::uint32_t slots_max, Deadline::Expired expired, void* owner);

  [[nodiscard]] std::uint64_t hash(const ForwardQuestion& question) const noexcept;
  /// The slot that asks exactly this of this set, or null.
  [[nodiscard]] Slot* find(const ForwardQuestion& question, std::uint64_t hash, const ActiveSet& set) noexcept;
  /// A slot with nothing in it, in no bucket; null at the bound.
  [[nodiscard]] Slot* take() noexcept;
  /// Copies the question and makes the slot findable.
  void enter(Slot& slot, const ForwardQuestion& question, std::uint64_t hash) noexcept;
  /// From now on nobody joins.
  void leave(Slot& slot) noexcept;
  /// Back into the pool.
  void give_back(Slot& slot) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return taken_; }
  /// `visit` may take and give back slots.
  template <class F>
  void for_each_in_flight(F&& visit) {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].is_in_flight) visit(slots_[i]);
  }

 private:
  const std::uint32_t slots_max_;
  const Deadline::Expired expired_;
  void* const owner_;
  const base::HashKey key_ = base::random_hash_key();
  std::deque<Slot> slots_;  ///< stable addresses, blocks of its own making
  std::vector<Slot*> buckets_;
  Slot* free_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace rampart::resolver
