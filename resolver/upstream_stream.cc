#include "resolver/upstream_stream.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

namespace rampart::resolver {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kFrameBytesMax = 2 + dns::kMessageBytesMax;
/// Queries waiting for a connection that does not take them, in octets: some thousands.
constexpr std::size_t kQueueBytesMax = 256 * 1024;

asio::ip::tcp::endpoint to_tcp(const base::IpEndpoint& endpoint) {
  sockaddr_storage address;
  const socklen_t length = endpoint.to_sockaddr(address);
  asio::ip::tcp::endpoint out;
  std::memcpy(out.data(), &address, length);
  out.resize(length);
  return out;
}

/// True if the verified chain holds one of these certificates, or if there are none to hold.
bool is_pinned(SSL* ssl, const std::vector<std::array<std::uint8_t, 32>>& hashes) {
  if (hashes.empty()) return true;
  STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    unsigned char* tbs = nullptr;
    const int length = i2d_re_X509_tbs(sk_X509_value(chain, i), &tbs);
    if (length <= 0) continue;
    std::array<std::uint8_t, 32> hash;
    SHA256(tbs, static_cast<std::size_t>(length), hash.data());
    OPENSSL_free(tbs);
    if (std::find(hashes.begin(), hashes.end(), hash) != hashes.end()) return true;
  }
  return false;
}

}  // namespace

/// Outlives its stream while an operation is pending; `owner` is null from the moment it is given up.
struct UpstreamStream::Connection {
  Connection(UpstreamStream* stream, asio::io_context& io) : owner(stream), socket(io) {}

  UpstreamStream* owner;
  asio::ip::tcp::socket socket;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls;
  bool is_open = false;
  bool is_writing = false;
  base::Instant heard_at{};
  std::vector<std::uint8_t> waiting;  ///< frames not yet handed to the socket
  std::vector<std::uint8_t> writing;
  std::vector<std::uint8_t> in;
  std::size_t in_length = 0;

  template <class F>
  void with_stream(F&& use) {
    if (tls)
      use(*tls);
    else
      use(socket);
  }
};

UpstreamStream::Idle::Idle(UpstreamStream& s) noexcept
    : Deadline([](Deadline& deadline, base::Instant) noexcept { static_cast<Idle&>(deadline).stream.give_up(); }),
      stream(s) {}

UpstreamStream::UpstreamStream(StreamContext context, StreamPeer peer)
    : context_(context), peer_(std::move(peer)), idle_(*this) {}

UpstreamStream::~UpstreamStream() {
  context_.timer.cancel(idle_);
  give_up();
}

bool UpstreamStream::begin(StreamExchange& exchange) noexcept {
  if (inflight_ >= kQueriesMax) return false;
  const auto is_taken = [this](std::uint16_t id) {
    for (const StreamExchange* other = first_; other != nullptr; other = other->next_on_stream)
      if (other->stream_id == id) return true;
    return false;
  };
  do {
    exchange.stream_id = context_.random.next_u16();
  } while (is_taken(exchange.stream_id));  // at most a sixteenth of all IDs is taken
  exchange.stream = this;
  exchange.next_on_stream = nullptr;
  exchange.previous_on_stream = last_;
  (last_ != nullptr ? last_->next_on_stream : first_) = &exchange;
  last_ = &exchange;
  ++inflight_;
  context_.timer.cancel(idle_);
  return true;
}

void UpstreamStream::end(StreamExchange& exchange) noexcept {
  if (exchange.stream == nullptr) return;
  (exchange.previous_on_stream != nullptr ? exchange.previous_on_stream->next_on_stream : first_) =
      exchange.next_on_stream;
  (exchange.next_on_stream != nullptr ? exchange.next_on_stream->previous_on_stream : last_) =
      exchange.previous_on_stream;
  exchange.stream = nullptr;
  --inflight_;
  if (inflight_ == 0 && connection_) context_.timer.arm(idle_, base::monotonic_now() + context_.options.stream_idle);
}

void UpstreamStream::send(base::ByteView message) noexcept {
  context_.counters.sent_stream.add();
  if (!connection_) open();
  const std::shared_ptr<Connection> connection = connection_;
  if (!connection) return;  // open() failed and told everybody
  auto& waiting = connection->waiting;
  if (waiting.size() + 2 + message.size() > kQueueBytesMax) return give_up();
  std::uint8_t length[2];
  base::store_u16(length, static_cast<std::uint16_t>(message.size()));
  waiting.insert(waiting.end(), length, length + 2);
  waiting.insert(waiting.end(), message.begin(), message.end());
  flush(connection);
}

void UpstreamStream::suspect(base::Instant sent_at) noexcept {
  if (connection_ && connection_->heard_at < sent_at) give_up();
}

