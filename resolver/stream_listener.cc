#include "resolver/stream_listener.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <array>

#include "base/proxy_protocol.h"
#include "dns/append_opt.h"
#include "resolver/worker.h"

namespace rampart::resolver {
namespace {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kLengthBytes = 2;
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);  // out of descriptors: let some be closed

// The response's room on this worker's stack would be 64 KiB; connections of one worker share one buffer.
thread_local std::array<std::uint8_t, dns::kMessageBytesMax> t_response;

bool asks_for_timeout(const QueryContext& context) noexcept {
  return context.query && context.query->edns().has_tcp_keepalive;
}

}  // namespace

StreamConnection::StreamConnection(Worker& worker, StreamListener& listener, boost::asio::ip::tcp::socket socket,
                                   const base::IpAddress& client, bool awaits_header)
    : worker_(worker), listener_(&listener), socket_(std::move(socket)), timer_(worker.io()), client_(client),
      awaits_header_(awaits_header), opened_(Clock::now()), idle_since_(opened_), input_(kReadBytes) {}

void StreamConnection::start() {
  arm_timer();
  read_more();
}

void StreamConnection::close() {
  if (!open_) return;
  open_ = false;
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  if (listener_ != nullptr) listener_->forget(this, client_, !awaits_header_);
}

void StreamConnection::close_if_done() {
  if (open_ && has_ended_ && outstanding_ == 0 && !writing_ && waiting_.empty()) close();
}

void StreamConnection::stop_reading(bool discard) {
  has_ended_ = true;
  if (discard) input_used_ = 0;
  close_if_done();
}

void StreamConnection::cut_off() {
  error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close();
}

// One timer for all deadlines: it sleeps until the nearest could have passed, and looks again.
void StreamConnection::arm_timer() {
  const StreamLimits& limits = worker_.stream_limits();
  auto next = opened_ + limits.total;
  if (outstanding_ == 0 && !writing_) next = std::min(next, idle_since_ + limits.idle);
  if (writing_) next = std::min(next, write_since_ + limits.write);
  // While queries wait for upstreams, look again after an idle period.
  if (outstanding_ != 0) next = std::min(next, Clock::now() + limits.idle);
  timer_.expires_at(next);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || !self->open_) return;
    const StreamLimits& now_limits = self->worker_.stream_limits();
    const auto now = Clock::now();
    const bool too_old = now >= self->opened_ + now_limits.total;
    const bool idle = self->outstanding_ == 0 && !self->writing_ && now >= self->idle_since_ + now_limits.idle;
    const bool stuck = self->writing_ && now >= self->write_since_ + now_limits.write;
    if (too_old || idle || stuck) {
      self->worker_.counters().tcp_timeouts.add();
      stuck ? self->cut_off() : self->close();
      return;
    }
    self->arm_timer();
  });
}

void StreamConnection::read_more() {
  if (!open_ || reading_ || has_ended_) return;
  // Backpressure: who does not read, or asks more than it may have in flight, is not read from.
  const StreamLimits& limits = worker_.stream_limits();
  if (outstanding_ >= limits.pipelined_max || waiting_.size() > limits.unsent_bytes_max / 2) return;
  if (input_used_ == input_.size()) input_.resize(std::min(input_.size() * 2, dns::kMessageBytesMax + kLengthBytes));
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(input_.data() + input_used_, input_.size() - input_used_),
                          [self = shared_from_this()](const error_code& error, std::size_t count) {
                            self->reading_ = false;
                            if (!self->open_) return;
                            if (error) self->has_ended_ = true;
                            if (self->has_ended_) return self->close_if_done();
                            self->on_bytes(count);
                          });
}

void StreamConnection::on_bytes(std::size_t count) {
  input_used_ += count;
  if (awaits_header_ && !read_proxy_header()) return;
  work_through_input();
  write_out();
  read_more();
}

