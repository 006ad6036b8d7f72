#include "control/policy_builder.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/log.h"
#include "resolver/rate_limiter.h"
#include "control/bootstrap_lookup.h"
#include "control/list_canaries.h"
#include "control/local_names.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using blocklists::GroupMask;

std::uint32_t whole_seconds(Milliseconds time) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, time.count() / 1000));
}

GroupMask bit_of(const blocklists::FilterSet& filter, const std::string& group) {
  const auto& groups = filter.groups();
  const auto it = std::lower_bound(groups.begin(), groups.end(), group);
  if (it == groups.end() || *it != group) return 0;  // validation has warned that nothing is listed there
  return GroupMask{1} << (it - groups.begin());
}

resolver::BootstrapOptions bootstrap_options(const Config& config) {
  resolver::BootstrapOptions options;
  options.families = config.connect_ip_version;
  for (const auto& spec : config.bootstrap_dns) {
    if (spec.protocol != resolver::UpstreamProtocol::kClassic) continue;
    if (const auto address = base::IpAddress::parse(spec.host)) options.servers.push_back({*address, spec.port});
    for (const auto& address : spec.ips) options.servers.push_back({address, spec.port});
  }
  return options;
}

/// An upstream whose host `bootstrapDns` gives addresses for needs no look-up.
resolver::UpstreamSpec with_bootstrap_ips(resolver::UpstreamSpec spec, const Config& config) {
  if (!spec.ips.empty() || base::IpAddress::parse(spec.host)) return spec;
  for (const auto& known : config.bootstrap_dns)
    if (known.host == spec.host) spec.ips.insert(spec.ips.end(), known.ips.begin(), known.ips.end());
  return spec;
}

std::shared_ptr<const resolver::UpstreamSet> upstream_set(const Config& config) {
  auto set = std::make_shared<resolver::UpstreamSet>();
  set->bootstrap = bootstrap_options(config);
  const auto add = [&](const std::string& name, const std::vector<resolver::UpstreamSpec>& specs) {
    resolver::UpstreamGroup group{name, config.upstreams.strategy, config.upstreams.timeout, {}};
    for (const auto& spec : specs) group.upstreams.push_back(with_bootstrap_ips(spec, config));
    set->groups.push_back(std::move(group));
  };
  // `default` is group 0: the one of clients that no other group names.
  if (const auto it = config.upstreams.groups.find("default"); it != config.upstreams.groups.end()) add(it->first, it->second);
  for (const auto& [name, specs] : config.upstreams.groups)
    if (name != "default" && !specs.empty()) add(name, specs);
  set->client_groups = set->groups.size();
  add_conditional_groups(config, *set);
  return set;
}

resolver::CachePolicy cache_policy(const Config& config, const std::vector<std::shared_ptr<const re2::RE2>>& excluded) {
  resolver::CachePolicy policy;
  policy.enabled = config.caching.max_time.count() >= 0;
  policy.min_ttl = whole_seconds(config.caching.min_time);
  policy.max_ttl = whole_seconds(config.caching.max_time);
  policy.negative_ttl = whole_seconds(config.caching.cache_time_negative);
  policy.prefetch = config.caching.prefetching;
  policy.serve_stale = config.serve_stale.enable;
  policy.stale_answer_ttl = whole_seconds(config.serve_stale.answer_ttl);
  policy.stale_client_timeout = config.serve_stale.client_timeout;
  policy.exclude = excluded;
  return policy;
}

std::shared_ptr<resolver::RateLimiter> rate_limiter(const RateLimit& config) {
  if (!config.enable) return nullptr;
  resolver::RateLimitOptions options;
  options.rate = config.rate;
  options.burst = config.burst;
  options.ipv4_prefix = static_cast<std::uint8_t>(config.ipv4_prefix);
  options.ipv6_prefix = static_cast<std::uint8_t>(config.ipv6_prefix);
  options.allowlist = config.allowlist;
  return std::make_shared<resolver::RateLimiter>(options, base::random_hash_key());
}

std::optional<resolver::RebindingGuard> rebinding_guard(const RebindingProtection& config) {
  if (!config.enable) return std::nullopt;
  std::vector<dns::Name> allowed;
  for (const auto& domain : config.allowed_domains) {
    if (const auto name = dns::Name::parse(domain)) allowed.push_back(*name);
    else base::log::warn("config", "rebindingProtection.allowedDomains: no domain name, ignored", {{"found", domain}});
  }
  return resolver::RebindingGuard(std::move(allowed));
}

}  // namespace

