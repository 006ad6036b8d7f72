// A worker's memory of who its clients are, so that the identity of a client is worked out once for each policy
// and not once for each query. Fixed size and direct mapped: a flood of made-up addresses can only make the
// worker repeat the work, never grow.
//
// It is also where names learned by reverse look-ups come in: when the table of names is another one, a client is
// compared with it at its next query, and worked out again only if its own names have changed. Clients whose names are
// not known, or are due again, are left at the desk; their queries go on as before.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "resolver/client_name_table.h"
#include "resolver/policy.h"

namespace rampart::resolver {

class ClientCache {
 public:
  static constexpr std::size_t kSlots = 1024;  ///< a home or small company has fewer clients on one worker
  /// Identities beside the slots, for clients that meet in one slot within one batch; a batch has no more queries.
  static constexpr std::size_t kSpare = 32;
  /// Before a client is left at the desk again, should the look-up thread not have taken notice.
  static constexpr auto kAskPause = std::chrono::seconds(5);

  /// `names` may be null: nothing is learned then.
  explicit ClientCache(ClientNameDesk* names = nullptr) : names_(names) {}

  /// Forgets everything; called when the policy changes.
  void clear() noexcept {
    for (auto& slot : slots_) slot.known = false;
  }

  /// Adopts newly learned names; identities found before may go with the next find().
  void begin_batch() {
    ++batch_;
    if (names_ == nullptr) return;
    names_->refresh();
    version_ = names_->version();
  }

  /// The client's identity; valid until begin_batch() or clear(), at least for the last kSpare calls.
  /// Allocates only when the client is new to this worker or has got other names.
  const ClientIdentity& find(const base::IpAddress& client, const ClientTable& table, base::Instant now) {
    Slot& slot = slots_[index_of(client)];
    if (slot.known && slot.client == client && slot.version == version_ && now < slot.ask_again) [[likely]] {
      slot.batch = batch_;
      return slot.identity;
    }
    return work_out(slot, client, table, now);
  }

  static std::size_t index_of(const base::IpAddress& client) noexcept {
    std::uint64_t high;
    std::uint64_t low;
    std::memcpy(&high, client.mapped().data(), 8);
    std::memcpy(&low, client.mapped().data() + 8, 8);
    return static_cast<std::size_t>(((high ^ low) * 0x9e3779b97f4a7c15ULL) >> 54);
  }
  static_assert(kSlots == 1u << (64 - 54));

 private:
  struct Slot {
    base::IpAddress client;
    bool known = false;
    bool is_named_here = false;  ///< by the policy: there is nothing to learn
    std::uint64_t version = 0;  ///< of the table of names that it was compared with
    std::uint64_t stamp = 0;    ///< of the client's names in there; 0: none
    std::uint64_t batch = 0;    ///< that last used it
    base::Instant ask_again = base::Instant::max();
    ClientIdentity identity;
  };
  const ClientIdentity& work_out(Slot& slot, const base::IpAddress& client, const ClientTable& table,
                                 base::Instant now);

  ClientNameDesk* names_;
  std::uint64_t version_ = 0;
  std::uint64_t batch_ = 1;
  std::vector<Slot> slots_{kSlots};
  std::array<Slot, kSpare> spare_;
  std::size_t next_spare_ = 0;
};

}  // namespace rampart::resolver
