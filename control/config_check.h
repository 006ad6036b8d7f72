// What values mean to each other: the checks that no single row can make, run once all values are read.
#pragma once

#include "control/config.h"
#include "control/config_findings.h"
#include "control/config_places.h"

namespace rampart::control {

/// Also puts values into their final form: names without final dot, zero for "the default" replaced.
void check(Config& config, const ConfigPlaces& places, Findings& findings);

}  // namespace rampart::control