std::vector<ListEntry> list_entries(const Blocking& blocking) {
  std::vector<ListEntry> entries;
  const auto add = [&](const Blocking::SourcesByGroup& lists, Action action) {
    for (const auto& [group, sources] : lists)
      for (const auto& source : sources) entries.push_back({group, action, source});
  };
  add(blocking.denylists, Action::kDeny);
  add(blocking.allowlists, Action::kAllow);
  return entries;
}

std::vector<std::string> deny_groups(const Blocking& blocking) {
  std::vector<std::string> names;
  for (const auto& [group, sources] : blocking.denylists) names.push_back(group);
  return names;
}

ListCatalogOptions list_options(const Loading& loading) {
  ListCatalogOptions options;
  options.parser.max_errors = loading.max_errors_per_source;
  options.downloads.timeout = loading.downloads.timeout;
  options.downloads.attempts = loading.downloads.attempts;
  options.downloads.cooldown = loading.downloads.cooldown;
  options.downloads.cache_path = loading.downloads.cache_path;
  options.concurrency = loading.concurrency;
  return options;
}

ListCatalogOptions list_options(const Config& config) {
  ListCatalogOptions options = list_options(config.blocking.loading);
  const auto& admission = config.blocking.admission;
  options.admission.enable = admission.enable;
  options.admission.max_shrink_percent = admission.max_shrink.value;
  options.admission.max_growth_percent = admission.max_growth.value;
  options.admission.html = admission.html;
  options.admission.canaries = list_canaries(config);
  if (const auto bootstrap = bootstrap_options(config); !bootstrap.servers.empty())
    options.downloads.resolve_host = [bootstrap](const std::string& host) { return bootstrap_lookup(host, bootstrap); };
  return options;
}

resolver::ClientNamesOptions client_names_options(const Config& config) {
  resolver::ClientNamesOptions options;
  const auto& server = config.client_lookup.upstream;
  if (!server || server->protocol != resolver::UpstreamProtocol::kClassic) return options;
  options.server = *server;
  options.single_name_order = config.client_lookup.single_name_order;
  options.bootstrap = bootstrap_options(config);
  return options;
}

void PolicyBuilder::adopt(const Config& config) {
  if (!(config.rate_limit == config_.rate_limit)) rate_limiter_ = rate_limiter(config.rate_limit);
  rebinding_ = rebinding_guard(config.rebinding_protection);
  config_ = config;
  upstreams_ = upstream_set(config);
  cache_groups_ = cache_group_numbers_.deal({upstreams_->groups.data(), upstreams_->client_groups});
  custom_dns_.reset();  // both need the key of the filter
  conditional_.reset();
  excluded_.clear();
  for (const auto& pattern : config.caching.exclude)
    excluded_.push_back(std::make_shared<const re2::RE2>(pattern, re2::RE2::Quiet));
}

GroupMask PolicyBuilder::active_groups(const blocklists::FilterSet& filter, const BlockingSwitch& blocking,
                                       const std::tm& local) const {
  GroupMask active = 0;
  const auto minute = static_cast<unsigned>(local.tm_hour * 60 + local.tm_min);
  for (std::size_t i = 0; i < filter.groups().size(); ++i) {
    const std::string& group = filter.groups()[i];
    if (blocking.is_disabled(group)) continue;
    bool is_active = true;
    if (const auto it = config_.blocking.list_schedules.find(group); it != config_.blocking.list_schedules.end()) {
      is_active = std::any_of(it->second.begin(), it->second.end(), [&](const std::string& name) {
        const auto schedule = config_.blocking.schedules.find(name);
        return schedule != config_.blocking.schedules.end() &&
               schedule->second.is_active(static_cast<unsigned>(local.tm_wday), minute);
      });
    }
    if (is_active) active |= GroupMask{1} << i;
  }
  return active;
}

