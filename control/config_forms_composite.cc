// Forms that are more than one scalar, and the two with a grammar of their own: durations and listen addresses.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

#include "control/config_forms.h"
#include "control/go_duration.h"

namespace rampart::control {
namespace {

/// The servers of a resolv.conf; a machine names three, Blocky any number, we so many.
constexpr std::size_t kNameserversMax = 64;

bool is_integer(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Reads the keys of a small map; a key that is not in `known` is a fault.
bool check_keys(ReadContext& context, const ConfigNode& node, const std::vector<std::string>& known) {
  if (!node.is_map()) return false;
  for (const auto& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    context.findings.fault(entry.place, context.key + "." + entry.key, unknown_word(entry.key, known));
  }
  return true;
}

}  // namespace

// --- Durations

Parsed<Milliseconds> Duration::parse(ReadContext& context, std::string_view text) {
  using std::chrono::nanoseconds;
  Milliseconds value{0};
  if (is_integer(text)) {
    // More minutes than these are more than any clock of ours holds.
    constexpr std::int64_t kMinutesMax = 100'000'000;
    std::int64_t minutes = 0;
    const std::size_t sign = text.front() == '+' ? 1 : 0;
    const auto [end, ec] = std::from_chars(text.data() + sign, text.data() + text.size(), minutes);
    (void)end;
    if (ec != std::errc{} || minutes < -kMinutesMax || minutes > kMinutesMax) return base::Error{quoted(text) + " minutes are too many"};
    value = std::chrono::minutes(minutes);
    if (value.count() != 0) {
      context.findings.warn(context.place, context.key,
                            "the duration " + quoted(text) + " has no unit and means minutes; write " + print(value));
    }
  } else {
    const auto duration = parse_go_duration(text);
    if (!duration.ok()) {
      return base::Error{"invalid duration " + quoted(text) +
                         "; write numbers with units (ns, us, ms, s, m, h), for example 500ms, 2s or 1h30m"};
    }
    value = std::chrono::duration_cast<Milliseconds>(duration.value());
    if (value.count() == 0 && duration.value() > nanoseconds(0)) value = Milliseconds(1);
  }
  const Limits& limits = context.limits;
  if (limits.min <= value.count() && value.count() <= limits.max) return std::optional(value);
  const std::string why = value.count() < limits.min ? "is below " + print(Milliseconds(limits.min))
                                                     : "is above " + print(Milliseconds(limits.max));
  if (!limits.or_default) return base::Error{quoted(text) + " " + why};
  context.findings.warn(context.place, context.key, quoted(text) + " " + why + "; the default is used");
  return std::optional<Milliseconds>{};
}

std::string Duration::print(Milliseconds value) {
  if (value.count() == 0) return "0";
  std::string out = value.count() < 0 ? "-" : "";
  std::int64_t left = std::abs(value.count());
  for (const auto& [unit, factor] : {std::pair{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}) {
    if (left >= factor) out += std::to_string(left / factor) + unit;
    left %= factor;
  }
  return out;
}

// --- Listen addresses

base::Result<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  const auto failed = [&](const std::string& why) {
    return base::Error{quoted(text) + " " + why + "; write 53, :53, 192.0.2.1:53 or [2001:db8::1]:53"};
  };
  ListenAddress out;
  const auto colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? std::string_view{} : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || ec != std::errc{} || end != port.data() + port.size()) {
    return failed("has no port from 0 to 65535");
  }
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return out;
  if (const auto ip = base::IpAddress::parse(host)) {
    if (!bracketed && !ip->is_v4()) return failed("holds an IPv6 address without brackets");
    out.address = *ip;
  } else if (host == "localhost") {
    out.address = base::IpAddress::parse("127.0.0.1");
  } else if (bracketed || host.find_first_of(":[]/ ") != std::string_view::npos) {
    return failed("is no address");
  } else {
    out.host = host;
  }
  return out;
}

std::string to_text(const ListenAddress& address) {
  if (address.address) return base::IpEndpoint{*address.address, address.port}.to_string();
  return address.host + ":" + std::to_string(address.port);
}

void ListenAddresses::read(ReadContext& context, const ConfigNode& node, Value& out) {
  if (node.is_null()) return;
  Value values;
  const auto add = [&](const ConfigNode& from, std::string_view text) {
    if (text.empty()) return;
    auto address = parse_listen_address(text);
    if (address.ok()) {
      values.push_back(std::move(address).value());
    } else {
      context.fault(from, address.error());
    }
  };
  if (node.is_scalar()) {
    std::string_view text = node.text;
    for (std::size_t from = 0; from <= text.size();) {
      const auto comma = std::min(text.find(',', from), text.size());
      add(node, text.substr(from, comma - from));
      from = comma + 1;
    }
  } else if (node.is_list()) {
    for (const auto& item : node.items) {
      if (item->is_scalar()) {
        add(*item, item->text);
      } else {
        context.fault(*item, "must be an address such as 192.0.2.1:53, not " + describe(*item));
      }
    }
  } else {
    return context.fault(node, "must be a port, an address or a list of them, not " + describe(node));
  }
  out = std::move(values);
}

std::string ListenAddresses::print(const Value& value) {
  if (value.size() == 1 && !value[0].address && value[0].host.empty()) return std::to_string(value[0].port);
  std::string out = "[";
  for (const auto& address : value) out += (out.size() > 1 ? ", '" : "'") + to_text(address) + "'";
  return out + "]";
}

// --- Bootstrap servers

namespace {

void read_resolv_file(ReadContext& context, const ConfigNode& node, Bootstrap::Value& out) {
  std::string path;
  Text::read(context, node, path);
  if (path.empty()) return;
  std::ifstream file(path);
  if (!file) return context.fault(node, "the file " + quoted(path) + " cannot be read: " + std::strerror(errno));
  const std::size_t before = out.size();
  std::string line;
  while (out.size() - before < kNameserversMax && std::getline(file, line)) {
    static constexpr std::string_view kWord = "nameserver";
    if (line.compare(0, kWord.size(), kWord) != 0) continue;
    const auto from = line.find_first_not_of(" \t", kWord.size());
    if (from == std::string::npos || from == kWord.size()) continue;
    const auto ip = base::IpAddress::parse(std::string_view(line).substr(from, line.find_first_of(" \t\r#;%", from) - from));
    if (!ip) continue;
    auto& spec = out.emplace_back();
    spec.host = ip->to_string();
  }
  if (out.size() == before) context.fault(node, "the file " + quoted(path) + " has no line 'nameserver ADDRESS'");
}

void read_bootstrap_entry(ReadContext& context, const ConfigNode& node, Bootstrap::Value& out) {
  resolver::UpstreamSpec spec;
  const ConfigNode* upstream = &node;
  if (node.is_map()) {
    check_keys(context, node, {"upstream", "ips", "resolvFile"});
    const auto* upstream_entry = node.find("upstream");
    const auto* ips = node.find("ips");
    if (const auto* resolv_file = node.find("resolvFile"); resolv_file && !resolv_file->value->is_null()) {
      if (upstream_entry || ips) {
        return context.fault(node, "resolvFile cannot stand together with upstream or ips; make it an entry of its own");
      }
      ReadContext child = context.child("resolvFile");
      return read_resolv_file(child, *resolv_file->value, out);
    }
    if (!upstream_entry || upstream_entry->value->is_null()) {
      return context.fault(node, "has neither upstream nor resolvFile");
    }
    upstream = upstream_entry->value.get();
    if (ips) {
      ReadContext child = context.child("ips");
      ListOf<Address>::read(child, *ips->value, spec.ips);
    }
  }
  const auto given_ips = std::move(spec.ips);
  const std::size_t faults = context.findings.faults().size();
  Upstream::read(context, *upstream, spec);
  if (context.findings.faults().size() != faults) return;
  for (const auto& ip : given_ips) {
    if (std::find(spec.ips.begin(), spec.ips.end(), ip) == spec.ips.end()) spec.ips.push_back(ip);
  }
  const bool is_address = base::IpAddress::parse(spec.host).has_value();
  if (!is_address && spec.ips.empty()) {
    return context.fault(*upstream, "the host name " + quoted(spec.host) +
                                        " cannot be looked up without a bootstrap server; write its IP address" +
                                        (spec.protocol == resolver::UpstreamProtocol::kClassic
                                             ? ""
                                             : ", or {upstream: …, ips: [ADDRESS]}"));
  }
  out.push_back(std::move(spec));
}

}  // namespace

void Bootstrap::read(ReadContext& context, const ConfigNode& node, Value& out) {
  if (node.is_null()) return;
  Value values;
  if (node.is_list()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      ReadContext item = context.item(i);
      if (node.items[i]->is_null()) {
        item.fault(*node.items[i], "is empty");
      } else {
        read_bootstrap_entry(item, *node.items[i], values);
      }
    }
  } else {
    read_bootstrap_entry(context, node, values);
  }
  out = std::move(values);
}

