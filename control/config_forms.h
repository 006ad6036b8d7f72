// The forms in which values are written: how each type of Config is read from the tree, and printed.
//
// A form is a class with
//   Value                      the type it fills
//   type()                     its name for the reference
//   read(context, node, out)   fills `out`, or reports a fault and leaves it
//   print(value)               YAML in one line
// Scalar forms have parse(context, text) instead of read(); lists and maps are composed: ListOf<Upstream>.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "control/config.h"
#include "control/config_tree.h"

namespace rampart::control {

/// What a number may be: plain numbers, or milliseconds of a duration.
struct Limits {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  /// Outside: the default is used, with a WARN, where Blocky does so too. Else it is a fault.
  bool or_default = false;
};

/// Where we are while reading a value.
struct ReadContext {
  Findings& findings;
  std::string key;
  Limits limits;
  Place place;  ///< of the scalar being parsed

  [[nodiscard]] ReadContext child(const std::string& name) const { return {findings, key + "." + name, limits, {}}; }
  [[nodiscard]] ReadContext item(std::size_t index) const {
    return {findings, key + "[" + std::to_string(index) + "]", limits, {}};
  }
  void fault(const ConfigNode& node, std::string message) const { findings.fault(node.place, key, std::move(message)); }
};

template <class T>
using Parsed = base::Result<std::optional<T>, std::string>;  ///< nullopt: keep what is there

/// Makes a form of a class with Value, type() and parse().
template <class Derived, class T>
struct Scalar {
  using Value = T;
  static void read(ReadContext& context, const ConfigNode& node, T& out) {
    if (node.is_null()) return;  // like an absent key
    if (!node.is_scalar()) {
      return context.fault(node, "must be " + std::string(Derived::type()) + ", not " + describe(node));
    }
    context.place = node.place;
    auto parsed = Derived::parse(context, node.text);
    if (!parsed.ok()) {
      context.fault(node, parsed.error());
    } else if (parsed.value()) {
      out = std::move(*parsed.value());
    }
  }
};

[[nodiscard]] std::string yaml_text(std::string_view text);  ///< quoted only where YAML needs it

template <class Form>
struct ListOf {
  using Value = std::vector<typename Form::Value>;
  static std::string type() { return "list of " + std::string(Form::type()); }
  static void read(ReadContext& context, const ConfigNode& node, Value& out) {
    if (node.is_null()) return;
    if (!node.is_list()) {
      return context.fault(node, "must be a list (of " + std::string(Form::type()) + "), not " + describe(node) +
                                     "; write [a, b], or each entry on a line of its own behind '- '");
    }
    Value values;
    values.reserve(node.items.size());
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      ReadContext item = context.item(i);
      if (node.items[i]->is_null()) {
        item.fault(*node.items[i], "is empty; quote it if the word itself is meant");
        continue;
      }
      Form::read(item, *node.items[i], values.emplace_back());
    }
    out = std::move(values);
  }
  static std::string print(const Value& values) {
    std::string out = "[";
    for (const auto& value : values) {
      if (out.size() > 1) out += ", ";
      out += Form::print(value);
    }
    return out + "]";
  }
};

template <class Form>
struct MapOf {
  using Value = std::map<std::string, typename Form::Value>;
  static std::string type() { return "map of name to " + std::string(Form::type()); }
  static void read(ReadContext& context, const ConfigNode& node, Value& out) {
    if (node.is_null()) return;
    if (!node.is_map()) return context.fault(node, "must be a map (of names), not " + describe(node));
    Value values;
    for (const auto& entry : node.entries) {
      ReadContext child = context.child(entry.key);
      Form::read(child, *entry.value, values[entry.key]);
    }
    out = std::move(values);
  }
  static std::string print(const Value& values) {
    std::string out = "{";
    for (const auto& [name, value] : values) {
      if (out.size() > 1) out += ", ";
      out += yaml_text(name) + ": " + Form::print(value);
    }
    return out + "}";
  }
};

struct Bool : Scalar<Bool, bool> {
  static const char* type() { return "bool"; }
  static Parsed<bool> parse(ReadContext& context, std::string_view text);
  static std::string print(bool value) { return value ? "true" : "false"; }
};

/// Decimal, 0x, 0o and 0b, with `_` between digits; within the limits of context and type.
[[nodiscard]] Parsed<std::int64_t> parse_integer(ReadContext& context, std::string_view text, std::int64_t min,
                                                 std::int64_t max);