/// Ends the connection and tells everybody who waits on it.
void UpstreamStream::give_up() noexcept {
  if (!connection_) return;
  const std::shared_ptr<Connection> connection = std::move(connection_);
  connection_ = nullptr;
  connection->owner = nullptr;
  error_code ignored;
  connection->socket.close(ignored);
  const base::Instant now = base::monotonic_now();
  for (StreamExchange* exchange = first_; exchange != nullptr; exchange = exchange->next_on_stream)
    context_.handler.on_stream_broken(*exchange, connection->is_open, now);
}

void UpstreamStream::open() {
  auto connection = std::make_shared<Connection>(this, context_.io);
  connection_ = connection;
  const auto endpoint = to_tcp(peer_.endpoint);
  error_code error;
  connection->socket.open(endpoint.protocol(), error);
  if (error) {
    context_.counters.socket_errors.add();
    return give_up();
  }
  connection->socket.set_option(asio::ip::tcp::no_delay(true), error);
  context_.counters.streams_opened.add();
  connection->socket.async_connect(endpoint, [connection](const error_code& failed) {
    UpstreamStream* self = connection->owner;
    if (self == nullptr) return;
    if (failed) {
      self->context_.counters.stream_errors.add();
      return self->give_up();
    }
    if (self->peer_.tls_name.empty()) return self->on_open(connection);
    auto& tls = connection->tls.emplace(connection->socket, *self->context_.tls);
    // An address is verified against the certificate's IP entries, and never sent as SNI (RFC 6066 3).
    if (!base::IpAddress::parse(self->peer_.tls_name))
      SSL_set_tlsext_host_name(tls.native_handle(), self->peer_.tls_name.c_str());
    error_code ignored;
    tls.set_verify_mode(asio::ssl::verify_peer, ignored);
    tls.set_verify_callback(asio::ssl::host_name_verification(self->peer_.tls_name), ignored);
    tls.async_handshake(asio::ssl::stream_base::client, [connection](const error_code& refused) {
      UpstreamStream* stream = connection->owner;
      if (stream == nullptr) return;
      if (refused || !is_pinned(connection->tls->native_handle(), stream->peer_.certificate_hashes)) {
        stream->context_.counters.stream_errors.add();
        return stream->give_up();
      }
      stream->on_open(connection);
    });
  });
}

void UpstreamStream::on_open(const std::shared_ptr<Connection>& connection) {
  connection->is_open = true;
  connection->in.resize(kFrameBytesMax);
  flush(connection);
  read(connection);
}

void UpstreamStream::flush(const std::shared_ptr<Connection>& connection) {
  if (!connection->is_open || connection->is_writing || connection->waiting.empty()) return;
  connection->is_writing = true;
  connection->writing.swap(connection->waiting);
  connection->with_stream([&connection](auto& stream) {
    asio::async_write(stream, asio::buffer(connection->writing), [connection](const error_code& error, std::size_t) {
      UpstreamStream* self = connection->owner;
      if (self == nullptr) return;
      connection->is_writing = false;
      connection->writing.clear();
      if (error) {
        self->context_.counters.stream_errors.add();
        return self->give_up();
      }
      self->flush(connection);
    });
  });
}

void UpstreamStream::read(const std::shared_ptr<Connection>& connection) {
  const auto room = asio::buffer(connection->in.data() + connection->in_length, kFrameBytesMax - connection->in_length);
  connection->with_stream([&](auto& stream) {
    stream.async_read_some(room, [connection](const error_code& error, std::size_t bytes) {
      UpstreamStream* self = connection->owner;
      if (self == nullptr) return;
      if (error) {
        // An idle connection that the upstream closes is no error.
        if (self->inflight_ != 0) self->context_.counters.stream_errors.add();
        return self->give_up();
      }
      on_read(connection, bytes);
    });
  });
}

void UpstreamStream::on_read(const std::shared_ptr<Connection>& connection, std::size_t bytes) {
  const base::Instant now = base::monotonic_now();
  connection->heard_at = now;
  connection->in_length += bytes;
  std::size_t at = 0;
  while (connection->in_length - at >= 2) {
    const std::size_t length = base::load_u16(connection->in.data() + at);
    if (connection->in_length - at < 2 + length) break;
    const base::MutableBytes message(connection->in.data() + at + 2, length);
    at += 2 + length;
    UpstreamStream* self = connection->owner;
    StreamExchange* exchange = self->first_;
    const std::uint16_t id = length >= dns::kHeaderBytes ? base::load_u16(message.data()) : 0;
    while (exchange != nullptr && exchange->stream_id != id) exchange = exchange->next_on_stream;
    if (exchange == nullptr || length < dns::kHeaderBytes)
      self->context_.counters.mismatched_id.add();
    else
      self->context_.handler.on_stream_message(*exchange, message, now);
    if (connection->owner == nullptr) return;  // given up meanwhile, perhaps with its stream
  }
  std::memmove(connection->in.data(), connection->in.data() + at, connection->in_length - at);
  connection->in_length -= at;
  connection->owner->read(connection);
}

}  // namespace rampart::resolver
