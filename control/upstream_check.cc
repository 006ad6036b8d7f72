#include "control/upstream_check.h"

#include <algorithm>

#include "control/client_identifier.h"
#include "resolver/upstream.h"
#include "resolver/upstream_set.h"

namespace rampart::control {
namespace {

using resolver::UpstreamProtocol;
using resolver::UpstreamSpec;

std::string never_asked(const UpstreamSpec& spec) {
  const char* protocol = spec.protocol == UpstreamProtocol::kDoh ? "DoH" : "DoQ";
  return control::quoted(resolver::to_text(spec)) + " is never asked: " + protocol +
         " upstreams are not supported yet; write tcp+udp: or tcp-tls: before a server that speaks classic DNS or "
         "DoT";
}

class Checker {
 public:
  Checker(Config& config, const ConfigPlaces& places, Findings& findings)
      : config_(config), places_(places), findings_(findings) {}

  void run() {
    groups();
    protocols();
    bootstrap();
    client_lookup();
  }

 private:
  void warn(std::string_view key, std::string message) { findings_.warn(places_.of(key), key, std::move(message)); }

  void groups() {
    const auto group = config_.upstreams.groups.find("default");
    if (group == config_.upstreams.groups.end() || group->second.empty()) {
      findings_.fault(places_.of("upstreams.groups"), "upstreams.groups",
                      "no external DNS resolvers configured as default upstream resolvers. Please configure at "
                      "least one under 'default' configuration name: upstreams: {groups: {default: [9.9.9.9]}}");
    }
    for (auto it = config_.upstreams.groups.begin(); it != config_.upstreams.groups.end();) {
      if (it->second.empty() && it->first != "default") {
        findings_.warn(places_.of_entry("upstreams.groups", it->first), entry_key("upstreams.groups", it->first),
                       "the group has no upstream and is left out");
        it = config_.upstreams.groups.erase(it);
      } else {
        ++it;
      }
    }
    for (const auto& [client, specs] : config_.upstreams.groups) {
      if (const auto doubt = doubt_about(parse_client_identifier(client)); !doubt.empty())
        findings_.warn(places_.of_entry("upstreams.groups", client), entry_key("upstreams.groups", client), doubt);
    }
    bool has_quic = false;
    for (const auto& [name, specs] : config_.upstreams.groups) {
      for (const auto& spec : specs) has_quic |= spec.protocol == UpstreamProtocol::kDoq;
    }
    if (has_quic && config_.upstreams.quic_keep_alive_period >= config_.upstreams.quic_max_idle_timeout) {
      warn("upstreams.quic.keepAlivePeriod",
           "is not below maxIdleTimeout, so idle connections are closed all the same");
    }
  }

  /// What the forwarder cannot ask yet.
  void protocols() {
    const auto cannot = [](const UpstreamSpec& spec) { return !resolver::is_supported(spec.protocol); };
    for (const auto& [name, specs] : config_.upstreams.groups) {
      for (std::size_t i = 0; i < specs.size(); ++i) {
        if (!cannot(specs[i])) continue;
        findings_.warn(places_.of_entry("upstreams.groups", name, i), item_key("upstreams.groups", name, i),
                       never_asked(specs[i]));
      }
      if (!specs.empty() && std::all_of(specs.begin(), specs.end(), cannot))
        findings_.warn(places_.of_entry("upstreams.groups", name), entry_key("upstreams.groups", name),
                       "no upstream of this group can be asked, so its clients get SERVFAIL for every name that is "
                       "not answered here; add one that is asked over classic DNS or DoT");
    }
    for (const auto& [domain, specs] : config_.conditional.mapping) {
      for (const auto& spec : specs) {
        if (!cannot(spec)) continue;
        findings_.warn(places_.of_entry("conditional.mapping", domain), entry_key("conditional.mapping", domain),
                       never_asked(spec));
      }
    }
  }

  void bootstrap() {
    const auto names_an_upstream = [&](const UpstreamSpec& known) {
      if (known.ips.empty()) return false;
      for (const auto& [name, specs] : config_.upstreams.groups)
        for (const auto& spec : specs)
          if (spec.host == known.host) return true;
      return false;
    };
    for (const auto& spec : config_.bootstrap_dns) {
      if (spec.protocol == UpstreamProtocol::kClassic || names_an_upstream(spec)) continue;
      warn("bootstrapDns", control::quoted(resolver::to_text(spec)) +
                               " is not asked: host names are looked up over classic DNS only; write tcp+udp: "
                               "before it, or give its ips and make it an upstream");
    }
  }

  void client_lookup() {
    const auto& lookup = config_.client_lookup;
    if (lookup.upstream && lookup.upstream->protocol != UpstreamProtocol::kClassic) {
      warn("clientLookup.upstream", control::quoted(resolver::to_text(*lookup.upstream)) +
                                        " has no effect: names of clients are asked for by classic DNS only; "
                                        "write its address without protocol, such as 192.0.2.1");
    }
    const auto& custom = config_.custom_dns;
    const bool finds_names = lookup.upstream || !custom.mapping.empty() || !custom.zone.empty() ||
                             !config_.hosts_file.sources.empty();
    if (!finds_names && !lookup.single_name_order.empty()) {
      warn("clientLookup.singleNameOrder", "has no effect without clientLookup.upstream, customDNS or hostsFile");
    }
  }

  Config& config_;
  const ConfigPlaces& places_;
  Findings& findings_;
};

}  // namespace

void check_upstreams(Config& config, const ConfigPlaces& places, Findings& findings) {
  Checker(config, places, findings).run();
}

}  // namespace rampart::control
