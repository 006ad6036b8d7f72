#include "resolver/client_name_store.h"

#include <algorithm>

namespace rampart::resolver {

void ClientNameStore::reset(std::vector<std::uint32_t> order) {
  order_ = std::move(order);
  known_.clear();
  ages_.clear();
  has_news_ = true;
  counters_.known.set(0);
  abandon_look_ups();
}

void ClientNameStore::abandon_look_ups() {
  waiting_.clear();
  wanted_.clear();
  in_flight_ = 0;
  failures_ = 0;
  counters_.in_flight.set(0);
}

void ClientNameStore::request(const base::IpAddress& client, base::Instant now) {
  if (const auto it = known_.find(client); it != known_.end()) {
    ages_.splice(ages_.begin(), ages_, it->second.age);
    if (now < it->second.entry.ask_again) return;  // another worker was first
  }
  if (wanted_.count(client) != 0) return;
  if (waiting_.size() >= limits_.waiting_max) return counters_.waiting_full.add();
  wanted_.insert(client);
  waiting_.push_back(client);
}

std::optional<base::IpAddress> ClientNameStore::next() {
  const std::size_t allowed = is_server_silent() ? 1 : limits_.in_flight_max;
  if (waiting_.empty() || in_flight_ >= allowed) return std::nullopt;
  const base::IpAddress client = waiting_.front();
  waiting_.pop_front();
  counters_.in_flight.set(++in_flight_);
  counters_.lookups.add();
  return client;
}

void ClientNameStore::finish(const base::IpAddress& client, const HostNames& found, base::Instant now) {
  if (wanted_.erase(client) == 0) return;
  counters_.in_flight.set(--in_flight_);
  Known& known = make_room_for(client);
  Choice choice{known.entry.is_named, known.names};
  if (found.is_failure) {
    counters_.failed.add();
    ++failures_;
    known.entry.ask_again = now + kClientNameFailurePause;
    // The last good names stay for a while: a group of the client must not change because a router restarts.
    if (now - known.answered_at > kClientNameKeepMax) choice = {};
  } else {
    failures_ = 0;
    known.answered_at = now;
    (found.names.empty() ? counters_.nameless : counters_.named).add();
    const base::Duration ttl = std::clamp<base::Duration>(found.ttl, kClientNameTtlMin, kClientNameTtlMax);
    known.entry.ask_again = now + (found.names.empty() ? base::Duration(kClientNameNegativeTtl) : ttl);
    choice = choose(found.names);
  }
  if (known.entry.stamp == 0 || choice.is_named != known.entry.is_named || choice.names != known.names) {
    known.entry.stamp = ++last_stamp_;
    known.entry.is_named = choice.is_named;
    known.names = std::move(choice.names);
  }
  has_news_ = true;
}

ClientNameStore::Known& ClientNameStore::make_room_for(const base::IpAddress& client) {
  if (const auto it = known_.find(client); it != known_.end()) return it->second;
  if (known_.size() >= limits_.clients_max) {
    known_.erase(ages_.back());
    ages_.pop_back();
    counters_.evicted.add();
  }
  ages_.push_front(client);
  Known& known = known_[client];
  known.entry.client = client;
  known.age = ages_.begin();
  counters_.known.set(known_.size());
  return known;
}

// As Blocky: the address stands in for a client without names, and may be picked; if no number of the order is in
// range, the client has no name at all.
ClientNameStore::Choice ClientNameStore::choose(const std::vector<std::string>& names) {
  if (order_.empty() && names.empty()) return {};
  if (order_.empty()) {
    Choice choice{true, names.front()};
    bool is_cut = false;
    for (std::size_t i = 1; i < names.size(); ++i) {
      is_cut = choice.names.size() + 1 + names[i].size() > kClientNamesBytesMax;
      if (is_cut) break;
      choice.names += '\n' + names[i];
    }
    if (is_cut) counters_.names_cut.add();
    return choice;
  }
  const std::size_t count = std::max<std::size_t>(names.size(), 1);
  for (const std::uint32_t number : order_) {
    if (number == 0 || number > count) continue;
    if (names.empty()) return {};  // the address itself
    return {true, names[number - 1]};
  }
  return {true, {}};
}

std::shared_ptr<const ClientNameTable> ClientNameStore::table() {
  auto table = std::make_shared<ClientNameTable>();
  for (const auto& [client, known] : known_) table->append(known.entry, known.names);
  has_news_ = false;
  return table;
}

}  // namespace rampart::resolver
