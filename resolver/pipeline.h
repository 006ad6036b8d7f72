// The one place that knows the order of decisions about a query. It touches no socket, no clock and no global:
// listeners, tests, fuzzers, benches and `explain` all call the same functions.
//
// A batch is worked through in two passes, so that memory is fetched for all queries before any is decided:
//   begin()   parse, identify, hash, prefetch
//   decide()  walk the stages; a hit, a block or a refusal is written into `out` in place
// answer() is both for a single query. What comes back as kForward goes to an upstream and returns through
// complete(). Every end passes note(), which counts and logs it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/keyed_hash.h"
#include "base/time.h"
#include "resolver/answer_keeper.h"
#include "resolver/cache.h"
#include "resolver/client_cache.h"
#include "resolver/counters.h"
#include "resolver/forwarder.h"
#include "resolver/policy.h"
#include "resolver/query_context.h"
#include "resolver/rate_gate.h"
#include "resolver/synthesis.h"
#include "storage/cache_export_ring.h"
#include "storage/query_log.h"

namespace rampart::dns {
class ResponseWriter;
}

namespace rampart::resolver {

class Pipeline {
 public:
  /// `cache` is shared by all workers; the others belong to this worker. `events` (no log), `exports` (nothing is
  /// shared with other instances) and `names` (no names are learned) may be null.
  Pipeline(Cache& cache, WorkerCounters& counters, storage::QueryEventRing* events,
           storage::CacheExportRing* exports = nullptr, ClientNameDesk* names = nullptr);

  /// To be called before the begin() of a batch's first query.
  void begin_batch() { clients_.begin_batch(); }

  void begin(QueryContext& context, const PolicySnapshot& policy) noexcept;
  /// Starts loading what begin() found the way to. For batches: begin all, prepare all, then decide all.
  void prepare(const QueryContext& context, const PolicySnapshot& policy) const noexcept;

  /// Decides a query that begin() has read. On kRespond `length` octets of `out` (at least 512) are the response.
  /// No lock, no allocation, no system call.
  Disposition decide(QueryContext& context, const PolicySnapshot& policy, base::Instant now, base::MutableBytes out,
                     std::size_t& length) noexcept;

  Disposition answer(QueryContext& context, const PolicySnapshot& policy, base::Instant now, base::MutableBytes out,
                     std::size_t& length) noexcept {
    begin(context, policy);
    return decide(context, policy, now, out, length);
  }

  /// Turns what the upstreams said into the response: inspect, store, render; or serve stale, or SERVFAIL.
  /// Returns the response's length, or 0: the rewritten name has no answer, and ask_original() is to follow. With
  /// `is_final` that does not happen.
  std::size_t complete(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result,
                       base::Instant now, base::MutableBytes out, bool is_final = false) noexcept;

  /// Decides the query again, without rewrites.
  Disposition ask_original(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                           base::MutableBytes out, std::size_t& length) noexcept;

  /// The expired answer, for a client that has waited long enough (RFC 8767 5). Returns its length; 0: none.
  std::size_t answer_stale(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                           base::MutableBytes out) noexcept;

  /// Why nobody waits for an upstream's answer.
  enum class Refresh : std::uint8_t {
    kPrefetch,    ///< the entry still lives: only a better one takes its place
    kAfterStale,  ///< the clients have been given what was expired: whatever is true now takes its place
  };
  /// Stores an upstream's answer to a question that nobody waits for.
  void store_only(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result, Refresh refresh,
                  base::Instant now) noexcept;

  /// A bound of our own was reached, and nobody can be asked: the expired answer, else SERVFAIL, counted as overload.
  std::size_t refuse_overload(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                              base::MutableBytes out) noexcept;

  /// Counts one finished query and hands it to the log.
  void note(const QueryContext& context, const PolicySnapshot& policy, const QueryTiming& timing,
            base::ByteView response) noexcept;

  /// To be called after a new policy was adopted.
  void forget_clients() noexcept { clients_.clear(); }

 private:
  void hash_for_cache(QueryContext& context, const PolicySnapshot& policy) noexcept;
  Disposition decide_names(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                           base::MutableBytes out, std::size_t& length) noexcept;
  Disposition decide_below_custom_dns(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                      base::MutableBytes out, std::size_t& length) noexcept;
  std::size_t overload_answer(QueryContext& context, const PolicySnapshot& policy, base::MutableBytes out) noexcept;
  std::size_t complete_name(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result,
                            base::Instant now, base::MutableBytes out) noexcept;
  Disposition respond(QueryContext& context, storage::Reason reason, Stage stage) noexcept;
  std::size_t respond_from_cache(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                 LookupMode mode, base::MutableBytes out) noexcept;
  std::size_t rebinding_answer(QueryContext& context, const PolicySnapshot& policy, base::MutableBytes out) noexcept;
  std::size_t block_answer(QueryContext& context, const PolicySnapshot& policy, base::MutableBytes out) noexcept;
  // pipeline_render.cc
  std::size_t render_message(QueryContext& context, const PolicySnapshot& policy, std::size_t length,
                             dns::Rcode rcode, const ExtendedError& error, base::MutableBytes out) noexcept;
  std::size_t without_ipv6_hints(std::size_t length, base::MutableBytes out) noexcept;
  std::size_t write_truncated(QueryContext& context, dns::Rcode rcode, base::MutableBytes out) noexcept;

  // pipeline_names.cc: our own names, and names that are asked in place of others.
  std::size_t custom_dns_answer(QueryContext& context, const PolicySnapshot& policy, base::MutableBytes out) noexcept;
  std::size_t hosts_answer(QueryContext& context, const PolicySnapshot& policy, base::MutableBytes out) noexcept;
  void take_name(QueryContext& context, const PolicySnapshot& policy, const dns::FoldedName& name,
                 Detour detour) noexcept;
  std::size_t join_chain(QueryContext& context, const PolicySnapshot& policy, std::size_t length,
                         base::MutableBytes out) noexcept;
  std::size_t rename_to_asked(const QueryContext& context, std::size_t length, base::MutableBytes out) noexcept;
  static void route_conditionally(QueryContext& context, const PolicySnapshot& policy) noexcept;
  static bool falls_back(const QueryContext& context, const PolicySnapshot& policy, bool is_empty) noexcept;
  bool copy_record(dns::ResponseWriter& writer, const dns::RecordView& record, dns::NameView from,
                   dns::NameView to) noexcept;

  base::ByteView store(QueryContext& context, const PolicySnapshot& policy, const dns::MessageView& message,
                       base::Instant now, bool prefetched, bool& blocked) noexcept;
  base::ByteView store_answer(QueryContext& context, const PolicySnapshot& policy, const dns::MessageView& received,
                              base::Instant now, bool prefetched, bool& blocked) noexcept;
  [[nodiscard]] CacheKeyView cache_key(const QueryContext& context) const noexcept;

  Cache& cache_;
  WorkerCounters& counters_;
  storage::QueryEventRing* events_;
  storage::CacheExportRing* exports_;
  ClientCache clients_;
  RateGate rate_gate_;
  // Worker-local scratch for one upstream answer at a time.
  AnswerKeeper keeper_;
  std::vector<std::uint8_t> stripped_;
  std::vector<std::uint8_t> scratch_;  ///< a record's data with names in full
  std::vector<std::uint8_t> renamed_;  ///< made when conditional.rewrite first needs it
};

}  // namespace rampart::resolver
