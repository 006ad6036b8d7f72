#include "control/config_places.h"

namespace rampart::control {

void ConfigPlaces::add(const std::string& key, const Place& place, ConfigNodePtr value, bool replace) {
  Given given{place, std::move(value)};
  if (replace) given_.insert_or_assign(key, std::move(given));
  else given_.try_emplace(key, std::move(given));
}

const Place& ConfigPlaces::of(std::string_view key) const {
  while (true) {
    if (const auto found = given_.find(key); found != given_.end()) return found->second.place;
    const auto dot = key.rfind('.');
    if (dot == std::string_view::npos) return whole_;
    key = key.substr(0, dot);
  }
}

const ConfigNode* ConfigPlaces::value(std::string_view key) const {
  const auto found = given_.find(key);
  return found == given_.end() ? nullptr : found->second.value.get();
}

const Place& ConfigPlaces::of_entry(std::string_view key, std::string_view entry) const {
  const auto* map = value(key);
  const auto* found = map != nullptr && map->is_map() ? map->find(entry) : nullptr;
  return found == nullptr ? of(key) : found->place;
}

const Place& ConfigPlaces::of_entry(std::string_view key, std::string_view entry, std::size_t item) const {
  const auto* map = value(key);
  const auto* found = map != nullptr && map->is_map() ? map->find(entry) : nullptr;
  if (found == nullptr) return of(key);
  const auto& list = *found->value;
  return list.is_list() && item < list.items.size() ? list.items[item]->place : found->place;
}

const Place& ConfigPlaces::of_item(std::string_view key, std::size_t item) const {
  const auto* list = value(key);
  return list != nullptr && list->is_list() && item < list->items.size() ? list->items[item]->place : of(key);
}

std::string entry_key(std::string_view key, std::string_view entry) {
  return std::string(key).append(".").append(entry);
}

std::string item_key(std::string_view key, std::string_view entry, std::size_t item) {
  return entry_key(key, entry) + "[" + std::to_string(item) + "]";
}

}  // namespace rampart::control
