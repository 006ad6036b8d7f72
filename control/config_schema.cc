#include "control/config_schema.h"

#include <cstring>

#include "control/config_words.h"

namespace rampart::control {
namespace {

template <class T>
struct DefaultForm;
template <> struct DefaultForm<bool> { using Form = Bool; };
template <> struct DefaultForm<std::uint32_t> { using Form = Integer<std::uint32_t>; };
template <> struct DefaultForm<std::int32_t> { using Form = Integer<std::int32_t>; };
template <> struct DefaultForm<std::int64_t> { using Form = Integer<std::int64_t>; };
template <> struct DefaultForm<Milliseconds> { using Form = Duration; };
template <> struct DefaultForm<ByteSize> { using Form = Bytes; };
template <> struct DefaultForm<Percent> { using Form = Percentage; };
template <> struct DefaultForm<std::string> { using Form = Text; };
template <> struct DefaultForm<Secret> { using Form = SecretText; };
template <> struct DefaultForm<base::IpAddress> { using Form = Address; };
template <> struct DefaultForm<base::IpRange> { using Form = Range; };
template <> struct DefaultForm<dns::RrType> { using Form = QueryType; };
template <> struct DefaultForm<resolver::UpstreamSpec> { using Form = Upstream; };
template <> struct DefaultForm<std::optional<resolver::UpstreamSpec>> { using Form = OptionalUpstream; };
template <> struct DefaultForm<blocklists::SourceSpec> { using Form = ListSourceText; };
template <> struct DefaultForm<resolver::BlockAnswer> { using Form = BlockType; };
template <> struct DefaultForm<Schedule> { using Form = ScheduleForm; };
template <> struct DefaultForm<std::vector<ListenAddress>> { using Form = ListenAddresses; };
template <> struct DefaultForm<std::vector<Blocking::ClientGroups>> { using Form = ClientGroupsMap; };
template <> struct DefaultForm<storage::EntryFields> { using Form = QueryLogFields; };
template <class T>
  requires std::is_enum_v<T>
struct DefaultForm<T> { using Form = Enum<T>; };
template <class T>
struct DefaultForm<std::vector<T>> { using Form = ListOf<typename DefaultForm<T>::Form>; };
template <class T>
struct DefaultForm<std::map<std::string, T>> { using Form = MapOf<typename DefaultForm<T>::Form>; };

struct Options {
  Limits limits{};
  Effect effect = Effect::kWorks;
  Origin origin = Origin::kBlocky;
};

/// A row whose value is written in `Form`, at `config.*Members.*…`.
template <class Form, auto... Members>
constexpr ConfigRow row_as(const char* path, const char* doc, Options options = {}) {
  return {path, doc, options.limits, options.effect, options.origin,
          +[] { return std::string(Form::type()); },
          +[](ReadContext& context, const ConfigNode& node, Config& config) {
            Form::read(context, node, (config.*....*Members));
          },
          +[](const Config& config) { return Form::print((config.*....*Members)); }};
}

/// The same, in the usual form of the value's type.
template <auto... Members>
constexpr ConfigRow row(const char* path, const char* doc, Options options = {}) {
  using Value = std::remove_cvref_t<decltype((std::declval<Config&>().*....*Members))>;
  return row_as<typename DefaultForm<Value>::Form, Members...>(path, doc, options);
}

constexpr Options kPending{.effect = Effect::kNotYet};
constexpr Options kOwn{.origin = Origin::kOurs};
constexpr Options kOwnPending{.effect = Effect::kNotYet, .origin = Origin::kOurs};

constexpr Limits at_least(std::int64_t min) { return {.min = min}; }
constexpr Limits between(std::int64_t min, std::int64_t max) { return {.min = min, .max = max}; }
/// Blocky starts with values beyond its sense, and so do we: with the default instead, and a WARN.
constexpr Limits or_default(std::int64_t min) { return {.min = min, .or_default = true}; }

/// A TTL has 31 bits (RFC 2181 8); beyond a day nobody means it, but nobody is harmed.
constexpr Limits kTtl{.min = 0, .max = 2'147'483'647'000, .or_default = true};

using C = Config;
using Downloads = Loading::Downloads;

constexpr ConfigRow kRows[] = {
    // --- Upstreams
    row<&C::upstreams, &Upstreams::groups>("upstreams.groups",
        "Upstreams by group: `default` must be there; any other name is a client (address, range or name pattern) whose queries its group gets."),
    row<&C::upstreams, &Upstreams::strategy>("upstreams.strategy",
        "How one of several upstreams is chosen: race two, choose one at random, or go through them in order."),
    row<&C::upstreams, &Upstreams::timeout>("upstreams.timeout", "How long one upstream may take.", {or_default(1)}),
    row<&C::upstreams, &Upstreams::init_strategy>("upstreams.init.strategy",
        "What the test of all upstreams at start holds up: `blocking` serving, `failOnError` the whole program if none works, `fast` nothing."),
    row<&C::upstreams, &Upstreams::user_agent>("upstreams.userAgent", "User-Agent header sent to DoH upstreams.", kPending),
    row<&C::upstreams, &Upstreams::quic_max_idle_timeout>("upstreams.quic.maxIdleTimeout",
        "DoQ connections without a query are closed after this.", {or_default(1), Effect::kNotYet}),
    row<&C::upstreams, &Upstreams::quic_keep_alive_period>("upstreams.quic.keepAlivePeriod",
        "Pause between the keep-alives of a DoQ connection.", {or_default(1), Effect::kNotYet}),
    row_as<Bootstrap, &C::bootstrap_dns>("bootstrapDns",
        "Who resolves the host names of upstreams and list servers: an upstream, `{upstream, ips}`, `{resolvFile}`, or a list of them; without it, the system."),
    row<&C::connect_ip_version>("connectIPVersion", "Address families for connections that the server opens."),

    // --- Listeners
    row<&C::ports, &Ports::dns>("ports.dns", "Where DNS is served, over UDP and TCP."),
    row<&C::ports, &Ports::http>("ports.http", "Where the REST API, metrics and DoH without TLS are served."),
    row<&C::ports, &Ports::https>("ports.https", "Where DoH, the REST API and metrics are served over TLS."),
    row<&C::ports, &Ports::tls>("ports.tls", "Where DNS over TLS is served.", kPending),
    row<&C::ports, &Ports::doh_path>("ports.dohPath", "URL path of DoH."),
    row<&C::ports, &Ports::free_bind>("ports.freeBind", "Listen on addresses that this machine does not have (yet)."),
    row<&C::ports, &Ports::proxy_protocol>("ports.proxyProtocol", "Listeners whose connections begin with a PROXY header; where `trustedProxies` is set, only theirs are accepted."),
    row<&C::tcp, &Tcp::max_connections>("tcp.maxConnections", "DNS connections over TCP at once, for the whole server.", {between(1, 1'000'000), Effect::kWorks, Origin::kOurs}),
    row<&C::tcp, &Tcp::max_connections_per_client>("tcp.maxConnectionsPerClient", "The same for one client: an IPv4 address, or a /64 of IPv6.", {between(1, 1'000'000), Effect::kWorks, Origin::kOurs}),
    row<&C::tcp, &Tcp::idle_timeout>("tcp.idleTimeout", "A connection without a query in progress is closed after this (RFC 7766 6.2.3).", {at_least(1), Effect::kWorks, Origin::kOurs}),
    row<&C::tcp, &Tcp::total_timeout>("tcp.totalTimeout", "A connection is closed after this, however busy.", {at_least(1), Effect::kWorks, Origin::kOurs}),
    row<&C::tcp, &Tcp::max_pipelined>("tcp.maxPipelined", "Queries of one connection that may wait for an upstream.", {between(1, 65'535), Effect::kWorks, Origin::kOurs}),
    row<&C::min_tls_serve_version>("minTlsServeVersion", "Lowest TLS version for DoT and HTTPS; below 1.2, 1.2 is used."),
    row<&C::cert_file>("certFile", "Certificate chain (PEM) for HTTPS; without it one is made up at each start."),
    row<&C::key_file>("keyFile", "Private key (PEM) of `certFile`."),
    row<&C::http3>("http3.enable", "DoH over HTTP/3.", kPending),
    row<&C::trusted_proxies>("trustedProxies", "Whose `Forwarded` and `X-Forwarded-For` headers are believed; empty: loopback and private networks.", kOwn),
    row<&C::workers>("workers", "Threads that answer queries; 0: one for each core.", {between(0, 1024), Effect::kWorks, Origin::kOurs}),

    // --- Blocking
    row<&C::blocking, &Blocking::denylists>("blocking.denylists", "Names to block, by group: files, URLs, or the lines themselves behind `|`."),
    row<&C::blocking, &Blocking::allowlists>("blocking.allowlists", "Names never to block, by group; a group that has only allowlists blocks everything else."),
    row<&C::blocking, &Blocking::client_groups_block>("blocking.clientGroupsBlock", "Which list groups hold for which clients (address, range, name, pattern; several separated by commas); `default` for all others."),
    row<&C::blocking, &Blocking::schedules>("blocking.schedules", "Times of the week, by name."),
    row<&C::blocking, &Blocking::list_schedules>("blocking.listSchedules", "Schedules of a list group; without one it is always in force."),
    row<&C::blocking, &Blocking::block_type>("blocking.blockType", "The answer to blocked names: zero addresses, NXDOMAIN, or the given addresses."),
    row<&C::blocking, &Blocking::group_block_type>("blocking.groupBlockType", "A different blockType for single list groups.", kOwn),
    row<&C::blocking, &Blocking::block_ttl>("blocking.blockTTL", "TTL of such answers.", {kTtl}),
    row<&C::blocking, &Blocking::loading, &Loading::strategy>("blocking.loading.strategy", "What loading lists at start holds up: `blocking` serving, `failOnError` the whole program if a group stays empty, `fast` nothing."),
    row<&C::blocking, &Blocking::loading, &Loading::concurrency>("blocking.loading.concurrency", "Sources loaded at the same time.", {or_default(1)}),
    row<&C::blocking, &Blocking::loading, &Loading::max_errors_per_source>("blocking.loading.maxErrorsPerSource", "Lines in error that a source may have; one more, and its last good version stays in force; -1: any number.", {or_default(-1)}),
    row<&C::blocking, &Blocking::loading, &Loading::refresh_period>("blocking.loading.refreshPeriod", "Pause between two loads of all sources; 0 or less: never again."),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::timeout>("blocking.loading.downloads.timeout", "Time for one download.", {or_default(1)}),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::attempts>("blocking.loading.downloads.attempts", "Attempts for one download; 0: until it succeeds."),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::cooldown>("blocking.loading.downloads.cooldown", "Pause between attempts.", {or_default(0)}),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::cache_path>("blocking.loading.downloads.cachePath", "Directory for the last good versions of downloads, so that a restart blocks from its first query."),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::read_timeout>("blocking.loading.downloads.readTimeout", "Time for the server's own HTTP side to read a request (as in Blocky, not for downloads).", {or_default(1)}),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::read_header_timeout>("blocking.loading.downloads.readHeaderTimeout", "Time for the server's own HTTP side to read the headers of a request.", {or_default(1)}),
    row<&C::blocking, &Blocking::loading, &Loading::downloads, &Downloads::write_timeout>("blocking.loading.downloads.writeTimeout", "Time for the server's own HTTP side to write a response.", {or_default(1)}),
    row<&C::blocking, &Blocking::admission, &Blocking::Admission::enable>("blocking.admission.enable", "Whether new versions of a list must pass a gate; one that does not leaves the last good version in force.", kOwn),
    row<&C::blocking, &Blocking::admission, &Blocking::Admission::max_shrink>("blocking.admission.maxShrink", "How far a list of 100 entries or more may shrink from one version to the next; a list that is empty all at once is refused, too.", {between(0, 100), Effect::kWorks, Origin::kOurs}),
    row<&C::blocking, &Blocking::admission, &Blocking::Admission::max_growth>("blocking.admission.maxGrowth", "How far a list of 100 entries or more may grow from one version to the next.", {between(0, 1'000'000), Effect::kWorks, Origin::kOurs}),
    row_as<ListOf<Canary>, &C::blocking, &Blocking::admission, &Blocking::Admission::canaries>("blocking.admission.canaries", "Names that no denylist may block, beside the built-in ones (hosts of upstreams and lists, time and update servers); `!name` takes a built-in one away. Inline lists are free.", kOwn),
    row<&C::blocking, &Blocking::admission, &Blocking::Admission::html>("blocking.admission.html", "Whether a page of HTML is taken for a list.", kOwn),

    // --- Answers of our own
    row<&C::filtered_query_types>("filtering.queryTypes",
        "Query types that get an empty answer; `AAAA` takes `ipv6hint` out of other answers."),
    row<&C::fqdn_only>("fqdnOnly.enable", "Answer NXDOMAIN for names of a single label."),
    row<&C::special_use_domains, &SpecialUseDomains::enable>("specialUseDomains.enable", "Keep names for special use (RFC 6761 and others) from the upstreams."),
    row<&C::special_use_domains, &SpecialUseDomains::appendix_g>("specialUseDomains.rfc6762-appendixG", "The same for intranet, internal, private, corp, home and lan."),
    row<&C::ede>("ede.enable", "Say in answers why they are what they are (RFC 8914)."),
    row_as<DisclosedText, &C::identity, &Identity::version>("identity.version", "Answer to `version.bind`; `refuse` tells nothing.", kOwn),
    row_as<DisclosedText, &C::identity, &Identity::id>("identity.id", "Answer to `id.server`; `refuse` tells nothing.", kOwn),
    row_as<MapOf<CommaList<Address>>, &C::custom_dns, &CustomDns::mapping>("customDNS.mapping", "Addresses of names (and all names below them)."),
    row<&C::custom_dns, &CustomDns::zone>("customDNS.zone", "Records in zone file format."),
    row<&C::custom_dns, &CustomDns::custom_ttl>("customDNS.customTTL", "TTL of mapped names.", {kTtl}),
    row<&C::custom_dns, &CustomDns::filter_unmapped_types>("customDNS.filterUnmappedTypes", "Whether a mapped name has no other types than those given."),
    row_as<MapOf<LowerText>, &C::custom_dns, &CustomDns::rewrite>("customDNS.rewrite", "Suffixes to replace before the mapping is asked."),
    row<&C::custom_dns, &CustomDns::fallback_upstream>("customDNS.fallbackUpstream", "Whether the original name is asked where a rewritten one has no answer."),
    row_as<MapOf<CommaList<Upstream>>, &C::conditional, &Conditional::mapping>("conditional.mapping", "Upstreams for single domains; `.` for names of one label."),
    row_as<MapOf<LowerText>, &C::conditional, &Conditional::rewrite>("conditional.rewrite", "Suffixes to replace before the mapping is asked."),
    row<&C::conditional, &Conditional::fallback_upstream>("conditional.fallbackUpstream", "Whether the original name is asked where a rewritten one has no answer."),
    row<&C::hosts_file, &HostsFile::sources>("hostsFile.sources", "Hosts files: paths, URLs, or the lines themselves."),
    row<&C::hosts_file, &HostsFile::hosts_ttl>("hostsFile.hostsTTL", "TTL of such answers.", {kTtl}),
    row<&C::hosts_file, &HostsFile::filter_loopback>("hostsFile.filterLoopback", "Leave loopback entries out."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::strategy>("hostsFile.loading.strategy", "As `blocking.loading.strategy`."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::concurrency>("hostsFile.loading.concurrency", "Sources loaded at the same time.", {or_default(1)}),
    row<&C::hosts_file, &HostsFile::loading, &Loading::max_errors_per_source>("hostsFile.loading.maxErrorsPerSource", "Lines in error that a source may have; -1: any number.", {or_default(-1)}),
    row<&C::hosts_file, &HostsFile::loading, &Loading::refresh_period>("hostsFile.loading.refreshPeriod", "Pause between two loads; 0 or less: never again."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::timeout>("hostsFile.loading.downloads.timeout", "Time for one download.", {or_default(1)}),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::attempts>("hostsFile.loading.downloads.attempts", "Attempts for one download; 0: until it succeeds."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::cooldown>("hostsFile.loading.downloads.cooldown", "Pause between attempts.", {or_default(0)}),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::cache_path>("hostsFile.loading.downloads.cachePath", "Directory for the last good versions of downloads."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::read_timeout>("hostsFile.loading.downloads.readTimeout", "Accepted as in Blocky, where nothing reads it."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::read_header_timeout>("hostsFile.loading.downloads.readHeaderTimeout", "Accepted as in Blocky, where nothing reads it."),
    row<&C::hosts_file, &HostsFile::loading, &Loading::downloads, &Downloads::write_timeout>("hostsFile.loading.downloads.writeTimeout", "Accepted as in Blocky, where nothing reads it."),
    row<&C::dns64, &Dns64::enable>("dns64.enable", "Make AAAA records for names that have only A records (RFC 6147).", kPending),
    row<&C::dns64, &Dns64::prefixes>("dns64.prefixes", "IPv6 prefixes of 32, 40, 48, 56, 64 or 96 bits to put the IPv4 addresses in.", kPending),
    row<&C::dns64, &Dns64::exclusion_set>("dns64.exclusionSet", "AAAA records that do not count as such; empty: the built-in set.", kPending),

    // --- Cache
    row<&C::caching, &Caching::min_time>("caching.minTime", "Answers are kept at least so long; 0: as their TTL says."),
    row<&C::caching, &Caching::max_time>("caching.maxTime", "Answers are kept at most so long; 0: as their TTL says; negative: there is no cache."),
    row<&C::caching, &Caching::cache_time_negative>("caching.cacheTimeNegative", "Negative answers are kept at most so long; 0 or less: not at all."),
    row<&C::caching, &Caching::max_items_count>("caching.maxItemsCount", "Answers kept at most; 0: as many as `cache.memory` holds."),
    row<&C::caching, &Caching::prefetching>("caching.prefetching", "Ask again for popular names before their answer expires."),
    row<&C::caching, &Caching::prefetch_expires>("caching.prefetchExpires", "Time over which queries are counted for that.", {or_default(1)}),
    row<&C::caching, &Caching::prefetch_threshold>("caching.prefetchThreshold", "A name asked for more often is popular.", {or_default(0)}),
    row<&C::caching, &Caching::prefetch_max_items_count>("caching.prefetchMaxItemsCount", "Accepted as in Blocky; names are counted inside the cache's own memory.", kPending),
    row_as<ListOf<SlashedRegex>, &C::caching, &Caching::exclude>("caching.exclude", "Names that are not cached, as `/regular expression/`."),
    row<&C::cache_memory>("cache.memory", "Memory for the cache, with everything that belongs to it.", {between(128 << 10, std::int64_t{1} << 40), Effect::kWorks, Origin::kOurs}),
    row<&C::serve_stale, &ServeStale::enable>("serveStale.enable", "Answer from expired entries while no upstream answers (RFC 8767).", kOwn),
    row<&C::serve_stale, &ServeStale::max_age>("serveStale.maxAge", "How long after its end an entry may still serve.", {at_least(1), Effect::kWorks, Origin::kOurs}),
    row<&C::serve_stale, &ServeStale::answer_ttl>("serveStale.answerTTL", "TTL of such answers.", {between(1'000, 3'600'000), Effect::kWorks, Origin::kOurs}),
    row<&C::serve_stale, &ServeStale::client_timeout>("serveStale.clientTimeout", "A client gets the expired answer if no fresh one came by then; 0s: at once.", {at_least(0), Effect::kWorks, Origin::kOurs}),

    // --- Clients
    row<&C::client_lookup, &ClientLookup::upstream>("clientLookup.upstream", "Who is asked for the names of client addresses (PTR): a classic DNS server. An answer never waits for it: the first query of a client goes by its address alone."),
    row<&C::client_lookup, &ClientLookup::single_name_order>("clientLookup.singleNameOrder", "Which of several names that were found (not given in `clientLookup.clients`) is taken, counted from 1, in order of preference; if none of these exists, the client has no name."),
    row<&C::client_lookup, &ClientLookup::clients>("clientLookup.clients", "Names of clients, with their addresses."),
    row<&C::rate_limit, &RateLimit::enable>("rateLimit.enable", "Drop queries of clients that ask too much."),
    row<&C::rate_limit, &RateLimit::rate>("rateLimit.rate", "Queries per second for each client."),
    row<&C::rate_limit, &RateLimit::burst>("rateLimit.burst", "Queries at once after a pause; 0: twice the rate."),
    row<&C::rate_limit, &RateLimit::ipv4_prefix>("rateLimit.ipv4Prefix", "Clients are told apart by so many bits of an IPv4 address.", {between(0, 32)}),
    row<&C::rate_limit, &RateLimit::ipv6_prefix>("rateLimit.ipv6Prefix", "Clients are told apart by so many bits of an IPv6 address.", {between(0, 128)}),
    row<&C::rate_limit, &RateLimit::allowlist>("rateLimit.allowlist", "Clients without a limit."),
    row<&C::ecs, &Ecs::use_as_client>("ecs.useAsClient", "Take a full address in a query's ECS option for the client's.", kPending),
    row<&C::ecs, &Ecs::forward>("ecs.forward", "Pass the client's ECS option on to upstreams.", kPending),
    row<&C::ecs, &Ecs::ipv4_mask>("ecs.ipv4Mask", "Tell upstreams so many bits of an IPv4 client's address; 0: none.", {between(0, 32), Effect::kNotYet}),
    row<&C::ecs, &Ecs::ipv6_mask>("ecs.ipv6Mask", "Tell upstreams so many bits of an IPv6 client's address; 0: none.", {between(0, 128), Effect::kNotYet}),

    // --- Protection
    row<&C::dnssec, &Dnssec::validate>("dnssec.validate", "Validate answers (RFC 4035).", kPending),
    row<&C::dnssec, &Dnssec::trust_anchors>("dnssec.trustAnchors", "DNSKEY or DS records to start from; empty: those of the root.", kPending),
    row<&C::dnssec, &Dnssec::max_chain_depth>("dnssec.maxChainDepth", "Zones on the way to an answer at most; 0: the default.", kPending),
    row<&C::dnssec, &Dnssec::cache_expiration_hours>("dnssec.cacheExpirationHours", "Verdicts are kept so long; 0: the default.", kPending),
    row<&C::dnssec, &Dnssec::max_nsec3_iterations>("dnssec.maxNSEC3Iterations", "NSEC3 proofs with more iterations do not count; 0: the default.", kPending),
    row<&C::dnssec, &Dnssec::max_upstream_queries>("dnssec.maxUpstreamQueries", "Queries for one validation at most; 0: the default.", kPending),
    row<&C::dnssec, &Dnssec::clock_skew_tolerance_s>("dnssec.clockSkewToleranceSec", "Seconds by which clocks may differ; 0: the default.", kPending),
    row<&C::rebinding_protection, &RebindingProtection::enable>("rebindingProtection.enable", "Block answers from upstreams that point public names at private addresses."),
    row_as<ListOf<LowerText>, &C::rebinding_protection, &RebindingProtection::allowed_domains>("rebindingProtection.allowedDomains", "Domains that may do so."),

    // --- Records and shared state
    row<&C::query_log, &QueryLog::type>("queryLog.type", "Where answered queries are recorded. `mysql` and `dnstap` are *not built in yet*: the console takes their place, with a WARN."),
    row<&C::query_log, &QueryLog::target>("queryLog.target", "Directory (csv), connection string (databases) or file (sqlite)."),
    row<&C::query_log, &QueryLog::log_retention_days>("queryLog.logRetentionDays", "Records are removed after so many days; 0: never."),
    row<&C::query_log, &QueryLog::creation_attempts>("queryLog.creationAttempts", "Accepted as in Blocky; a target that is away is tried for as long as the server runs."),
    row<&C::query_log, &QueryLog::creation_cooldown>("queryLog.creationCooldown", "Longest pause between two attempts to reach the target.", {or_default(1)}),
    row<&C::query_log, &QueryLog::fields>("queryLog.fields", "What is recorded: clientIP, clientName, responseReason, responseAnswer, question, duration."),
    row<&C::query_log, &QueryLog::flush_interval>("queryLog.flushInterval", "Records are written to a database at least so often.", {or_default(1)}),
    row<&C::query_log, &QueryLog::ignore_sudn>("queryLog.ignore.sudn", "Leave out answers for special-use names."),
    row<&C::query_log, &QueryLog::ignore_domains>("queryLog.ignore.domains", "Leave out names: `example.org`, `*.example.org` or `/regular expression/`."),
    row<&C::query_log, &QueryLog::spool_path>("queryLog.spool.path", "Directory where records wait while the database is away; empty: they go to standard output.", kOwn),
    row<&C::query_log, &QueryLog::spool_max_bytes>("queryLog.spool.maxBytes", "Size of that directory; beyond it the oldest records are dropped and counted.", {at_least(1 << 20), Effect::kWorks, Origin::kOurs}),
    row<&C::redis, &Redis::address>("redis.address", "Redis for sharing the cache and the blocking switch: `host:port`, a socket's path, or the master's name for sentinels; empty: none."),
    row<&C::redis, &Redis::username>("redis.username", "User name."),
    row<&C::redis, &Redis::password>("redis.password", "Password."),
    row<&C::redis, &Redis::database>("redis.database", "Number of the database.", {between(0, 65'535), Effect::kWorks}),
    row<&C::redis, &Redis::required>("redis.required", "Whether the server fails to start while Redis is away."),
    row<&C::redis, &Redis::connection_attempts>("redis.connectionAttempts", "Attempts at start; afterwards it is tried for as long as the server runs.", {at_least(-1), Effect::kWorks}),
    row<&C::redis, &Redis::connection_cooldown>("redis.connectionCooldown", "Longest pause between two attempts.", {or_default(1), Effect::kWorks}),
    row<&C::redis, &Redis::sentinel_username>("redis.sentinelUsername", "User name for the sentinels."),
    row<&C::redis, &Redis::sentinel_password>("redis.sentinelPassword", "Password for the sentinels."),
    row<&C::redis, &Redis::sentinel_addresses>("redis.sentinelAddresses", "Sentinels as `host:port`; they tell where the master is."),
    row<&C::redis, &Redis::tls, &Redis::Tls::enable>("redis.tls.enable", "Speak TLS with Redis and the sentinels.", kOwn),
    row<&C::redis, &Redis::tls, &Redis::Tls::ca_file>("redis.tls.caFile", "Authorities (PEM) that Redis's certificate must come from; empty: the system's.", kOwn),
    row<&C::redis, &Redis::tls, &Redis::Tls::cert_file>("redis.tls.certFile", "Our certificate (PEM), where Redis wants one.", kOwn),
    row<&C::redis, &Redis::tls, &Redis::Tls::key_file>("redis.tls.keyFile", "Its private key (PEM).", kOwn),
    row<&C::redis, &Redis::tls, &Redis::Tls::server_name>("redis.tls.serverName", "Name in Redis's certificate; empty: the host of `redis.address`.", kOwn),

    // --- Watching it
    row<&C::log, &Log::level>("log.level", "The least important lines that are still written."),
    row_as<LogFormat, &C::log, &Log::json>("log.format", "Lines for people or for programs."),
    row<&C::log, &Log::privacy>("log.privacy", "Names and answers in logs are made unreadable."),
    row<&C::log, &Log::timestamp>("log.timestamp", "Whether text lines begin with the time."),
    row<&C::prometheus, &Prometheus::enable>("prometheus.enable", "Serve metrics for Prometheus."),
    row<&C::prometheus, &Prometheus::path>("prometheus.path", "URL path of the metrics."),
    row<&C::statistics>("statistics.enable", "Keep statistics of the last 24 hours in memory, for `/api/stats`."),
    row<&C::api, &Api::http>("api.http", "Where the REST API, metrics and documents are served; with this or `api.https` they are served there alone, and `ports.http` and `ports.https` serve DoH only.", kOwn),
    row<&C::api, &Api::https>("api.https", "The same over TLS.", kOwn),
    row<&C::api, &Api::tokens>("api.tokens", "Bearer tokens that may do everything; with none, no token is asked for.", kOwn),
    row<&C::api, &Api::read_only_tokens>("api.readOnlyTokens", "Bearer tokens that may only look.", kOwn),
    row<&C::api, &Api::allowed_networks>("api.allowedNetworks", "Who may use the API at all; empty: loopback and private networks. Behind a proxy that is not allowed itself, name it in `trustedProxies`.", kOwn),
    row<&C::health, &Health::required>("health.required", "Parts without which this server reports itself as not ready.", kOwn),
    row<&C::health, &Health::list_max_age>("health.listMaxAge", "Lists that could not be refreshed for so long count as failed; until then, as degraded.", {at_least(1), Effect::kWorks, Origin::kOurs}),
    row<&C::health, &Health::certificate_min_days>("health.certificateMinDays", "A certificate that ends sooner counts as degraded.", kOwn),
    row<&C::health, &Health::memory_max>("health.memoryMax", "More resident memory counts as failed, nine tenths of it as degraded; 0: any amount is well.", kOwn),
};

constexpr struct {
  const char* path;
  const char* doc;
} kSections[] = {
    {"upstreams", "Who is asked for what is not known here. An upstream is `[net:]host[:port][/path][#commonName]` "
                  "with net `tcp+udp:` (or none), `tcp-tls:` (DoT), `https:` (DoH) or `quic:` (DoQ), or a DNS stamp `sdns://…`."},
    {"ports", "Where clients are served. A listen address is `53`, `:53`, `192.0.2.1:53` or `[2001:db8::1]:53`; several "
              "stand in a list, or in one text separated by commas."},
    {"tcp", "Bounds for DNS over TCP."},
    {"blocking", "Lists, who they hold for, and what blocked clients are told."},
    {"blocking.loading", "How lists are loaded."},
    {"blocking.admission", "What a new version of a list must be like."},
    {"filtering", "Queries that get an empty answer. A query of type ANY is always answered here, by one HINFO record (RFC "
                  "8482)."},
    {"customDNS", "Names of one's own."},
    {"conditional", "Other upstreams for single domains."},
    {"hostsFile", "Names from hosts files."},
    {"caching", "How long answers are kept."},
    {"serveStale", "Expired answers instead of none."},
    {"queryLog", "A record of every answered query."},
    {"redis", "Sharing with other instances, of Rampart or Blocky."},
    {"clientLookup", "Names of clients."},
    {"rateLimit", "A limit for each client."},
    {"dnssec", "Validation."},
    {"log", "The server's own log."},
    {"api", "Who may use the REST API."},
    {"health", "What `/readyz` says."},
};

using Kind = DeprecatedKey::Kind;
constexpr DeprecatedKey kDeprecated[] = {
    {"upstream", "upstreams.groups", Kind::kRenamed},
    {"upstreamTimeout", "upstreams.timeout", Kind::kRenamed},
    {"disableIPv6", "filtering.queryTypes", Kind::kFilterAaaa},
    {"port", "ports.dns", Kind::kRenamed},
    {"httpPort", "ports.http", Kind::kRenamed},
    {"httpsPort", "ports.https", Kind::kRenamed},
    {"tlsPort", "ports.tls", Kind::kRenamed},
    {"logLevel", "log.level", Kind::kRenamed},
    {"logFormat", "log.format", Kind::kRenamed},
    {"logPrivacy", "log.privacy", Kind::kRenamed},
    {"logTimestamp", "log.timestamp", Kind::kRenamed},
    {"dohUserAgent", "upstreams.userAgent", Kind::kRenamed},
    {"startVerifyUpstream", "upstreams.init.strategy", Kind::kVerify},
    {"blocking.blackLists", "blocking.denylists", Kind::kRenamed},
    {"blocking.whiteLists", "blocking.allowlists", Kind::kRenamed},
    {"blocking.downloadTimeout", "blocking.loading.downloads.timeout", Kind::kRenamed},
    {"blocking.downloadAttempts", "blocking.loading.downloads.attempts", Kind::kRenamed},
    {"blocking.downloadCooldown", "blocking.loading.downloads.cooldown", Kind::kRenamed},
    {"blocking.refreshPeriod", "blocking.loading.refreshPeriod", Kind::kRenamed},
    {"blocking.failStartOnListError", "blocking.loading.strategy", Kind::kFailOnError},
    {"blocking.processingConcurrency", "blocking.loading.concurrency", Kind::kRenamed},
    {"blocking.startStrategy", "blocking.loading.strategy", Kind::kRenamed},
    {"blocking.maxErrorsPerFile", "blocking.loading.maxErrorsPerSource", Kind::kRenamed},
    {"hostsFile.refreshPeriod", "hostsFile.loading.refreshPeriod", Kind::kRenamed},
    {"hostsFile.filePath", "hostsFile.sources", Kind::kAppendedSource},
};

}  // namespace

std::span<const ConfigRow> config_rows() { return kRows; }

const ConfigRow* find_row(std::string_view path) {
  for (const auto& row : kRows) {
    if (row.path == path) return &row;
  }
  return nullptr;
}

bool is_section(std::string_view path) {
  for (const auto& row : kRows) {
    const std::string_view whole = row.path;
    if (whole.size() > path.size() && whole[path.size()] == '.' && whole.substr(0, path.size()) == path) return true;
  }
  return false;
}

std::string_view section_doc(std::string_view path) {
  for (const auto& section : kSections) {
    if (section.path == path) return section.doc;
  }
  return {};
}

std::span<const DeprecatedKey> deprecated_keys() { return kDeprecated; }

}  // namespace rampart::control
