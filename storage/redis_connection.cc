#include "storage/redis_connection.h"

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

namespace rampart::storage {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::chrono::milliseconds kWatchPeriod{100};
}

RedisConnection::RedisConnection(asio::io_context& io, Settings settings)
    : io_(io), settings_(std::move(settings)), socket_(io), resolver_(io), watchdog_(io) {}

void RedisConnection::open(std::function<void()> on_ready, std::function<void(std::string)> on_lost) {
  on_ready_ = std::move(on_ready);
  on_lost_ = std::move(on_lost);
  deadline_ = base::monotonic_now() + settings_.connect_max;
  watch();
  const auto& endpoint = settings_.endpoint;
  if (endpoint.host.empty()) {
    // A path beyond sun_path's 107 octets throws.
    if (endpoint.socket_path.size() > 107) return lose("the socket's path is longer than 107 octets");
    return connect_to({asio::local::stream_protocol::endpoint(endpoint.socket_path)}, 0, "");
  }
  error_code is_name;
  const auto address = asio::ip::make_address(endpoint.host, is_name);
  if (!is_name) return connect_to({asio::ip::tcp::endpoint(address, endpoint.port)}, 0, "");
  resolver_.async_resolve(endpoint.host, std::to_string(endpoint.port),
                          [self = shared_from_this()](const error_code& error, const auto& results) {
                            if (self->is_closed_) return;
                            if (error) return self->lose("no address of " + self->settings_.endpoint.host + ": " + error.message());
                            std::vector<Socket::endpoint_type> all;
                            for (const auto& result : results) all.emplace_back(result.endpoint());
                            self->connect_to(std::move(all), 0, "");
                          });
}

void RedisConnection::connect_to(std::vector<Socket::endpoint_type> endpoints, std::size_t index, std::string error) {
  if (index == endpoints.size()) return lose(error.empty() ? "no address" : error);
  error_code ignored;
  socket_.close(ignored);
  const auto endpoint = endpoints[index];
  socket_.async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints), index](const error_code& failed) mutable {
    if (self->is_closed_) return;
    if (failed) return self->connect_to(std::move(endpoints), index + 1, failed.message());
    error_code is_local;
    if (!self->settings_.endpoint.host.empty()) self->socket_.set_option(asio::ip::tcp::no_delay(true), is_local);
    self->handshake();
  });
}

void RedisConnection::handshake() {
  if (settings_.tls == nullptr) return log_in();
  tls_.emplace(socket_, *settings_.tls);
  error_code ignored;
  SSL_set_tlsext_host_name(tls_->native_handle(), settings_.tls_name.c_str());
  tls_->set_verify_mode(asio::ssl::verify_peer, ignored);
  tls_->set_verify_callback(asio::ssl::host_name_verification(settings_.tls_name), ignored);
  tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& failed) {
    if (self->is_closed_) return;
    if (failed) return self->lose("TLS: " + failed.message());
    self->log_in();
  });
}

// The replies come in order, so the last one decides; an earlier error ends the connection before it.
void RedisConnection::log_in() {
  read();
  const auto must_succeed = [this](const char* what) {
    return [this, what](const RedisReply& reply) {
      if (reply.is_error()) lose(std::string(what) + " refused: " + reply.text);
    };
  };
  const auto& login = settings_.login;
  if (!login.password.empty()) {
    if (login.username.empty()) command({"AUTH", login.password}, must_succeed("AUTH"));
    else command({"AUTH", login.username, login.password}, must_succeed("AUTH"));
  }
  if (login.database != 0) command({"SELECT", std::to_string(login.database)}, must_succeed("SELECT"));
  command({"PING"}, [this](const RedisReply& reply) {
    if (reply.is_error()) return lose("PING refused: " + reply.text);
    is_ready_ = true;
    if (const auto ready = std::exchange(on_ready_, {})) ready();
  });
}

void RedisConnection::command(std::initializer_list<std::string_view> words, OnReply on_reply) {
  if (is_closed_) return;
  append_command(outgoing_, {words.begin(), words.size()});
  waiting_.push_back({base::monotonic_now(), std::move(on_reply)});
  if (unsent_bytes() > kUnsentBytesMax) return lose("takes nothing any more: " + std::to_string(unsent_bytes()) + " octets wait");
  write();
}

void RedisConnection::subscribe(const std::vector<std::string_view>& channels, std::function<void()> on_subscribed,
                                OnMessage on_message) {
  if (is_closed_) return;
  std::vector<std::string_view> words{"SUBSCRIBE"};
  words.insert(words.end(), channels.begin(), channels.end());
  append_command(outgoing_, words);
  is_subscriber_ = true;
  channels_left_ = channels.size();
  on_subscribed_ = std::move(on_subscribed);
  on_message_ = std::move(on_message);
  ping_sent_ = base::monotonic_now();  // answered by the confirmations
  write();
}

