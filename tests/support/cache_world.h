// Keys and messages for tests and benches of the response cache. A message carries its own proof: every octet of
// its RDATA follows from the key's number and a version, so that a mixture of two entries is noticed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/keyed_hash.h"
#include "blocklists/name_hashes.h"
#include "dns/name.h"
#include "dns/types.h"
#include "resolver/cache.h"

namespace rampart::test {

inline const base::Instant kCacheStart{std::chrono::hours(24)};

/// A key that owns its name.
class OwnedKey {
 public:
  explicit OwnedKey(std::string_view name, dns::RrType qtype = dns::RrType::kA, std::uint32_t group = 0,
                    bool dnssec_ok = false, bool checking_disabled = false)
      : qtype_(qtype), group_(group), dnssec_ok_(dnssec_ok), checking_disabled_(checking_disabled) {
    name_.assign(dns::Name::parse(name).value().view());
  }
  [[nodiscard]] const dns::FoldedName& name() const noexcept { return name_; }
  [[nodiscard]] dns::RrType qtype() const noexcept { return qtype_; }
  [[nodiscard]] resolver::CacheKeyView view() const noexcept {
    return resolver::make_cache_key(base::HashKey{}, name_, blocklists::hash_name(base::HashKey{}, name_), qtype_,
                                    group_, dnssec_ok_, checking_disabled_);
  }

 private:
  dns::FoldedName name_;
  dns::RrType qtype_;
  std::uint32_t group_;
  bool dnssec_ok_, checking_disabled_;
};

struct CacheMessage {
  std::vector<std::uint8_t> wire;
  std::vector<std::uint16_t> ttl_offsets;
};

/// A response with `records` of `rdata_length` octets each; records have TTLs ttl, ttl + 1, ...
inline CacheMessage make_cache_message(const OwnedKey& key, std::uint64_t proof, std::uint32_t ttl = 300,
                                       std::size_t records = 1, std::size_t rdata_length = 4,
                                       dns::Rcode rcode = dns::Rcode::kNoError) {
  CacheMessage message;
  auto& w = message.wire;
  const auto put16 = [&](std::size_t v) {
    w.push_back(static_cast<std::uint8_t>(v >> 8));
    w.push_back(static_cast<std::uint8_t>(v));
  };
  put16(0);
  put16(0x8180u | static_cast<unsigned>(rcode));
  put16(1);
  put16(records);
  put16(0);
  put16(0);
  w.insert(w.end(), key.name().wire.begin(), key.name().wire.begin() + key.name().length);
  put16(static_cast<std::size_t>(key.qtype()));
  put16(1);
  for (std::size_t r = 0; r < records; ++r) {
    put16(0xc00c);
    put16(static_cast<std::size_t>(key.qtype()));
    put16(1);
    message.ttl_offsets.push_back(static_cast<std::uint16_t>(w.size()));
    put16((ttl + r) >> 16);
    put16((ttl + r) & 0xffff);
    put16(rdata_length);
    for (std::size_t i = 0; i < rdata_length; ++i)
      w.push_back(static_cast<std::uint8_t>(proof >> (8 * (i % 8))) ^ static_cast<std::uint8_t>(i / 8));
  }
  return message;
}

/// The proof of a message made above with at least 8 octets of RDATA; nullopt if it is not one whole message.
inline std::optional<std::uint64_t> read_proof(const OwnedKey& key, base::ByteView wire) {
  std::size_t at = 12u + key.name().length + 4u;
  if (wire.size() < at) return std::nullopt;
  const std::size_t records = base::load_u16(wire.data() + 6);
  std::optional<std::uint64_t> proof;
  for (std::size_t r = 0; r < records; ++r) {
    if (at + 12 > wire.size()) return std::nullopt;
    const std::size_t length = base::load_u16(wire.data() + at + 10);
    at += 12;
    if (length < 8 || at + length > wire.size()) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{wire[at + i]} << (8 * i);
    if (proof && *proof != value) return std::nullopt;
    proof = value;
    for (std::size_t i = 0; i < length; ++i)
      if (wire[at + i] != (static_cast<std::uint8_t>(value >> (8 * (i % 8))) ^ static_cast<std::uint8_t>(i / 8)))
        return std::nullopt;
    at += length;
  }
  return at == wire.size() ? proof : std::nullopt;
}

}  // namespace rampart::test
