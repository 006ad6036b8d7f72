// What a configuration's upstreams, and whoever else is asked, mean to each other: part of check().
#pragma once

#include "control/config.h"
#include "control/config_places.h"

namespace rampart::control {

/// Groups without upstreams are left out, but for `default`, without which nothing works.
void check_upstreams(Config& config, const ConfigPlaces& places, Findings& findings);

}  // namespace rampart::control