// --- Schedules. What is wrong with one is a WARN, and its lists are inactive: so does Blocky.

namespace {

std::optional<std::uint16_t> parse_clock(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const int hours = (text[0] - '0') * 10 + (text[1] - '0'), minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  return static_cast<std::uint16_t>(hours * 60 + minutes);
}

constexpr const char* kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

}  // namespace

void ScheduleForm::read(ReadContext& context, const ConfigNode& node, Value& out) {
  out = Schedule{};
  const auto invalid = [&](const Place& place, const std::string& key, const std::string& why) {
    out.is_valid = false;
    context.findings.warn(place, key, why + "; lists with this schedule are inactive");
  };
  if (node.is_null()) return invalid(node.place, context.key, "is empty");
  if (!node.is_map()) return context.fault(node, "must be {start, end, weekdays}, not " + describe(node));
  check_keys(context, node, {"start", "end", "weekdays"});
  std::string clocks[2];
  static constexpr const char* kClockKeys[2] = {"start", "end"};
  std::optional<std::uint16_t>* minutes[2] = {&out.start_minute, &out.end_minute};
  for (int i = 0; i < 2; ++i) {
    const auto* entry = node.find(kClockKeys[i]);
    if (!entry) continue;
    ReadContext child = context.child(kClockKeys[i]);
    Text::read(child, *entry->value, clocks[i]);
    if (clocks[i].empty()) continue;
    *minutes[i] = parse_clock(clocks[i]);
    if (!*minutes[i]) invalid(entry->value->place, child.key, quoted(clocks[i]) + " is no time of day such as 07:30");
  }
  if (clocks[0].empty() != clocks[1].empty()) invalid(node.place, context.key, "start and end must both be given");
  const auto* days = node.find("weekdays");
  std::vector<std::string> names;
  ReadContext child = context.child("weekdays");
  if (days) ListOf<Text>::read(child, *days->value, names);
  if (names.empty()) return invalid(node.place, context.key, "weekdays must name at least one day (mon … sun)");
  for (std::string name : names) {
    name.erase(0, name.find_first_not_of(' '));
    name.erase(name.find_last_not_of(' ') + 1);
    const auto day = std::find_if(std::begin(kWeekdays), std::end(kWeekdays),
                                  [&](const char* known) { return equals_ignoring_case(known, name); });
    if (day == std::end(kWeekdays)) {
      invalid(days->value->place, child.key, quoted(name) + " is no weekday; write mon, tue, wed, thu, fri, sat or sun");
      continue;
    }
    const auto bit = static_cast<std::uint8_t>(1u << (day - std::begin(kWeekdays)));
    if (out.weekdays & bit) context.findings.warn(days->value->place, child.key, quoted(name) + " is listed twice");
    out.weekdays |= bit;
  }
}

