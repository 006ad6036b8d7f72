// The engine of the forwarder: takes a slot from question to answer. All decisions about a lane are here; the
// transports only carry bytes, the table only finds slots, upstream_group.h only chooses. The life of a slot is in
// forwarder_core.cc, that of a lane in forwarder_lane.cc, and what concerns upstreams without a question
// (configuration, host names, probes) in forwarder_upstreams.cc.
//
//   resolve -> start -> start_lane -> send ...... on_datagram -> accept -> finish
//                           ^                         |
//                           +---- lane_failed <-------+---- on_slot_timer (timeout, ICMP, resend, hedge)
#pragma once

#include <memory>

#include "base/random.h"
#include "resolver/cares_channel.h"
#include "resolver/deadline_timer.h"
#include "resolver/forwarder.h"
#include "resolver/inflight.h"
#include "resolver/upstream_stream.h"
#include "resolver/upstream_udp.h"

namespace rampart::resolver {

class Forwarder::Core final : private UdpHandler, private StreamHandler {
 public:
  Core(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters);
  ~Core();

  void adopt(std::shared_ptr<const UpstreamSet> set);
  void resolve(const ForwardQuestion& question, ForwardWaiter& waiter, base::Instant now) noexcept;
  void cancel_all() noexcept;
  void probe(std::function<void(std::vector<ProbeResult>)> done);
  [[nodiscard]] std::vector<UpstreamStatus> status(base::Instant now) const;
  [[nodiscard]] std::size_t inflight() const noexcept { return table_.size(); }
  [[nodiscard]] std::size_t open_sockets() const noexcept { return udp_.open_sockets(); }
  [[nodiscard]] std::size_t open_streams() const noexcept;

 private:
  enum class LaneFailure : std::uint8_t { kTimeout, kUnreachable, kServerFailure, kUnusable };

  // UdpHandler
  void on_datagram(UdpExchange& exchange, base::MutableBytes message, bool is_cut, base::Instant now) noexcept override;
  void on_unreachable(UdpExchange& exchange, base::Instant now) noexcept override;
  // StreamHandler
  void on_stream_message(StreamExchange& exchange, base::MutableBytes message, base::Instant now) noexcept override;
  void on_stream_broken(StreamExchange& exchange, bool was_open, base::Instant now) noexcept override;

  // A slot's life.
  void start(Slot& slot, base::Instant now) noexcept;
  [[nodiscard]] bool start_next(Slot& slot, Lane& lane, base::Instant now) noexcept;
  void on_slot_timer(Slot& slot, base::Instant now) noexcept;
  void arm(Slot& slot, base::Instant now) noexcept;
  void finish(Slot& slot, ForwardOutcome outcome, const dns::MessageView* message, const Upstream* upstream) noexcept;
  void finish_failed(Slot& slot) noexcept;
  /// false: the table is full.
  [[nodiscard]] bool probe_one(std::shared_ptr<Upstream> upstream, ForwardWaiter* waiter, base::Instant now) noexcept;

  // A lane's.
  void start_lane(Lane& lane, Upstream& upstream, base::Instant now) noexcept;
  /// Asks the lane's address: a new exchange with another ID, and over UDP another socket and letter case, unless
  /// that address is being asked already. Attempts over UDP at other addresses stay open.
  void send(Lane& lane, base::Instant now) noexcept;
  void send_udp(Lane& lane, UpstreamAddress& address, base::Instant now) noexcept;
  void send_stream(Lane& lane, UpstreamAddress& address, base::Instant now) noexcept;
  void resend_udp(Lane& lane, base::Instant now) noexcept;
  void transmit(UdpAttempt& attempt, base::Instant now) noexcept;
  /// Asks the lane's address otherwise (TCP, without EDNS); what was asked before no longer counts.
  void ask_otherwise(Lane& lane, base::Instant now) noexcept;
  /// `round_trip`: zero if it is not known which transmission was answered.
  void accept(Lane& lane, base::MutableBytes message, base::Duration round_trip, base::Instant now) noexcept;
  [[nodiscard]] bool try_otherwise(Lane& lane, base::Instant now) noexcept;
  /// true if the slot is finished.
  bool lane_failed(Lane& lane, LaneFailure failure, base::Instant now) noexcept;
  void end_exchanges(Lane& lane) noexcept;
  void end_lane(Lane& lane) noexcept;
  void keep(Slot& slot, base::ByteView message, bool is_answer) noexcept;
  [[nodiscard]] const ActiveGroup* group_of(const Slot& slot) const noexcept;

  // Host names of upstreams.
  void adopt_bootstrap(const UpstreamSet* before);
  void look_up(Upstream& upstream, base::Instant now) noexcept;
  void on_looked_up(Upstream& upstream, const HostAddresses& found) noexcept;

  // What comes round every second while there is something to look after.
  void on_sweep(base::Instant now) noexcept;
  void arm_sweep(base::Instant now) noexcept;

  struct Sweep : Deadline {
    explicit Sweep(Core& c) noexcept
        : Deadline([](Deadline& d, base::Instant now) noexcept { static_cast<Sweep&>(d).core.on_sweep(now); }),
          core(c) {}
    Core& core;
  };

  const ForwarderOptions options_;
  boost::asio::io_context& io_;
  ForwarderCounters& counters_;
  base::SecureRandom random_;
  DeadlineTimer timer_;
  UdpTransport udp_;
  InflightTable table_;
  std::unique_ptr<boost::asio::ssl::context> tls_;  ///< once an upstream needs it
  std::unique_ptr<CaresChannel> channel_;            ///< once an upstream needs it
  std::shared_ptr<const ActiveSet> set_;
  std::vector<std::unique_ptr<KeptMessage>> kept_free_;
  Sweep sweep_;
};

}  // namespace rampart::resolver
