// Tells systemd how we are (Type=notify): one datagram to the socket it names; nothing happens without it.
#pragma once

#include <string_view>

namespace rampart::base {

/// For example "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...".
void sd_notify(std::string_view state);

}  // namespace rampart::base
