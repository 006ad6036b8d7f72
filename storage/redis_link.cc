#include "storage/redis_link.h"

#include <algorithm>

namespace rampart::storage {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {
constexpr milliseconds kPauseMin{50};
}

RedisLink::RedisLink(asio::io_context& io, RedisOptions options, std::vector<std::string_view> channels, Events events)
    : io_(io), options_(std::move(options)), channels_(std::move(channels)), events_(std::move(events)), retry_(io),
      pause_(kPauseMin) {}

RedisLink::~RedisLink() { stop(); }

base::Status RedisLink::start() {
  if (options_.tls.enable) {
    tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    tls_->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    error_code error;
    const auto fault = [&error](const char* key, const std::string& path) {
      return base::Error{std::string("redis.tls.") + key + " '" + path + "': " + error.message()};
    };
    if (options_.tls.ca_file.empty()) tls_->set_default_verify_paths(error);
    else tls_->load_verify_file(options_.tls.ca_file, error);
    if (error) return fault("caFile", options_.tls.ca_file);
    if (!options_.tls.cert_file.empty()) {
      tls_->use_certificate_chain_file(options_.tls.cert_file, error);
      if (error) return fault("certFile", options_.tls.cert_file);
      tls_->use_private_key_file(options_.tls.key_file, asio::ssl::context::pem, error);
      if (error) return fault("keyFile", options_.tls.key_file);
    }
  }
  attempt();
  return base::Done{};
}

void RedisLink::stop() {
  is_stopped_ = true;
  is_up_ = false;
  retry_.cancel();
  drop_connections();
}

void RedisLink::drop_connections() {
  for (auto* connection : {&sentinel_, &commands_, &listener_}) {
    if (*connection) (*connection)->close();
    connection->reset();
  }
}

std::shared_ptr<RedisConnection> RedisLink::make(const RedisEndpoint& endpoint, const RedisLogin& login,
                                                 milliseconds connect_max) {
  RedisConnection::Settings settings{endpoint, login, nullptr, {}, connect_max, options_.reply_max};
  if (tls_ && !endpoint.host.empty()) {
    settings.tls = tls_.get();
    settings.tls_name = options_.tls.server_name.empty() ? endpoint.host : options_.tls.server_name;
  }
  return std::make_shared<RedisConnection>(io_, std::move(settings));
}

void RedisLink::attempt() {
  if (is_stopped_) return;
  attempt_at_ = base::monotonic_now();
  if (options_.sentinels.empty()) connect(options_.server);
  else ask_sentinel(0, "");
}

void RedisLink::ask_sentinel(std::size_t tried, std::string errors) {
  if (tried == options_.sentinels.size()) return fail("no sentinel knows the master '" + options_.master_name + "': " + errors);
  const auto& endpoint = options_.sentinels[next_sentinel_ % options_.sentinels.size()];
  if (sentinel_) sentinel_->close();
  sentinel_ = make(endpoint, options_.sentinel_login, options_.sentinel_max);
  const auto next = [this, tried, errors](const std::string& error) {
    ++next_sentinel_;
    ask_sentinel(tried + 1, errors + (errors.empty() ? "" : "; ") + error);
  };
  sentinel_->open(
      [this, next, name = endpoint.to_text()] {
        sentinel_->command({"SENTINEL", "get-master-addr-by-name", options_.master_name}, [this, next, name](const RedisReply& reply) {
          const bool is_address = reply.type == RedisReply::Type::kArray && reply.items.size() == 2 &&
                                  reply.items[0]->is_text() && reply.items[1]->is_text();
          if (!is_address) return next(name + ": " + (reply.is_error() ? reply.text : "unknown name"));
          const std::string& port = reply.items[1]->text;
          const bool is_port = !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
          if (!is_port || std::stoul(port) > 65535) return next(name + ": bad port of the master");
          connect({reply.items[0]->text, static_cast<std::uint16_t>(std::stoul(port)), {}});
        });
      },
      next);
}

void RedisLink::connect(RedisEndpoint server) {
  if (sentinel_) sentinel_->close();
  sentinel_.reset();
  server_ = std::move(server);
  commands_ = make(server_, options_.login, options_.connect_max);
  commands_->open([this] { options_.sentinels.empty() ? listen() : check_role(); },
                  [this](const std::string& error) { fail(error); });
}

// A sentinel may still name the old master, which has meanwhile become a replica or is about to.
void RedisLink::check_role() {
  commands_->command({"ROLE"}, [this](const RedisReply& reply) {
    const bool is_master = reply.type == RedisReply::Type::kArray && !reply.items.empty() && reply.items[0]->text == "master";
    if (!is_master && !reply.is_error()) return abandon("is not the master");
    listen();
  });
}

void RedisLink::listen() {
  listener_ = make(server_, options_.login, options_.connect_max);
  listener_->open(
      [this] {
        listener_->subscribe(channels_,
                             [this] {
                               is_up_ = true;
                               up_at_ = base::monotonic_now();
                               events_.on_up(server_.to_text());
                             },
                             events_.on_message);
      },
      [this](const std::string& error) { fail(error); });
}

void RedisLink::command(std::initializer_list<std::string_view> words, RedisConnection::OnReply on_reply) {
  if (is_up_) commands_->command(words, std::move(on_reply));
}

void RedisLink::ping() {
  if (is_up_) listener_->ping();
}

void RedisLink::abandon(const std::string& reason) { fail(server_.to_text() + ": " + reason); }

void RedisLink::fail(const std::string& error) {
  if (is_stopped_) return;
  const auto now = base::monotonic_now();
  // A server that is lost as soon as it is joined must not cost a warm start twenty times a second.
  if (is_up_ && now - up_at_ >= options_.cooldown_max) pause_ = kPauseMin;
  is_up_ = false;
  drop_connections();
  events_.on_down(error);
  const auto most = std::max<std::int64_t>(pause_.count(), 1);
  const auto pause = milliseconds(most / 2 + random_.below(static_cast<std::uint32_t>(most / 2 + 1)));
  pause_ = std::min(pause_ * 2, std::max(options_.cooldown_max, kPauseMin));
  // Counted from the attempt's beginning: one that waited long for a silent server is followed by the next at once, so
  // that a server that comes back is joined within the longer of both waits, not their sum.
  retry_.expires_at(std::max(attempt_at_ + pause, now + kPauseMin / 2));
  retry_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const error_code& cancelled) {
    if (!cancelled && !alive.expired()) attempt();
  });
}

}  // namespace rampart::storage