void RedisConnection::ping() {
  if (is_closed_ || ping_sent_) return;
  const std::string_view word = "PING";
  append_command(outgoing_, {&word, 1});
  ping_sent_ = base::monotonic_now();
  write();
}

void RedisConnection::read() {
  const auto done = [self = shared_from_this()](const error_code& failed, std::size_t length) {
    if (self->is_closed_) return;
    if (failed) return self->lose(failed == asio::error::eof ? "closed by the server" : failed.message());
    if (const auto fed = self->reader_.feed(base::ByteView(self->incoming_).first(length)); !fed.ok())
      return self->lose(fed.error());
    while (!self->is_closed_) {
      auto reply = self->reader_.next();
      if (!reply.ok()) return self->lose(reply.error());
      if (*reply == nullptr) break;
      self->handle(**reply);
    }
    if (!self->is_closed_) self->read();
  };
  if (tls_) tls_->async_read_some(asio::buffer(incoming_), done);
  else socket_.async_read_some(asio::buffer(incoming_), done);
}

void RedisConnection::write() {
  if (is_writing_ || outgoing_.empty()) return;
  is_writing_ = true;
  sending_.swap(outgoing_);
  const auto done = [self = shared_from_this()](const error_code& failed, std::size_t) {
    self->is_writing_ = false;
    self->sending_.clear();
    if (self->is_closed_) return;
    if (failed) return self->lose(failed.message());
    self->write();
  };
  if (tls_) asio::async_write(*tls_, asio::buffer(sending_), done);
  else asio::async_write(socket_, asio::buffer(sending_), done);
}

void RedisConnection::handle(const RedisReply& reply) {
  if (!is_subscriber_ || !waiting_.empty()) {
    if (waiting_.empty()) return lose("a reply to nothing");
    const OnReply on_reply = std::move(waiting_.front().on_reply);
    waiting_.pop_front();
    if (on_reply) on_reply(reply);
    return;
  }
  if (reply.is_error()) return lose("SUBSCRIBE refused: " + reply.text);
  const auto& items = reply.items;
  if (reply.type != RedisReply::Type::kArray || items.empty() || !items[0]->is_text()) return;
  const std::string& kind = items[0]->text;
  if (kind == "message" && items.size() == 3 && items[1]->is_text() && items[2]->is_text()) {
    on_message_(items[1]->text, items[2]->text);
  } else if (kind == "pong") {
    ping_sent_.reset();
  } else if (kind == "subscribe" && channels_left_ > 0 && --channels_left_ == 0) {
    ping_sent_.reset();
    if (const auto subscribed = std::exchange(on_subscribed_, {})) subscribed();
  }
}

// Looks for what has waited too long; a hung server says nothing, so somebody has to look.
void RedisConnection::watch() {
  watchdog_.expires_after(kWatchPeriod);
  watchdog_.async_wait([self = shared_from_this()](const error_code& failed) {
    if (failed || self->is_closed_) return;
    const auto now = base::monotonic_now();
    if (!self->is_ready_ && now > self->deadline_)
      return self->lose("no login within " + std::to_string(self->settings_.connect_max.count()) + " ms");
    const bool is_late = (!self->waiting_.empty() && now - self->waiting_.front().sent > self->settings_.reply_max) ||
                         (self->ping_sent_ && now - *self->ping_sent_ > self->settings_.reply_max);
    if (self->is_ready_ && is_late)
      return self->lose("no reply within " + std::to_string(self->settings_.reply_max.count()) + " ms");
    self->watch();
  });
}

void RedisConnection::lose(std::string error) {
  if (is_closed_) return;
  shut_down();
  asio::post(io_, [self = shared_from_this(), error = settings_.endpoint.to_text() + ": " + error] {
    auto on_lost = std::exchange(self->on_lost_, {});
    self->drop_callbacks();
    if (on_lost && !self->is_disowned_) on_lost(error);
  });
}

void RedisConnection::close() noexcept {
  is_disowned_ = true;
  if (is_closed_) return;
  shut_down();
  asio::post(io_, [self = shared_from_this()] { self->drop_callbacks(); });  // later: one of them may be running
}

void RedisConnection::shut_down() noexcept {
  is_closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  watchdog_.cancel();
}

void RedisConnection::drop_callbacks() noexcept {
  waiting_.clear();
  on_ready_ = nullptr;
  on_subscribed_ = nullptr;
  on_lost_ = nullptr;
  on_message_ = nullptr;
}

}  // namespace rampart::storage
