// The whole query path as a hostile client sees it: any octets through answer(), with filter, cache and policy in
// force; and any octets as what an upstream said, through complete(). Afterwards the same pipeline must still answer.
#include "tests/fuzz/require.h"
#include "tests/support/pipeline_world.h"

using namespace rampart;
using fuzz::require;

namespace {

struct World {
  test::PipelineWorld world{{{"ads", blocklists::Action::kDeny, "ads.example.org\n*.tracker.example\n/^ad[0-9]+\\./\n"},
                             {"ads", blocklists::Action::kAllow, "good.tracker.example\n"},
                             {"bad", blocklists::Action::kDeny, "192.0.2.0/24\n"}}};
  test::Bytes good = test::make_query("www.example.org", dns::RrType::kA, {.edns = true});

  World() {
    world.policy().extended_errors = true;
    world.policy().version_text = "fuzz";
  }
};

World& world() {
  static World w;
  return w;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World& w = world();
  const test::Bytes input(data, data + size);
  // As a query: every response is well formed, has the query's ID, and fits.
  const auto reply = w.world.ask_wire(input);
  if (reply.disposition == resolver::Disposition::kRespond) {
    require(reply.bytes.size() >= dns::kHeaderBytes && reply.bytes.size() <= dns::kUdpPayloadBytes);
    require(base::load_u16(reply.bytes.data()) == base::load_u16(data));
    require(reply.flags() & dns::kFlagQr);
  }
  // As an upstream's answer to a query that is being forwarded: nothing is known of its name yet.
  const auto message = dns::MessageView::parse(input);
  if (message.ok()) {
    w.world.cache().clear();
    resolver::QueryContext context;
    context.wire = w.good;
    context.client = base::IpAddress::v4(0xc0000201);
    test::Bytes out(4096);
    std::size_t length = 0;
    const auto disposition = w.world.pipeline().answer(context, w.world.policy(), w.world.now(), out, length);
    require(disposition == resolver::Disposition::kForward);
    const resolver::ForwardResult result{resolver::ForwardOutcome::kAnswer, &*message, "tcp+udp:192.0.2.53"};
    length = w.world.pipeline().complete(context, w.world.policy(), result, w.world.now(), out);
    require(length >= dns::kHeaderBytes && length <= dns::kUdpPayloadBytes);
    require(dns::MessageView::parse(base::ByteView(out).first(length)).ok());
  }
  w.world.pass(std::chrono::seconds(1));
  const auto blocked = w.world.ask("ads.example.org");
  require(blocked.reason == storage::Reason::kBlocked && blocked.records.size() == 1);
  return 0;
}