// True when the queries may be read. The time limit of an idle connection bounds the wait for the header.
bool StreamConnection::read_proxy_header() {
  const auto header = base::parse_proxy_header(base::ByteView(input_).first(input_used_));
  if (header.state == base::ProxyParse::kNeedMore) {
    read_more();
    return false;
  }
  if (header.state == base::ProxyParse::kInvalid) {
    worker_.counters().tcp_proxy_errors.add();
    close();
    return false;
  }
  const base::IpAddress client = header.source ? header.source->address : client_;
  if (!listener_->count(client)) {
    worker_.counters().tcp_rejected.add();
    close();
    return false;
  }
  client_ = client;
  awaits_header_ = false;
  std::copy(input_.begin() + static_cast<std::ptrdiff_t>(header.length),
            input_.begin() + static_cast<std::ptrdiff_t>(input_used_), input_.begin());
  input_used_ -= header.length;
  return true;
}

void StreamConnection::work_through_input() {
  const StreamLimits& limits = worker_.stream_limits();
  std::size_t at = 0;
  is_working_ = true;
  const auto may_go_on = [&] {
    return open_ && outstanding_ < limits.pipelined_max && waiting_.size() <= limits.unsent_bytes_max / 2;
  };
  while (may_go_on() && input_used_ - at >= kLengthBytes) {
    const std::size_t length = base::load_u16(input_.data() + at);
    if (input_used_ - at - kLengthBytes < length) break;
    idle_since_ = Clock::now();
    work_one(base::ByteView(input_).subspan(at + kLengthBytes, length));
    at += kLengthBytes + length;
  }
  std::copy(input_.begin() + static_cast<std::ptrdiff_t>(at), input_.begin() + static_cast<std::ptrdiff_t>(input_used_),
            input_.begin());
  input_used_ -= at;
  is_working_ = false;
}

void StreamConnection::work_one(base::ByteView message) {
  worker_.counters().tcp_queries.add();
  const Worker::Batch batch = worker_.begin_batch();
  QueryContext context;
  context.wire = message;
  context.client = client_;
  context.protocol = Protocol::kTcp;
  context.arrival = batch.now;
  std::size_t length = 0;
  worker_.pipeline().begin(context, *batch.policy);
  const Disposition disposition =
      worker_.pipeline().decide(context, *batch.policy, batch.now, t_response, length);
  if (disposition == Disposition::kDrop) {
    // Over the rate: only this query goes unanswered, others of the connection may be in flight.
    if (context.reason == storage::Reason::kRateLimited) return;
    // Not a query: nothing sensible will follow on this connection.
    worker_.counters().silent_drops.add();
    close();
    return;
  }
  if (disposition == Disposition::kForward) {
    ++outstanding_;  // before: the forwarder may say at once that it has no room, and then complete() has run
    if (worker_.forward(context, batch, shared_from_this())) return;
    --outstanding_;
    length = worker_.pipeline().refuse_overload(context, *batch.policy, batch.now, t_response);
  }
  const auto response = base::ByteView(t_response).first(length);
  queue(response, asks_for_timeout(context));
  worker_.note(context, batch, response);
}

void StreamConnection::complete(base::ByteView response, bool tell_timeout) {
  --outstanding_;
  if (!open_) return;
  idle_since_ = Clock::now();
  queue(response, tell_timeout);
  if (is_working_) return;  // called from there: it goes on with the next query, and writes when it is through
  // Queries that had to wait for a slot in the pipeline may already be in the buffer.
  work_through_input();
  write_out();
  read_more();
}

