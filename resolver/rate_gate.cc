#include "resolver/rate_gate.h"

#include <string>

#include "base/log.h"
#include "dns/presentation.h"
#include "storage/log_entry.h"

namespace rampart::resolver {
namespace {

std::string_view to_text(Protocol protocol) noexcept { return protocol == Protocol::kUdp ? "UDP" : "TCP"; }

}  // namespace

bool RateGate::admit(const QueryContext& context, const PolicySnapshot& policy, base::Instant now) noexcept {
  const RateDecision decision = policy.rate_limiter->admit(context.client, now);
  if (decision == RateDecision::kAdmit) return true;
  (context.protocol == Protocol::kUdp ? counters_.rate_limited_udp : counters_.rate_limited_tcp).add();
  if (decision == RateDecision::kDropAndReport) report(context, policy, now);
  return false;
}

void RateGate::report(const QueryContext& context, const PolicySnapshot& policy, base::Instant now) noexcept {
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    reports_ = 0;
  }
  if (reports_ == kReportsPerSecond) {
    counters_.rate_reports_dropped.add();
    return;
  }
  ++reports_;
  std::string qname = dns::to_text(context.query->qname());
  if (policy.hides_names) storage::mask_name(qname);
  // Blocky's message and fields, which fail2ban filters read.
  base::log::warn("rate-limiting", "dropped query",
                  {{"bucket_tokens", std::to_string(policy.rate_limiter->tokens(context.client, now))},
                   {"client_ip", context.client.to_string()},
                   {"protocol", std::string(to_text(context.protocol))},
                   {"qname", std::move(qname)},
                   {"qtype", dns::to_text(context.query->qtype())}});
}

}  // namespace rampart::resolver
