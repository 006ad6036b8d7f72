// The books of the look-up thread: which clients are known by which names and until when, who waits for a look-up, and
// how many may be under way. No socket and no clock in here.
//
// Everything is bounded: a flood of made-up addresses fills the queue, whose overflow is dropped and counted, and
// pushes out those clients that nobody asked about for longest. A server that does not answer is asked one question at
// a time until it does.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "resolver/cares_channel.h"
#include "resolver/client_name_table.h"

namespace rampart::resolver {

struct ClientNameLimits {
  std::size_t clients_max = 4096;   ///< remembered, named or not: more than a /20 of the busiest office
  std::size_t waiting_max = 1024;   ///< for a look-up; what comes beyond is asked for again with a later query
  std::size_t in_flight_max = 32;   ///< a home router answers some hundred queries per second
  std::size_t failures_in_row = 3;  ///< from then on one look-up at a time, until one is answered
};

/// Clamps of what the server says. Routers often give local names a TTL of 0.
inline constexpr auto kClientNameTtlMin = std::chrono::seconds(10);
inline constexpr auto kClientNameTtlMax = std::chrono::hours(24);
/// A client without a name may get one soon: it may be about to tell the DHCP server.
inline constexpr auto kClientNameNegativeTtl = std::chrono::seconds(60);
/// Before a look-up that failed is tried again.
inline constexpr auto kClientNameFailurePause = std::chrono::seconds(30);
/// How long names outlive their TTL while the server does not answer; afterwards the address may be another device's.
inline constexpr auto kClientNameKeepMax = std::chrono::hours(1);
/// Of all names of a client together: each is copied into every log entry of the client.
inline constexpr std::size_t kClientNamesBytesMax = 1024;

/// One writer, the look-up thread.
struct ClientNameCounters {
  base::Counter lookups;        ///< started
  base::Counter named;          ///< ended with names
  base::Counter nameless;       ///< ended with the answer that there are none
  base::Counter failed;         ///< ended without a usable answer
  base::Counter waiting_full;   ///< requests dropped: too many wait
  base::Counter evicted;        ///< clients forgotten for others
  base::Counter names_cut;      ///< clients of whose names some were left out
  base::Counter known;          ///< gauge
  base::Counter in_flight;      ///< gauge
};

/// Thread: the look-up thread's alone, but for the counters.
class ClientNameStore {
 public:
  explicit ClientNameStore(const ClientNameLimits& limits = {}) : limits_(limits) {}

  /// Forgets everything. `order`: Blocky's singleNameOrder.
  void reset(std::vector<std::uint32_t> order);

  /// A worker met this client; queues a look-up if one is due.
  void request(const base::IpAddress& client, base::Instant now);
  /// The next client to look up; nullopt when none waits or enough are under way.
  [[nodiscard]] std::optional<base::IpAddress> next();
  /// What came of it. Unknown clients (of before a reset) are ignored.
  void finish(const base::IpAddress& client, const HostNames& found, base::Instant now);

  /// The channel is gone: what waited or was under way is wanted no more, until somebody asks again.
  void abandon_look_ups();

  /// True while the server has not answered several times in a row.
  [[nodiscard]] bool is_server_silent() const noexcept { return failures_ >= limits_.failures_in_row; }
  /// Whether table() would differ from the last one it returned.
  [[nodiscard]] bool has_news() const noexcept { return has_news_; }
  [[nodiscard]] std::shared_ptr<const ClientNameTable> table();
  [[nodiscard]] const ClientNameCounters& counters() const noexcept { return counters_; }

 private:
  struct Known {
    ClientNameTable::Entry entry;
    std::string names;
    base::Instant answered_at{};  ///< when the server last said something about it
    std::list<base::IpAddress>::iterator age;
  };
  struct Choice {
    bool is_named = false;
    std::string names;
  };
  Known& make_room_for(const base::IpAddress& client);
  [[nodiscard]] Choice choose(const std::vector<std::string>& names);

  const ClientNameLimits limits_;
  std::vector<std::uint32_t> order_;
  std::map<base::IpAddress, Known> known_;
  std::list<base::IpAddress> ages_;      ///< of known_, asked about most recently first
  std::deque<base::IpAddress> waiting_;
  std::set<base::IpAddress> wanted_;     ///< waiting or under way
  std::size_t in_flight_ = 0;
  std::size_t failures_ = 0;             ///< in a row
  std::uint64_t last_stamp_ = 0;
  bool has_news_ = true;
  ClientNameCounters counters_;
};

}  // namespace rampart::resolver
