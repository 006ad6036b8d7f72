#include "control/http_service.h"

#include <netdb.h>

#include <algorithm>
#include <utility>

#include "control/commands_config.h"
#include "control/config_json_schema.h"
#include "control/metrics.h"

namespace rampart::control {
namespace {

base::Result<base::IpEndpoint, std::string> endpoint_of(const ListenAddress& address) {
  if (address.host.empty()) return base::IpEndpoint{address.address.value_or(base::IpAddress()), address.port};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0) {
    return base::Error{"cannot look up the listen address '" + address.host + "': " + gai_strerror(error)};
  }
  const auto ip = base::IpAddress::from_sockaddr(*found->ai_addr);
  freeaddrinfo(found);
  return base::IpEndpoint{ip, address.port};
}

bool has_api_listeners(const Config& config) { return !config.api.http.empty() || !config.api.https.empty(); }

base::Status add_listeners(HttpServerOptions& options, const Config& config, const std::vector<ListenAddress>& from,
                           bool tls) {
  const auto& proxied = config.ports.proxy_protocol;
  const bool of_api = &from == &config.api.http || &from == &config.api.https;
  for (const ListenAddress& address : from) {
    HttpListenerOptions listener;
    const auto endpoint = endpoint_of(address);
    if (!endpoint) return base::Error{endpoint.error()};
    listener.address = *endpoint;
    listener.tls = tls;
    listener.free_bind = config.ports.free_bind;
    listener.serves_api = of_api || !has_api_listeners(config);
    listener.serves_doh = !of_api;
    listener.proxy_protocol =
        !of_api && std::find(proxied.begin(), proxied.end(), tls ? Listener::kHttps : Listener::kHttp) != proxied.end();
    options.listeners.push_back(listener);
  }
  return base::Done{};
}

ApiAccessOptions access_options(const Config& config) {
  ApiAccessOptions access;
  access.allowed_networks = config.api.allowed_networks;
  access.trusted_proxies = config.trusted_proxies;
  for (const Secret& token : config.api.tokens) access.admin_tokens.push_back(token.value);
  for (const Secret& token : config.api.read_only_tokens) access.read_tokens.push_back(token.value);
  return access;
}

/// Blocky takes these limits from the download settings; zero means that ours stays.
void set_if_positive(std::chrono::milliseconds& limit, Milliseconds configured) {
  if (configured.count() > 0) limit = configured;
}

}  // namespace

base::Result<HttpServerOptions, std::string> http_server_options(const Config& config) {
  HttpServerOptions options;
  options.access = access_options(config);
  const auto& timeouts = config.blocking.loading.downloads;
  set_if_positive(options.limits.header_time, timeouts.read_header_timeout);
  set_if_positive(options.limits.body_time, timeouts.read_timeout);
  set_if_positive(options.limits.write_time, timeouts.write_timeout);
  for (const auto* plain : {&config.ports.http, &config.api.http})
    if (const auto added = add_listeners(options, config, *plain, false); !added) return base::Error{added.error()};
  for (const auto* over_tls : {&config.ports.https, &config.api.https})
    if (const auto added = add_listeners(options, config, *over_tls, true); !added) return base::Error{added.error()};
  if (config.ports.https.empty() && config.api.https.empty()) return options;
  TlsOptions tls;
  tls.cert_file = config.cert_file;
  tls.key_file = config.key_file;
  tls.min_version = config.min_tls_serve_version == TlsVersion::k13 ? TlsFloor::k13 : TlsFloor::k12;
  auto identity = TlsIdentity::load(tls);
  if (!identity) return base::Error{identity.error()};
  options.tls = *std::move(identity);
  return options;
}

AdminApiOptions admin_api_options(const Config& config) {
  AdminApiOptions options;
  options.version = version_text();
  options.build_time = build_time_text();
  options.doh_path = config.ports.doh_path;
  options.metrics_enabled = config.prometheus.enable;
  options.metrics_path = config.prometheus.path;
  options.access = access_options(config);
  options.config_schema_json = config_json_schema();
  return options;
}

base::Result<std::unique_ptr<HttpService>, std::string> HttpService::start(const Config& config, ControlPlane& plane) {
  auto options = http_server_options(config);
  if (!options) return base::Error{options.error()};
  auto service = std::unique_ptr<HttpService>(new HttpService(plane, admin_api_options(config)));
  service->tls_ = options->tls;
  auto server = HttpServer::start(*std::move(options), [frontend = &service->frontend_](HttpRequest r, HttpReply reply) {
    frontend->answer(std::move(r), std::move(reply));
  });
  if (!server) return base::Error{server.error()};
  service->server_ = *std::move(server);
  return service;
}

HttpService::~HttpService() = default;

base::Status HttpService::adopt(const Config& config) {
  auto options = http_server_options(config);
  if (!options) return base::Error{options.error()};
  const auto tls = options->tls;
  if (auto adopted = server_->adopt(*std::move(options)); !adopted) return adopted;
  frontend_.adopt(admin_api_options(config));
  const std::lock_guard lock(tls_mutex_);
  tls_ = tls;
  return base::Done{};
}

void HttpService::stop(std::chrono::milliseconds patience) { server_->stop(patience); }

base::WallTime HttpService::certificate_expires_at() const {
  const std::lock_guard lock(tls_mutex_);
  return tls_ ? tls_->expires_at() : base::WallTime{};
}

void HttpService::collect(MetricsSnapshot& into) const {
  const HttpServerCounters& c = server_->counters();
  into.gauge("http_connections", "Open HTTP connections.", static_cast<double>(server_->connection_count()));
  const auto counter = [&](const char* name, const char* help, const base::SharedCounter& value) {
    into.counter(name, help, static_cast<double>(value.value()));
  };
  counter("http_connections_accepted_total", "HTTP connections accepted.", c.accepted);
  counter("http_requests_total", "HTTP requests read completely.", c.requests);
  counter("http_accept_errors_total", "Failed accepts (no file descriptor left, for example).", c.accept_errors);
  counter("http_connections_evicted_total", "Idle HTTP connections closed at the connection limit.", c.evicted);
  counter("http_connections_refused_total", "HTTP connections refused: at the limit, and all were busy.", c.refused);
  counter("http_read_pauses_total", "Pauses in reading clients that send a few octets at a time.", c.pauses);
  const auto ended = [&](const char* why, const base::SharedCounter& value) {
    into.counter("http_errors_total", "HTTP requests and connections that ended early, by cause.",
                 static_cast<double>(value.value()), {{"cause", why}});
  };
  ended("header_timeout", c.header_timeouts);
  ended("body_timeout", c.body_timeouts);
  ended("write_timeout", c.write_timeouts);
  ended("reply_timeout", c.reply_timeouts);
  ended("too_large", c.too_large);
  ended("malformed", c.malformed);
  ended("proxy_header", c.proxy_errors);
  ended("tls", c.tls_errors);
  into.counter("http_errors_total", "", static_cast<double>(frontend_.busy_refusals()), {{"cause", "busy"}});
  if (const auto expiry = certificate_expires_at(); expiry != base::WallTime{}) {
    into.gauge("certificate_expiry_timestamp_seconds", "When the HTTPS certificate ends (Unix time).",
               static_cast<double>(std::chrono::system_clock::to_time_t(expiry)));
  }
}

}  // namespace rampart::control
