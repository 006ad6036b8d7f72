#include "control/admin_api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_control_plane.h"

namespace rampart::control {
namespace {

using nlohmann::json;

class AdminApi : public testing::Test {
 protected:
  AdminApi() {
    options.version = "1.2.3";
    options.build_time = "20260101-000000";
  }

  HttpRequest request(std::string method, std::string target, std::string body = {}) {
    HttpRequest r;
    r.method = std::move(method);
    r.target = std::move(target);
    r.body = std::move(body);
    r.socket_peer = r.peer = r.client = *base::IpAddress::parse("192.168.1.5");
    return r;
  }
  HttpResponse get(std::string target) { return handle(request("GET", std::move(target)), plane, options); }
  HttpResponse post(std::string target, std::string body = {}) {
    return handle(request("POST", std::move(target), std::move(body)), plane, options);
  }

  test::FakeControlPlane plane;
  AdminApiOptions options;
};

TEST_F(AdminApi, StatusLeavesOutWhatIsEmpty) {
  const auto response = get("/api/blocking/status");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"enabled\":true}\n");
}

TEST_F(AdminApi, DisableTakesDurationAndGroups) {
  const auto response = get("/api/blocking/disable?duration=1m30s&groups=ads,malware");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(plane.calls(), std::vector<std::string>{"disable 90000ms ads malware"});
  const auto status = json::parse(get("/api/blocking/status").body);
  EXPECT_EQ(status["enabled"], false);
  EXPECT_EQ(status["autoEnableInSec"], 90);
  EXPECT_EQ(status["disabledGroups"], (std::vector<std::string>{"ads", "malware"}));
}

TEST_F(AdminApi, DisableWithoutParametersMeansAllAndForEver) {
  EXPECT_EQ(get("/api/blocking/disable").status, 200u);
  EXPECT_EQ(get("/api/blocking/disable?duration=0").status, 200u);
  EXPECT_EQ(get("/api/blocking/disable?groups=").status, 200u);
  EXPECT_EQ(plane.calls(), (std::vector<std::string>{"disable 0ms", "disable 0ms", "disable 0ms"}));
}

TEST_F(AdminApi, ADurationBelowAMillisecondIsNotForEver) {
  EXPECT_EQ(get("/api/blocking/disable?duration=1us").status, 200u);
  EXPECT_EQ(plane.calls(), std::vector<std::string>{"disable 1ms"});
}

TEST_F(AdminApi, DisableRefusesBadDurations) {
  for (const char* bad : {"5", "abc", "-1s", "1x", "", "99999999999999999999h", "%zz"}) {
    const auto response = get(std::string("/api/blocking/disable?duration=") + bad);
    if (std::string(bad) == "%zz") continue;  // a broken escape is no parameter
    EXPECT_EQ(response.status, 400u) << bad;
    EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  }
  EXPECT_EQ(get("/api/blocking/disable?duration=5").body, "time: missing unit in duration \"5\"");
}

TEST_F(AdminApi, DisableNamesTheUnknownGroup) {
  const auto response = get("/api/blocking/disable?groups=ads,nope");
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(response.body, "group 'nope' is unknown");
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(AdminApi, EnableRefreshAndFlushAnswerEmpty) {
  EXPECT_EQ(get("/api/blocking/enable").body, "");
  EXPECT_EQ(post("/api/lists/refresh").status, 200u);
  EXPECT_EQ(post("/api/cache/flush").status, 200u);
  EXPECT_EQ(plane.calls(), (std::vector<std::string>{"enable", "refresh", "flush"}));
}

TEST_F(AdminApi, AFailedRefreshIs500WithItsText) {
  plane.refresh_result = base::Error{std::string("list http://192.0.2.1/ads: connection refused")};
  const auto response = post("/api/lists/refresh");
  EXPECT_EQ(response.status, 500u);
  EXPECT_EQ(response.body, "list http://192.0.2.1/ads: connection refused");
}

TEST_F(AdminApi, QueryRunsTheChainForTheCaller) {
  auto r = request("POST", "/api/query", R"({"query":"example.org","type":"AAAA"})");
  r.headers = {{"Host", "id-tablet.dns.example.org"}};
  const auto response = handle(r, plane, options);
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body,
            "{\"reason\":\"RESOLVED (udp:192.0.2.53)\",\"response\":\"A (192.0.2.7)\","
            "\"responseType\":\"RESOLVED\",\"returnCode\":\"NOERROR\"}\n");
  EXPECT_EQ(plane.last_command().name, "example.org.");
  EXPECT_EQ(plane.last_command().type, 28);
  EXPECT_EQ(plane.last_command().client.to_string(), "192.168.1.5");
  EXPECT_EQ(plane.last_command().client_id, "tablet");
}

TEST_F(AdminApi, QueryRefusesWhatIsNoQuestion) {
  const auto wrong_type = post("/api/query", R"({"query":"example.org","type":"WRONG"})");
  EXPECT_EQ(wrong_type.status, 400u);
  EXPECT_EQ(wrong_type.body, "unknown query type 'WRONG'");
  EXPECT_EQ(post("/api/query", R"({"query":"example.org"})").body, "unknown query type ''");
  EXPECT_EQ(post("/api/query", R"({"query":"example.org","type":"a"})").status, 400u);
  for (const char* bad : {"", "{", "[]", "null", "1", R"({"query":1,"type":"A"})", "\xff\xfe"}) {
    const auto response = post("/api/query", bad);
    EXPECT_EQ(response.status, 400u) << bad;
    EXPECT_EQ(response.body.rfind("can't decode JSON body: ", 0), 0u) << response.body;
  }
  EXPECT_EQ(post("/api/query", R"({"query":"a..b","type":"A"})").status, 400u);
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(AdminApi, AChainErrorIs500) {
  plane.query_result = base::Error{std::string("all upstreams failed")};
  EXPECT_EQ(post("/api/query", R"({"query":"example.org","type":"A"})").status, 500u);
}

TEST_F(AdminApi, StatsAre503WhenDisabled) {
  const auto response = get("/api/stats");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "statistics are disabled");
}

TEST_F(AdminApi, StatsHaveBlockysMembers) {
  StatsReport report;
  report.queries = 3;
  report.top_domains = {{"example.org", 2}, {std::string("bad\xff"), 1}};
  report.denylist_entries = {{"ads", 7}};
  plane.stats_report = report;
  const auto body = json::parse(get("/api/stats").body);
  EXPECT_EQ(body["start"], "1970-01-01T00:00:00Z");
  EXPECT_EQ(body["summary"]["queries"], 3);
  for (const char* member : {"cached", "forwarded", "blocked", "filtered", "local", "dropped", "errors",
                             "avgResponseMs", "cacheHitRate"}) {
    EXPECT_TRUE(body["summary"].contains(member)) << member;
  }
  EXPECT_EQ(body["topDomains"][0]["name"], "example.org");
  EXPECT_EQ(body["topBlockedDomains"], json::array());
  EXPECT_EQ(body["lists"]["denylist"]["ads"], 7);
  EXPECT_EQ(body["lists"]["allowlist"], json::object());
  EXPECT_EQ(body["cache"]["entries"], 0);
  EXPECT_EQ(body["byQueryType"], json::object());
}

TEST_F(AdminApi, ExplainTellsTheSteps) {
  const auto response = get("/api/explain?name=example.org&type=A&client=192.0.2.9");
  ASSERT_EQ(response.status, 200u) << response.body;
  const auto body = json::parse(response.body);
  EXPECT_EQ(body["client"], "192.0.2.9");
  EXPECT_EQ(body["steps"][1]["stage"], "upstream");
  EXPECT_EQ(body["answer"]["returnCode"], "NOERROR");
  EXPECT_EQ(get("/api/explain").status, 400u);
  EXPECT_EQ(get("/api/explain?name=a&client=b").status, 400u);
  EXPECT_EQ(get("/api/explain?name=a&type=B").status, 400u);
}

TEST_F(AdminApi, ReadinessFollowsRequiredComponentsOnly) {
  EXPECT_EQ(get("/readyz").status, 200u);
  plane.health_report.components = {{"redis", ComponentState::kFailed, base::WallTime(std::chrono::hours(24)),
                                     "connection refused", {}, false}};
  auto response = get("/readyz");
  EXPECT_EQ(response.status, 200u);
  auto body = json::parse(response.body);
  EXPECT_EQ(body["status"], "degraded");
  EXPECT_EQ(body["components"]["redis"]["lastError"], "connection refused");
  EXPECT_EQ(body["components"]["redis"]["since"], "1970-01-02T00:00:00Z");
  plane.health_report.components[0].required = true;
  response = get("/readyz");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(json::parse(response.body)["ready"], false);
  plane.health_report = {false, {}};
  EXPECT_EQ(get("/readyz").status, 503u);
  EXPECT_EQ(get("/healthz").status, 200u);
}

TEST_F(AdminApi, OutsidersSeeTheVerdictButNotTheInside) {
  plane.health_report.components = {{"redis", ComponentState::kOk, {}, "", {}, false}};
  auto r = request("GET", "/readyz");
  r.client = *base::IpAddress::parse("203.0.113.1");
  const auto response = handle(r, plane, options);
  EXPECT_EQ(response.status, 200u);
  EXPECT_FALSE(json::parse(response.body).contains("components"));
}

TEST_F(AdminApi, MetricsExistOnlyWhenEnabled) {
  EXPECT_EQ(get("/metrics").status, 404u);
  options.metrics_enabled = true;
  const auto response = get("/metrics");
  EXPECT_EQ(response.status, 200u);
  EXPECT_NE(response.body.find("blocky_blocking_enabled 1\n"), std::string::npos);
  options.metrics_path = "/other";
  EXPECT_EQ(get("/metrics").status, 404u);
  EXPECT_EQ(post("/other").status, 200u);
}

TEST_F(AdminApi, DocumentsAreServed) {
  EXPECT_NE(get("/").body.find("1.2.3"), std::string::npos);
  EXPECT_EQ(get("/robots.txt").body, "User-agent: *\nDisallow: /\n");
  EXPECT_EQ(get("/docs/openapi.yaml").body.rfind("openapi: 3", 0), 0u);
  EXPECT_EQ(get("/docs/openapi.yaml").content_type, "text/yaml");
  EXPECT_EQ(get("/docs/config.schema.json").status, 404u);
  options.config_schema_json = "{}";
  EXPECT_EQ(get("/docs/config.schema.json").body, "{}");
}

TEST_F(AdminApi, WrongMethodsAre405AndChangeNothing) {
  for (const auto& [method, target] : std::vector<std::pair<std::string, std::string>>{
           {"POST", "/api/blocking/disable"}, {"HEAD", "/api/blocking/disable"}, {"GET", "/api/lists/refresh"},
           {"GET", "/api/cache/flush"}, {"GET", "/api/query"}, {"DELETE", "/api/stats"}, {"PUT", "/"}}) {
    const auto response = handle(request(method, target), plane, options);
    EXPECT_EQ(response.status, 405u) << method << " " << target;
    EXPECT_EQ(response.headers.at(0).first, "Allow");
  }
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(AdminApi, UnknownPathsAre404) {
  for (const char* path : {"/nope", "/api", "/api/", "/api/blocking/status/", "/API/stats", "//", "/../etc/passwd", "*", ""}) {
    EXPECT_EQ(get(path).status, 404u) << path;
  }
}

TEST_F(AdminApi, AListenerForDohOnlyHidesTheApi) {
  auto r = request("GET", "/api/blocking/status");
  r.serves_api = false;
  EXPECT_EQ(handle(r, plane, options).status, 404u);
}

TEST_F(AdminApi, PublicClientsAreRefusedByDefault) {
  for (const char* target : {"/api/blocking/status", "/api/blocking/disable", "/api/stats", "/debug/"}) {
    auto r = request("GET", target);
    r.client = *base::IpAddress::parse("203.0.113.1");
    const auto response = handle(r, plane, options);
    EXPECT_EQ(response.status, 403u) << target;
    EXPECT_NE(response.body.find("api.allowedNetworks"), std::string::npos);
  }
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(AdminApi, ANeighbourCannotNameAnAllowedClientInItsPlace) {
  options.access.allowed_networks = {*base::IpRange::parse("192.168.1.64/26")};
  auto r = request("GET", "/api/blocking/status");  // from 192.168.1.5
  r.client = *base::IpAddress::parse("192.168.1.70");
  const auto response = handle(r, plane, options);
  EXPECT_EQ(response.status, 403u);
  EXPECT_EQ(response.body, "the API is not open to 192.168.1.70 by way of 192.168.1.5: name that proxy in "
                           "trustedProxies of the configuration\n");
}

TEST_F(AdminApi, TokensGiveScopes) {
  options.access.admin_tokens = {"admin-secret"};
  options.access.read_tokens = {"read-secret"};
  const auto status_with = [&](const char* target, const char* authorization) {
    auto r = request("GET", target);
    if (*authorization != 0) r.headers = {{"authorization", authorization}};
    return handle(r, plane, options).status;
  };
  EXPECT_EQ(status_with("/api/blocking/status", ""), 401u);
  EXPECT_EQ(status_with("/api/blocking/status", "Bearer wrong"), 401u);
  EXPECT_EQ(status_with("/api/blocking/status", "Bearer "), 401u);
  EXPECT_EQ(status_with("/api/blocking/status", "Basic read-secret"), 401u);
  EXPECT_EQ(status_with("/api/blocking/status", "Bearer read-secret"), 200u);
  EXPECT_EQ(status_with("/api/blocking/status", "bearer admin-secret"), 200u);
  EXPECT_EQ(status_with("/api/blocking/enable", ""), 401u);
  EXPECT_EQ(status_with("/api/blocking/enable", "Bearer read-secret"), 403u);
  EXPECT_EQ(status_with("/api/blocking/enable", "Bearer admin-secret"), 200u);
  EXPECT_EQ(status_with("/healthz", ""), 200u);
}

TEST_F(AdminApi, AnAdminTokenAloneLeavesReadingToTheNetwork) {
  options.access.admin_tokens = {"admin-secret"};
  EXPECT_EQ(get("/api/blocking/status").status, 200u);
  const auto response = get("/api/blocking/enable");
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(response.headers.at(0).first, "WWW-Authenticate");
}

TEST_F(AdminApi, OnlyCallsThatWaitGoTheSlowLane) {
  EXPECT_EQ(lane_of(request("POST", "/api/lists/refresh?x=1")), ApiLane::kRefresh);
  EXPECT_EQ(lane_of(request("POST", "/api/cache/flush")), ApiLane::kFlush);
  EXPECT_EQ(lane_of(request("POST", "/api/query")), ApiLane::kChain);
  EXPECT_EQ(lane_of(request("GET", "/readyz")), ApiLane::kQuick);
  EXPECT_EQ(lane_of(request("GET", "/nope")), ApiLane::kQuick);
}

}  // namespace
}  // namespace rampart::control