template <class T>
struct Integer : Scalar<Integer<T>, T> {
  static const char* type() { return "integer"; }
  static Parsed<T> parse(ReadContext& context, std::string_view text) {
    const auto number = parse_integer(context, text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    if (!number.ok()) return base::Error{number.error()};
    if (!number.value()) return std::optional<T>{};
    return std::optional<T>(static_cast<T>(*number.value()));
  }
  static std::string print(T value) { return std::to_string(value); }
};

struct Duration : Scalar<Duration, Milliseconds> {
  static const char* type() { return "duration"; }
  static Parsed<Milliseconds> parse(ReadContext& context, std::string_view text);
  static std::string print(Milliseconds value);
};

struct Bytes : Scalar<Bytes, ByteSize> {
  static const char* type() { return "size"; }
  static Parsed<ByteSize> parse(ReadContext& context, std::string_view text);
  static std::string print(ByteSize value);
};

struct Percentage : Scalar<Percentage, Percent> {
  static const char* type() { return "percent"; }
  static Parsed<Percent> parse(ReadContext& context, std::string_view text);
  static std::string print(Percent value) { return std::to_string(value.value) + "%"; }
};

struct Text : Scalar<Text, std::string> {
  static const char* type() { return "text"; }
  static Parsed<std::string> parse(ReadContext&, std::string_view text) { return std::optional(std::string(text)); }
  static std::string print(const std::string& value) { return yaml_text(value); }
};

struct LowerText : Text {
  static void read(ReadContext& context, const ConfigNode& node, std::string& out);
};

/// `file:PATH` and `file://PATH`: the file's content without one final line end.
struct SecretText : Scalar<SecretText, Secret> {
  static const char* type() { return "secret"; }
  static Parsed<Secret> parse(ReadContext& context, std::string_view text);
  static std::string print(const Secret& value) { return value.value.empty() ? "''" : "'********'"; }
};

/// `/pattern/` -> `pattern`, which RE2 must be able to compile.
struct SlashedRegex : Scalar<SlashedRegex, std::string> {
  static const char* type() { return "/regex/"; }
  static Parsed<std::string> parse(ReadContext& context, std::string_view text);
  static std::string print(const std::string& value) { return yaml_text("/" + value + "/"); }
};

/// A domain name, or `!` and one.
struct Canary : Scalar<Canary, std::string> {
  static const char* type() { return "domain name"; }
  static Parsed<std::string> parse(ReadContext& context, std::string_view text);
  static std::string print(const std::string& value) { return yaml_text(value); }
};

struct Address : Scalar<Address, base::IpAddress> {
  static const char* type() { return "IP address"; }
  static Parsed<base::IpAddress> parse(ReadContext& context, std::string_view text);
  static std::string print(const base::IpAddress& value) { return yaml_text(value.to_string()); }
};

struct Range : Scalar<Range, base::IpRange> {
  static const char* type() { return "IP address or CIDR"; }
  static Parsed<base::IpRange> parse(ReadContext& context, std::string_view text);
  static std::string print(const base::IpRange& value) { return yaml_text(value.to_string()); }
};

struct QueryType : Scalar<QueryType, dns::RrType> {
  static const char* type() { return "query type"; }
  static Parsed<dns::RrType> parse(ReadContext& context, std::string_view text);
  static std::string print(dns::RrType value);
};

struct Upstream : Scalar<Upstream, resolver::UpstreamSpec> {
  static const char* type() { return "upstream"; }
  static Parsed<resolver::UpstreamSpec> parse(ReadContext& context, std::string_view text);
  static std::string print(const resolver::UpstreamSpec& value);
};

struct OptionalUpstream : Scalar<OptionalUpstream, std::optional<resolver::UpstreamSpec>> {
  static const char* type() { return "upstream"; }
  static Parsed<Value> parse(ReadContext& context, std::string_view text);
  static std::string print(const Value& value) { return value ? Upstream::print(*value) : "''"; }
};

struct ListSourceText : Scalar<ListSourceText, blocklists::SourceSpec> {
  static const char* type() { return "source"; }
  static Parsed<blocklists::SourceSpec> parse(ReadContext& context, std::string_view text);
  static std::string print(const blocklists::SourceSpec& value) { return yaml_text(value.text); }
};

struct BlockType : Scalar<BlockType, resolver::BlockAnswer> {
  static const char* type() { return "zeroIP, nxDomain or IP addresses"; }
  static Parsed<resolver::BlockAnswer> parse(ReadContext& context, std::string_view text);
  static std::string print(const resolver::BlockAnswer& value);
};

/// Text with commas, each part read by `Form`, surrounding spaces removed.
template <class Form>
struct CommaList : Scalar<CommaList<Form>, std::vector<typename Form::Value>> {
  using Value = std::vector<typename Form::Value>;
  static std::string type() { return "text with " + std::string(Form::type()) + ", several separated by commas"; }
  static Parsed<Value> parse(ReadContext& context, std::string_view text) {
    Value values;
    for (std::size_t from = 0;;) {
      const auto comma = text.find(',', from);
      std::string_view part = text.substr(from, comma - from);
      while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
      while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
      auto value = Form::parse(context, part);
      if (!value.ok()) return base::Error{value.error()};
      if (value.value()) values.push_back(std::move(*value.value()));
      if (comma == std::string_view::npos) return std::optional(std::move(values));
      from = comma + 1;
    }
  }
  static std::string print(const Value& values) {
    std::string out;
    for (const auto& value : values) out += (out.empty() ? "" : ",") + Form::print(value);
    return out.empty() ? "''" : out;
  }
};

// Forms of their own shape.

/// A list, an integer, or a text with commas.
struct ListenAddresses {
  using Value = std::vector<ListenAddress>;
  static const char* type() { return "listen addresses"; }
  static void read(ReadContext& context, const ConfigNode& node, Value& out);
  static std::string print(const Value& value);
};
[[nodiscard]] base::Result<ListenAddress, std::string> parse_listen_address(std::string_view text);
[[nodiscard]] std::string to_text(const ListenAddress& address);

/// An upstream, a map {upstream, ips} or {resolvFile}, or a list of both.
struct Bootstrap {
  using Value = std::vector<resolver::UpstreamSpec>;
  static const char* type() { return "bootstrap servers"; }
  static void read(ReadContext& context, const ConfigNode& node, Value& out);
  static std::string print(const Value& value) { return ListOf<Upstream>::print(value); }
};

struct ScheduleForm {
  using Value = Schedule;
  static const char* type() { return "{start, end, weekdays}"; }
  static void read(ReadContext& context, const ConfigNode& node, Value& out);
  static std::string print(const Value& value);
};

struct ClientGroupsMap {
  using Value = std::vector<Blocking::ClientGroups>;
  static const char* type() { return "map of clients to list of groups"; }
  static void read(ReadContext& context, const ConfigNode& node, Value& out);
  static std::string print(const Value& value);
};

struct QueryLogFields {
  using Value = storage::EntryFields;
  static const char* type() { return "list of fields"; }
  static void read(ReadContext& context, const ConfigNode& node, Value& out);
  static std::string print(const Value& value);
};

/// Words for enumerators; the first word of a value is the one that is printed.
template <class T>
struct Word {
  const char* text;
  T value;
};
[[nodiscard]] std::string unknown_word(std::string_view found, const std::vector<std::string>& allowed);
bool equals_ignoring_case(std::string_view a, std::string_view b);

template <class T>
struct Words;  // static constexpr Word<T> kAll[]; static constexpr bool kIgnoreCase; in config_words.h

template <class T>
struct Enum : Scalar<Enum<T>, T> {
  static std::string type() {
    std::string out;
    for (const auto& word : Words<T>::kAll) {
      if (print(word.value) == word.text) out += (out.empty() ? "" : ", ") + std::string(word.text);
    }
    return "one of " + out;
  }
  static Parsed<T> parse(ReadContext&, std::string_view text) {
    std::vector<std::string> allowed;
    for (const auto& word : Words<T>::kAll) {
      if (Words<T>::kIgnoreCase ? equals_ignoring_case(text, word.text) : text == word.text) {
        return std::optional<T>(word.value);
      }
      allowed.emplace_back(word.text);
    }
    return base::Error{unknown_word(text, allowed)};
  }
  static std::string print(T value) {
    for (const auto& word : Words<T>::kAll) {
      if (word.value == value) return word.text;
    }
    return "?";
  }
};

}  // namespace rampart::control
