#include "storage/redis_messages.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/random.h"

namespace rampart::storage {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kUuidBytes = 36;
constexpr std::size_t kSenderBytesMax = 64;
constexpr std::size_t kGroupBytesMax = 255;
// Longest key: two octets of type, a name of 255 octets each written as \DDD.
constexpr std::size_t kKeyBytesMax = 2 + 4 * dns::kNameBytesMax;

// Strings as Go's encoding/json writes them. Octets above 127 (a group's name in UTF-8) pass.
void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || c == '<' || c == '>' || c == '&') {
          out += "\\u00";
          out += kHex[octet >> 4];
          out += kHex[octet & 15];
        } else {
          out += c;
        }
      }
    }
  }
  out += '"';
}

void append_base64(std::string& out, base::ByteView octets) {
  std::size_t i = 0;
  for (; i + 3 <= octets.size(); i += 3) {
    const unsigned v = unsigned{octets[i]} << 16 | unsigned{octets[i + 1]} << 8 | octets[i + 2];
    for (const int shift : {18, 12, 6, 0}) out += kBase64[v >> shift & 63];
  }
  if (i == octets.size()) return;
  const bool two = octets.size() - i == 2;
  const unsigned v = unsigned{octets[i]} << 16 | (two ? unsigned{octets[i + 1]} << 8 : 0u);
  out += kBase64[v >> 18];
  out += kBase64[v >> 12 & 63];
  out += two ? kBase64[v >> 6 & 63] : '=';
  out += '=';
}

constexpr auto kBase64Values = [] {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  return values;
}();

std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::vector<std::uint8_t> out;
  out.reserve(text.size() * 3 / 4);
  unsigned value = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::int8_t digit = kBase64Values[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    value = (value << 6 | static_cast<unsigned>(digit)) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(value >> bits));
  }
  return out;
}

// Messages are read as events, so that nesting and size of hostile JSON build nothing in memory. A path is the
// keys that lead to a value; anything at a path we do not know is passed over, as Go's decoder does.
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  static constexpr std::size_t kDepthMax = 16;

  bool null() override { return true; }
  bool boolean(bool value) override { return on_boolean(value), true; }
  bool number_integer(std::int64_t value) override { return on_integer(value), true; }
  bool number_unsigned(std::uint64_t value) override {
    return value <= INT64_MAX ? (on_integer(static_cast<std::int64_t>(value)), true) : true;
  }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string& value) override { return on_string(value); }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool key(std::string& value) override {
    path_.back() = value.substr(0, 16);
    return true;
  }
  bool start_object(std::size_t) override { return open("{"); }
  bool start_array(std::size_t) override { return open("["); }
  bool end_object() override {
    const bool good = on_end_object();
    path_.pop_back();
    return good;
  }
  bool end_array() override {
    path_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 protected:
  virtual void on_boolean(bool) {}
  virtual void on_integer(std::int64_t) {}
  virtual bool on_string(std::string&) { return true; }
  virtual bool on_end_object() { return true; }
  [[nodiscard]] bool is_at(std::initializer_list<std::string_view> path) const {
    return std::equal(path.begin(), path.end(), path_.begin(), path_.end());
  }
  [[nodiscard]] bool is_right_below(std::initializer_list<std::string_view> path) const {
    return path_.size() == path.size() + 1 && std::equal(path.begin(), path.end(), path_.begin());
  }

 private:
  bool open(const char* kind) {
    if (path_.size() == kDepthMax) return false;
    path_.emplace_back(kind);
    return true;
  }
  std::vector<std::string> path_;
};

class CacheMessageReader final : public JsonEvents {
 public:
  CacheMessage message;

 protected:
  bool on_string(std::string& value) override {
    if (is_at({"c"})) message.sender = value.substr(0, kSenderBytesMax);
    else if (is_at({"e", "[", "k"})) key_ = std::move(value);
    else if (is_at({"e", "[", "d"})) data_ = std::move(value);
    return true;
  }
  bool on_end_object() override {
    if (!is_right_below({"e", "["})) return true;
    auto decoded = data_ ? decode_base64(*data_) : std::nullopt;
    const bool is_good = key_ && decoded && key_->size() <= kKeyBytesMax && decoded->size() <= dns::kMessageBytesMax;
    if (!is_good) ++message.bad_entries;
    else if (message.entries.size() == CacheMessage::kEntriesMax) return false;
    else message.entries.push_back({std::move(*key_), std::move(*decoded)});
    key_.reset();
    data_.reset();
    return true;
  }

 private:
  std::optional<std::string> key_, data_;
};

class BlockingMessageReader final : public JsonEvents {
 public:
  BlockingMessage message;
  bool has_state = false;

 protected:
  void on_boolean(bool value) override {
    if (!is_at({"s", "enabled"})) return;
    message.enabled = value;
    has_state = true;
  }
  void on_integer(std::int64_t value) override {
    if (is_at({"s", "duration"})) message.duration = std::chrono::nanoseconds(std::max<std::int64_t>(0, value));
  }
  bool on_string(std::string& value) override {
    if (is_at({"c"})) message.sender = value.substr(0, kSenderBytesMax);
    if (!is_at({"s", "groups", "["})) return true;
    if (message.groups.size() == BlockingMessage::kGroupsMax || value.size() > kGroupBytesMax) return false;
    message.groups.push_back(std::move(value));
    return true;
  }
};

