// The rules of one source in the form that a FilterSet is merged from: sorted 64-bit hashes of the names (8 octets
// for each rule), and the few regexes and address ranges as they are. It belongs to no group, so one download may
// serve several groups; it is made on any thread, is immutable then, and may be kept as the last good version, so
// that the refresh of one source does not read the others again. The hashes of a large source need not stay in
// memory: they are read once for each index, in order. They are keyed for the process: no other can read them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/keyed_hash.h"
#include "base/result.h"
#include "blocklists/hash_merge.h"
#include "blocklists/page_array.h"
#include "blocklists/rule.h"
#include "blocklists/source_archive.h"
#include "dns/name.h"

namespace rampart::blocklists {

/// What a rule of a source says, apart from its name. Indexes the arrays of hashes; rules for some query types
/// only, which are few, have indexes from kCount on.
struct RuleClass {
  bool wildcard = false;
  bool exception = false;
  bool important = false;
  bool one_label = false;   ///< of names: they have an index of their own
  std::uint16_t types = 0;  ///< 0: for all query types; else for CompiledSource::types()[types - 1]
  static constexpr std::size_t kCount = 16;
  [[nodiscard]] std::size_t index() const noexcept {
    return (wildcard ? 1u : 0) | (exception ? 2u : 0) | (important ? 4u : 0) | (one_label ? 8u : 0) |
           std::size_t{types} * kCount;
  }
  static RuleClass from_index(std::size_t i) noexcept {
    return {(i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0, static_cast<std::uint16_t>(i / kCount)};
  }
};

class CompiledSource {
 public:
  struct Regex {
    std::string text;
    RuleClass rule_class;
  };
  struct Range {
    base::IpRange range;
    RuleClass rule_class;
  };

  using TypedHashes = std::map<std::size_t, std::vector<std::uint64_t>>;

  CompiledSource() = default;
  CompiledSource(CompiledSource&&) noexcept = default;
  CompiledSource& operator=(CompiledSource&&) noexcept = default;

  /// Distinct rules of all kinds.
  [[nodiscard]] std::uint64_t rule_count() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  /// The names of one class of rules; borrowed from the source.
  struct Names {
    RuleClass rule_class;
    HashSequence hashes;
  };
  /// Of each class that has any, in memory or on disk.
  [[nodiscard]] std::vector<Names> names() const;

  /// The same by class, while they are in memory: empty afterwards.
  [[nodiscard]] const PageArray<std::uint64_t>& hashes(std::size_t i) const noexcept { return hashes_[i]; }
  /// Names for some query types only, by the index of their class; sorted, without duplicates.
  [[nodiscard]] const TypedHashes& typed_hashes() const noexcept { return typed_hashes_; }
  [[nodiscard]] const std::vector<QueryTypes>& types() const noexcept { return types_; }
  [[nodiscard]] const std::vector<Regex>& regexes() const noexcept { return regexes_; }
  [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }
  /// Labels of the shortest name of several labels with a wildcard; more than any name has if there is none.
  [[nodiscard]] std::size_t wildcard_labels_min() const noexcept { return wildcard_labels_min_; }

  /// Moves all names to an unnamed file in `folder` (see SourceArchive::open); if that fails they stay in memory.
  /// For the owner alone, before others read.
  [[nodiscard]] base::Status move_to_disk(const std::string& folder);
  [[nodiscard]] bool is_on_disk() const noexcept { return archive_.has_value(); }

 private:
  friend class SourceCompiler;
  struct Place {
    std::size_t rule_class;
    std::size_t first;
    std::size_t count;
  };
  std::array<PageArray<std::uint64_t>, RuleClass::kCount> hashes_;  ///< each sorted, without duplicates
  TypedHashes typed_hashes_;
  std::vector<QueryTypes> types_;
  std::vector<Regex> regexes_;
  std::vector<Range> ranges_;
  std::size_t wildcard_labels_min_ = dns::kLabelsMax + 1;
  std::optional<SourceArchive> archive_;  ///< instead of the arrays of hashes
  std::vector<Place> places_;             ///< in the archive
};

/// Collects the rules of one source. Not thread-safe; different sources may be compiled at the same time.
class SourceCompiler final : public RuleSink {
 public:
  /// `key` is the process's key for names: the one given to hash_suffixes() for queries.
  explicit SourceCompiler(const base::HashKey& key);
  ~SourceCompiler() override;

  /// Cost: one hash of the name. Throws std::bad_alloc only.
  void add(const Rule& rule) override;
  /// Sorts and removes duplicates; the compiler is empty afterwards.
  [[nodiscard]] CompiledSource finish();

 private:
  struct Pile;
  [[nodiscard]] std::uint16_t types_id(const QueryTypes& types);

  const base::HashKey key_;
  std::array<std::unique_ptr<Pile>, RuleClass::kCount> piles_;
  CompiledSource result_;
};

}  // namespace rampart::blocklists
