#include "resolver/cache_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

namespace rampart::resolver {

using dns::Rcode;
using dns::RrType;

namespace {

struct Lifetime {
  std::uint32_t positive = ~0u;  // smallest TTL of the answer section
  std::uint32_t soa = 0;         // RFC 2308 5: min(SOA TTL, SOA MINIMUM)
  bool has_answer = false;
  bool has_soa = false;
};

Lifetime lifetime_of(const dns::MessageView& message) noexcept {
  Lifetime life;
  message.for_each_record([&](const dns::RecordView& record) {
    if (record.section == dns::Section::kAnswer) {
      life.has_answer = true;
      life.positive = std::min(life.positive, record.ttl);
    } else if (record.section == dns::Section::kAuthority && record.type == RrType::kSoa) {
      const auto rdata = record.rdata();
      const std::uint32_t minimum = base::load_u32(rdata.data() + rdata.size() - 4);
      life.soa = std::min(record.ttl, minimum);
      life.has_soa = true;
    }
    return record.section != dns::Section::kAdditional;
  });
  return life;
}

}  // namespace

bool is_excluded(const CachePolicy& cache, const dns::FoldedName& name) {
  if (cache.exclude.empty()) return false;
  const std::string text = dns::to_text(name.view());
  return std::any_of(cache.exclude.begin(), cache.exclude.end(),
                     [&](const auto& regex) { return re2::RE2::PartialMatch(text, *regex); });
}

// A negative answer lives as long as its SOA says, at most `negative_ttl`; without a SOA we take `negative_ttl`
// itself, as Blocky does, instead of RFC 2308's "should not be cached", so that a broken zone cannot make us
// ask for each query.
std::uint32_t keep_seconds(const dns::MessageView& message, const CachePolicy& cache) noexcept {
  const Rcode rcode = message.rcode();
  if (message.is_truncated() || (rcode != Rcode::kNoError && rcode != Rcode::kNxDomain)) return 0;
  const Lifetime life = lifetime_of(message);
  if (rcode == Rcode::kNxDomain || !life.has_answer) {
    return life.has_soa ? std::min(life.soa, cache.negative_ttl) : cache.negative_ttl;
  }
  return life.positive;
}

void clamp_ttls(base::MutableBytes message, std::span<const std::uint16_t> offsets, const CachePolicy& cache) noexcept {
  if (cache.min_ttl == 0 && cache.max_ttl == 0) return;
  for (const auto at : offsets) {
    std::uint32_t ttl = base::load_u32(message.data() + at);
    ttl = std::max(ttl, cache.min_ttl);
    if (cache.max_ttl != 0) ttl = std::min(ttl, cache.max_ttl);
    base::store_u32(message.data() + at, ttl);
  }
}

}  // namespace rampart::resolver
