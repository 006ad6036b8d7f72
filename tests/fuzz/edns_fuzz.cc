// EDNS: the input is an OPT record behind its type (payload size, TTL field, options), in a query that has no other
// fault. It is accepted exactly when its version is 0 and its options fill it; the answer carries an OPT of ours.
#include <algorithm>
#include <vector>

#include "dns/append_opt.h"
#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

namespace {

constexpr std::uint8_t kBeginning[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1,  // one question, one additional
                                       1,    'a',  0, 0, 1, 0, 1,                 // a. IN A
                                       0,    0,    41};                           // OPT at the root
constexpr std::size_t kFixedBytes = 6;                                            // payload size and TTL field

bool fill_exactly(base::ByteView options) {
  while (options.size() >= 4 && options.size() - 4 >= base::load_u16(options.data() + 2))
    options = options.subspan(4u + base::load_u16(options.data() + 2));
  return options.empty();
}

std::vector<std::uint8_t> query_with(base::ByteView fixed, base::ByteView options) {
  std::vector<std::uint8_t> wire(std::begin(kBeginning), std::end(kBeginning));
  wire.insert(wire.end(), fixed.begin(), fixed.end());
  wire.push_back(static_cast<std::uint8_t>(options.size() >> 8));
  wire.push_back(static_cast<std::uint8_t>(options.size()));
  wire.insert(wire.end(), options.begin(), options.end());
  return wire;
}

void check_ecs(base::ByteView ecs) {
  require(ecs.size() >= 4 && ecs.size() <= 20 && ecs[3] == 0);
  require(ecs.size() == 4 + (ecs[2] + 7u) / 8);
}

// What goes to a client: its OPT, an EDE and a keepalive, and the same for a message that comes from the cache.
void check_answer(const dns::QueryView& query, base::ByteView text) {
  std::uint8_t out[dns::kUdpPayloadBytes + dns::kTcpKeepaliveBytes];
  const std::size_t limit = dns::udp_size_limit(query);
  require(limit >= dns::kUdpPayloadBytesMin && limit <= dns::kUdpPayloadBytes);
  dns::ResponseWriter writer(query, out, limit);
  writer.add_ede(dns::EdeCode::kBlocked, base::as_text(text));
  if (query.edns().has_tcp_keepalive) writer.add_tcp_keepalive(100);
  const std::size_t length = writer.finish();
  require(length <= limit);
  const auto response = dns::MessageView::parse({out, length});
  require(response.ok() && response->has_edns() && response->rcode() == dns::Rcode::kNoError);
  const std::size_t longer = dns::append_tcp_keepalive(out, length, 100);
  require(longer == length + dns::kTcpKeepaliveBytes && dns::MessageView::parse({out, longer}).ok());

  std::uint8_t bare[512] = {0x12, 0x34, 0x81, 0x80};
  const std::size_t with_opt = dns::append_opt(bare, dns::kHeaderBytes, query.dnssec_ok(), dns::Rcode::kBadVers,
                                               dns::EdeCode::kBlocked, base::as_text(text));
  const auto appended = dns::MessageView::parse({bare, with_opt});
  require(appended.ok() && appended->has_edns());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kFixedBytes || size > 60000) return 0;
  const base::ByteView options(data + kFixedBytes, size - kFixedBytes);
  const auto wire = query_with({data, kFixedBytes}, options);
  const auto query = dns::QueryView::parse(wire);
  const bool is_version_0 = data[3] == 0;
  require(query.ok() == (is_version_0 && fill_exactly(options)));
  if (!query) {
    require(query.error() == (is_version_0 ? dns::WireError::kBadEdns : dns::WireError::kBadVersion));
    std::uint8_t out[dns::kUdpPayloadBytes];
    const auto response = dns::MessageView::parse({out, dns::error_response(wire, query.error(), out)});
    require(response.ok() && response->has_edns());
    require(response->rcode() == (is_version_0 ? dns::Rcode::kFormErr : dns::Rcode::kBadVers));
    return 0;
  }
  const dns::EdnsView& edns = query->edns();
  require(query->has_edns() && edns.udp_payload_bytes == base::load_u16(data));
  require(edns.dnssec_ok == ((data[4] & 0x80) != 0));
  require(std::equal(edns.options.begin(), edns.options.end(), options.begin(), options.end()));
  if (!edns.ecs.empty()) check_ecs(edns.ecs);
  check_answer(*query, options);
  return 0;
}
