#include "control/list_canaries.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "base/ip_address.h"

namespace rampart::control {
namespace {

// Without these machines lose their clock (and with it TLS and DNSSEC) or their security updates. Tracking and
// telemetry hosts of the same companies are not among them: lists may block those.
constexpr std::string_view kPlatforms[] = {
    "pool.ntp.org",         "time.apple.com",      "time.cloudflare.com",      "time.google.com",
    "time.windows.com",     "archive.ubuntu.com",  "deb.debian.org",           "dl.google.com",
    "mesu.apple.com",       "security.debian.org", "security.ubuntu.com",      "swscan.apple.com",
    "update.microsoft.com", "windowsupdate.com",   "download.windowsupdate.com",
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!result.empty() && result.back() == '.') result.pop_back();
  return result;
}

// Of `https://user@host:port/path`; "" if there is none, or an address.
std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return {};
  return lower(url.substr(0, url.find(':')));
}

}  // namespace

std::vector<std::string> list_canaries(const Config& config) {
  std::set<std::string> names(std::begin(kPlatforms), std::end(kPlatforms));
  for (const auto& [group, specs] : config.upstreams.groups)
    for (const auto& spec : specs) names.insert(lower(spec.host));
  for (const auto* lists : {&config.blocking.denylists, &config.blocking.allowlists})
    for (const auto& [group, sources] : *lists)
      for (const auto& source : sources)
        if (source.kind == blocklists::SourceKind::kHttp) names.insert(host_of(source.text));
  for (const auto& text : config.blocking.admission.canaries)
    if (!text.starts_with('!')) names.insert(lower(text));
  for (const auto& text : config.blocking.admission.canaries)
    if (text.starts_with('!')) names.erase(lower(std::string_view(text).substr(1)));
  std::erase_if(names, [](const std::string& name) { return name.empty() || base::IpAddress::parse(name); });
  return {names.begin(), names.end()};
}

}  // namespace rampart::control
