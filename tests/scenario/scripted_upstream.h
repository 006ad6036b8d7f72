// An upstream that a scenario plays: sockets on loopback, UDP and TCP on one port, read and written only from the
// scenario's own thread. What comes in is kept until the scenario asks for it, or answered by a standing order.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "tests/support/messages.h"

namespace rampart::test {

/// A query as it came in, and the way back.
struct UpstreamQuery {
  Bytes wire;
  std::string name;  ///< lower-cased, without final dot
  bool has_upper_case = false;
  dns::RrType qtype{};
  bool has_edns = false;
  bool over_tcp = false;
  base::IpEndpoint from;
  int connection = -1;
};

class ScriptedUpstream {
 public:
  using Bytes = test::Bytes;
  /// A message back, and how much later; nullopt: silence.
  using Order = std::function<std::optional<std::pair<Bytes, std::chrono::milliseconds>>(const UpstreamQuery&)>;

  ScriptedUpstream();
  ~ScriptedUpstream();
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Closes everything: the kernel says "port unreachable" and refuses connections. open() undoes it.
  void close();
  void open();
  /// Only TCP, or only UDP, is refused.
  void close_tcp();

  /// Reads what has come and sends what is due; true if there was anything.
  bool work();
  /// From now on answers by itself; empty: keeps queries for the scenario.
  void set_order(Order order) { order_ = std::move(order); }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_; }
  void forget_asked() noexcept { asked_ = 0; }
  [[nodiscard]] std::deque<UpstreamQuery>& unread() noexcept { return unread_; }

  void send(const UpstreamQuery& query, Bytes wire, std::chrono::milliseconds after = {});
  /// The same octets from another port of ours: a forger who knows all but the source.
  void send_from_elsewhere(const UpstreamQuery& query, const Bytes& wire) const;
  void drop_connection(const UpstreamQuery& query);

 private:
  struct Due {
    UpstreamQuery query;
    Bytes wire;
  };
  void take(UpstreamQuery query);
  bool read_udp();
  bool read_tcp();
  void deliver(const UpstreamQuery& query, const Bytes& wire);

  int udp_ = -1;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::map<int, Bytes> connections_;
  std::multimap<std::chrono::steady_clock::time_point, Due> due_;
  Order order_;
  std::deque<UpstreamQuery> unread_;
  std::size_t asked_ = 0;
};

}  // namespace rampart::test
