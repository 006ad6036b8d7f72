// Names of clients as learned by reverse look-ups, and the desk at which a worker gets at them: it reads an immutable
// table that is published whole, and leaves the addresses it wants to know in a ring. Neither ever makes it wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/snapshot.h"
#include "base/spsc_byte_ring.h"
#include "base/time.h"

namespace rampart::resolver {

/// Built by the look-up thread, then only read. Flat, so that whichever worker lets go last frees two blocks.
class ClientNameTable {
 public:
  struct Entry {
    base::IpAddress client;
    base::Instant ask_again{};  ///< from then on the client should be looked up again; the names stay in use
    std::uint64_t stamp = 0;    ///< another one whenever the client's names are others; never 0
    bool is_named = false;      ///< false: no name is known, and the address stands for it
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };

  /// In ascending order of clients. `names` joined by '\n'; may be empty.
  void append(Entry entry, std::string_view names) {
    entry.offset = static_cast<std::uint32_t>(text_.size());
    entry.length = static_cast<std::uint32_t>(names.size());
    text_ += names;
    entries_.push_back(entry);
  }
  /// Null: never looked up, or forgotten.
  [[nodiscard]] const Entry* find(const base::IpAddress& client) const noexcept {
    const auto it = std::lower_bound(entries_.begin(), entries_.end(), client,
                                     [](const Entry& entry, const base::IpAddress& key) { return entry.client < key; });
    return it != entries_.end() && it->client == client ? &*it : nullptr;
  }
  [[nodiscard]] std::string_view names(const Entry& entry) const noexcept {
    return std::string_view(text_).substr(entry.offset, entry.length);
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  std::vector<Entry> entries_;
  std::string text_;
};

/// One worker's. refresh() to take_asked() are the worker's, drain() is the look-up thread's.
class ClientNameDesk {
 public:
  /// Room for some 170 addresses: more new clients than that between two wake-ups of the look-up thread are a flood.
  static constexpr std::size_t kRingBytes = 4096;

  explicit ClientNameDesk(const base::Published<ClientNameTable>& table) : table_(table), ring_(kRingBytes) {}

  /// Adopts a newer table if there is one; costs one load if not.
  void refresh() {
    if (table_.refresh()) ++version_;
  }
  /// Another one whenever refresh() found a newer table.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] const ClientNameTable* table() const noexcept { return table_.held().get(); }
  /// Asks for a look-up; lost, and counted, when the ring is full.
  void request(const base::IpAddress& client) noexcept {
    std::uint8_t* room = ring_.reserve(client.mapped().size());
    if (room == nullptr) return;
    std::memcpy(room, client.mapped().data(), client.mapped().size());
    ring_.commit();
    asked_ = true;
  }
  /// Whether request() was called since the last time: then the look-up thread has to be woken.
  [[nodiscard]] bool take_asked() noexcept { return std::exchange(asked_, false); }

  template <class Visit>
  void drain(Visit&& visit) {
    ring_.consume([&](base::ByteView octets) { visit(base::IpAddress::v6(octets.data())); });
  }
  [[nodiscard]] std::uint64_t refused() const noexcept { return ring_.refused(); }

 private:
  base::Published<ClientNameTable>::Reader table_;
  std::uint64_t version_ = 0;
  bool asked_ = false;
  base::SpscByteRing ring_;
};

}  // namespace rampart::resolver
