#include "blocklists/compiled_source.h"

#include <algorithm>
#include <unordered_set>

#include "blocklists/name_hashes.h"

namespace rampart::blocklists {

std::uint64_t CompiledSource::rule_count() const noexcept {
  std::uint64_t count = regexes_.size() + ranges_.size();
  for (const auto& hashes : hashes_) count += hashes.size();
  for (const auto& [rule_class, hashes] : typed_hashes_) count += hashes.size();
  for (const Place& place : places_) count += place.count;
  return count;
}

std::size_t CompiledSource::memory_bytes() const noexcept {
  std::size_t bytes = sizeof(*this) + ranges_.capacity() * sizeof(Range) + regexes_.capacity() * sizeof(Regex);
  for (const auto& hashes : hashes_) bytes += hashes.bytes();
  for (const auto& [rule_class, hashes] : typed_hashes_) bytes += hashes.capacity() * sizeof(std::uint64_t);
  for (const auto& regex : regexes_) bytes += regex.text.capacity();
  return bytes;
}

std::vector<CompiledSource::Names> CompiledSource::names() const {
  std::vector<Names> names;
  for (const Place& place : places_) {
    names.push_back({RuleClass::from_index(place.rule_class),
                     {.archive = &*archive_, .first = place.first, .count = place.count}});
  }
  for (std::size_t i = 0; i < RuleClass::kCount; ++i) {
    if (hashes_[i].size() == 0) continue;
    names.push_back({RuleClass::from_index(i), HashSequence::in_memory({hashes_[i].data(), hashes_[i].size()})});
  }
  for (const auto& [rule_class, hashes] : typed_hashes_) {
    names.push_back({RuleClass::from_index(rule_class), HashSequence::in_memory(hashes)});
  }
  return names;
}

base::Status CompiledSource::move_to_disk(const std::string& folder) {
  if (archive_) return base::Done{};
  auto archive = SourceArchive::open(folder);
  if (!archive.ok()) return base::Error{archive.error()};
  std::vector<Place> places;
  for (const Names& some : names()) {
    places.push_back({some.rule_class.index(), archive->size(), some.hashes.count});
    if (auto done = archive->append(some.hashes.memory); !done.ok()) return done;
  }
  archive_.emplace(std::move(archive).value());
  places_ = std::move(places);
  hashes_ = {};
  typed_hashes_.clear();
  return base::Done{};
}

// Hashes in the order of arrival, in chunks, so that growth never copies and memory stays at 8 octets each. A
// histogram of the top octets is kept alongside: it lets sorted() move each chunk to its final place and free it.
struct SourceCompiler::Pile {
  static constexpr std::size_t kChunkSize = 16 * 1024;
  static constexpr std::size_t kParts = 256;

  std::vector<PageArray<std::uint64_t>> chunks;
  std::size_t used_in_last = kChunkSize;
  std::array<std::size_t, kParts> histogram{};

  void add(std::uint64_t hash) {
    if (used_in_last == kChunkSize) {
      chunks.emplace_back(kChunkSize);
      used_in_last = 0;
    }
    chunks.back()[used_in_last++] = hash;
    ++histogram[hash >> 56];
  }

  PageArray<std::uint64_t> sorted() {
    std::array<std::size_t, kParts> next{};
    std::size_t total = 0;
    for (std::size_t part = 0; part < kParts; ++part) {
      next[part] = total;
      total += histogram[part];
    }
    PageArray<std::uint64_t> result(total);
    for (auto& chunk : chunks) {
      const std::size_t used = &chunk == &chunks.back() ? used_in_last : kChunkSize;
      for (std::size_t i = 0; i < used; ++i) result[next[chunk[i] >> 56]++] = chunk[i];
      chunk = {};
    }
    std::uint64_t* begin = result.data();
    std::uint64_t* kept = begin;
    for (const std::size_t count : histogram) {
      std::sort(begin, begin + count);
      kept = std::unique_copy(begin, begin + count, kept);
      begin += count;
    }
    result.shrink(static_cast<std::size_t>(kept - result.data()));
    return result;
  }
};

SourceCompiler::SourceCompiler(const base::HashKey& key) : key_(key) {}
SourceCompiler::~SourceCompiler() = default;

std::uint16_t SourceCompiler::types_id(const QueryTypes& types) {
  auto& known = result_.types_;
  const auto at = std::find(known.begin(), known.end(), types);
  const auto id = static_cast<std::uint16_t>(at - known.begin() + 1);
  if (at == known.end()) known.push_back(types);
  return id;
}

void SourceCompiler::add(const Rule& rule) {
  RuleClass rule_class{.wildcard = rule.kind == RuleKind::kWildcard,
                       .exception = rule.action == Action::kAllow,
                       .important = rule.important,
                       .types = rule.types == nullptr ? std::uint16_t{0} : types_id(*rule.types)};
  switch (rule.kind) {
    case RuleKind::kExact:
    case RuleKind::kWildcard: {
      const auto [hash, labels] = hash_name_text(key_, rule.name);
      rule_class.one_label = labels == 1;
      if (rule_class.types != 0) {
        result_.typed_hashes_[rule_class.index()].push_back(hash);
      } else {
        auto& pile = piles_[rule_class.index()];
        if (!pile) pile = std::make_unique<Pile>();
        pile->add(hash);
      }
      if (rule_class.wildcard && labels > 1) {
        result_.wildcard_labels_min_ = std::min(result_.wildcard_labels_min_, labels);
      }
      break;
    }
    case RuleKind::kRegex:
      result_.regexes_.push_back({std::string(rule.regex), rule_class});
      break;
    case RuleKind::kAddress:
      result_.ranges_.push_back({rule.range, rule_class});
      break;
  }
}

CompiledSource SourceCompiler::finish() {
  for (std::size_t i = 0; i < RuleClass::kCount; ++i) {
    if (piles_[i]) result_.hashes_[i] = piles_[i]->sorted();
    piles_[i].reset();
  }
  for (auto& [rule_class, hashes] : result_.typed_hashes_) {
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    hashes.shrink_to_fit();
  }

  // Regexes keep their order: the first that matches is the one that is reported.
  std::unordered_set<std::string> seen;
  std::erase_if(result_.regexes_, [&seen](const CompiledSource::Regex& regex) {
    return !seen.insert(std::to_string(regex.rule_class.index()) + '/' + regex.text).second;
  });

  const auto order = [](const CompiledSource::Range& range) {
    return std::tuple(range.range.base.mapped(), range.range.base.is_v4(), range.range.prefix, range.rule_class.index());
  };
  auto& ranges = result_.ranges_;
  std::sort(ranges.begin(), ranges.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  ranges.erase(std::unique(ranges.begin(), ranges.end(), [&](const auto& a, const auto& b) { return order(a) == order(b); }),
               ranges.end());
  ranges.shrink_to_fit();
  result_.regexes_.shrink_to_fit();
  return std::exchange(result_, CompiledSource{});
}

}  // namespace rampart::blocklists
