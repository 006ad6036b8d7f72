#include "tests/support/forward_world.h"

namespace rampart::test {

int Asked::last_octet() const {
  int octet = 0;
  if (!has_message) return octet;
  const auto view = dns::MessageView::parse(message);
  if (!view) return -1;
  view->for_each_record([&octet](const dns::RecordView& record) {
    if (record.section != dns::Section::kAnswer || record.type != dns::RrType::kA) return true;
    octet = record.rdata()[3];
    return false;
  });
  return octet;
}

ForwardWorld::ForwardWorld(resolver::ForwarderOptions options) : forwarder(io, options, counters) {}

void ForwardWorld::use(std::vector<resolver::UpstreamSpec> upstreams, resolver::UpstreamStrategy strategy,
                       base::Duration timeout) {
  auto set = std::make_shared<resolver::UpstreamSet>();
  set->groups.push_back({"default", strategy, timeout, std::move(upstreams)});
  forwarder.adopt(std::move(set));
}

Asked& ForwardWorld::ask(const std::string& name, dns::RrType qtype, bool dnssec_ok, base::ByteView ecs) {
  dns::FoldedName folded;
  folded.assign(dns::Name::parse(name)->view());
  Asked& asked = asked_.emplace_back();
  asked.done = [](resolver::ForwardWaiter& waiter, const resolver::ForwardResult& result) noexcept {
    auto& self = static_cast<Asked&>(waiter);
    self.is_done = true;
    ++self.calls;
    self.outcome = result.outcome;
    self.has_message = result.message != nullptr;
    if (result.message) self.message.assign(result.message->wire().begin(), result.message->wire().end());
    self.upstream = result.upstream;
    self.took = base::monotonic_now() - self.asked_at;
  };
  asked.asked_at = base::monotonic_now();
  forwarder.resolve({folded, qtype, dns::RrClass::kIn, 0, dnssec_ok, false, ecs}, asked, asked.asked_at);
  return asked;
}

bool ForwardWorld::run_until_done(const Asked& asked) {
  return run_until([&asked] { return asked.is_done; });
}

bool ForwardWorld::run_until_all_done() {
  return run_until([this] {
    while (done_ < asked_.size() && asked_[done_].is_done) ++done_;
    return done_ == asked_.size();
  });
}

Asked& ForwardWorld::ask_and_wait(const std::string& name, dns::RrType qtype) {
  Asked& asked = ask(name, qtype);
  run_until_done(asked);
  return asked;
}

}  // namespace rampart::test
