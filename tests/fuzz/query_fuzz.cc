// Queries: whatever parse() accepts must be answerable, and whatever it refuses must get a readable error.
#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

namespace {
unsigned sum(base::ByteView bytes) {
  unsigned total = 0;
  for (const std::uint8_t octet : bytes) total += octet;
  return total;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView wire(data, size);
  std::uint8_t out[dns::kUdpPayloadBytes];
  const auto query = dns::QueryView::parse(wire);
  if (!query) {
    const std::size_t length = dns::error_response(wire, query.error(), out);
    const bool is_silent = query.error() == dns::WireError::kShort || query.error() == dns::WireError::kNotQuery;
    require((length == 0) == is_silent);
    if (length == 0) return 0;
    const auto response = dns::MessageView::parse({out, length});
    require(response.ok() && response->rcode() != dns::Rcode::kNoError);
    require(response->id() == base::load_u16(data) && (response->flags() & dns::kFlagQr));
    return 0;
  }
  // Touch all that the accessors give, so that a sanitizer sees a bound that is wrong.
  volatile unsigned total = sum(query->question()) + sum(query->edns().options) + sum(query->edns().ecs);
  (void)total;
  dns::FoldedName folded;
  folded.assign(query->qname());
  require(folded.length == query->qname().wire().size());

  const std::size_t limit = dns::udp_size_limit(*query);
  dns::ResponseWriter writer(*query, out, limit);
  const std::uint8_t address[16] = {192, 0, 2, 1};
  for (unsigned i = 0; i < size % 64; ++i) (i % 2 ? writer.add_aaaa(60, address) : writer.add_a(60, address));
  const auto zone = folded.suffix(1);
  writer.add_soa(zone, 60, {query->qname(), zone, 1, 2, 3, 4, 5});
  writer.add_ede(dns::EdeCode::kBlocked, base::as_text(wire));
  const std::size_t length = writer.finish();
  require(length <= limit);
  const auto response = dns::MessageView::parse({out, length});
  require(response.ok());
  require(dns::equal_ignoring_case(response->qname().view(), query->qname()));
  require(response->has_edns() == query->has_edns());
  const std::size_t truncated = dns::truncate_for(*query, {out, length});
  const auto short_response = dns::MessageView::parse({out, truncated});
  require(short_response.ok() && short_response->is_truncated() && short_response->answer_count() == 0);
  return 0;
}
