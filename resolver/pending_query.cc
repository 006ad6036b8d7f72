#include "resolver/pending_query.h"

namespace rampart::resolver {
namespace {

// The query as the pending slot keeps it: whole if it fits, else header, question and a bare OPT, which is all
// that the answer depends on.
std::size_t keep_query(const dns::QueryView& query, base::MutableBytes out) noexcept {
  if (query.wire().size() <= out.size()) {
    std::copy(query.wire().begin(), query.wire().end(), out.begin());
    return query.wire().size();
  }
  const auto head = query.wire().first(dns::kHeaderBytes + query.question().size());
  std::copy(head.begin(), head.end(), out.begin());
  std::uint8_t* p = out.data() + head.size();
  base::store_u16(out.data() + 10, query.has_edns() ? 1 : 0);
  if (!query.has_edns()) return head.size();
  p[0] = 0;
  base::store_u16(p + 1, static_cast<std::uint16_t>(dns::RrType::kOpt));
  base::store_u16(p + 3, query.edns().udp_payload_bytes);
  base::store_u16(p + 5, 0);
  base::store_u16(p + 7, query.dnssec_ok() ? 0x8000 : 0);
  base::store_u16(p + 9, 0);
  return head.size() + 11;
}

}  // namespace

void PendingQuery::keep(const QueryContext& asked) {
  const std::size_t length = keep_query(*asked.query, wire);
  context = asked;
  context.wire = base::ByteView(wire).first(length);
  // The same octets were parsed a moment ago, so this cannot fail.
  context.query.emplace(*dns::QueryView::parse(context.wire));
  identity = *asked.identity;
  context.identity = &identity;
  context.given_identity = nullptr;  // the caller's, who does not wait
}

}  // namespace rampart::resolver