void StreamConnection::queue(base::ByteView response, bool tell_timeout) {
  if (!open_) return;
  if (waiting_.size() + response.size() > worker_.stream_limits().unsent_bytes_max) {
    worker_.counters().tcp_timeouts.add();
    cut_off();
    return;
  }
  const std::size_t at = waiting_.size();
  const std::size_t room = kLengthBytes + response.size() + (tell_timeout ? dns::kTcpKeepaliveBytes : 0);
  waiting_.resize(at + room);
  const auto message = base::MutableBytes(waiting_).subspan(at + kLengthBytes);
  std::copy(response.begin(), response.end(), message.begin());
  std::size_t length = response.size();
  if (tell_timeout) {
    const auto units = std::min<std::int64_t>(worker_.stream_limits().idle / std::chrono::milliseconds(100), 65535);
    length = dns::append_tcp_keepalive(message, length, static_cast<std::uint16_t>(units));
  }
  base::store_u16(waiting_.data() + at, static_cast<std::uint16_t>(length));
  waiting_.resize(at + kLengthBytes + length);
}

void StreamConnection::write_out() {
  if (!open_ || writing_ || waiting_.empty()) return;
  writing_ = true;
  write_since_ = Clock::now();
  sending_.clear();
  std::swap(sending_, waiting_);
  timer_.cancel();
  arm_timer();
  boost::asio::async_write(socket_, boost::asio::buffer(sending_),
                           [self = shared_from_this()](const error_code& error, std::size_t) {
                             self->writing_ = false;
                             self->idle_since_ = Clock::now();
                             if (!self->open_) return;
                             if (error) {
                               self->close();
                               return;
                             }
                             self->work_through_input();
                             self->write_out();
                             self->read_more();
                             self->close_if_done();
                           });
}

StreamListener::StreamListener(Worker& worker, OwnedFd socket, const base::IpEndpoint& address)
    : worker_(worker), acceptor_(worker.io()), retry_(worker.io()), address_(address) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  acceptor_.assign(bound.ss_family == AF_INET ? boost::asio::ip::tcp::v4() : boost::asio::ip::tcp::v6(),
                   socket.release());
}

void StreamListener::start() { accept(); }

void StreamListener::stop_accepting() {
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

void StreamListener::stop_reading(bool discard) {
  stop_accepting();
  const auto connections = connections_;  // those that are done close, and leave it
  for (const auto& [raw, connection] : connections) connection->stop_reading(discard);
}

void StreamListener::close_all() {
  stop_accepting();
  const auto connections = std::move(connections_);
  connections_.clear();
  for (const auto& [raw, connection] : connections) connection->close();
}

void StreamListener::accept() {
  acceptor_.async_accept([this](const error_code& error, boost::asio::ip::tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error) {
      retry_.expires_after(kAcceptRetry);
      retry_.async_wait([this](const error_code& cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (!gone) admit(std::move(socket), base::IpAddress::from_sockaddr(*peer.data()));
    accept();
  });
}

void StreamListener::admit(boost::asio::ip::tcp::socket socket, const base::IpAddress& client) {
  const ProxyTrust& proxies = worker_.begin_batch().policy->proxies;
  const auto is_trusted = [&] {
    return proxies.trusted.empty() || std::any_of(proxies.trusted.begin(), proxies.trusted.end(),
                                                  [&](const base::IpRange& range) { return range.contains(client); });
  };
  if (proxies.dns && !is_trusted()) {
    worker_.counters().tcp_proxy_errors.add();
    return;  // closes it
  }
  // Behind a proxy the client is known and counted when the header has come; each listener bounds those that wait.
  const std::size_t total_max = worker_.connection_census().total_max();
  if (proxies.dns ? connections_.size() >= total_max : !count(client)) {
    worker_.counters().tcp_rejected.add();
    return;
  }
  worker_.counters().tcp_connections.add();
  error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  auto connection = std::make_shared<StreamConnection>(worker_, *this, std::move(socket), client, proxies.dns);
  connections_.emplace(connection.get(), connection);
  connection->start();
}

bool StreamListener::count(const base::IpAddress& client) { return worker_.connection_census().admit(client); }

void StreamListener::forget(StreamConnection* connection, const base::IpAddress& client, bool was_counted) {
  connections_.erase(connection);
  if (was_counted) worker_.connection_census().leave(client);
}

}  // namespace rampart::resolver
