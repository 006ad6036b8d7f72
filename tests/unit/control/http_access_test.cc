#include "control/http_access.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

std::string client(const char* peer, HttpHeaders headers, ApiAccessOptions options = {}) {
  return client_address(headers, ip(peer), options).to_string();
}

TEST(HttpAccess, HeadersOfStrangersAreNotBelieved) {
  EXPECT_EQ(client("203.0.113.9", {{"X-Forwarded-For", "127.0.0.1"}}), "203.0.113.9");
  EXPECT_EQ(client("203.0.113.9", {{"Forwarded", "for=127.0.0.1"}}), "203.0.113.9");
}

TEST(HttpAccess, TrustedProxiesNameTheClient) {
  EXPECT_EQ(client("127.0.0.1", {{"x-forwarded-for", "192.168.1.7"}}), "192.168.1.7");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "203.0.113.5, 10.0.0.2"}}), "203.0.113.5");
  EXPECT_EQ(client("10.0.0.1", {{"Forwarded", "for=\"[2001:db8::1]:4711\";proto=https"}}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {{"Forwarded", "for=unknown, for=_hidden, For=192.168.1.9:80"}}), "192.168.1.9");
  EXPECT_EQ(client("10.0.0.1", {{"Forwarded", "for=_hidden"}, {"X-Forwarded-For", "192.168.1.3"}}), "192.168.1.3");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "nonsense, ,"}}), "10.0.0.1");
}

TEST(HttpAccess, AClientCannotPassForAnother) {
  // It sent the first address itself; the proxy appended the second.
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "127.0.0.1, 203.0.113.5"}}), "203.0.113.5");
  EXPECT_EQ(client("10.0.0.1", {{"Forwarded", "for=127.0.0.1"}, {"Forwarded", "for=203.0.113.5"}}), "203.0.113.5");
}

TEST(HttpAccess, OnlyConfiguredProxiesCountWhenThereAreAny) {
  ApiAccessOptions options;
  options.trusted_proxies = {*base::IpRange::parse("192.0.2.1")};
  EXPECT_EQ(client("192.0.2.1", {{"X-Forwarded-For", "10.0.0.7"}}, options), "10.0.0.7");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "10.0.0.7"}}, options), "10.0.0.1");
}

HttpRequest from(const char* address) {
  HttpRequest request;
  request.socket_peer = request.peer = request.client = ip(address);
  return request;
}

TEST(HttpAccess, UnnamedProxiesOpenNothing) {
  ApiAccessOptions options;
  options.allowed_networks = {*base::IpRange::parse("192.168.9.0/24")};
  HttpRequest request = from("192.168.1.66");
  request.client = ip("192.168.9.1");  // by its own X-Forwarded-For
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kProxyDenied);
  request.peer = request.client;  // by its own PROXY header
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kProxyDenied);
  request = from("192.168.9.2");  // a proxy for somebody who names somebody else
  request.peer = ip("192.168.1.66");
  request.client = ip("192.168.9.1");
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kProxyDenied);
  options.trusted_proxies = {*base::IpRange::parse("192.168.1.66")};
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kGranted);
  // Behind a private proxy that nobody named, strangers stay strangers.
  request = from("127.0.0.1");
  request.client = ip("203.0.113.5");
  EXPECT_EQ(check_access(request, ApiScope::kRead, {}), AccessDecision::kNetworkDenied);
}

TEST(HttpAccess, NetworksReplaceTheDefault) {
  ApiAccessOptions options;
  options.allowed_networks = {*base::IpRange::parse("192.0.2.0/24")};
  HttpRequest request = from("192.0.2.77");
  EXPECT_EQ(check_access(request, ApiScope::kAdmin, options), AccessDecision::kGranted);
  request = from("127.0.0.1");
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kNetworkDenied);
}

TEST(HttpAccess, ReadTokensAloneMakeNobodyAnAdministrator) {
  ApiAccessOptions options;
  options.read_tokens = {"r"};
  HttpRequest request = from("127.0.0.1");
  EXPECT_EQ(check_access(request, ApiScope::kAdmin, options), AccessDecision::kTokenMissing);
  request.headers = {{"Authorization", "Bearer r"}};
  EXPECT_EQ(check_access(request, ApiScope::kRead, options), AccessDecision::kGranted);
  EXPECT_EQ(check_access(request, ApiScope::kAdmin, options), AccessDecision::kScopeTooSmall);
}

TEST(HttpAccess, OpenToAllIsNoticed) {
  ApiAccessOptions options;
  EXPECT_EQ(openness(options), ApiOpenness::kClosed);
  options.allowed_networks = {*base::IpRange::parse("192.0.2.0/24"), *base::IpRange::parse("0.0.0.0/0")};
  EXPECT_EQ(openness(options), ApiOpenness::kEverything);
  options.admin_tokens = {"t"};
  EXPECT_EQ(openness(options), ApiOpenness::kReading);
  options.read_tokens = {"r"};
  EXPECT_EQ(openness(options), ApiOpenness::kClosed);
  options.admin_tokens.clear();
  EXPECT_EQ(openness(options), ApiOpenness::kClosed);
}

}  // namespace
}  // namespace rampart::control