// The octets that the presentation format of Blocky's library escapes with a backslash.
bool is_escaped(char c) { return std::string_view(".'@;()\"\\ ").find(c) != std::string_view::npos; }

}  // namespace

ChangeStamp ChangeStamp::random_instance() {
  base::SecureRandom random;
  ChangeStamp stamp;
  for (auto& octet : stamp.instance) octet = static_cast<std::uint8_t>(random.next_u64());
  stamp.instance[0] = static_cast<std::uint8_t>(0x80 | (stamp.instance[0] & 0x0f));  // version 8
  stamp.instance[2] = static_cast<std::uint8_t>(0x80 | (stamp.instance[2] & 0x3f));  // variant
  return stamp;
}

std::string ChangeStamp::to_uuid() const {
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < 6; ++i) octets[i] = static_cast<std::uint8_t>(unix_ms >> (40 - 8 * i));
  std::copy(instance.begin(), instance.end(), octets.begin() + 6);
  std::string text;
  text.reserve(kUuidBytes);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[octets[i] >> 4];
    text += kHex[octets[i] & 15];
  }
  return text;
}

std::optional<ChangeStamp> ChangeStamp::parse(std::string_view uuid) {
  if (uuid.size() != kUuidBytes) return std::nullopt;
  std::array<std::uint8_t, 16> octets{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (uuid[i] != '-') return std::nullopt;
      continue;
    }
    const char* found = std::find(kHex, kHex + 16, uuid[i]);
    if (found == kHex + 16) return std::nullopt;
    octets[digits / 2] = static_cast<std::uint8_t>(octets[digits / 2] << 4 | (found - kHex));
    ++digits;
  }
  if (octets[6] >> 4 != 8 || octets[8] >> 6 != 2) return std::nullopt;
  ChangeStamp stamp;
  for (std::size_t i = 0; i < 6; ++i) stamp.unix_ms = stamp.unix_ms << 8 | octets[i];
  std::copy(octets.begin() + 6, octets.end(), stamp.instance.begin());
  return stamp;
}

std::string cache_key_text(dns::NameView name, dns::RrType type) {
  std::string key;
  key += static_cast<char>(static_cast<unsigned>(type) >> 8);
  key += static_cast<char>(type);
  const auto wire = name.wire();
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0; at += wire[at] + 1u) {
    if (at != 0) key += '.';
    for (std::size_t i = 1; i <= wire[at]; ++i) {
      auto c = static_cast<char>(wire[at + i]);
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      const auto octet = static_cast<unsigned char>(c);
      if (is_escaped(c)) {
        key += '\\';
        key += c;
      } else if (octet < 0x20 || octet > 0x7e) {
        key += '\\';
        for (const unsigned power : {100u, 10u, 1u}) key += static_cast<char>('0' + octet / power % 10);
      } else {
        key += c;
      }
    }
  }
  return key;
}

std::optional<SharedKey> parse_cache_key(std::string_view key) {
  if (key.size() < 2 || key.size() > kKeyBytesMax) return std::nullopt;
  const auto type = static_cast<dns::RrType>(base::load_u16(reinterpret_cast<const std::uint8_t*>(key.data())));
  if (key.size() == 2) return SharedKey{dns::Name(), type};
  const auto name = dns::Name::parse(key.substr(2));
  if (!name) return std::nullopt;
  return SharedKey{*name, type};
}

void append_cache_entry(std::string& text, std::string_view key, base::ByteView message) {
  text += text.empty() ? "{\"e\":[{\"k\":" : ",{\"k\":";
  append_json_string(text, key);
  text += ",\"d\":\"";
  append_base64(text, message);
  text += "\"}";
}

void finish_cache_message(std::string& text, std::string_view sender) {
  if (text.empty()) text = "{\"e\":[";
  text += "],\"c\":";
  append_json_string(text, sender);
  text += '}';
}

std::optional<CacheMessage> parse_cache_message(std::string_view json) {
  CacheMessageReader reader;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader) || reader.message.sender.empty()) return std::nullopt;
  return std::move(reader.message);
}

std::string to_json(const BlockingMessage& message) {
  std::string text = message.enabled ? "{\"s\":{\"enabled\":true" : "{\"s\":{\"enabled\":false";
  if (message.duration.count() != 0) text += ",\"duration\":" + std::to_string(message.duration.count());
  for (std::size_t i = 0; i < message.groups.size(); ++i) {
    text += i == 0 ? ",\"groups\":[" : ",";
    append_json_string(text, message.groups[i]);
  }
  if (!message.groups.empty()) text += ']';
  text += "},\"c\":";
  append_json_string(text, message.sender);
  text += '}';
  return text;
}

std::optional<BlockingMessage> parse_blocking_message(std::string_view json) {
  BlockingMessageReader reader;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) return std::nullopt;
  if (!reader.has_state || reader.message.sender.empty()) return std::nullopt;
  return std::move(reader.message);
}

}  // namespace rampart::storage