std::string ScheduleForm::print(const Value& value) {
  std::string days;
  for (int i = 0; i < 7; ++i) {
    if ((value.weekdays >> i) & 1) days += (days.empty() ? "" : ", ") + std::string(kWeekdays[i]);
  }
  std::string out = "{";
  if (value.start_minute && value.end_minute) {
    char clocks[64];
    std::snprintf(clocks, sizeof clocks, "start: '%02d:%02d', end: '%02d:%02d', ", *value.start_minute / 60,
                  *value.start_minute % 60, *value.end_minute / 60, *value.end_minute % 60);
    out += clocks;
  }
  return out + "weekdays: [" + days + "]}";
}

// --- Client groups

void ClientGroupsMap::read(ReadContext& context, const ConfigNode& node, Value& out) {
  if (node.is_null()) return;
  if (!node.is_map()) return context.fault(node, "must be a map of clients, not " + describe(node));
  Value values;
  for (const auto& entry : node.entries) {
    ReadContext child = context.child(entry.key);
    auto& value = values.emplace_back();
    value.key = entry.key;
    value.clients = parse_client_identifiers(entry.key);
    for (const auto& client : value.clients) {
      if (const auto doubt = doubt_about(client); !doubt.empty()) context.findings.warn(entry.place, child.key, doubt);
    }
    ListOf<Text>::read(child, *entry.value, value.groups);
  }
  out = std::move(values);
}

std::string ClientGroupsMap::print(const Value& values) {
  std::string out = "{";
  for (const auto& value : values) {
    std::string key;
    for (const auto& client : value.clients) key += (key.empty() ? "" : ",") + client.text;
    out += (out.size() > 1 ? ", " : "") + yaml_text(key) + ": " + ListOf<Text>::print(value.groups);
  }
  return out + "}";
}

// --- Fields of the query log

namespace {

constexpr struct {
  const char* name;
  bool storage::EntryFields::*member;
} kFields[] = {
    {"clientIP", &storage::EntryFields::client_ip},
    {"clientName", &storage::EntryFields::client_name},
    {"responseReason", &storage::EntryFields::response_reason},
    {"responseAnswer", &storage::EntryFields::response_answer},
    {"question", &storage::EntryFields::question},
    {"duration", &storage::EntryFields::duration},
};

}  // namespace

void QueryLogFields::read(ReadContext& context, const ConfigNode& node, Value& out) {
  if (node.is_null()) return;
  std::vector<std::string> names;
  ListOf<Text>::read(context, node, names);
  if (!node.is_list()) return;
  Value fields;
  for (const auto& field : kFields) fields.*field.member = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto known = std::find_if(std::begin(kFields), std::end(kFields),
                                    [&](const auto& field) { return names[i] == field.name; });
    if (known != std::end(kFields)) {
      fields.*known->member = true;
      continue;
    }
    std::vector<std::string> allowed;
    for (const auto& field : kFields) allowed.emplace_back(field.name);
    context.item(i).fault(i < node.items.size() ? *node.items[i] : node, unknown_word(names[i], allowed));
  }
  out = fields;
}

std::string QueryLogFields::print(const Value& value) {
  std::string out = "[";
  for (const auto& field : kFields) {
    if (value.*field.member) out += (out.size() > 1 ? ", " : "") + std::string(field.name);
  }
  return out + "]";
}

}  // namespace rampart::control
