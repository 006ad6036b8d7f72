// HTTP as one thing to start, adopt and stop: from the configuration to listeners, certificate, API and DoH. The
// server holds one of these and implements ControlPlane for it.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "control/admin_api.h"
#include "control/config.h"
#include "control/control_plane.h"
#include "control/http_frontend.h"
#include "control/http_server.h"

namespace rampart::control {

struct MetricsSnapshot;

/// The parts of `config` that concern HTTP; host names in addresses are looked up here.
[[nodiscard]] base::Result<HttpServerOptions, std::string> http_server_options(const Config& config);
[[nodiscard]] AdminApiOptions admin_api_options(const Config& config);

class HttpService {
 public:
  /// Opens ports.http, ports.https, api.http and api.https; with none it runs without listeners (they may come with a reload).
  /// `plane` outlives the service.
  static base::Result<std::unique_ptr<HttpService>, std::string> start(const Config& config, ControlPlane& plane);
  ~HttpService();

  /// Takes over a new configuration without closing what stays. On error nothing has changed.
  [[nodiscard]] base::Status adopt(const Config& config);
  /// See HttpServer::stop. Calls that are running inside the ControlPlane are waited for.
  void stop(std::chrono::milliseconds patience);

  /// Adds the rampart_http_* metrics and the certificate's days left. Thread: any.
  void collect(MetricsSnapshot& into) const;
  /// For the health report; zero without TLS listeners.
  [[nodiscard]] base::WallTime certificate_expires_at() const;
  [[nodiscard]] std::vector<base::IpEndpoint> addresses() const { return server_->addresses(); }

 private:
  HttpService(ControlPlane& plane, AdminApiOptions options) : frontend_(plane, std::move(options)) {}

  HttpFrontend frontend_;
  mutable std::mutex tls_mutex_;
  std::shared_ptr<TlsIdentity> tls_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace rampart::control
