// Behind the HTTP server: sends DoH queries to the chain and everything else to the API, on a few threads of its own,
// so that the HTTP thread never waits. Calls that wait (list downloads, queries) have their own threads: a refresh of
// minutes delays no status, a stuck upstream no health probe. Each lane's queue is bounded; beyond it the answer is
// 503 at once, and counted.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <memory>
#include <mutex>

#include "base/counter.h"
#include "control/admin_api.h"
#include "control/control_plane.h"
#include "control/http_message.h"

namespace rampart::control {

class HttpFrontend {
 public:
  /// `plane` outlives this.
  HttpFrontend(ControlPlane& plane, AdminApiOptions options);
  /// Waits for the calls that are running; queued ones are not begun. Stop the HttpServer before.
  ~HttpFrontend();

  /// Later requests see the new options. Thread: any.
  void adopt(AdminApiOptions options);
  /// HttpServer::Handler. Thread: any; does not block.
  void answer(HttpRequest request, HttpReply reply);

  [[nodiscard]] std::uint64_t busy_refusals() const noexcept { return busy_refusals_.value(); }

 private:
  struct Lane {
    Lane(std::size_t threads, std::size_t limit) : pool(threads), waiting_max(limit) {}
    boost::asio::thread_pool pool;
    const std::size_t waiting_max;
    std::atomic<std::size_t> waiting{0};
  };
  [[nodiscard]] std::shared_ptr<const AdminApiOptions> options() const;
  [[nodiscard]] Lane& lane(ApiLane which) noexcept;
  void answer_doh(const HttpRequest& request, const AdminApiOptions& options, HttpReply reply);

  ControlPlane& plane_;
  mutable std::mutex options_mutex_;
  std::shared_ptr<const AdminApiOptions> options_;
  base::SharedCounter busy_refusals_;
  Lane quick_, chain_, refresh_, flush_;
};

}  // namespace rampart::control
