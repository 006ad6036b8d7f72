// Whether certFile and keyFile can be used, before a server has to find out.
#pragma once

#include "control/config.h"
#include "control/config_places.h"

namespace rampart::control {

/// Only where something is served by them, as the server reads them only then.
void check_certificate(const Config& config, const ConfigPlaces& places, Findings& findings);

}  // namespace rampart::control
