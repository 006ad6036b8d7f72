#include "control/local_names.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

namespace rampart::control {
namespace {

namespace fs = std::filesystem;

// Each is a group of upstreams with connections of its own in every worker; no network has a tenth of it.
constexpr std::size_t kConditionalGroupsMax = 1000;
constexpr std::size_t kGroupNameMax = 200;  // it stands in metrics and logs

std::uint32_t whole_seconds(Milliseconds time) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, time.count() / 1000));
}

base::Result<std::string, std::string> read_zone_file(const fs::path& folder, const std::string& name) {
  const fs::path path = fs::path(name).is_absolute() ? fs::path(name) : folder / name;
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return base::Error{path.string() +
                       " is no file that can be read (relative names count from the folder of the configuration)"};
  if (fs::file_size(path, error) > dns::ZoneTextLimits{}.bytes_max)
    return base::Error{path.string() + " is too long"};
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return base::Error{path.string() + " cannot be read"};
  return text;
}

std::vector<std::pair<dns::Name, dns::Name>> rewrites(const std::map<std::string, std::string>& config) {
  std::vector<std::pair<dns::Name, dns::Name>> all;
  for (const auto& [from, to] : config) {
    const auto key = dns::Name::parse(from);
    const auto value = dns::Name::parse(to);
    if (key && value) all.emplace_back(*key, *value);  // else the check has warned
  }
  return all;
}

/// The group of a domain that asks exactly these upstreams; end() without one. Groups of clients stand before them.
template <class Set>
auto find_conditional_group(Set& set, const std::vector<resolver::UpstreamSpec>& specs) {
  return std::find_if(set.groups.begin() + static_cast<std::ptrdiff_t>(set.client_groups), set.groups.end(),
                      [&](const auto& group) { return group.upstreams == specs; });
}

class Checker {
 public:
  Checker(Config& config, const ConfigPlaces& places, Findings& findings)
      : config_(config), places_(places), findings_(findings) {}

  void run() {
    for (const auto& [name, addresses] : config_.custom_dns.mapping) check_name("customDNS.mapping", name, name);
    rewrite("customDNS.rewrite", config_.custom_dns.rewrite);
    zone();
    conditional();
  }

 private:
  /// `name` stands in the entry `entry` of the map `key`.
  void check_name(std::string_view key, const std::string& entry, const std::string& name) {
    if (!dns::Name::parse(name))
      findings_.warn(places_.of_entry(key, entry), entry_key(key, entry),
                     control::quoted(name) + " is no domain name, so it is never asked for; write example.org");
  }

  void rewrite(std::string_view key, const std::map<std::string, std::string>& rewrites) {
    for (const auto& [from, to] : rewrites) {
      check_name(key, from, from);
      check_name(key, from, to);
    }
  }

  void conditional() {
    auto& mapping = config_.conditional.mapping;
    for (auto it = mapping.begin(); it != mapping.end();) {
      if (it->first != ".") check_name("conditional.mapping", it->first, it->first);
      if (!it->second.empty()) {
        ++it;
        continue;
      }
      findings_.warn(places_.of_entry("conditional.mapping", it->first),
                     entry_key("conditional.mapping", it->first), "has no upstream and is left out");
      it = mapping.erase(it);
    }
    rewrite("conditional.rewrite", config_.conditional.rewrite);
    std::set<std::string> lists;
    for (const auto& [domain, specs] : mapping) {
      std::string all;
      for (const auto& spec : specs) all += to_text(spec) + ",";
      lists.insert(std::move(all));
    }
    if (lists.size() > kConditionalGroupsMax)
      findings_.fault(places_.of("conditional.mapping"), "conditional.mapping",
                      std::to_string(lists.size()) + " different lists of upstreams stand here; at most " +
                          std::to_string(kConditionalGroupsMax) + " are possible");
  }

  void zone() {
    auto& custom = config_.custom_dns;
    if (custom.zone.empty()) return;
    const fs::path folder = places_.whole().file ? fs::path(*places_.whole().file).parent_path() : fs::path();
    dns::ZoneTextOptions options;
    options.include = [&folder](const std::string& name) { return read_zone_file(folder, name); };
    auto records = dns::parse_zone(custom.zone, options);
    if (records.ok()) {
      custom.zone_records = std::move(records).value();
      return;
    }
    for (const auto& fault : records.error())
      findings_.fault(places_.of("customDNS.zone"), "customDNS.zone",
                      "line " + std::to_string(fault.line) + " of " +
                          (fault.file.empty() ? std::string("the zone") : control::quoted(fault.file)) + ": " +
                          fault.what);
  }

  Config& config_;
  const ConfigPlaces& places_;
  Findings& findings_;
};

}  // namespace

void check_local_names(Config& config, const ConfigPlaces& places, Findings& findings) {
  Checker(config, places, findings).run();
}

std::shared_ptr<const resolver::CustomDns> custom_dns(const CustomDns& config, const base::HashKey& key) {
  resolver::CustomDnsOptions options;
  for (const auto& [name, addresses] : config.mapping)
    if (const auto parsed = dns::Name::parse(name)) options.mapping.emplace_back(*parsed, addresses);
  options.zone = config.zone_records;
  options.rewrite = rewrites(config.rewrite);
  options.ttl = whole_seconds(config.custom_ttl);
  options.filter_unmapped_types = config.filter_unmapped_types;
  options.fallback_upstream = config.fallback_upstream;
  if (options.empty()) return nullptr;
  return std::make_shared<const resolver::CustomDns>(key, options);
}

void add_conditional_groups(const Config& config, resolver::UpstreamSet& set) {
  using Strategy = resolver::UpstreamStrategy;
  const Strategy strategy =
      config.upstreams.strategy == Strategy::kRandom ? Strategy::kRandom : Strategy::kParallelBest;
  for (const auto& [domain, specs] : config.conditional.mapping) {
    const auto same = find_conditional_group(set, specs);
    if (same == set.groups.end())
      set.groups.push_back({"conditional (" + domain + ")", strategy, config.upstreams.timeout, specs});
    else if (same->name.size() < kGroupNameMax)
      same->name.insert(same->name.size() - 1, ", " + domain);
  }
}

std::shared_ptr<const resolver::Conditional> conditional(const Conditional& config,
                                                         const resolver::UpstreamSet& upstreams,
                                                         const base::HashKey& key) {
  resolver::ConditionalOptions options;
  for (const auto& [domain, specs] : config.mapping) {
    const auto group = find_conditional_group(upstreams, specs);
    if (group == upstreams.groups.end()) continue;  // without upstreams: the check has warned
    const auto index = static_cast<std::uint16_t>(group - upstreams.groups.begin());
    if (domain == ".") options.single_label_group = index;
    else if (const auto name = dns::Name::parse(domain)) options.domains.emplace_back(*name, index);
  }
  options.rewrite = rewrites(config.rewrite);
  options.fallback_upstream = config.fallback_upstream;
  if (options.empty()) return nullptr;
  return std::make_shared<const resolver::Conditional>(key, options);
}

}  // namespace rampart::control
