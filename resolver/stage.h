// The stages of the pipeline, in the order in which a query meets them. The order is observable (it decides who
// wins when two stages could answer) and is Blocky's; pipeline.cc walks it.
#pragma once

#include <cstdint>
#include <string_view>

namespace rampart::resolver {

enum class Stage : std::uint8_t {
  kParse,         ///< first: nothing may look at octets that were not checked
  kHealthcheck,   ///< probes must see the server, not the policy, so they pass before every stage
  kRateLimit,     ///< before any work that a flood could make us do
  kIdentify,      ///< every later decision depends on who asks
  kFilterType,    ///< a filtered type is answered empty whatever the name is
  kFqdnOnly,      ///< single labels never leave the network
  kCustomDns,     ///< our own names come before whatever else could be said about them
  kHostsFile,     ///< and so do those of hosts files
  kRebinding,     ///< looks at answers of all stages below but those of our own names
  kBlocking,      ///< above the cache, so that one client's answer cannot unblock another's
  kCache,         ///< everything below costs an upstream query
  kConditional,   ///< a domain with upstreams of its own, special-use names included
  kSpecialUse,    ///< names that must not leave (RFC 6761), unless a stage above knew better
  kUpstream,      ///< the rest of the world
};
inline constexpr std::size_t kStageCount = 14;

[[nodiscard]] constexpr std::string_view to_text(Stage stage) noexcept {
  constexpr std::string_view kNames[kStageCount] = {
      "parse",      "healthcheck", "rate-limiting",        "client_names", "filtering",
      "fqdn_only",  "custom_dns",  "hosts_file",           "rebinding_protection", "blocking",
      "caching",    "conditional_upstream", "special_use_domains", "upstream"};
  return kNames[static_cast<std::size_t>(stage)];
}

}  // namespace rampart::resolver
