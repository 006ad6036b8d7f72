#include "control/policy_trial.h"

#include <algorithm>

#include "dns/types.h"
#include "resolver/upstream_set.h"

namespace rampart::control {
namespace {

using storage::Reason;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

base::Result<std::unique_ptr<PolicyTrial>, std::string> PolicyTrial::create(Config config, DownloadMode mode,
                                                                            Progress& progress) {
  std::unique_ptr<PolicyTrial> trial(new PolicyTrial(std::move(config)));
  trial->texts_ = std::make_unique<ListTexts>(trial->entries_, list_options(trial->config_), mode, progress);
  progress.show("building the filter of " + std::to_string(trial->entries_.size()) + " lists");
  ListCatalog catalog(base::random_hash_key(), trial->texts_->catalog_options());
  auto outcome = catalog.load(trial->entries_, ListCatalog::Effort::kAtHand);
  progress.clear();
  if (!outcome.ok()) return base::Error{outcome.error()};
  trial->filter_ = outcome->filter;
  for (const auto& entry : trial->entries_) {
    const TextState& state = trial->texts_->state(entry.source);
    if (state.kind != TextState::Kind::kFailed && state.kind != TextState::Kind::kRefused) continue;
    const std::string name = entry.source.display_name();
    std::string text = state.why.find(name) == std::string::npos ? name + ": " + state.why : state.why;
    if (std::find(trial->list_errors_.begin(), trial->list_errors_.end(), text) == trial->list_errors_.end())
      trial->list_errors_.push_back(std::move(text));
  }
  resolver::CacheOptions small;
  small.memory_bytes = std::size_t{1} << 20;
  trial->cache_ = std::make_unique<resolver::Cache>(small);
  trial->pipeline_ = std::make_unique<resolver::Pipeline>(*trial->cache_, trial->counters_, nullptr);
  trial->adopt();
  return trial;
}

void PolicyTrial::adopt() {
  policies_.adopt(config_);
  policies_by_groups_.clear();
}

// From 100::/64, the discard prefix (RFC 6666): no client has such an address.
base::IpAddress PolicyTrial::next_address() {
  ++addresses_used_;
  std::uint8_t octets[16] = {0x01};
  for (std::size_t i = 0; i < 4; ++i) octets[15 - i] = static_cast<std::uint8_t>(addresses_used_ >> (8 * i));
  return base::IpAddress::v6(octets);
}

base::IpAddress PolicyTrial::client(const std::string& text) {
  if (const auto address = base::IpAddress::parse(text)) return *address;
  const std::string name = lower(text);
  for (const auto& [known, addresses] : config_.client_lookup.clients)
    if (lower(known) == name && !addresses.empty()) return addresses.front();
  const auto [it, is_new] = named_clients_.emplace(name, base::IpAddress());
  if (is_new) {
    it->second = next_address();
    config_.client_lookup.clients[name] = {it->second};
    adopt();
  }
  return it->second;
}

base::Result<base::IpAddress, std::string> PolicyTrial::client_of_groups(const std::vector<std::string>& groups) {
  for (const auto& group : groups) {
    const auto& known = filter_->groups();
    if (std::find(known.begin(), known.end(), group) != known.end()) continue;
    std::string all;
    for (const auto& one : known) all += (all.empty() ? "" : ", ") + one;
    return base::Error{"list group '" + group + "' is unknown (known: " + all + ")"};
  }
  const auto [it, is_new] = group_clients_.emplace(groups, base::IpAddress());
  if (is_new) {
    it->second = next_address();
    Blocking::ClientGroups entry;
    entry.clients.push_back(parse_client_identifier(it->second.to_string()));
    entry.groups = groups;
    config_.blocking.client_groups_block.push_back(std::move(entry));
    adopt();
  }
  return it->second;
}

const resolver::PolicySnapshot& PolicyTrial::policy_at(const std::tm& at) {
  const auto active = policies_.active_groups(*filter_, blocking_, at);
  auto& policy = policies_by_groups_[active];
  if (!policy) policy = policies_.build(filter_, blocking_, at);
  return *policy;
}

base::Result<AnswerReport, std::string> PolicyTrial::decide(const QueryCommand& question, const std::tm& at) {
  const auto message = query_message(question.name, question.type);
  if (!message) return base::Error{"'" + question.name + "' is no domain name"};
  const resolver::PolicySnapshot& policy = policy_at(at);
  resolver::QueryContext context;
  context.wire = *message;
  context.client = question.client;
  context.protocol = resolver::Protocol::kTcp;
  std::vector<std::uint8_t> out(dns::kMessageBytesMax);
  std::size_t length = 0;
  pipeline_->forget_clients();
  const auto disposition = pipeline_->answer(context, policy, base::monotonic_now(), out, length);
  if (disposition == resolver::Disposition::kForward) context.reason = Reason::kResolved;
  AnswerReport report = report_answer({out.data(), length}, context, policy);
  if (disposition == resolver::Disposition::kForward) {
    const auto& groups = policy.upstreams->groups;
    const std::size_t group = context.upstream_group;
    report.outcome.reason = "not answered here: the upstreams of group '" +
                            (group < groups.size() ? groups[group].name : std::string("default"))
                                + "' would be asked";
  }
  return report;
}

void PolicyTrial::locate(std::vector<DecidingRule>& rules) const {
  const auto& options = texts_->catalog_options();
  control::locate(rules, entries_, options.downloads.cache_path, options.parser);
}

const std::vector<std::tm>& PolicyTrial::distinct_moments() {
  if (!distinct_moments_.empty()) return distinct_moments_;
  std::vector<blocklists::GroupMask> seen;
  for (int day = 0; day < 7; ++day) {
    for (int minute = 0; minute < 24 * 60; ++minute) {
      std::tm at{};
      at.tm_wday = day;
      at.tm_hour = minute / 60;
      at.tm_min = minute % 60;
      const auto active = policies_.active_groups(*filter_, blocking_, at);
      if (std::find(seen.begin(), seen.end(), active) != seen.end()) continue;
      seen.push_back(active);
      distinct_moments_.push_back(at);
    }
  }
  return distinct_moments_;
}

}  // namespace rampart::control
