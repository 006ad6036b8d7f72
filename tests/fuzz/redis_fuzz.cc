// What comes from Redis, where anybody on its network may write. The first octet says what the rest is: replies of
// the protocol (and in which pieces they arrive), or the octets of a key, of a sender, or of a JSON message.
#include <algorithm>
#include <string>

#include "storage/redis_messages.h"
#include "storage/redis_reply.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

namespace {

constexpr std::string_view kSender = "00000000-0000-8000-8000-000000000000";

void describe(const storage::RedisReply& reply, std::string& out) {
  out += std::to_string(static_cast<int>(reply.type)) + ":" + reply.text + ":";
  out += std::to_string(reply.integer) + "(";
  for (const auto& item : reply.items) {
    require(item != nullptr);
    describe(*item, out);
  }
  out += ")";
}

std::string read_replies(base::ByteView octets, std::size_t step) {
  storage::RedisReplyReader reader;
  std::string seen;
  for (; !octets.empty(); octets = octets.subspan(std::min(step, octets.size()))) {
    if (!reader.feed(octets.first(std::min(step, octets.size())))) return seen + "!";
    for (;;) {
      const auto reply = reader.next();
      if (!reply) {
        require(!reply.error().empty());
        return seen + "!";
      }
      if (*reply == nullptr) break;
      describe(**reply, seen);
    }
  }
  return seen;
}

// What was understood must survive being said again.
void check_messages(std::string_view text) {
  if (const auto message = storage::parse_cache_message(text)) {
    require(!message->sender.empty() && message->entries.size() <= storage::CacheMessage::kEntriesMax);
    std::string again;
    for (const auto& entry : message->entries) storage::append_cache_entry(again, entry.key, entry.message);
    storage::finish_cache_message(again, kSender);
    const auto same = storage::parse_cache_message(again);
    require(same && same->bad_entries == 0 && same->sender == kSender);
    require(std::equal(same->entries.begin(), same->entries.end(), message->entries.begin(), message->entries.end(),
                       [](const auto& a, const auto& b) { return a.key == b.key && a.message == b.message; }));
  }
  if (auto message = storage::parse_blocking_message(text)) {
    require(message->duration.count() >= 0 && message->groups.size() <= storage::BlockingMessage::kGroupsMax);
    message->sender = kSender;
    const auto same = storage::parse_blocking_message(storage::to_json(*message));
    require(same && same->enabled == message->enabled && same->duration == message->duration);
    require(same->groups == message->groups);
  }
}

void check_key(std::string_view text) {
  if (const auto key = storage::parse_cache_key(text)) {
    const auto again = storage::parse_cache_key(storage::cache_key_text(key->name.view(), key->type));
    require(again && again->type == key->type && dns::equal_ignoring_case(again->name.view(), key->name.view()));
  }
  if (const auto stamp = storage::ChangeStamp::parse(text)) require(stamp->to_uuid() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const base::ByteView rest(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0: require(read_replies(rest, data[0] / 4u + 1) == read_replies(rest, rest.size() + 1)); break;
    case 1: check_key(base::as_text(rest)); break;
    default: check_messages(base::as_text(rest));
  }
  return 0;
}
