// The last step of an answer that is a message already, from the cache or from an upstream: this client's ID,
// flags, letter case and OPT, within the length that it accepts, without what `filtering.queryTypes` keeps from it.
#include <algorithm>

#include "dns/append_opt.h"
#include "dns/message_edit.h"
#include "dns/response_writer.h"
#include "dns/svc_params.h"
#include "resolver/pipeline.h"

namespace rampart::resolver {
namespace {

using dns::Rcode;
using dns::RrType;

// Who filters AAAA does not want IPv6 addresses; those of SVCB and HTTPS come with another question.
bool hides_ipv6_hints(const PolicySnapshot& policy, RrType qtype) noexcept {
  return dns::has_svc_params(qtype) && policy.filtered_types[static_cast<std::uint16_t>(RrType::kAaaa)];
}

}  // namespace

// For an answer that does not fit here at all: the client must come back over TCP.
std::size_t Pipeline::write_truncated(QueryContext& context, Rcode rcode, base::MutableBytes out) noexcept {
  dns::ResponseWriter writer(*context.query, out, context.size_limit);
  writer.set_rcode(rcode);
  writer.set_flag(dns::kFlagTc, true);
  counters_.truncated.add();
  return writer.finish();
}

// `out` holds a whole message without OPT. Returns its new length, 0 if it does not fit.
std::size_t Pipeline::without_ipv6_hints(std::size_t length, base::MutableBytes out) noexcept {
  std::copy_n(out.data(), length, stripped_.data());
  const auto message = dns::MessageView::parse(base::ByteView(stripped_).first(length));
  if (!message.ok()) return 0;  // it was parsed before
  const auto edited = dns::remove_svc_param(*message, dns::kSvcIpv6Hint, out);
  if (!edited.ok()) return 0;
  return *edited != 0 ? *edited : length;
}

// `out` holds a whole message without OPT: make it the answer to this client's query.
std::size_t Pipeline::render_message(QueryContext& context, const PolicySnapshot& policy, std::size_t length,
                                     Rcode rcode, const ExtendedError& error, base::MutableBytes out) noexcept {
  const dns::QueryView& query = *context.query;
  if (policy.filters_types && hides_ipv6_hints(policy, query.qtype())) length = without_ipv6_hints(length, out);
  if (length != 0 && context.detour == Detour::kRewrite) length = rename_to_asked(context, length, out);
  if (length == 0) return write_truncated(context, rcode, out);
  if (context.detour == Detour::kCname) return length;  // join_chain() makes the response of it
  std::uint8_t* message = out.data();
  const std::uint16_t stored = base::load_u16(message + 2);
  const bool wants_ad = query.dnssec_ok() || query.authentic_data();  // RFC 6840 5.7
  std::uint16_t flags = dns::kFlagQr | dns::kFlagRa;
  flags |= stored & (dns::kFlagAa | dns::kFlagTc);  // TC: the upstream's answer was cut, and TCP did not help
  flags |= query.flags() & (dns::kFlagRd | dns::kFlagCd);
  if (wants_ad) flags |= stored & dns::kFlagAd;
  flags |= static_cast<std::uint16_t>(rcode) & 0xf;
  base::store_u16(message, query.id());
  base::store_u16(message + 2, flags);
  const auto question = query.question();
  std::copy(question.begin(), question.end(), message + dns::kHeaderBytes);  // the client's case (0x20)

  if (query.has_edns()) {
    const std::size_t with_opt = dns::append_opt(out, length, query.dnssec_ok(), rcode, error.code, error.text);
    if (with_opt == 0 || with_opt > context.size_limit) {
      counters_.truncated.add();
      return dns::truncate_for(query, out.first(std::max(length, with_opt)));
    }
    return with_opt;
  }
  if (length > context.size_limit) {
    counters_.truncated.add();
    return dns::truncate_for(query, out.first(length));
  }
  return length;
}

}  // namespace rampart::resolver
