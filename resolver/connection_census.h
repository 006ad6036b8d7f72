// How many DNS connections over TCP a server has, in all and of each client: one count for all workers and listen
// addresses, so that the configured limits mean what they say. It is asked when a connection opens or closes, never
// for a query, so a lock does no harm.
//
// A host with IPv6 may take any address of its network (RFC 4291 2.5.1: a /64), so such a network is one client, as
// it is for the rate limit. All link-local addresses are in one /64 and are told apart.
#pragma once

#include <cstddef>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "base/ip_address.h"

namespace rampart::resolver {

class ConnectionCensus {
 public:
  ConnectionCensus(std::size_t total_max, std::size_t per_client_max)
      : total_max_(total_max), per_client_max_(per_client_max) {}

  /// false: a limit is reached, and nothing was counted. What was admitted must leave. Any thread.
  [[nodiscard]] bool admit(const base::IpAddress& client) {
    const std::lock_guard lock(mutex_);
    if (total_ >= total_max_) return false;
    const auto [it, is_new] = per_client_.try_emplace(counted_as(client), 0);
    if (it->second >= per_client_max_) return false;
    ++it->second;
    ++total_;
    return true;
  }

  void leave(const base::IpAddress& client) {
    const std::lock_guard lock(mutex_);
    const auto it = per_client_.find(counted_as(client));
    if (it == per_client_.end()) return;
    if (--it->second == 0) per_client_.erase(it);
    --total_;
  }

  [[nodiscard]] std::size_t total_max() const noexcept { return total_max_; }
  [[nodiscard]] std::size_t total() const {
    const std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  [[nodiscard]] static base::IpAddress counted_as(const base::IpAddress& client) noexcept {
    const auto& octets = client.mapped();
    const bool is_link_local = octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;  // fe80::/10
    return client.is_v4() || is_link_local ? client : client.masked(64);
  }

  struct AddressHash {
    std::size_t operator()(const base::IpAddress& address) const noexcept {
      std::uint64_t words[2];
      std::memcpy(words, address.mapped().data(), 16);
      return static_cast<std::size_t>((words[0] ^ (words[1] * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL);
    }
  };

  const std::size_t total_max_;
  const std::size_t per_client_max_;
  mutable std::mutex mutex_;
  std::size_t total_ = 0;                                                        // guarded by mutex_, as the next
  std::unordered_map<base::IpAddress, std::size_t, AddressHash> per_client_;  ///< at most total_max_ entries
};

}  // namespace rampart::resolver