resolver::ClientTable PolicyBuilder::client_table(const blocklists::FilterSet& filter) const {
  resolver::ClientTable table;
  for (const auto& entry : config_.blocking.client_groups_block) {
    GroupMask groups = 0;
    for (const auto& group : entry.groups) groups |= bit_of(filter, group);
    for (const auto& client : entry.clients) {
      switch (client.kind) {
        case ClientIdentifier::Kind::kDefault: table.default_groups |= groups; break;
        case ClientIdentifier::Kind::kAddress:
        case ClientIdentifier::Kind::kRange: table.rules.push_back({client.range, groups}); break;
        case ClientIdentifier::Kind::kGlob: table.groups_by_glob.emplace_back(client.text, groups); break;
        case ClientIdentifier::Kind::kMistyped: table.groups_by_name[client.text] |= groups; break;
        case ClientIdentifier::Kind::kName: {
          table.groups_by_name[client.text] |= groups;
          const auto host = client_hosts_.find(client.text);
          if (host == client_hosts_.end()) break;
          for (const auto& address : host->second)
            table.rules.push_back({{address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)}, groups});
          break;
        }
      }
    }
  }
  for (std::size_t i = 1; i < upstreams_->client_groups; ++i) {
    const auto index = static_cast<std::uint16_t>(i);
    const ClientIdentifier client = parse_client_identifier(upstreams_->groups[i].name);
    if (client.kind == ClientIdentifier::Kind::kAddress || client.kind == ClientIdentifier::Kind::kRange)
      table.upstream_rules.push_back({client.range, index});
    else
      table.upstream_by_glob.emplace_back(client.text, index);
  }
  table.cache_groups = cache_groups_;
  // Longest prefix first: the most exact group wins, where Blocky picks one at random.
  std::stable_sort(table.upstream_rules.begin(), table.upstream_rules.end(), [](const auto& a, const auto& b) {
    return a.range.prefix + (a.range.base.is_v4() ? 96 : 0) > b.range.prefix + (b.range.base.is_v4() ? 96 : 0);
  });
  for (const auto& [name, addresses] : config_.client_lookup.clients)
    for (const auto& address : addresses) table.static_names.emplace_back(address, name);
  std::sort(table.static_names.begin(), table.static_names.end());
  table.single_name_order = config_.client_lookup.single_name_order;
  table.learns_names = client_names_options(config_).server.has_value();
  return table;
}

std::shared_ptr<const resolver::PolicySnapshot> PolicyBuilder::build(
    std::shared_ptr<const blocklists::FilterSet> filter, const BlockingSwitch& blocking, const std::tm& local) {
  auto policy = std::make_shared<resolver::PolicySnapshot>();
  policy->generation = ++generation_;
  policy->upstreams = upstreams_;
  policy->blocking_configured = !config_.blocking.client_groups_block.empty();
  policy->active_groups = active_groups(*filter, blocking, local);
  policy->clients = client_table(*filter);
  policy->block_answer = config_.blocking.block_type;
  for (const auto& [group, answer] : config_.blocking.group_block_type)
    policy->group_block_answers.emplace_back(bit_of(*filter, group), answer);
  policy->rate_limiter = rate_limiter_;
  policy->rebinding = rebinding_;
  if (!custom_dns_) custom_dns_ = custom_dns(config_.custom_dns, filter->key());
  policy->custom_dns = custom_dns_;
  if (!conditional_) conditional_ = conditional(config_.conditional, *upstreams_, filter->key());
  policy->conditional = conditional_;
  policy->hosts = hosts_;
  policy->clients.custom_dns = custom_dns_;
  policy->clients.hosts = hosts_;
  policy->has_rewrite_fallback = (custom_dns_ && custom_dns_->fallback_upstream()) ||
                                 (conditional_ && conditional_->fallback_upstream());
  const auto& proxied = config_.ports.proxy_protocol;
  policy->proxies.dns = std::find(proxied.begin(), proxied.end(), Listener::kDns) != proxied.end();
  policy->proxies.trusted = config_.trusted_proxies;
  policy->block_ttl = whole_seconds(config_.blocking.block_ttl);
  for (const auto type : config_.filtered_query_types) policy->filtered_types.set(static_cast<std::uint16_t>(type));
  policy->filters_types = !config_.filtered_query_types.empty();
  policy->fqdn_only = config_.fqdn_only;
  policy->extended_errors = config_.ede;
  policy->special_use = config_.special_use_domains.enable;
  policy->special_use_appendix_g = config_.special_use_domains.appendix_g;
  policy->cache = cache_policy(config_, excluded_);
  policy->version_text = config_.identity.version;
  policy->identity_text = config_.identity.id;
  policy->list_slots = list_slots_.deal(*filter);
  policy->hides_names = config_.log.privacy;
  policy->filter = std::move(filter);
  return policy;
}

}  // namespace rampart::control
