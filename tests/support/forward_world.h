// A forwarder in an event loop, and questions to it, in a line each.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "resolver/forwarder.h"
#include "resolver/standing_read.h"
#include "tests/support/fake_upstream.h"

namespace rampart::test {

/// A question put to the forwarder and, later, what became of it.
struct Asked : resolver::ForwardWaiter {
  bool is_done = false;
  int calls = 0;
  resolver::ForwardOutcome outcome{};
  bool has_message = false;
  Bytes message;
  std::string upstream;
  base::Duration took{};
  base::Instant asked_at{};

  /// Last octet of the first A record of the answer; 0: none.
  [[nodiscard]] int last_octet() const;
};

class ForwardWorld {
 public:
  explicit ForwardWorld(resolver::ForwarderOptions options = {});

  /// One group, index 0.
  void use(std::vector<resolver::UpstreamSpec> upstreams,
           resolver::UpstreamStrategy strategy = resolver::UpstreamStrategy::kParallelBest,
           base::Duration timeout = std::chrono::milliseconds(400));

  Asked& ask(const std::string& name, dns::RrType qtype = dns::RrType::kA, bool dnssec_ok = false,
             base::ByteView ecs = {});
  /// Runs the loop until that question, or all, are done; false after 10 s.
  bool run_until_done(const Asked& asked);
  bool run_until_all_done();
  template <class Condition>
  bool run_until(Condition&& condition) {
    const base::Instant end = base::monotonic_now() + std::chrono::seconds(10);
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      io.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  Asked& ask_and_wait(const std::string& name, dns::RrType qtype = dns::RrType::kA);

  boost::asio::io_context io{resolver::kOwnThreadOnly};

 private:
  std::deque<Asked> asked_;  // before the forwarder, whose end still calls them
  std::size_t done_ = 0;

 public:
  resolver::ForwarderCounters counters;
  resolver::Forwarder forwarder;

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io.get_executor()};
};

}  // namespace rampart::test
