// Host names as client identifiers: a key of `blocking.clientGroupsBlock` with a dot in it also means the clients at
// the addresses of that name. The names are looked up (A and AAAA) behind the query path, again when their TTL ends;
// what is published is a plain table of addresses. As long as nobody answers, the last good addresses hold.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "control/config.h"
#include "dns/types.h"
#include "resolver/forwarder.h"

namespace rampart::control {

/// Addresses by host name (lower case).
using HostAddressTable = std::map<std::string, std::vector<base::IpAddress>>;

/// The host names among the identifiers of clients.
[[nodiscard]] std::vector<std::string> client_hosts(const Blocking& blocking);

/// What one look-up said.
struct HostAnswer {
  bool is_failure = false;  ///< nobody said anything of use
  std::vector<base::IpAddress> addresses;
  base::Duration ttl{};     ///< the smallest of the answer; of no meaning without addresses
};
[[nodiscard]] HostAnswer host_answer(const resolver::ForwardResult& result, dns::RrType type);

/// One thread's at a time, but for the replies to its look-ups, which may come on any thread and outlive it.
class ClientHosts {
 public:
  static constexpr std::size_t kInFlightMax = 16;        ///< look-ups at once; a configuration has a handful of names
  static constexpr std::size_t kAddressesMax = 64;       ///< of one name
  static constexpr auto kTtlMin = std::chrono::seconds(10);
  static constexpr auto kTtlMax = std::chrono::hours(24);
  static constexpr auto kNegativeTtl = std::chrono::seconds(60);
  static constexpr auto kFailurePause = std::chrono::seconds(30);
  static constexpr auto kAnswerMax = std::chrono::seconds(60);  ///< longer than every deadline of the upstreams together

  using Reply = std::function<void(HostAnswer)>;
  /// Asks for the addresses of one family; calls the reply at most once.
  using LookUp = std::function<void(const std::string& host, dns::RrType type, Reply reply)>;

  /// Names that stay keep their addresses.
  void adopt(const std::vector<std::string>& hosts);
  /// Takes in what has come, and starts what is due. True: addresses() has changed.
  [[nodiscard]] bool tick(base::Instant now, const LookUp& look_up);
  [[nodiscard]] const HostAddressTable& addresses() const noexcept { return addresses_; }

  // Any thread.
  [[nodiscard]] std::uint64_t look_ups() const noexcept { return look_ups_.value(); }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.value(); }
  [[nodiscard]] std::uint64_t addresses_cut() const noexcept { return addresses_cut_.value(); }

 private:
  static constexpr std::array kTypes = {dns::RrType::kA, dns::RrType::kAaaa};
  struct Family {
    std::vector<base::IpAddress> addresses;
    base::Instant due{};          ///< of the next look-up, or of giving up the one under way
    std::uint64_t look_up = 0;    ///< under way; 0: none
  };
  using Host = std::array<Family, kTypes.size()>;
  struct Arrived {
    std::string host;
    std::size_t family;
    std::uint64_t look_up;
    HostAnswer answer;
  };
  struct Inbox {
    std::mutex mutex;
    std::vector<Arrived> arrived;  // guarded by mutex
  };
  void take_in(Arrived& arrived, base::Instant now);
  [[nodiscard]] bool rebuild();

  std::map<std::string, Host> hosts_;
  HostAddressTable addresses_;
  std::size_t in_flight_ = 0;
  std::uint64_t last_look_up_ = 0;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  base::Counter look_ups_;
  base::Counter failures_;
  base::Counter addresses_cut_;
};

}  // namespace rampart::control
