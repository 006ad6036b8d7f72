#include "control/http_service.h"

#include <gtest/gtest.h>

#include "control/api_client.h"
#include "control/metrics.h"
#include "tests/support/fake_control_plane.h"

namespace rampart::control {
namespace {

using namespace std::chrono_literals;

Config config() {
  Config c;
  c.ports.http = {{.address = base::IpAddress::parse("127.0.0.1"), .port = 0}};
  return c;
}

unsigned status(std::uint16_t port, const char* target, const char* token = "") {
  const auto response = call_api({"127.0.0.1", port, token}, "GET", target, "", 5s);
  return response ? response->status : 0;
}

TEST(HttpService, ServesAndAdoptsWhatIsConfigured) {
  test::FakeControlPlane plane;
  Config c = config();
  auto service = HttpService::start(c, plane);
  ASSERT_TRUE(service.ok()) << service.error();
  const std::uint16_t port = (*service)->addresses().at(0).port;
  EXPECT_EQ(status(port, "/healthz"), 200u);
  EXPECT_EQ(status(port, "/metrics"), 404u);
  c.prometheus.enable = true;
  c.api.tokens = {{"secret"}};
  c.ports.doh_path = "/other";
  ASSERT_TRUE((*service)->adopt(c).ok());
  EXPECT_EQ((*service)->addresses().at(0).port, port);
  EXPECT_EQ(status(port, "/metrics"), 200u);
  EXPECT_EQ(status(port, "/api/blocking/enable"), 401u);
  EXPECT_EQ(status(port, "/api/blocking/enable", "secret"), 200u);
  EXPECT_EQ(status(port, "/dns-query"), 404u);
  EXPECT_EQ(status(port, "/other"), 400u);
  MetricsSnapshot metrics;
  (*service)->collect(metrics);
  EXPECT_NE(render_metrics(metrics).find("rampart_http_requests_total 7\n"), std::string::npos) << render_metrics(metrics);
}

TEST(HttpService, HttpsGetsASelfSignedCertificate) {
  test::FakeControlPlane plane;
  Config c;
  c.ports.https = {{.address = base::IpAddress::parse("127.0.0.1"), .port = 0}};
  auto service = HttpService::start(c, plane);
  ASSERT_TRUE(service.ok()) << service.error();
  EXPECT_GT((*service)->certificate_expires_at(), base::wall_now());
}

TEST(HttpService, ABadCertificateStopsTheStartButNotAReload) {
  test::FakeControlPlane plane;
  Config bad = config();
  bad.ports.https = {{.address = base::IpAddress::parse("127.0.0.1"), .port = 0}};
  bad.cert_file = "/no/such.pem";
  bad.key_file = "/no/such.key";
  const auto refused = HttpService::start(bad, plane);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().find("/no/such.pem"), std::string::npos);
  auto service = HttpService::start(config(), plane);
  ASSERT_TRUE(service.ok());
  EXPECT_FALSE((*service)->adopt(bad).ok());
  EXPECT_EQ(status((*service)->addresses().at(0).port, "/healthz"), 200u);
}

TEST(HttpService, RunsWithoutListeners) {
  test::FakeControlPlane plane;
  auto service = HttpService::start(Config{}, plane);
  ASSERT_TRUE(service.ok()) << service.error();
  EXPECT_TRUE((*service)->addresses().empty());
  ASSERT_TRUE((*service)->adopt(config()).ok());
  EXPECT_EQ(status((*service)->addresses().at(0).port, "/healthz"), 200u);
}

}  // namespace
}  // namespace rampart::control
