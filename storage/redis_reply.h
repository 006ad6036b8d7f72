// Redis's protocol, both ways: commands to octets, octets to replies. hiredis formats and parses; what we add are
// bounds, because a broken or hostile server must cost us a connection, not our memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

struct redisReader;

namespace rampart::storage {

struct RedisReply {
  enum class Type : std::uint8_t { kNil, kText, kStatus, kError, kInteger, kArray } type = Type::kNil;
  std::string text;  ///< kText, kStatus, kError
  std::int64_t integer = 0;
  std::vector<std::unique_ptr<RedisReply>> items;  ///< kArray; none of them is null

  [[nodiscard]] bool is_error() const noexcept { return type == Type::kError; }
  [[nodiscard]] bool is_text() const noexcept { return type == Type::kText; }
};

/// Appends one command in wire form.
void append_command(std::string& out, std::span<const std::string_view> words);

/// Replies out of a stream of octets. One thread.
class RedisReplyReader {
 public:
  /// One Blocky message carries at most 100 answers of 64 KiB in base64: 8.7 MiB.
  static constexpr std::size_t kReplyBytesMax = std::size_t{16} << 20;
  /// A page of SCAN has about 100 keys; the server may give more.
  static constexpr std::size_t kItemsMax = 65536;

  RedisReplyReader();
  ~RedisReplyReader();
  RedisReplyReader(const RedisReplyReader&) = delete;
  RedisReplyReader& operator=(const RedisReplyReader&) = delete;

  /// Takes octets in; an error is final: nonsense, or a reply beyond the bounds.
  [[nodiscard]] base::Status feed(base::ByteView octets);
  /// The next whole reply, nullptr if it is still incomplete, or a final error.
  [[nodiscard]] base::Result<std::unique_ptr<RedisReply>, std::string> next();

 private:
  redisReader* reader_;
  std::size_t unread_ = 0;  ///< octets fed since the last whole reply
};

}  // namespace rampart::storage
