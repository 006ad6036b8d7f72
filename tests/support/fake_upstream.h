// A DNS server on a loopback port, UDP and TCP, in a thread of its own, that behaves as a test scripts it: it
// answers, delays, drops, forges, truncates, refuses EDNS, closes connections half way. It keeps what it was
// asked, and from which port.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/ip_address.h"
#include "resolver/upstream_spec.h"
#include "tests/support/messages.h"

namespace rampart::test {

struct FakeQuery {
  Bytes wire;
  std::string name;     ///< lower-cased, without final dot
  bool has_upper_case = false;
  std::uint16_t id = 0;
  dns::RrType qtype{};
  bool has_edns = false;
  bool over_tcp = false;
  std::uint16_t source_port = 0;
  std::size_t number = 0;  ///< 0 for the first
};

struct FakeReply {
  Bytes wire;
  std::chrono::milliseconds delay{0};
  bool close_after = false;             ///< TCP: ends the connection behind it
  std::size_t frame_bytes_max = SIZE_MAX;  ///< TCP: cuts length and message off here
};

using FakeScript = std::function<std::vector<FakeReply>(const FakeQuery&)>;

class FakeUpstream {
 public:
  explicit FakeUpstream(FakeScript script) : FakeUpstream(std::move(script), INADDR_LOOPBACK, 0) {}
  /// At this address (in host order) and port; 0: one that is free.
  FakeUpstream(FakeScript script, std::uint32_t host, std::uint16_t port);
  ~FakeUpstream();
  FakeUpstream(const FakeUpstream&) = delete;
  FakeUpstream& operator=(const FakeUpstream&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] resolver::UpstreamSpec spec() const;
  void set_script(FakeScript script);
  [[nodiscard]] std::vector<FakeQuery> queries() const;
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t tcp_connections() const;
  /// Waits until that many queries have come; false after 5 s.
  bool wait_for(std::size_t queries) const;
  /// The same, until the replies to that many without delay have been sent.
  bool wait_for_replies(std::size_t queries) const;

 private:
  struct Connection {
    Bytes in;
  };
  struct Pending {
    int fd;
    bool is_tcp;
    std::uint64_t connection;
    base::IpEndpoint to;
    FakeReply reply;
  };

  void run();
  void handle(base::ByteView wire, bool over_tcp, int fd, std::uint64_t connection, const base::IpEndpoint& from);
  void deliver(const Pending& pending);
  void read_tcp(int fd);
  void drop_tcp(int fd);

  int udp_ = -1;
  int listener_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::multimap<std::chrono::steady_clock::time_point, Pending> pending_;  // of the thread, as the next two
  std::map<int, Connection> connections_;
  std::map<int, std::uint64_t> serials_;
  std::uint64_t next_serial_ = 1;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  FakeScript script_;
  std::vector<FakeQuery> queries_;
  std::size_t replied_ = 0;
  std::size_t tcp_connections_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

// Ready-made replies.
FakeReply answer_a(const FakeQuery& query, std::uint8_t last_octet = 1);  ///< 192.0.2.N
FakeReply reply_rcode(const FakeQuery& query, dns::Rcode rcode);
FakeReply after(std::chrono::milliseconds delay, FakeReply reply);
/// The header's TC bit set, no records.
FakeReply truncated(const FakeQuery& query);

/// Scripts for the whole server.
FakeScript always_answer(std::uint8_t last_octet = 1);
FakeScript never_answer();
FakeScript always_rcode(dns::Rcode rcode);

/// A loopback port that nothing listens on: it was free a moment ago.
std::uint16_t unused_port();

}  // namespace rampart::test
