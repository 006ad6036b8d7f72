#include "blocklists/admission_gate.h"

#include <re2/re2.h>

#include <algorithm>

namespace rampart::blocklists {
namespace {

// In the order of strength: the last that holds decides.
struct Claims {
  bool deny = false;
  bool allow = false;
  bool important_deny = false;
  bool important_allow = false;

  void add(RuleClass rule_class) noexcept {
    bool& claim = rule_class.important ? (rule_class.exception ? important_allow : important_deny)
                                       : (rule_class.exception ? allow : deny);
    claim = true;
  }
  [[nodiscard]] bool blocks() const noexcept { return !important_allow && (important_deny || (deny && !allow)); }
};

/// Rules for other types than these hide no address: many a list blocks HTTPS records alone.
constexpr std::array kTypesWithAddresses = {dns::RrType::kA, dns::RrType::kAaaa};

/// By query type.
struct Canaried {
  std::array<Claims, kTypesWithAddresses.size()> claims;

  void add(const CompiledSource& version, RuleClass rule_class) noexcept {
    for (std::size_t t = 0; t < claims.size(); ++t)
      if (rule_class.types == 0 || version.types()[rule_class.types - 1u].contains(kTypesWithAddresses[t]))
        claims[t].add(rule_class);
  }
  [[nodiscard]] bool blocks() const noexcept {
    return std::any_of(claims.begin(), claims.end(), [](const Claims& one) { return one.blocks(); });
  }
};

template <class Hashes>
bool holds(const Hashes& hashes, RuleClass rule_class, const NameHashes& name) {
  const std::size_t suffixes = rule_class.wildcard ? name.count : std::min<std::size_t>(1, name.count);
  for (std::size_t s = 0; s < suffixes; ++s)
    if (std::binary_search(hashes.begin(), hashes.end(), name.suffix[s])) return true;
  return false;
}

Canaried claims_on(const CompiledSource& version, const NameHashes& name) {
  Canaried claims;
  for (std::size_t i = 0; i < RuleClass::kCount; ++i)
    if (holds(version.hashes(i), RuleClass::from_index(i), name)) claims.add(version, RuleClass::from_index(i));
  for (const auto& [i, hashes] : version.typed_hashes())
    if (holds(hashes, RuleClass::from_index(i), name)) claims.add(version, RuleClass::from_index(i));
  return claims;
}

// A range that holds a quarter of IPv4, or all of IPv6 that is in use (2000::/3), is no list of addresses. Lists of
// addresses that are never routed hold nothing wider than 224.0.0.0/3 and 8000::/1.
bool is_the_internet(const base::IpRange& range) {
  constexpr unsigned kWidestV4 = 2;
  constexpr unsigned kGlobalUnicastBits = 3;
  if (range.base.is_v4()) return range.prefix <= kWidestV4;
  return range.prefix <= kGlobalUnicastBits && range.contains(*base::IpAddress::parse("2000::1"));
}

std::string percent(std::uint64_t part, std::uint64_t whole) { return std::to_string(part * 100 / whole) + " %"; }

}  // namespace

std::string_view to_text(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kErrors: return "errors";
    case Refusal::kHtml: return "html";
    case Refusal::kTooLong: return "too_long";
    case Refusal::kShrunk: return "shrunk";
    case Refusal::kGrown: return "grown";
    case Refusal::kCanary: return "canary";
  }
  return "";
}

AdmissionGate::AdmissionGate(const base::HashKey& key, const AdmissionOptions& options) : options_(options) {
  for (const auto& text : options_.canaries) {
    const auto name = dns::Name::parse(text);
    if (!name || name->view().is_root()) continue;
    dns::FoldedName folded;
    folded.assign(name->view());
    canaries_.push_back({dns::to_text(folded.view()), {}});
    hash_suffixes(key, folded, canaries_.back().hashes);
  }
}

std::optional<Refused> AdmissionGate::judge(const CompiledSource& version, const ListStatistics& statistics,
                                            const Circumstances& circumstances) const {
  if (!options_.enable) return std::nullopt;
  const std::uint64_t entries = version.rule_count();
  if (entries == 0 && statistics.error_count != 0) {
    std::string why = "it has no entry, but " + std::to_string(statistics.error_count) + " lines in error";
    if (!statistics.errors.empty())
      why += "; line " + std::to_string(statistics.errors[0].line) + ": " + statistics.errors[0].text;
    return Refused{Refusal::kErrors, why + " (check the URL)"};
  }
  if (circumstances.entries_before)
    if (auto refused = judge_size(entries, *circumstances.entries_before)) return refused;
  if (!circumstances.denies) return std::nullopt;
  for (const auto& range : version.ranges()) {
    if (range.rule_class.exception || !is_the_internet(range.range)) continue;
    return Refused{Refusal::kCanary, "it would block " + range.range.to_string() + ", most of the Internet"};
  }
  if (const Canary* canary = blocked_canary(version))
    return Refused{Refusal::kCanary, "it would block " + canary->text + ", which must never be blocked (if it should be, set "
                                     "blocking.admission.canaries: [\"!" + canary->text + "\"])"};
  return std::nullopt;
}

std::optional<Refused> AdmissionGate::judge_size(std::uint64_t entries, std::uint64_t before) const {
  if (before == 0) return std::nullopt;
  const auto refused = [&](Refusal cause, const char* verb, std::uint64_t by, const char* key, std::uint32_t bound) {
    return Refused{cause, std::string("it has ") + verb + " from " + std::to_string(before) + " to " +
                              std::to_string(entries) + " entries, by " + percent(by, before) + "; blocking.admission." +
                              key + " is " + std::to_string(bound) + " % (raise it if this is meant)"};
  };
  // A list that is empty all at once is a fault of its server, however short it was.
  if (entries < before && (before >= kSizedEntriesMin || entries == 0) &&
      (before - entries) * 100 > before * options_.max_shrink_percent)
    return refused(Refusal::kShrunk, "shrunk", before - entries, "maxShrink", options_.max_shrink_percent);
  if (entries > before && before >= kSizedEntriesMin && (entries - before) * 100 > before * options_.max_growth_percent)
    return refused(Refusal::kGrown, "grown", entries - before, "maxGrowth", options_.max_growth_percent);
  return std::nullopt;
}

const AdmissionGate::Canary* AdmissionGate::blocked_canary(const CompiledSource& version) const {
  std::vector<Canaried> claims;
  for (const auto& canary : canaries_) claims.push_back(claims_on(version, canary.hashes));
  re2::RE2::Options options(re2::RE2::Latin1);  // as the filter compiles them
  options.set_log_errors(false);
  for (const auto& regex : version.regexes()) {
    const re2::RE2 compiled(regex.text, options);
    if (!compiled.ok()) continue;
    for (std::size_t i = 0; i < canaries_.size(); ++i)
      if (re2::RE2::PartialMatch(canaries_[i].text, compiled)) claims[i].add(version, regex.rule_class);
  }
  for (std::size_t i = 0; i < canaries_.size(); ++i)
    if (claims[i].blocks()) return &canaries_[i];
  return nullptr;
}

}  // namespace rampart::blocklists
