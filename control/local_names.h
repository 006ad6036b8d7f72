// From the sections about names of one's own (`customDNS`, `conditional`, `hostsFile`) to what the pipeline asks.
#pragma once

#include <memory>

#include "base/keyed_hash.h"
#include "control/config.h"
#include "control/config_check.h"
#include "resolver/custom_dns.h"

namespace rampart::control {

/// Names that are none are warned about and never match; a zone that cannot be read is a fault. Puts the zone's records
/// beside its text. Relative $INCLUDE files are looked for in the folder of the configuration, as in Blocky.
void check_local_names(Config& config, const ConfigPlaces& places, const Place& whole, Findings& findings);

/// `key`: the one that names of queries are hashed with. Null if the section defines nothing.
[[nodiscard]] std::shared_ptr<const resolver::CustomDns> custom_dns(const CustomDns& config, const base::HashKey& key);

}  // namespace rampart::control
