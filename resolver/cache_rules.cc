#include "resolver/cache_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

namespace rampart::resolver {

using dns::Rcode;
using dns::RrType;

namespace {

struct Lifetime {
  std::uint32_t answer = ~0u;  // smallest TTL of the answer section
  std::uint32_t soa = ~0u;     // RFC 2308 5: min(SOA TTL, SOA MINIMUM)
  bool has_records = false;    // in the answer section
  bool has_data = false;       // records there are of the type that was asked for
  bool has_soa = false;
};

Lifetime lifetime_of(const dns::MessageView& message) noexcept {
  Lifetime life;
  message.for_each_record([&](const dns::RecordView& record) {
    if (record.section == dns::Section::kAnswer) {
      life.has_records = true;
      life.has_data |= record.type == message.qtype();
      life.answer = std::min(life.answer, record.ttl);
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
// ask for each query. The aliases before it are part of it (RFC 2308 2.1, 2.2), so none of them may be older than
// its own TTL either (RFC 2181 5.2).
std::uint32_t keep_seconds(const dns::MessageView& message, const CachePolicy& cache) noexcept {
  const Rcode rcode = message.rcode();
  if (message.is_truncated() || (rcode != Rcode::kNoError && rcode != Rcode::kNxDomain)) return 0;
  const Lifetime life = lifetime_of(message);
  // An alias without data and without a SOA is no denial: its end was not looked for.
  const bool is_nodata = !life.has_data && (life.has_soa || !life.has_records);
  if (rcode == Rcode::kNxDomain || is_nodata) return std::min({life.answer, life.soa, cache.negative_ttl});
  return life.answer;
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
