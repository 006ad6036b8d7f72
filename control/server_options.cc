#include "control/server_options.h"

#include <algorithm>

#include "base/log.h"
#include "control/config_forms.h"
#include "control/http_server.h"

namespace rampart::control {

using std::chrono::seconds;

namespace {

storage::RedisEndpoint redis_endpoint(const std::string& text) {
  if (text.starts_with('/')) return {{}, 0, text};
  const auto parsed = parse_listen_address(text);
  if (!parsed.ok()) return {};  // config_check has refused it
  return {parsed->address ? parsed->address->to_string() : parsed->host, parsed->port, {}};
}

std::string join(const std::vector<std::string>& texts, const char* between) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

}  // namespace

resolver::WorkerOptions worker_options(const Config& config, unsigned index,
                                       std::shared_ptr<resolver::ConnectionCensus> connections) {
  resolver::WorkerOptions options;
  options.index = index;
  options.connections = std::move(connections);
  options.stream.pipelined_max = config.tcp.max_pipelined;
  options.stream.idle = config.tcp.idle_timeout;
  options.stream.total = config.tcp.total_timeout;
  return options;
}

std::uint64_t files_needed(const Config& config) {
  // Beside clients: upstream sockets of all workers, databases, list files and downloads; seldom a few hundred.
  constexpr std::uint64_t kOthers = 2048;
  return config.tcp.max_connections + HttpLimits().connections + kOthers;
}

resolver::CacheOptions cache_options(const Config& config) {
  resolver::CacheOptions options;
  options.memory_bytes = config.cache_memory.bytes;
  if (config.caching.max_items_count > 0) options.items_max = static_cast<std::size_t>(config.caching.max_items_count);
  if (config.serve_stale.enable) options.stale_max = std::chrono::duration_cast<seconds>(config.serve_stale.max_age);
  options.stale_answer_ttl = static_cast<std::uint32_t>(config.serve_stale.answer_ttl.count() / 1000);
  options.prefetch = config.caching.prefetching;
  options.prefetch_threshold = static_cast<std::uint32_t>(std::max<std::int64_t>(0, config.caching.prefetch_threshold));
  options.prefetch_window = std::chrono::duration_cast<seconds>(config.caching.prefetch_expires);
  return options;
}

storage::QueryLogOptions query_log_options(const Config& config,
                                           const std::shared_ptr<const storage::QueryObserver>& observer) {
  storage::QueryLogOptions options;
  options.type = config.query_log.type;
  options.target = config.query_log.target.value;
  options.retention_days = config.query_log.log_retention_days;
  options.flush_interval = config.query_log.flush_interval;
  options.entry.fields = config.query_log.fields;
  options.entry.privacy = config.log.privacy;
  options.entry.ignore_sudn = config.query_log.ignore_sudn;
  options.entry.ignore_domains = config.query_log.ignore_domains;
  options.spool.path = config.query_log.spool_path;
  options.spool.bytes_max = config.query_log.spool_max_bytes.bytes;
  options.observer = observer;
  return options;
}

storage::RedisOptions redis_options(const Redis& redis) {
  storage::RedisOptions options;
  if (redis.sentinel_addresses.empty()) options.server = redis_endpoint(redis.address);
  else options.master_name = redis.address;
  for (const auto& sentinel : redis.sentinel_addresses) options.sentinels.push_back(redis_endpoint(sentinel));
  options.login = {redis.username, redis.password.value, redis.database};
  options.sentinel_login = {redis.sentinel_username, redis.sentinel_password.value, 0};
  options.tls = {redis.tls.enable, redis.tls.ca_file, redis.tls.cert_file, redis.tls.key_file, redis.tls.server_name};
  options.required = redis.required;
  options.attempts = redis.connection_attempts;
  options.cooldown_max = redis.connection_cooldown;
  return options;
}

std::optional<std::string> refusal_for_lists(const Config& config, const ListCatalog::Outcome& lists) {
  const bool must_succeed = config.blocking.loading.strategy == InitStrategy::kFailOnError;
  if (!must_succeed || lists.empty_groups.empty()) return std::nullopt;
  return "1 error occurred: lists of group " + join(lists.empty_groups, ", ") +
         " have no entry: " + join(lists.errors, "; ");
}

void keep_until_restart(const Config& in_force, Config& next) {
  const auto keep = [](const char* key, const auto& now, auto& wanted) {
    if (wanted == now) return;
    base::log::warn("server", "`" + std::string(key) + "` takes effect at the next start");
    wanted = now;
  };
  keep("workers", in_force.workers, next.workers);
  keep("statistics.enable", in_force.statistics, next.statistics);
  keep("cache.memory", in_force.cache_memory, next.cache_memory);
  keep("caching.maxItemsCount", in_force.caching.max_items_count, next.caching.max_items_count);
}

}  // namespace rampart::control
