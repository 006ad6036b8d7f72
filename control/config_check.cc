#include "control/config_check.h"

#include <algorithm>
#include <set>

#include "blocklists/verdict.h"
#include "control/config_forms.h"
#include "control/local_names.h"
#include "control/upstream_check.h"

namespace rampart::control {
namespace {

class Checker {
 public:
  Checker(Config& config, const ConfigPlaces& places, Findings& findings)
      : config_(config), places_(places), findings_(findings) {}

  void run() {
    check_upstreams(config_, places_, findings_);
    blocking();
    ports();
    tls();
    dns64();
    dnssec_defaults();
    rate_limit();
    rebinding();
    query_log();
    redis();
    http_paths();
    check_local_names(config_, places_, findings_);
  }

 private:
  void fault(std::string_view key, std::string message) { findings_.fault(places_.of(key), key, std::move(message)); }
  void warn(std::string_view key, std::string message) { findings_.warn(places_.of(key), key, std::move(message)); }

  void blocking() {
    auto& blocking = config_.blocking;
    std::set<std::string> groups;
    for (const auto& [name, sources] : blocking.denylists) groups.insert(name);
    for (const auto& [name, sources] : blocking.allowlists) groups.insert(name);
    if (groups.size() > blocklists::kGroupsMax) {
      fault("blocking.denylists", std::to_string(groups.size()) + " list groups are configured; at most " +
                                      std::to_string(blocklists::kGroupsMax) + " are possible, so join some");
    }
    const std::vector<std::string> known(groups.begin(), groups.end());
    const auto check_group = [&](const Place& place, const std::string& key, const std::string& name,
                                 const char* consequence) {
      if (groups.count(name) != 0) return;
      const auto near = nearest(name, known);
      findings_.warn(place, key, "the list group " + quoted(name) + " is not defined, " + consequence +
                                     (near.empty() ? "" : "; did you mean " + near + "?"));
    };
    std::set<std::string> reported;
    for (const auto& client : blocking.client_groups_block) {
      static constexpr const char* kKey = "blocking.clientGroupsBlock";
      for (std::size_t i = 0; i < client.groups.size(); ++i) {
        if (reported.insert(client.groups[i]).second)
          check_group(places_.of_entry(kKey, client.key, i), item_key(kKey, client.key, i), client.groups[i],
                      "so it blocks nothing");
      }
    }
    for (const auto& [name, answer] : blocking.group_block_type) {
      check_group(places_.of_entry("blocking.groupBlockType", name), entry_key("blocking.groupBlockType", name), name,
                  "so its blockType is never used");
    }
    for (const auto& [name, schedules] : blocking.list_schedules) {
      static constexpr const char* kKey = "blocking.listSchedules";
      check_group(places_.of_entry(kKey, name), entry_key(kKey, name), name, "so its schedule changes nothing");
      for (std::size_t i = 0; i < schedules.size(); ++i) {
        if (blocking.schedules.count(schedules[i]) != 0) continue;
        findings_.warn(places_.of_entry(kKey, name, i), item_key(kKey, name, i),
                       "the schedule " + quoted(schedules[i]) + " of " + quoted(name) +
                           " is not defined, so the lists are inactive; define it under blocking.schedules");
      }
    }
    if (blocking.client_groups_block.empty() && !groups.empty()) {
      warn("blocking.clientGroupsBlock", "is empty, so nothing is blocked although lists are loaded; write default: [" +
                                             *groups.begin() + "]");
    }
  }

  void ports() {
    const std::string& path = config_.ports.doh_path;
    if (path.empty() || path.front() != '/' || path.find_first_of(" \t\r\n?#") != std::string::npos) {
      fault("ports.dohPath", quoted(path) + " must begin with '/' and hold no space, '?' or '#'; write /dns-query");
    }
    for (const auto& [key, addresses] : {std::pair("api.http", &config_.api.http), {"api.https", &config_.api.https}}) {
      for (const ListenAddress& address : *addresses) {
        for (const auto* others : {&config_.ports.http, &config_.ports.https}) {
          if (address.port != 0 && std::find(others->begin(), others->end(), address) != others->end())
            fault(key, "port " + std::to_string(address.port) +
                           " stands in `ports` too; give the API a port or an address of its own");
        }
      }
    }
    std::set<Listener> seen;
    const auto& ports = config_.ports;
    for (const Listener listener : ports.proxy_protocol) {
      static constexpr const char* kNames[] = {"dns", "http", "https", "tls"};
      const std::string name = kNames[static_cast<std::size_t>(listener)];
      if (!seen.insert(listener).second) fault("ports.proxyProtocol", name + " is listed twice; remove one");
      const auto& addresses = listener == Listener::kDns    ? ports.dns
                              : listener == Listener::kHttp ? ports.http
                              : listener == Listener::kTls  ? ports.tls
                                                            : ports.https;
      if (addresses.empty()) fault("ports.proxyProtocol", name + " has no listener; set ports." + name + " or remove it");
    }
  }

  void tls() {
    if (config_.min_tls_serve_version < TlsVersion::k12) {
      warn("minTlsServeVersion", "is below 1.2, which is no longer safe; 1.2 is used");
      config_.min_tls_serve_version = TlsVersion::k12;
    }
    if (config_.cert_file.empty() != config_.key_file.empty()) {
      fault(config_.cert_file.empty() ? "keyFile" : "certFile",
            std::string("is set without ") + (config_.cert_file.empty() ? "certFile" : "keyFile") +
                "; set both, or neither for a self-signed certificate");
    }
    if (config_.http3 && config_.ports.https.empty()) {
      warn("http3.enable", "has no effect without ports.https");
      config_.http3 = false;
    }
  }

