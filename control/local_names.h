// From the sections about names of one's own (`customDNS`, `conditional`, `hostsFile`) to what the pipeline asks.
#pragma once

#include <memory>

#include "base/keyed_hash.h"
#include "control/config.h"
#include "control/config_check.h"
#include "resolver/conditional.h"
#include "resolver/custom_dns.h"
#include "resolver/upstream_set.h"

namespace rampart::control {

/// Names that are none are warned about and never match; a zone that cannot be read is a fault. Puts the zone's
/// records beside its text. Relative $INCLUDE files are looked for in the folder of the configuration, as in
/// Blocky.
void check_local_names(Config& config, const ConfigPlaces& places, Findings& findings);

/// `key`: the one that names of queries are hashed with. Null if the section defines nothing.
[[nodiscard]] std::shared_ptr<const resolver::CustomDns> custom_dns(const CustomDns& config,
                                                                    const base::HashKey& key);

/// One group of upstreams for each list of them in `conditional.mapping`, behind those for clients: `conditional
/// (lan, example.org)`. Strategy `strict` does not hold for them, as in Blocky.
void add_conditional_groups(const Config& config, resolver::UpstreamSet& set);

/// `upstreams`: with those groups. Null if the section defines nothing.
[[nodiscard]] std::shared_ptr<const resolver::Conditional> conditional(const Conditional& config,
                                                                       const resolver::UpstreamSet& upstreams,
                                                                       const base::HashKey& key);

}  // namespace rampart::control
