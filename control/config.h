// Everything that can be configured, as plain values. The defaults stand here and nowhere else: config_schema.cc
// has one row for each key (bounds, meaning), and the reference and the default file print what stands here.
//
// Keys are Blocky's unless the comment says "ours"; ours live in sections and keys that Blocky does not have.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/log.h"
#include "blocklists/list_source.h"
#include "control/client_identifier.h"
#include "control/schedule.h"
#include "dns/types.h"
#include "dns/zone_text.h"
#include "resolver/policy.h"
#include "resolver/upstream_set.h"
#include "resolver/upstream_spec.h"
#include "storage/query_log_options.h"

namespace rampart::control {

using Milliseconds = std::chrono::milliseconds;

/// `blocking` answers queries when initialisation is done, `failOnError` ends the program if it fails, `fast`
/// answers at once and initialises meanwhile.
enum class InitStrategy : std::uint8_t { kBlocking, kFailOnError, kFast };

enum class TlsVersion : std::uint8_t { k10, k11, k12, k13 };

/// A value that is never printed; `file:PATH` was already replaced by the file's content.
struct Secret {
  std::string value;
  friend bool operator==(const Secret&, const Secret&) = default;
};

struct ByteSize {
  std::uint64_t bytes = 0;
  friend bool operator==(const ByteSize&, const ByteSize&) = default;
};

struct Percent {
  std::uint32_t value = 0;
  friend bool operator==(const Percent&, const Percent&) = default;
};

/// `53`, `:53`, `192.0.2.1:53`, `[2001:db8::1]:53`, `hostname:53`.
struct ListenAddress {
  std::optional<base::IpAddress> address;  ///< absent: all addresses of both families, unless `host` is set
  std::string host;                        ///< a host name, to be looked up at start; else empty
  std::uint16_t port = 0;
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

enum class Listener : std::uint8_t { kDns, kHttp, kHttps, kTls };

/// `blocking.loading` and `hostsFile.loading`.
struct Loading {
  struct Downloads {
    Milliseconds timeout{5'000};  ///< one whole exchange
    std::uint32_t attempts = 3;   ///< 0: until it succeeds
    Milliseconds cooldown{500};
    std::string cache_path;       ///< directory of last good copies; empty: none
    // Blocky gives its own HTTP server these timeouts; we keep that.
    Milliseconds read_timeout{20'000};
    Milliseconds read_header_timeout{20'000};
    Milliseconds write_timeout{20'000};
  };
  InitStrategy strategy = InitStrategy::kBlocking;
  std::uint32_t concurrency = 4;
  std::int32_t max_errors_per_source = 5;  ///< -1: any number
  Milliseconds refresh_period{4 * 3'600'000};  ///< <= 0: never
  Downloads downloads;
};

struct Upstreams {
  InitStrategy init_strategy = InitStrategy::kBlocking;
  Milliseconds timeout{2'000};
  std::map<std::string, std::vector<resolver::UpstreamSpec>> groups;
  resolver::UpstreamStrategy strategy = resolver::UpstreamStrategy::kParallelBest;
  std::string user_agent;
  Milliseconds quic_max_idle_timeout{30'000};
  Milliseconds quic_keep_alive_period{15'000};
};

struct CustomDns {
  Milliseconds custom_ttl{3'600'000};
  std::map<std::string, std::vector<base::IpAddress>> mapping;
  std::string zone;
  std::vector<dns::ZoneRecord> zone_records;  ///< what `zone` says, its $INCLUDE files read
  bool filter_unmapped_types = true;
  std::map<std::string, std::string> rewrite;  ///< lower case
  bool fallback_upstream = false;
};

struct Conditional {
  std::map<std::string, std::vector<resolver::UpstreamSpec>> mapping;
  std::map<std::string, std::string> rewrite;  ///< lower case
  bool fallback_upstream = false;
};

struct Blocking {
  using SourcesByGroup = std::map<std::string, std::vector<blocklists::SourceSpec>>;
  struct ClientGroups {
    std::vector<ClientIdentifier> clients;
    std::vector<std::string> groups;
    std::string key{};  ///< as written, for findings
    friend bool operator==(const ClientGroups&, const ClientGroups&) = default;
  };
  /// Ours: which new versions of a list are taken into force.
  struct Admission {
    bool enable = true;
    Percent max_shrink{50};   ///< of the last good version's entries
    Percent max_growth{1000};
    bool html = false;        ///< whether a page of HTML counts as a list
    std::vector<std::string> canaries;  ///< beside the built-in ones: names that no denylist may block
  };

  SourcesByGroup denylists;
  SourcesByGroup allowlists;
  std::vector<ClientGroups> client_groups_block;  ///< in file order
  std::map<std::string, Schedule> schedules;
  std::map<std::string, std::vector<std::string>> list_schedules;
  resolver::BlockAnswer block_type;
  Milliseconds block_ttl{6 * 3'600'000};
  Loading loading;
  std::map<std::string, resolver::BlockAnswer> group_block_type;  ///< ours: list group -> its own blockType
  Admission admission;
};

struct HostsFile {
  std::vector<blocklists::SourceSpec> sources;
  Milliseconds hosts_ttl{3'600'000};
  bool filter_loopback = false;
  Loading loading;
};

struct Caching {
  Milliseconds min_time{0};
  Milliseconds max_time{0};  ///< 0: no upper clamp; negative: no caching
  Milliseconds cache_time_negative{30 * 60'000};
  std::int64_t max_items_count = 0;  ///< <= 0: bounded by cache.memory only
  bool prefetching = false;
  Milliseconds prefetch_expires{2 * 3'600'000};
  std::int64_t prefetch_threshold = 5;
  std::int64_t prefetch_max_items_count = 0;
  std::vector<std::string> exclude;  ///< RE2 patterns, without their slashes
};

struct QueryLog {
  storage::QueryLogType type = storage::QueryLogType::kConsole;
  Secret target;
  std::uint32_t log_retention_days = 0;
  std::int32_t creation_attempts = 3;
  Milliseconds creation_cooldown{2'000};
  storage::EntryFields fields;
  Milliseconds flush_interval{30'000};
  bool ignore_sudn = false;
  std::vector<std::string> ignore_domains;
  std::string spool_path;                     ///< ours; empty: no spool
  ByteSize spool_max_bytes{std::uint64_t{1} << 30};
};

struct Redis {
  std::string address;  ///< empty: off
  std::string username;
  Secret password;
  std::int32_t database = 0;
  bool required = false;
  std::int32_t connection_attempts = 3;
  Milliseconds connection_cooldown{1'000};
  std::string sentinel_username;
  Secret sentinel_password;
  std::vector<std::string> sentinel_addresses;
  /// Ours.
  struct Tls {
    bool enable = false;
    std::string ca_file;  ///< empty: the system's authorities
    std::string cert_file;
    std::string key_file;
    std::string server_name;  ///< empty: the host of `address`
  } tls;
};

struct Ports {
  std::vector<ListenAddress> dns{{.port = 53}};
  std::vector<ListenAddress> http;
  std::vector<ListenAddress> https;
  std::vector<ListenAddress> tls;
  std::string doh_path = "/dns-query";
  bool free_bind = false;
  std::vector<Listener> proxy_protocol;
};

struct Log {
  base::log::Level level = base::log::Level::kInfo;
  bool json = false;
  bool privacy = false;
  bool timestamp = true;
};

struct ClientLookup {
  std::optional<resolver::UpstreamSpec> upstream;
  std::vector<std::uint32_t> single_name_order;
  std::map<std::string, std::vector<base::IpAddress>> clients;
};

struct Dns64 {
  bool enable = false;
  std::vector<base::IpRange> prefixes{*base::IpRange::parse("64:ff9b::/96")};
  std::vector<base::IpRange> exclusion_set;  ///< empty: the built-in set
};

struct Dnssec {
  bool validate = false;
  std::vector<std::string> trust_anchors;  ///< empty: the root's
  std::uint32_t max_chain_depth = 10;
  std::uint32_t cache_expiration_hours = 1;
  std::uint32_t max_nsec3_iterations = 150;
  std::uint32_t max_upstream_queries = 30;
  std::uint32_t clock_skew_tolerance_s = 3600;
};

struct RateLimit {
  bool enable = false;
  std::uint32_t rate = 0;   ///< queries per second for each client
  std::uint32_t burst = 0;  ///< 0: twice the rate
  std::uint32_t ipv4_prefix = 32;
  std::uint32_t ipv6_prefix = 64;
  std::vector<base::IpRange> allowlist;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct RebindingProtection {
  bool enable = false;
  std::vector<std::string> allowed_domains;  ///< lower case, no final dot
};

struct Ecs {
  bool use_as_client = false;
  bool forward = false;
  std::uint32_t ipv4_mask = 0;
  std::uint32_t ipv6_mask = 0;
};

struct SpecialUseDomains {
  bool enable = true;
  bool appendix_g = true;
};

struct Prometheus {
  bool enable = false;
  std::string path = "/metrics";
};

/// Ours: RFC 8767.
struct ServeStale {
  bool enable = false;
  Milliseconds max_age{24 * 3'600'000};
  Milliseconds answer_ttl{30'000};
  Milliseconds client_timeout{1'800};  ///< RFC 8767 5: stale data is sent when no fresh answer came by then
};

/// Ours: totals for the whole server.
struct Tcp {
  std::uint32_t max_connections = 4096;
  std::uint32_t max_connections_per_client = 64;
  Milliseconds idle_timeout{10'000};
  Milliseconds total_timeout{300'000};
  std::uint32_t max_pipelined = 128;
};

/// Ours: answers to version.bind and id.server (class CH); empty = REFUSED.
struct Identity {
  std::string version;
  std::string id;
};

/// Ours. With `http` or `https` the API is served there alone, and what `ports` opens for HTTP serves DoH.
struct Api {
  std::vector<ListenAddress> http;
  std::vector<ListenAddress> https;
  std::vector<Secret> tokens;            ///< for everything
  std::vector<Secret> read_only_tokens;
  std::vector<base::IpRange> allowed_networks;  ///< empty: loopback and private networks
};

enum class Component : std::uint8_t { kUpstreams, kLists, kQueryLog, kRedis, kCertificate, kMemory };

/// Ours: what makes this server not ready, and when a part counts as degraded.
struct Health {
  std::vector<Component> required{Component::kUpstreams};
  Milliseconds list_max_age{72 * 3'600'000};
  std::uint32_t certificate_min_days = 14;
  ByteSize memory_max{0};  ///< resident; 0: no bound
};

struct Config {
  resolver::IpFamilies connect_ip_version = resolver::IpFamilies::kDual;
  TlsVersion min_tls_serve_version = TlsVersion::k12;
  std::string cert_file;
  std::string key_file;
  std::vector<resolver::UpstreamSpec> bootstrap_dns;  ///< resolvFile entries already replaced by their servers
  bool fqdn_only = false;
  bool ede = false;
  bool http3 = false;
  bool statistics = false;
  std::vector<dns::RrType> filtered_query_types;
  Upstreams upstreams;
  CustomDns custom_dns;
  Conditional conditional;
  Blocking blocking;
  HostsFile hosts_file;
  Caching caching;
  QueryLog query_log;
  Redis redis;
  Ports ports;
  Log log;
  ClientLookup client_lookup;
  Dns64 dns64;
  Dnssec dnssec;
  RateLimit rate_limit;
  RebindingProtection rebinding_protection;
  Ecs ecs;
  SpecialUseDomains special_use_domains;
  Prometheus prometheus;

  // Ours.
  std::uint32_t workers = 0;  ///< 0: one for each core
  ByteSize cache_memory{std::uint64_t{64} << 20};
  ServeStale serve_stale;
  Tcp tcp;
  Identity identity;
  std::vector<base::IpRange> trusted_proxies;  ///< empty: loopback and private networks
  Api api;
  Health health;
};

}  // namespace rampart::control
