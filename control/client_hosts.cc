#include "control/client_hosts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dns/message_view.h"
#include "dns/name.h"

namespace rampart::control {

std::vector<std::string> client_hosts(const Blocking& blocking) {
  std::set<std::string> hosts;
  for (const auto& entry : blocking.client_groups_block)
    for (const auto& client : entry.clients) {
      if (client.kind != ClientIdentifier::Kind::kName || client.text.find('.') == std::string::npos) continue;
      if (dns::Name::parse(client.text)) hosts.insert(client.text);
    }
  return {hosts.begin(), hosts.end()};
}

HostAnswer host_answer(const resolver::ForwardResult& result, dns::RrType type) {
  HostAnswer answer;
  if (result.outcome != resolver::ForwardOutcome::kAnswer || result.message == nullptr) return {true, {}, {}};
  const dns::Rcode rcode = result.message->rcode();
  if (rcode != dns::Rcode::kNoError && rcode != dns::Rcode::kNxDomain) return {true, {}, {}};
  std::uint32_t ttl = INT32_MAX;
  result.message->for_each_record([&](const dns::RecordView& record) {
    if (record.section != dns::Section::kAnswer) return false;
    ttl = std::min(ttl, record.ttl);
    if (record.type != type) return true;
    if (type == dns::RrType::kA && record.rdata().size() == 4)
      answer.addresses.push_back(base::IpAddress::v4(record.rdata().data()));
    if (type == dns::RrType::kAaaa && record.rdata().size() == 16)
      answer.addresses.push_back(base::IpAddress::v6(record.rdata().data()));
    return true;
  });
  answer.ttl = std::chrono::seconds(ttl);
  return answer;
}

void ClientHosts::adopt(const std::vector<std::string>& hosts) {
  std::map<std::string, Host> next;
  for (const auto& host : hosts) {
    const auto it = hosts_.find(host);
    next[host] = it == hosts_.end() ? Host{} : std::move(it->second);
  }
  hosts_ = std::move(next);
  in_flight_ = 0;
  for (const auto& [name, host] : hosts_)
    for (const auto& family : host) in_flight_ += family.look_up != 0;
  static_cast<void>(rebuild());
}

bool ClientHosts::tick(base::Instant now, const LookUp& look_up) {
  std::vector<Arrived> arrived;
  {
    const std::lock_guard lock(inbox_->mutex);
    arrived.swap(inbox_->arrived);
  }
  for (auto& one : arrived) take_in(one, now);
  for (auto& [name, host] : hosts_) {
    for (std::size_t i = 0; i < host.size(); ++i) {
      Family& family = host[i];
      if (now < family.due) continue;
      if (family.look_up != 0) {  // lost with a worker; the reply, should it still come, is not waited for
        family.look_up = 0;
        family.due = now + kFailurePause;
        --in_flight_;
        failures_.add();
        continue;
      }
      if (in_flight_ >= kInFlightMax) continue;
      ++in_flight_;
      look_ups_.add();
      family.look_up = ++last_look_up_;
      family.due = now + kAnswerMax;
      look_up(name, kTypes[i], [inbox = inbox_, name = name, i, id = family.look_up](HostAnswer answer) {
        const std::lock_guard lock(inbox->mutex);
        inbox->arrived.push_back({name, i, id, std::move(answer)});
      });
    }
  }
  return !arrived.empty() && rebuild();
}

void ClientHosts::take_in(Arrived& arrived, base::Instant now) {
  const auto it = hosts_.find(arrived.host);
  if (it == hosts_.end()) return;
  Family& family = it->second[arrived.family];
  if (family.look_up != arrived.look_up) return;
  family.look_up = 0;
  --in_flight_;
  HostAnswer& answer = arrived.answer;
  if (answer.is_failure) {
    failures_.add();
    family.due = now + kFailurePause;
    return;
  }
  const base::Duration ttl = std::clamp<base::Duration>(answer.ttl, kTtlMin, kTtlMax);
  family.due = now + (answer.addresses.empty() ? base::Duration(kNegativeTtl) : ttl);
  if (answer.addresses.size() > kAddressesMax) {
    addresses_cut_.add();
    answer.addresses.resize(kAddressesMax);
  }
  std::sort(answer.addresses.begin(), answer.addresses.end());
  family.addresses = std::move(answer.addresses);
}

bool ClientHosts::rebuild() {
  HostAddressTable next;
  for (const auto& [name, host] : hosts_)
    for (const auto& family : host)
      if (!family.addresses.empty()) next[name].insert(next[name].end(), family.addresses.begin(), family.addresses.end());
  if (next == addresses_) return false;
  addresses_ = std::move(next);
  return true;
}

}  // namespace rampart::control
