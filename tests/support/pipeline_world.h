// A pipeline with its policy, cache and counters, and upstreams played by the test: the seam of the query path
// without sockets or clocks. Time passes only when a test says so.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/message_view.h"
#include "resolver/pipeline.h"
#include "tests/support/messages.h"

namespace rampart::test {

struct ListText {
  std::string group;
  blocklists::Action action;
  std::string text;
};

class PipelineWorld {
 public:
  explicit PipelineWorld(const std::vector<ListText>& lists = {}, const resolver::CacheOptions& cache = {});

  /// Change it before the first query, or call republish() afterwards.
  resolver::PolicySnapshot& policy() { return *policy_; }
  /// A new generation with these lists.
  void republish(const std::vector<ListText>& lists);

  struct Reply {
    resolver::Disposition disposition{};
    Bytes bytes;
    storage::Reason reason{};
    std::uint16_t rcode = 0;
    std::vector<std::string> records;  ///< answer section: "A 192.0.2.1 ttl=300"
    std::vector<std::string> authority;
    [[nodiscard]] std::uint16_t flags() const { return base::load_u16(bytes.data() + 2); }
  };

  Reply ask(std::string_view name, dns::RrType type = dns::RrType::kA, const QueryOptions& options = {},
            std::string_view client = "192.0.2.10");
  Reply ask_wire(const Bytes& query, std::string_view client = "192.0.2.10",
                 resolver::Protocol protocol = resolver::Protocol::kUdp);
  /// Asks, and if the query is to be forwarded lets the upstream say this.
  Reply resolve(const Bytes& query, const Bytes& upstream_response, std::string_view client = "192.0.2.10");
  Reply fail_upstream(const Bytes& query, resolver::ForwardOutcome outcome);
  /// Asks; for a query that is to be forwarded there is no room.
  Reply refuse(const Bytes& query);
  void pass(std::chrono::milliseconds time) { now_ += time; }

  resolver::Cache& cache() { return cache_; }
  resolver::WorkerCounters& counters() { return counters_; }
  /// From now on names of clients are taken from this desk.
  void learn_names_at(resolver::ClientNameDesk& desk);
  resolver::Pipeline& pipeline() { return *pipeline_; }
  [[nodiscard]] base::Instant now() const { return now_; }

 private:
  Reply reply_from(resolver::QueryContext& context, resolver::Disposition disposition, std::size_t length,
                   const Bytes& buffer);

  std::shared_ptr<resolver::PolicySnapshot> policy_;
  resolver::Cache cache_;
  resolver::WorkerCounters counters_;
  std::unique_ptr<resolver::Pipeline> pipeline_;
  base::Instant now_{std::chrono::hours(1)};
};

std::shared_ptr<const blocklists::FilterSet> build_filter(const std::vector<ListText>& lists);

}  // namespace rampart::test
