// Asks upstreams. A question that nobody here can answer is joined to an identical one in flight, or becomes a
// slot of the in-flight table and is put to one or two upstreams of its group; every waiter gets the one answer.
//
// Each upstream query has a fresh random ID, a source port from a pool whose sockets live shortly, and random
// letter case (0x20) where the upstream keeps it; an answer counts only if all of these match. Every try has a
// deadline. ICMP errors fail over at once. The Forwarder and all it owns belong to one worker's thread; nothing
// here allocates for each query once the pools have grown.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/counter.h"
#include "base/time.h"
#include "dns/message_view.h"
#include "dns/name.h"
#include "dns/types.h"
#include "resolver/upstream_set.h"

namespace rampart::resolver {

/// What to ask. Borrowed for the time of the resolve() call.
struct ForwardQuestion {
  const dns::FoldedName& name;
  dns::RrType qtype;
  dns::RrClass qclass;
  std::uint16_t upstream_group;  ///< index into UpstreamSet::groups
  bool dnssec_ok;
  bool checking_disabled;
  base::ByteView ecs;  ///< data of the ECS option to send, empty: none; at most kEcsBytesMax
};

/// RFC 7871 6: family, two prefix lengths, and at most an IPv6 address.
inline constexpr std::size_t kEcsBytesMax = 20;

enum class ForwardOutcome : std::uint8_t {
  kAnswer,        ///< `message` holds it; it has TC only if the retry over TCP failed
  kTimeout,       ///< no upstream answered in time
  kNetworkError,  ///< every upstream asked was unreachable
  kServFail,      ///< every upstream that answered said SERVFAIL or REFUSED; `message` holds the last one
  kOverload,      ///< the in-flight table is full
};

struct ForwardResult {
  ForwardOutcome outcome;
  /// Validated, question section lower-cased, the upstream's OPT still inside; null unless kAnswer or kServFail.
  /// The ID is that of the upstream query. Valid only during done().
  const dns::MessageView* message;
  std::string_view upstream;  ///< canonical text (`tcp+udp:192.0.2.1`) of who answered or failed last; as long
};

/// Whoever waits for an answer; intrusive and pooled by the worker. It must stay alive until done().
struct ForwardWaiter {
  void (*done)(ForwardWaiter&, const ForwardResult&) noexcept;
  ForwardWaiter* next = nullptr;  ///< the forwarder's while it waits
};

struct ForwarderOptions {
  /// Questions in flight at once. At 2 s for a dead upstream this carries 4000 different misses per second and
  /// worker; a slot with its two lanes takes about 1 KiB, allocated when first needed.
  std::uint32_t inflight_max = 8192;
  /// Source ports for each upstream address under load; an idle upstream holds none.
  std::uint32_t sockets_max = 64;
  /// A socket is replaced after so many queries or so long, so that a port an attacker found is soon worthless.
  std::uint32_t socket_uses_max = 256;
  base::Duration socket_age_max = std::chrono::seconds(10);
  /// TCP and TLS connections without a query are closed after this (RFC 7766 6.2.3).
  base::Duration stream_idle = std::chrono::seconds(10);
  bool use_0x20 = true;
  /// PEM file with the certificate authorities for upstreams over TLS; empty: those of the system.
  std::string tls_ca_file;
};

/// One writer (the worker), any number of readers.
struct ForwarderCounters {
  base::Counter questions;           ///< resolve() calls
  base::Counter joined;              ///< answered by an identical question in flight
  base::Counter overloaded;          ///< in-flight table full
  base::Counter sent_udp;            ///< datagrams, retransmissions included
  base::Counter sent_stream;         ///< queries over TCP or TLS
  base::Counter retransmitted;
  base::Counter answers;             ///< accepted
  base::Counter timeouts;            ///< of single upstreams
  base::Counter network_errors;      ///< of single upstreams
  base::Counter server_failures;     ///< SERVFAIL or REFUSED of single upstreams
  base::Counter mismatched_id;       ///< no such query on this socket: late, duplicate or forged
  base::Counter mismatched_question; ///< right ID, other question: ignored
  base::Counter case_folded;         ///< right question, but the letter case we sent was lost
  base::Counter case_disabled;       ///< 0x20 switched off for an upstream
  base::Counter malformed;           ///< answers that do not parse
  base::Counter edns_disabled;       ///< EDNS switched off for an upstream for a while
  base::Counter truncated;           ///< TC over UDP, asked again over TCP
  base::Counter sockets_opened;
  base::Counter socket_errors;       ///< socket, connect or epoll refused (EMFILE, ENOBUFS, no route)
  base::Counter streams_opened;
  base::Counter stream_errors;       ///< connections refused, broken or cut
  base::Counter host_failures;       ///< host name look-ups of upstreams that failed
  base::Counter inflight;            ///< gauge
};

/// How one upstream stands, for the API and for metrics.
struct UpstreamStatus {
  std::string group;
  std::string upstream;
  std::uint32_t weight = 0;
  bool is_down = false;
  base::Duration round_trip{};  ///< smoothed; 0: not yet known
};

class Forwarder {
 public:
  Forwarder(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters);
  ~Forwarder();  ///< cancels all
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// Takes over a new configuration. What is known about unchanged upstreams is kept; queries in flight finish
  /// with the upstreams they started with.
  void adopt(std::shared_ptr<const UpstreamSet> set);

  /// Joins an identical question in flight, or asks. `waiter.done` is called exactly once, from the event loop;
  /// from inside this call only with kOverload.
  void resolve(const ForwardQuestion& question, ForwardWaiter& waiter, base::Instant now) noexcept;

  /// Ends every question in flight with kNetworkError, from inside this call.
  void cancel_all() noexcept;

  struct ProbeResult {
    std::string group;
    std::string upstream;
    bool ok = false;
    std::string error;  ///< empty if ok
  };
  /// Asks each upstream of the current set for `A example.com` (init strategies `blocking` and `failOnError`);
  /// `done` is called once from the event loop, with one result for each upstream in the set's order.
  void probe(std::function<void(std::vector<ProbeResult>)> done);

  [[nodiscard]] std::vector<UpstreamStatus> status(base::Instant now) const;
  [[nodiscard]] std::size_t inflight() const noexcept;
  [[nodiscard]] std::size_t open_sockets() const noexcept;  ///< UDP
  [[nodiscard]] std::size_t open_streams() const noexcept;  ///< TCP and TLS, of the current configuration

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rampart::resolver
