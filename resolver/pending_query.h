// A query that waits for an upstream: its own copy of everything that the answer will need, in a pooled slot.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/client_shares.h"
#include "resolver/deadline_timer.h"
#include "resolver/forwarder.h"
#include "resolver/pipeline.h"
#include "resolver/query_context.h"

namespace rampart::resolver {

class StreamConnection;
class UdpListener;

/// Where a UDP answer goes, and from which local address.
struct UdpReturnPath {
  sockaddr_storage peer;
  socklen_t peer_length = 0;
  alignas(cmsghdr) std::array<std::uint8_t, 64> control;
  std::size_t control_length = 0;
};

class Worker;

/// Receives the answer to a query that came from inside the process (API, DoH); empty when it was dropped. Called on
/// the worker's thread; the context tells how the answer came about.
using LocalReply = std::function<void(base::ByteView response, const QueryContext&, const PolicySnapshot&)>;

/// The deadline is that of serving stale, while `udp`, `stream` or `local` waits.
struct PendingQuery : ForwardWaiter, Deadline {
  PendingQuery();
  /// Copies what the answer will need.
  void keep(const QueryContext& asked);
  Worker* worker = nullptr;
  QueryContext context;
  ClientIdentity identity;      ///< copied: the client cache may forget the client meanwhile
  std::array<std::uint8_t, 512> wire;
  std::shared_ptr<const PolicySnapshot> policy;  ///< the generation that the query started with
  std::int64_t arrival_unix_us = 0;
  ClientShares::Places share;   ///< where this slot is counted as its client's

  // Exactly one of these receives the answer; none for a prefetch, or when it has been given a stale one.
  UdpListener* udp = nullptr;
  UdpReturnPath return_path;
  std::shared_ptr<StreamConnection> stream;
  LocalReply local;
  bool was_answered_stale = false;
  [[nodiscard]] bool is_waited_for() const noexcept { return udp != nullptr || stream || local; }
  /// The receiver has its answer; the query goes on alone.
  void forget_receiver() noexcept {
    udp = nullptr;
    stream.reset();
    local = nullptr;
  }

  PendingQuery* next_free = nullptr;
};

/// Fixed number of slots, made in blocks as they are first needed, never given back.
class PendingPool {
 public:
  explicit PendingPool(std::size_t limit) : limit_(limit) {}

  /// Null when all are in use.
  PendingQuery* take() {
    if (free_ == nullptr && !grow()) return nullptr;
    PendingQuery* query = free_;
    free_ = query->next_free;
    ++in_use_;
    return query;
  }
  void give_back(PendingQuery* query) noexcept {
    query->policy.reset();
    query->forget_receiver();
    query->was_answered_stale = false;
    query->next_free = free_;
    free_ = query;
    --in_use_;
  }
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::size_t left() const noexcept { return limit_ - std::min(limit_, in_use_); }

 private:
  static constexpr std::size_t kBlock = 64;

  bool grow() {
    if (blocks_.size() * kBlock >= limit_) return false;
    blocks_.push_back(std::make_unique<PendingQuery[]>(kBlock));
    for (std::size_t i = 0; i < kBlock; ++i) {
      blocks_.back()[i].next_free = free_;
      free_ = &blocks_.back()[i];
    }
    return true;
  }

  const std::size_t limit_;
  std::size_t in_use_ = 0;
  PendingQuery* free_ = nullptr;
  std::vector<std::unique_ptr<PendingQuery[]>> blocks_;
};

}  // namespace rampart::resolver
