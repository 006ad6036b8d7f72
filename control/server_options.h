// From the configuration to the options of each part that the server is made of. Pure translation, nothing is opened.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "control/config.h"
#include "control/list_catalog.h"
#include "resolver/cache.h"
#include "resolver/worker.h"
#include "storage/query_log.h"
#include "storage/shared_state.h"

namespace rampart::control {

/// Of worker `index`. The limits of connections are in the census, which all workers are to share.
[[nodiscard]] resolver::WorkerOptions worker_options(const Config& config, unsigned index,
                                                     std::shared_ptr<resolver::ConnectionCensus> connections);
/// File descriptors: connections of clients, and room for upstreams, lists, logs and the sockets that listen.
[[nodiscard]] std::uint64_t files_needed(const Config& config);
[[nodiscard]] resolver::CacheOptions cache_options(const Config& config);
[[nodiscard]] storage::QueryLogOptions query_log_options(
    const Config& config, const std::shared_ptr<const storage::QueryObserver>& observer);
[[nodiscard]] storage::RedisOptions redis_options(const Redis& redis);

/// Why a start or a reload fails for its lists where `blocking.loading.strategy` is failOnError.
[[nodiscard]] std::optional<std::string> refusal_for_lists(const Config& config, const ListCatalog::Outcome& lists);

/// Puts what a reload cannot change back to what is in force, each with a WARN.
void keep_until_restart(const Config& in_force, Config& next);

}  // namespace rampart::control
