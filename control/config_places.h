// Where the keys of a configuration stand, down to entries of maps and items of lists: for findings about them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "control/config_findings.h"
#include "control/config_tree.h"

namespace rampart::control {

/// Where each key that was given stands, and what is written in it.
class ConfigPlaces {
 public:
  explicit ConfigPlaces(Place whole) : whole_(std::move(whole)) {}

  /// A key that has a place already keeps it if `replace` is false.
  void add(const std::string& key, const Place& place, ConfigNodePtr value, bool replace = true);
  [[nodiscard]] bool has(std::string_view key) const { return given_.find(key) != given_.end(); }
  /// Of the key; without it, of the section that it would stand in; at last, of the whole.
  [[nodiscard]] const Place& of(std::string_view key) const;
  /// Of one entry of a map, and of one item of a list in it.
  [[nodiscard]] const Place& of_entry(std::string_view key, std::string_view entry) const;
  [[nodiscard]] const Place& of_entry(std::string_view key, std::string_view entry, std::size_t item) const;
  /// Of one item of a list.
  [[nodiscard]] const Place& of_item(std::string_view key, std::size_t item) const;
  /// The file, or the folder.
  [[nodiscard]] const Place& whole() const { return whole_; }

 private:
  struct Given {
    Place place;
    ConfigNodePtr value;
  };
  [[nodiscard]] const ConfigNode* value(std::string_view key) const;

  Place whole_;
  std::map<std::string, Given, std::less<>> given_;
};

/// The keys of such entries and items in findings: `a.b.entry` and `a.b.entry[0]`.
[[nodiscard]] std::string entry_key(std::string_view key, std::string_view entry);
[[nodiscard]] std::string item_key(std::string_view key, std::string_view entry, std::size_t item);

}  // namespace rampart::control
