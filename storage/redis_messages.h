// Blocky's octets in Redis: keys, channels and the two JSON messages, so that instances of both kinds share.
//
// A message carries a sender `c`, a UUID. Blocky draws one for each process. Ours is of version 8 (RFC 9562) and says
// more: 48 bits of Unix milliseconds, when the change was made, then 74 bits for the instance. Blocky sees a stranger's
// UUID; we see which of two changes is newer, the same way on every instance (decisions/redis.md).
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::storage {

inline constexpr std::string_view kRedisCachePrefix = "blocky:cache:";
inline constexpr std::string_view kRedisCacheChannel = "blocky_cache_sync";
inline constexpr std::string_view kRedisBlockingChannel = "blocky_sync_enabled";
/// Ours: the last message about blocking, for those who come late.
inline constexpr std::string_view kRedisBlockingKey = "rampart:blocking_state";

/// Who changed something, and when. Ordered: the newer change wins, and of two in one millisecond the one whose
/// instance has the greater ID.
struct ChangeStamp {
  std::uint64_t unix_ms = 0;                 ///< 48 bits; 0: never changed
  std::array<std::uint8_t, 10> instance{};   ///< 74 bits, in the UUID's place for them

  [[nodiscard]] static ChangeStamp random_instance();
  [[nodiscard]] std::string to_uuid() const;
  /// nullopt for a UUID that is none of ours.
  [[nodiscard]] static std::optional<ChangeStamp> parse(std::string_view uuid);
  friend auto operator<=>(const ChangeStamp&, const ChangeStamp&) = default;
};

/// The cache key of Blocky: type in two octets, then the name in lower case without its last dot.
[[nodiscard]] std::string cache_key_text(dns::NameView name, dns::RrType type);
struct SharedKey {
  dns::Name name;
  dns::RrType type{};
};
[[nodiscard]] std::optional<SharedKey> parse_cache_key(std::string_view key);
/// JSON would corrupt keys whose type has an octet above 127; Blocky skips those, and so do we.
[[nodiscard]] inline bool is_publishable(dns::RrType type) noexcept { return (static_cast<unsigned>(type) & 0x8080u) == 0; }

struct SharedEntry {
  std::string key;                   ///< without kRedisCachePrefix
  std::vector<std::uint8_t> message; ///< whole, without OPT
};
struct CacheMessage {
  static constexpr std::size_t kEntriesMax = 1024;  ///< Blocky sends at most 100
  std::vector<SharedEntry> entries;
  std::string sender;
  std::size_t bad_entries = 0;  ///< left out: no key, or no base64
};
/// Appends one entry to the text of a message; begin with "" and end with finish_cache_message().
void append_cache_entry(std::string& text, std::string_view key, base::ByteView message);
void finish_cache_message(std::string& text, std::string_view sender);
[[nodiscard]] std::optional<CacheMessage> parse_cache_message(std::string_view json);

struct BlockingMessage {
  static constexpr std::size_t kGroupsMax = 256;
  bool enabled = true;
  std::chrono::nanoseconds duration{0};  ///< 0: until enabled
  std::vector<std::string> groups;       ///< empty: all
  std::string sender;
};
[[nodiscard]] std::string to_json(const BlockingMessage& message);
[[nodiscard]] std::optional<BlockingMessage> parse_blocking_message(std::string_view json);

}  // namespace rampart::storage
