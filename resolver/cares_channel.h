// Look-ups that are not on behalf of a client's question: addresses of upstream host names, names of clients.
// c-ares does them, in a worker's or the control loop; nothing here blocks, and nothing is cached.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "resolver/deadline_timer.h"
#include "resolver/readiness_set.h"
#include "resolver/upstream_set.h"

struct ares_channeldata;

namespace rampart::resolver {

struct HostAddresses {
  std::vector<base::IpAddress> ips;  ///< empty: see `error`
  base::Duration ttl{};
  std::string error;
};

/// Names of one address that are taken; the rest of an answer is ignored.
inline constexpr std::size_t kHostNamesMax = 16;

struct HostNames {
  std::vector<std::string> names;  ///< in the order of the answer, lower-cased, without final dot; empty: see `error`
  base::Duration ttl{};            ///< the smallest of the answer
  bool is_failure = false;         ///< no server said anything of use; else it said that there is no name
  std::string error;               ///< why there is none
};

class CaresChannel {
 public:
  /// `servers`: classic DNS servers to ask, and nothing else; empty: the hosts file and /etc/resolv.conf.
  /// Throws std::runtime_error if c-ares cannot start.
  CaresChannel(boost::asio::io_context& io, DeadlineTimer& timer, const std::vector<base::IpEndpoint>& servers);
  ~CaresChannel();  ///< look-ups under way are forgotten: their `done` is not called
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  /// A and AAAA; one of them is enough. `done` may be called from inside (hosts file, address literals).
  void addresses(const std::string& host, IpFamilies families, std::function<void(HostAddresses)> done);
  /// PTR.
  void names(const base::IpAddress& address, std::function<void(HostNames)> done);

 private:
  struct Tick : Deadline {
    explicit Tick(CaresChannel& c) noexcept
        : Deadline([](Deadline& d, base::Instant) noexcept { static_cast<Tick&>(d).channel.process(-1, 0); }),
          channel(c) {}
    CaresChannel& channel;
  };
  void process(int fd, std::uint32_t events) noexcept;
  void arm() noexcept;

  DeadlineTimer& timer_;
  ReadinessSet ready_;
  ares_channeldata* channel_ = nullptr;
  Tick tick_;
};

}  // namespace rampart::resolver
