#include "resolver/client_cache.h"

#include <optional>
#include <string>

namespace rampart::resolver {
namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

const ClientIdentity& ClientCache::work_out(Slot& slot, const base::IpAddress& client, const ClientTable& table,
                                            base::Instant now) {
  const bool is_same = slot.known && slot.client == client;
  if (!is_same && slot.known && slot.batch == batch_) {
    // An earlier query of the batch still points into the slot.
    Slot& spare = spare_[next_spare_++ % kSpare];
    spare.known = false;
    return work_out(spare, client, table, now);
  }
  slot.batch = batch_;
  slot.version = version_;
  const bool may_learn = names_ != nullptr && table.learns_names;
  if (!is_same) slot.is_named_here = may_learn && table.is_named_here(client);
  const bool learns = may_learn && !slot.is_named_here;
  const ClientNameTable::Entry* entry = learns ? names_->table()->find(client) : nullptr;
  const std::uint64_t stamp = entry != nullptr ? entry->stamp : 0;
  if (!is_same || stamp != slot.stamp) {
    std::optional<std::vector<std::string>> learned;
    if (entry != nullptr && entry->is_named) learned = split_lines(names_->table()->names(*entry));
    slot.identity = table.identify(client, learned);
    slot.client = client;
    slot.known = true;
    slot.stamp = stamp;
    slot.ask_again = base::Instant::min();
  }
  if (!learns) {
    slot.ask_again = base::Instant::max();
  } else if (entry != nullptr && entry->ask_again > now) {
    slot.ask_again = entry->ask_again;
  } else if (now >= slot.ask_again) {
    names_->request(client);
    slot.ask_again = now + kAskPause;
  }
  return slot.identity;
}

}  // namespace rampart::resolver
