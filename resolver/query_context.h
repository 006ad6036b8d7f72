// One query on its way through the pipeline: what was read from it, who asks, and what has been decided. Contexts
// live in arrays that a worker reuses, so nothing here allocates.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ip_address.h"
#include "base/time.h"
#include "blocklists/filter_set.h"
#include "blocklists/name_hashes.h"
#include "blocklists/verdict.h"
#include "dns/name.h"
#include "dns/query_view.h"
#include "resolver/policy.h"
#include "resolver/stage.h"
#include "storage/reason.h"

namespace rampart::resolver {

enum class Protocol : std::uint8_t { kUdp, kTcp, kTls, kHttps };

/// What answer() made of a query.
enum class Disposition : std::uint8_t {
  kRespond,  ///< the response is in the output buffer
  kDrop,     ///< silence
  kForward,  ///< nobody here knows: ask an upstream, then call complete()
};

/// Why `QueryContext::name` is not the name that the client asked for.
enum class Detour : std::uint8_t {
  kNone,
  kRewrite,  ///< customDNS.rewrite: the answer's owner becomes the name that was asked
  kCname,    ///< a CNAME of ours led here: the answer follows our chain
};

struct QueryContext {
  // Given by the listener.
  base::ByteView wire;                 ///< the message; must outlive the context's use
  base::IpAddress client;
  Protocol protocol = Protocol::kUdp;
  base::Instant arrival;
  const ClientIdentity* given_identity = nullptr;  ///< of a client that said who it is; null: found by its address

  // Read by Pipeline::begin().
  std::optional<dns::QueryView> query;      ///< empty when parsing failed
  dns::WireError wire_error{};
  dns::FoldedName name;                     ///< the qname, until a detour
  blocklists::NameHashes hashes;
  base::Hash128 cache_hash;
  const ClientIdentity* identity = nullptr;
  blocklists::GroupMask groups = 0;         ///< the client's groups that are in force now
  std::size_t size_limit = 0;               ///< largest response that the client accepts

  // Decided.
  Detour detour = Detour::kNone;
  bool is_original_only = false;            ///< rewrites are over: their fallback asks for the original name
  bool is_conditional = false;              ///< goes to upstreams of its own domain: neither read from nor put into the cache
  std::uint16_t upstream_group = 0;         ///< who is asked if it is forwarded
  storage::Reason reason{};
  Stage ended_at{};
  std::uint16_t rcode = 0;
  bool allowed = false;                     ///< on an allowlist: its answer is not inspected
  bool wants_prefetch = false;
  blocklists::Verdict verdict;              ///< for blocks
  dns::Name blocked_target;                 ///< for kBlockedCname and kBlockedTarget
  base::IpAddress blocked_address;          ///< for kBlockedIp
  std::string_view upstream;                ///< for forwarded answers
};

/// When a query came and how long its answer took. Passed by reference: with one more argument the view of the
/// response would travel over the stack, to be copied while it is still being stored.
struct QueryTiming {
  std::int64_t arrival_unix_us;  ///< wall time
  std::uint32_t duration_us;
};

}  // namespace rampart::resolver