  void dns64() {
    const auto& types = config_.filtered_query_types;
    if (config_.dns64.enable && std::find(types.begin(), types.end(), dns::RrType::kAaaa) != types.end()) {
      fault("dns64.enable", "cannot work while AAAA is in filtering.queryTypes; remove one of the two");
    }
    const auto& prefixes = config_.dns64.prefixes;
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      static constexpr unsigned kLengths[] = {32, 40, 48, 56, 64, 96};
      const auto& prefix = prefixes[i];
      if (prefix.base.is_v4() || std::find(std::begin(kLengths), std::end(kLengths), prefix.prefix) == std::end(kLengths)) {
        fault("dns64.prefixes", quoted(prefix.to_string()) + " must be an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits");
      }
      for (std::size_t j = 0; j < i; ++j) {
        if (prefix.contains(prefixes[j].base) || prefixes[j].contains(prefix.base)) {
          fault("dns64.prefixes", quoted(prefixes[j].to_string()) + " and " + quoted(prefix.to_string()) +
                                      " overlap; remove one");
        }
      }
    }
    for (const auto& range : config_.dns64.exclusion_set) {
      // ::ffff:0:0/96 is kept in the form of IPv4 addresses.
      if (range.base.is_v4() && range.prefix != 0) {
        fault("dns64.exclusionSet", quoted(range.to_string()) + " must be an IPv6 range");
      }
    }
    if (config_.dns64.enable && config_.caching.max_time.count() < 0) {
      warn("dns64.enable", "asks upstreams twice for every query while caching is disabled");
    }
  }

  /// Blocky: 0 means the default.
  void dnssec_defaults() {
    auto& dnssec = config_.dnssec;
    const Dnssec defaults;
    for (const auto member : {&Dnssec::max_chain_depth, &Dnssec::cache_expiration_hours, &Dnssec::max_nsec3_iterations,
                              &Dnssec::max_upstream_queries, &Dnssec::clock_skew_tolerance_s}) {
      if (dnssec.*member == 0) dnssec.*member = defaults.*member;
    }
  }

  void rate_limit() {
    auto& limit = config_.rate_limit;
    if (!limit.enable) return;
    if (limit.rate == 0) {
      const auto& place = places_.of(places_.has("rateLimit.rate") ? "rateLimit.rate" : "rateLimit.enable");
      return findings_.fault(place, "rateLimit.rate",
                             "must be above 0 when rateLimit is enabled; write the queries per second of a client");
    }
    if (limit.burst == 0) limit.burst = limit.rate > UINT32_MAX / 2 ? UINT32_MAX : 2 * limit.rate;
    if (limit.burst < limit.rate) {
      fault("rateLimit.burst", std::to_string(limit.burst) + " must not be below the rate " + std::to_string(limit.rate));
    }
  }

  void rebinding() {
    static constexpr const char* kKey = "rebindingProtection.allowedDomains";
    auto& domains = config_.rebinding_protection.allowed_domains;
    for (std::size_t i = 0; i < domains.size(); ++i) {
      auto& domain = domains[i];
      if (!domain.empty() && domain.back() == '.') domain.pop_back();
      if (domain.empty() || domain.front() == '.' || domain.find_first_of(" \t*/") != std::string::npos ||
          domain.find("..") != std::string::npos) {
        findings_.fault(places_.of_item(kKey, i), kKey + ("[" + std::to_string(i) + "]"),
                        quoted(domain) + " is no plain domain name; write example.org, which holds for all names below "
                                         "it too");
      }
    }
  }

  void query_log() {
    using Type = storage::QueryLogType;
    auto& log = config_.query_log;
    if (log.type == Type::kMysql || log.type == Type::kDnstap) {
      // A record that nobody keeps is no reason to answer nobody: as Blocky does with a log that it cannot open.
      warn("queryLog.type", quoted(log.type == Type::kMysql ? "mysql" : "dnstap") +
                                " is not built into this version, so the query log goes to the console; write "
                                "postgresql, timescale, sqlite, csv, csv-client, console or none");
      log.type = Type::kConsole;
    }
    if (log.type != Type::kConsole && log.type != Type::kNone && log.target.value.empty()) {
      fault(places_.has("queryLog.target") ? "queryLog.target" : "queryLog.type",
            "needs queryLog.target: a directory for csv, a connection string for databases, a file for sqlite");
    }
  }

  void redis() {
    const auto& redis = config_.redis;
    const auto check_address = [&](std::string_view key, const std::string& address) {
      const auto parsed = parse_listen_address(address);
      if (!parsed.ok() || parsed.value().port == 0) fault(key, quoted(address) + " is no address; write host:port");
    };
    for (const auto& sentinel : redis.sentinel_addresses) check_address("redis.sentinelAddresses", sentinel);
    if (redis.address.empty() && !redis.sentinel_addresses.empty()) {
      fault("redis.sentinelAddresses", "needs redis.address: the name by which the sentinels know the master");
    }
    if (!redis.address.empty() && redis.sentinel_addresses.empty() && redis.address.front() != '/') {
      check_address("redis.address", redis.address);
    }
    if (redis.tls.cert_file.empty() != redis.tls.key_file.empty()) {
      fault(redis.tls.cert_file.empty() ? "redis.tls.keyFile" : "redis.tls.certFile", "needs both certFile and keyFile");
    }
  }

  void http_paths() {
    const auto& path = config_.prometheus.path;
    if (path.empty() || path.front() != '/') {
      fault("prometheus.path", quoted(path) + " must begin with '/'; write /metrics");
    }
  }

  Config& config_;
  const ConfigPlaces& places_;
  Findings& findings_;
};

}  // namespace

void check(Config& config, const ConfigPlaces& places, Findings& findings) {
  Checker(config, places, findings).run();
}

}  // namespace rampart::control
