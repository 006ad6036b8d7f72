#include "control/http_frontend.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/background_thread.h"
#include "base/log.h"
#include "control/doh_exchange.h"

namespace rampart::control {
namespace {

// Threads and queue of each lane. The quick ones answer in microseconds (a scrape in milliseconds); queries wait for
// upstreams, a few seconds at most; refreshes join each other, so two threads keep one caller from hiding the next;
// a flush waits for Redis, ten seconds at most.
constexpr std::size_t kQuickThreads = 2, kQuickWaitingMax = 256;
constexpr std::size_t kChainThreads = 4, kChainWaitingMax = 64;
constexpr std::size_t kRefreshThreads = 2, kRefreshWaitingMax = 8;
constexpr std::size_t kFlushThreads = 1, kFlushWaitingMax = 8;
/// Rendering a scrape takes milliseconds, which no query should wait for; a quarter of a core is left where all are busy.
constexpr int kNice = 5;

void warn_when_open(ApiOpenness openness) {
  if (openness == ApiOpenness::kEverything) {
    base::log::warn("api", "the API is open to everybody: api.allowedNetworks holds a /0 range and no token is "
                           "set; set api.tokens, or allow only your own networks");
  } else if (openness == ApiOpenness::kReading) {
    base::log::warn("api", "everybody may read the API and query by it: api.allowedNetworks holds a /0 range, "
                           "and api.tokens guards changes only; set api.readOnlyTokens, or allow fewer networks");
  }
}

}  // namespace

HttpFrontend::HttpFrontend(ControlPlane& plane, AdminApiOptions options)
    : plane_(plane), options_(std::make_shared<const AdminApiOptions>(std::move(options))),
      quick_(kQuickThreads, kQuickWaitingMax), chain_(kChainThreads, kChainWaitingMax),
      refresh_(kRefreshThreads, kRefreshWaitingMax), flush_(kFlushThreads, kFlushWaitingMax) {
  warn_when_open(openness(options_->access));
}

HttpFrontend::~HttpFrontend() {
  for (Lane* lane : {&quick_, &chain_, &refresh_, &flush_}) lane->pool.stop();
  for (Lane* lane : {&quick_, &chain_, &refresh_, &flush_}) lane->pool.join();
}

HttpFrontend::Lane& HttpFrontend::lane(ApiLane which) noexcept {
  switch (which) {
    case ApiLane::kQuick: break;
    case ApiLane::kChain: return chain_;
    case ApiLane::kRefresh: return refresh_;
    case ApiLane::kFlush: return flush_;
  }
  return quick_;
}

void HttpFrontend::adopt(AdminApiOptions options) {
  auto next = std::make_shared<const AdminApiOptions>(std::move(options));
  {
    const std::lock_guard lock(options_mutex_);
    std::swap(options_, next);
  }
  const ApiOpenness now = openness(this->options()->access);
  if (now != openness(next->access)) warn_when_open(now);
}

std::shared_ptr<const AdminApiOptions> HttpFrontend::options() const {
  const std::lock_guard lock(options_mutex_);
  return options_;
}

void HttpFrontend::answer_doh(const HttpRequest& request, const AdminApiOptions& options, HttpReply reply) {
  auto query = parse_doh_request(request, options.doh_path);
  if (!query) {
    reply(query.error());
    return;
  }
  plane_.resolve(query->message, request.client, query->client_id, request.tls,
                 [reply = std::move(reply)](std::vector<std::uint8_t> response) { reply(make_doh_response(response)); });
}

void HttpFrontend::answer(HttpRequest request, HttpReply reply) {
  const auto current = options();
  if (request.serves_doh && is_doh_path(request.path(), current->doh_path)) {
    answer_doh(request, *current, std::move(reply));
    return;
  }
  Lane* const lane = &this->lane(lane_of(request));
  if (lane->waiting.fetch_add(1) >= lane->waiting_max) {
    lane->waiting.fetch_sub(1);
    busy_refusals_.add();
    HttpResponse busy = HttpResponse::text(503, "too many calls are waiting; try again later\n");
    busy.headers.emplace_back("Retry-After", "5");
    reply(std::move(busy));
    return;
  }
  boost::asio::post(lane->pool, [this, lane, current, request = std::move(request), reply = std::move(reply)] {
    thread_local const bool is_set_up = (base::name_thread("http-work"), base::give_way_to_workers(kNice), true);
    static_cast<void>(is_set_up);
    HttpResponse response = handle(request, plane_, *current);
    lane->waiting.fetch_sub(1);
    reply(std::move(response));
  });
}

}  // namespace rampart::control
