// What values mean to each other: the checks that no single row can make, run once all values are read.
#pragma once

#include <map>
#include <string>

#include "control/config.h"
#include "control/config_findings.h"

namespace rampart::control {

/// Where each key that was given stands.
using ConfigPlaces = std::map<std::string, Place, std::less<>>;

/// Also puts values into their final form: names without final dot, zero for "the default" replaced.
void check(Config& config, const ConfigPlaces& places, const Place& whole, Findings& findings);

}  // namespace rampart::control
