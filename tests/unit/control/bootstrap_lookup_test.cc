#include "control/bootstrap_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/list_catalog.h"
#include "control/policy_builder.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/scripted_http_server.h"

namespace rampart::control {
namespace {

using test_support::ScriptedHttpServer;
using testing::HasSubstr;

test::FakeScript loopback_for(const std::string& name) {
  return [name](const test::FakeQuery& query) {
    const bool known = query.name == name && query.qtype == dns::RrType::kA;
    return std::vector{test::FakeReply{
        known ? test::make_response(query.wire, dns::Rcode::kNoError, {{"", dns::RrType::kA, 60, test::a_rdata(127, 0, 0, 1)}})
              : test::make_response(query.wire, query.name == name ? dns::Rcode::kNoError : dns::Rcode::kNxDomain, {})}};
  };
}

resolver::BootstrapOptions options(const test::FakeUpstream& server) {
  resolver::BootstrapOptions options;
  options.servers = {{*base::IpAddress::parse("127.0.0.1"), server.port()}};
  return options;
}

TEST(BootstrapLookup, AsksTheGivenServers) {
  test::FakeUpstream server(loopback_for("lists.example.org"));
  const auto found = bootstrap_lookup("lists.example.org", options(server));
  ASSERT_TRUE(found.ok()) << found.error();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].to_string(), "127.0.0.1");
  EXPECT_FALSE(bootstrap_lookup("other.example.org", options(server)).ok());
}

TEST(BootstrapLookup, EndsWhenNobodyAnswers) {
  test::FakeUpstream server([](const test::FakeQuery&) { return std::vector<test::FakeReply>{}; });
  const auto begin = base::monotonic_now();
  EXPECT_FALSE(bootstrap_lookup("lists.example.org", options(server)).ok());
  EXPECT_LT(base::monotonic_now() - begin, std::chrono::seconds(10));
}

// The names exist for the fake server alone, so the system's resolver cannot have been asked.
TEST(BootstrapLookup, IsHowDownloadsFindTheirHostsAndThoseOfRedirects) {
  setenv("no_proxy", "*", 1);
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) unsetenv(name);
  test::FakeUpstream dns([](const test::FakeQuery& query) {
    return loopback_for(query.name == "mirror.example.org" ? "mirror.example.org" : "lists.example.org")(query);
  });
  std::string port;
  ScriptedHttpServer server([&](const std::string& request) {
    return request.find("Host: mirror.example.org") != std::string::npos
               ? ScriptedHttpServer::Reply{ScriptedHttpServer::ok("ads.example.org\n")}
               : ScriptedHttpServer::Reply{ScriptedHttpServer::status(
                     "302 Found", "Location: http://mirror.example.org:" + port + "/list\r\n")};
  });
  const std::string at = server.url("");
  port = at.substr(at.rfind(':') + 1);

  Config config;
  config.bootstrap_dns = {resolver::parse_upstream("127.0.0.1:" + std::to_string(dns.port())).value()};
  config.blocking.loading.downloads.attempts = 1;
  ListCatalog catalog(base::HashKey{}, list_options(config));
  const auto load = [&](const std::string& host) {
    return catalog.load({{"ads", blocklists::Action::kDeny, {blocklists::SourceKind::kHttp, "http://" + host + ":" + port + "/"}}});
  };
  const auto outcome = load("lists.example.org");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->filter->rule_count(), 1u) << (outcome->errors.empty() ? "" : outcome->errors[0]);
  const auto unknown = load("unknown.example.org");
  ASSERT_EQ(unknown->errors.size(), 1u);
  EXPECT_THAT(unknown->errors[0], HasSubstr("Could not resolve host: unknown.example.org"));
}

}  // namespace
}  // namespace rampart::control
