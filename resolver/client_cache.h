// A worker's memory of who its clients are, so that the identity of a client is worked out once for each policy
// and not once for each query. Fixed size and direct mapped: a flood of made-up addresses can only make the
// worker repeat the work, never grow.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "resolver/policy.h"

namespace rampart::resolver {

class ClientCache {
 public:
  static constexpr std::size_t kSlots = 1024;  ///< a home or small company has fewer clients on one worker

  /// Forgets everything; called when the policy or the learned names change.
  void clear() noexcept {
    for (auto& slot : slots_) slot.known = false;
  }

  /// The client's identity; valid until another address takes its slot or clear() is called.
  /// Allocates only when the client is new to this worker.
  const ClientIdentity& find(const base::IpAddress& client, const ClientTable& table) {
    Slot& slot = slots_[index_of(client)];
    if (!slot.known || !(slot.client == client)) {
      slot.identity = table.identify(client, {});
      slot.client = client;
      slot.known = true;
    }
    return slot.identity;
  }

 private:
  struct Slot {
    base::IpAddress client;
    bool known = false;
    ClientIdentity identity;
  };

  static std::size_t index_of(const base::IpAddress& client) noexcept {
    std::uint64_t high;
    std::uint64_t low;
    std::memcpy(&high, client.mapped().data(), 8);
    std::memcpy(&low, client.mapped().data() + 8, 8);
    return static_cast<std::size_t>(((high ^ low) * 0x9e3779b97f4a7c15ULL) >> 54);
  }
  static_assert(kSlots == 1u << (64 - 54));

  std::vector<Slot> slots_{kSlots};
};

}  // namespace rampart::resolver
