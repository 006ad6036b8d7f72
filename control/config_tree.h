// YAML as a tree in which every value knows where it is written. Anchors, aliases and `<<` are resolved here,
// folders are merged here; nothing behind it knows YAML.
//
// An alias shares the node of its anchor, so a file of a few lines can stand for billions of values. Each node
// therefore knows how many values it stands for, and no tree may stand for more than kNodesMax.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_findings.h"

namespace rampart::control {

/// As Blocky: room for the largest inline lists, an end to bombs of aliases.
inline constexpr std::size_t kConfigNodesMax = 1'000'000;
/// The deepest key of ours is five levels down; the rest is room. Bounds every recursion over a tree.
inline constexpr unsigned kConfigDepthMax = 64;
/// Inline lists of some million names fit.
inline constexpr std::size_t kConfigFileBytesMax = std::size_t{64} << 20;

class ConfigNode;
using ConfigNodePtr = std::shared_ptr<const ConfigNode>;

class ConfigNode {
 public:
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  struct Entry {
    std::string key;
    Place place;  ///< of the key
    ConfigNodePtr value;
  };

  Kind kind = Kind::kNull;
  Place place;
  std::string text;                  ///< kScalar: as typed
  bool is_plain = true;              ///< kScalar: without quotes, no block
  std::vector<ConfigNodePtr> items;  ///< kList
  std::vector<Entry> entries;        ///< kMap, in file order, keys unique
  std::size_t size = 1;              ///< values it stands for, itself included; saturates
  unsigned depth = 1;

  [[nodiscard]] bool is_null() const noexcept { return kind == Kind::kNull; }
  [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_list() const noexcept { return kind == Kind::kList; }
  [[nodiscard]] bool is_map() const noexcept { return kind == Kind::kMap; }
  /// The value of `key` of a map; nullptr if there is none.
  [[nodiscard]] const Entry* find(std::string_view key) const noexcept;
};

/// What a node is, in words for messages: "a list", "the value 'x'".
[[nodiscard]] std::string describe(const ConfigNode& node);

/// All documents of a text, in order, empty ones (null) left out. Faults go to `findings`; what could be read is
/// returned nevertheless.
[[nodiscard]] std::vector<ConfigNodePtr> parse_yaml(std::string_view text, const std::string& file_name,
                                                    Findings& findings);
/// Maps merge key by key; anything else is replaced by the later one.
[[nodiscard]] ConfigNodePtr merge(const ConfigNodePtr& earlier, const ConfigNodePtr& later);

}  // namespace rampart::control
