// The command line against a real HTTP server with a fake behind it, and against a real DNS socket.
#include "control/cli.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "control/api_client.h"
#include "control/cli_output.h"
#include "control/http_frontend.h"
#include "control/http_server.h"
#include "tests/support/fake_control_plane.h"

namespace rampart::control {
namespace {

/// Answers one DNS query on a loopback socket with the given RCODE.
class DnsResponder {
 public:
  DnsResponder(bool tcp, std::uint8_t rcode) {
    fd_ = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    sockaddr_storage address{};
    const base::IpEndpoint any{*base::IpAddress::parse("127.0.0.1"), 0};
    socklen_t length = any.to_sockaddr(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    if (tcp) listen(fd_, 1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port = base::IpEndpoint::from_sockaddr(reinterpret_cast<sockaddr&>(address)).port;
    thread_ = std::thread([this, tcp, rcode] { answer_one(tcp, rcode); });
  }
  ~DnsResponder() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  std::uint16_t port = 0;

 private:
  void answer_one(bool tcp, std::uint8_t rcode) const {
    pollfd p{fd_, POLLIN, 0};
    if (poll(&p, 1, 5000) != 1) return;
    std::uint8_t buffer[600];
    sockaddr_storage from{};
    socklen_t length = sizeof(from);
    const int connection = tcp ? accept(fd_, nullptr, nullptr) : fd_;
    const std::size_t prefix = tcp ? 2 : 0;
    const ssize_t n = tcp ? recv(connection, buffer, sizeof(buffer), 0)
                          : recvfrom(connection, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (n > 12) {
      buffer[prefix + 2] |= 0x80;
      buffer[prefix + 3] = rcode;
      if (tcp) {
        send(connection, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL);
      } else {
        sendto(connection, buffer, static_cast<std::size_t>(n), 0, reinterpret_cast<sockaddr*>(&from), length);
      }
    }
    if (tcp) close(connection);
  }
  int fd_;
  std::thread thread_;
};

class CliTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"RAMPART_API", "RAMPART_API_TOKEN", "RAMPART_API_CA_FILE", "RAMPART_CONFIG_FILE",
                             "BLOCKY_CONFIG_FILE", "CONFIG_FILE"}) {
      unsetenv(name);
    }
    frontend = std::make_unique<HttpFrontend>(plane, AdminApiOptions{});
    HttpListenerOptions listener;
    listener.address = {*base::IpAddress::parse("127.0.0.1"), 0};
    HttpServerOptions options;
    options.listeners = {listener};
    server = *HttpServer::start(options, [this](HttpRequest r, HttpReply reply) {
      frontend->answer(std::move(r), std::move(reply));
    });
    hooks.version = "1.2.3";
    hooks.build_time = "now";
    hooks.architecture = "amd64";
    hooks.serve = [this](const std::string& path) {
      served = path;
      return 7;
    };
    hooks.validate = [](const std::string& path, bool, std::ostream& o, std::ostream&) {
      o << "Configuration is valid: " << path << "\n";
      return 0;
    };
    hooks.read_configuration = [this](const std::string& path) -> std::optional<CliConfiguration> {
      read = path;
      return CliConfiguration{ApiAddress{"127.0.0.1", server->addresses()[0].port}, std::nullopt};
    };
  }
  int run(std::vector<std::string> arguments) {
    out.str("");
    err.str("");
    std::vector<const char*> argv = {"rampart"};
    for (const auto& a : arguments) argv.push_back(a.c_str());
    return run_cli(static_cast<int>(argv.size()), argv.data(), hooks, out, err);
  }
  [[nodiscard]] std::string port() const { return std::to_string(server->addresses()[0].port); }

  test::FakeControlPlane plane;
  std::unique_ptr<HttpFrontend> frontend;
  std::unique_ptr<HttpServer> server;
  CliHooks hooks;
  std::ostringstream out, err;
  std::string served, read;
};

TEST_F(CliTest, NoCommandServes) {
  EXPECT_EQ(run({}), 7);
  EXPECT_EQ(served, "./config.yml");
  EXPECT_EQ(run({"-c", "/etc/r.yml"}), 7);
  EXPECT_EQ(served, "/etc/r.yml");
  EXPECT_EQ(run({"serve", "--config", "/etc/s.yml"}), 7);
  EXPECT_EQ(served, "/etc/s.yml");
}

TEST_F(CliTest, TheEnvironmentNamesTheConfigurationUnlessAFlagDoes) {
  setenv("CONFIG_FILE", "/legacy.yml", 1);
  run({});
  EXPECT_EQ(served, "/legacy.yml");
  setenv("BLOCKY_CONFIG_FILE", "/blocky.yml", 1);
  run({});
  EXPECT_EQ(served, "/blocky.yml");
  run({"-c", "/flag.yml"});
  EXPECT_EQ(served, "/flag.yml");
}

TEST_F(CliTest, VersionAndValidate) {
  EXPECT_EQ(run({"version"}), 0);
  EXPECT_EQ(out.str(), "rampart\nVersion: 1.2.3\nBuild time: now\nArchitecture: amd64\n");
  EXPECT_EQ(run({"validate", "-c", "x.yml"}), 0);
  EXPECT_EQ(out.str(), "Configuration is valid: x.yml\n");
}

TEST_F(CliTest, MistakesExitWithOneAndAText) {
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {"nonsense"}, {"query"}, {"blocking"}, {"query", "a", "--typo"}, {"--apiPort", "abc", "stats"},
           {"completion", "tcsh"}, {"blocking", "disable", "-d", "5"}}) {
    EXPECT_EQ(run(wrong), 1) << wrong[0];
    EXPECT_EQ(err.str().rfind("Error: ", 0), 0u) << err.str();
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(CliTest, BlockingCommandsAndTheirAliases) {
  EXPECT_EQ(run({"blocking", "status"}), 0);
  EXPECT_EQ(out.str(), "blocking enabled\n");
  EXPECT_EQ(run({"block", "off", "-d", "1m30s", "-g", "ads", "-g", "malware"}), 0);
  EXPECT_EQ(out.str(), "OK\n");
  EXPECT_EQ(run({"blocking", "status"}), 0);
  EXPECT_EQ(out.str(), "blocking disabled for groups: 'ads; malware', for 90 seconds\n");
  EXPECT_EQ(run({"blocking", "disable", "--groups", "ads"}), 0);
  EXPECT_EQ(run({"blocking", "status"}), 0);
  EXPECT_EQ(out.str(), "blocking disabled for groups: ads\n");
  EXPECT_EQ(run({"blocking", "on"}), 0);
  EXPECT_EQ(plane.calls(), (std::vector<std::string>{"disable 90000ms ads malware", "disable 0ms ads", "enable"}));
}

TEST_F(CliTest, ErrorsOfTheServerAreShown) {
  EXPECT_EQ(run({"blocking", "disable", "-g", "nope"}), 1);
  EXPECT_EQ(err.str(), "Error: response NOK, 400 Bad Request group 'nope' is unknown\n");
  EXPECT_EQ(run({"stats"}), 1);
  EXPECT_EQ(err.str(), "Error: response NOK, 503 Service Unavailable statistics are disabled\n");
}

TEST_F(CliTest, ListsCacheAndRefresh) {
  EXPECT_EQ(run({"lists", "refresh"}), 0);
  EXPECT_EQ(run({"refresh"}), 0);
  EXPECT_EQ(run({"cache", "flush"}), 0);
  EXPECT_EQ(run({"cache", "clear"}), 0);
  EXPECT_EQ(out.str(), "OK\n");
  EXPECT_EQ(run({"cache", "clear", "--json"}), 0);
  EXPECT_EQ(out.str(), "{\"ok\":true}\n");
  EXPECT_EQ(plane.calls(), (std::vector<std::string>{"refresh", "refresh", "flush", "flush", "flush"}));
}

TEST_F(CliTest, QueryPrintsFourLines) {
  EXPECT_EQ(run({"query", "example.org", "-t", "AAAA"}), 0);
  EXPECT_EQ(out.str().rfind("Query result for 'example.org' (AAAA):\n", 0), 0u) << out.str();
  EXPECT_NE(out.str().find("\treason:        RESOLVED (udp:192.0.2.53)\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("\tresponse type:             RESOLVED\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("\treturn code:                NOERROR\n"), std::string::npos) << out.str();
  EXPECT_EQ(plane.last_command().type, 28);
  EXPECT_EQ(run({"query", "example.org", "-t", "WRONG"}), 1);
  EXPECT_EQ(err.str(), "Error: unknown query type 'WRONG'\n");
  EXPECT_EQ(run({"query", "example.org", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out.str())["returnCode"], "NOERROR");
}

TEST_F(CliTest, ExplainPrintsTheSteps) {
  EXPECT_EQ(run({"explain", "example.org", "--client", "192.0.2.9"}), 0) << err.str();
  EXPECT_NE(out.str().find("2. upstream"), std::string::npos);
  EXPECT_NE(out.str().find("answered: udp:192.0.2.53"), std::string::npos);
}

TEST_F(CliTest, StatusPrintsEachComponentAndSaysWhetherTheServerIsReady) {
  plane.health_report.answering = true;
  plane.health_report.components = {{"upstreams", ComponentState::kOk, {}, "", {{"configured", 2}, {"down", 0}}, true},
                                    {"queryLog", ComponentState::kDegraded, base::WallTime(std::chrono::hours(24)),
                                     "connection refused", {{"written", 7}, {"lastWriteMs", 1.5}}, false},
                                    {"spool", ComponentState::kOff, {}, "", {}, false}};
  EXPECT_EQ(run({"status"}), 0) << err.str();
  for (const char* expected :
       {"ready, degraded\n", "  upstreams    ok         required configured 2, down 0\n",
        "  queryLog     degraded   since 1970-01-02T00:00:00Z lastWriteMs 1.5, written 7\n", "last error: connection refused\n",
        "  spool        not configured\n", "  redis        not configured\n"})
    EXPECT_NE(out.str().find(expected), std::string::npos) << expected << "in\n" << out.str();
  EXPECT_EQ(run({"status", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out.str())["components"]["queryLog"]["lastError"], "connection refused");
}

TEST_F(CliTest, StatusOfAServerThatIsNotReadyIsShownAndExitsWithOne) {
  plane.health_report.answering = true;
  plane.health_report.components = {{"upstreams", ComponentState::kFailed, {}, "no answer", {}, true}};
  EXPECT_EQ(run({"status"}), 1);
  EXPECT_NE(out.str().find("not ready, failed\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("no answer"), std::string::npos);
}

TEST_F(CliTest, StatsArePrintedAsTables) {
  StatsReport report;
  report.queries = 1234567;
  report.cache_hit_rate = 0.5;
  report.top_domains = {{"example.org", 1000}};
  plane.stats_report = report;
  EXPECT_EQ(run({"stats"}), 0) << err.str();
  for (const char* expected : {"Window\n", "Summary\n", "1,234,567", "50.0 %", "Top Domains\n", "example.org", "1,000",
                               "Top Blocked\n  (none)\n", "By Query Type\n  (none)\n", "Cache\n", "Lists (denylist)\n"}) {
    EXPECT_NE(out.str().find(expected), std::string::npos) << expected << "\n" << out.str();
  }
}

TEST_F(CliTest, TheApiAddressComesFromFlagThenEnvironmentThenConfiguration) {
  hooks.read_configuration = [](const std::string&) {
    return CliConfiguration{ApiAddress{"127.0.0.1", 1}, std::nullopt};  // nobody listens on port 1
  };
  EXPECT_EQ(run({"blocking", "status"}), 1);
  EXPECT_EQ(err.str().rfind("Error: can't execute cannot connect to 127.0.0.1:1: ", 0), 0u) << err.str();
  setenv("RAMPART_API", ("127.0.0.1:" + port()).c_str(), 1);
  EXPECT_EQ(run({"blocking", "status"}), 0) << err.str();
  EXPECT_EQ(run({"blocking", "status", "--apiHost", "127.0.0.1", "--apiPort", "1"}), 1);
  setenv("RAMPART_API", "127.0.0.1:1", 1);
  EXPECT_EQ(run({"--apiHost", "127.0.0.1", "--apiPort", port(), "blocking", "status"}), 0) << err.str();
  setenv("RAMPART_API", "what:is:this", 1);
  EXPECT_EQ(run({"blocking", "status"}), 1);
  EXPECT_NE(err.str().find("RAMPART_API"), std::string::npos);
}

TEST_F(CliTest, TheTokenIsSent) {
  AdminApiOptions secured;
  secured.access.admin_tokens = {"secret"};
  frontend->adopt(secured);
  EXPECT_EQ(run({"blocking", "enable"}), 1);
  EXPECT_NE(err.str().find("401"), std::string::npos);
  EXPECT_EQ(run({"blocking", "enable", "--apiToken", "secret"}), 0);
  setenv("RAMPART_API_TOKEN", "secret", 1);
  EXPECT_EQ(run({"blocking", "enable"}), 0);
}

TEST_F(CliTest, HealthcheckTakesAnyReply) {
  for (const bool tcp : {true, false}) {
    const DnsResponder server_failure(tcp, 2);
    std::vector<std::string> arguments = {"healthcheck", "-p", std::to_string(server_failure.port)};
    if (!tcp) arguments.push_back("--udp");
    EXPECT_EQ(run(arguments), 0) << err.str();
    EXPECT_EQ(out.str(), "OK\n");
  }
}

TEST_F(CliTest, HealthcheckThroughTheChainWantsAnAnswer) {
  {
    const DnsResponder failing(true, 2);
    EXPECT_EQ(run({"healthcheck", "--resolve", "example.org", "-p", std::to_string(failing.port)}), 1);
    EXPECT_EQ(out.str(), "NOT OK\n");
    EXPECT_EQ(err.str(), "the server answers SERVFAIL\n");
  }
  const DnsResponder good(false, 3);
  EXPECT_EQ(run({"healthcheck", "--udp", "--resolve", "example.org", "-p", std::to_string(good.port)}), 0) << err.str();
}

TEST_F(CliTest, HealthcheckFailsWithoutAServer) {
  EXPECT_EQ(run({"healthcheck", "-p", "1"}), 1);
  EXPECT_EQ(out.str(), "NOT OK\n");
  EXPECT_EQ(run({"healthcheck", "-p", "1", "--json"}), 1);
  EXPECT_EQ(nlohmann::json::parse(out.str())["ok"], false);
  EXPECT_EQ(run({"healthcheck", "-b", "nowhere"}), 1);
}

TEST_F(CliTest, HealthcheckFollowsTheConfiguration) {
  const DnsResponder server_failure(true, 0);
  hooks.read_configuration = [&](const std::string&) {
    return CliConfiguration{std::nullopt, base::IpEndpoint{base::IpAddress(), server_failure.port}};
  };
  EXPECT_EQ(run({"healthcheck"}), 0) << err.str();
}

TEST_F(CliTest, CompletionAndManualKnowEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(run({"completion", shell}), 0);
    for (const char* word : {"healthcheck", "blocking", "disable", "flush", "apiHost", "resolve"}) {
      EXPECT_NE(out.str().find(word), std::string::npos) << shell << " " << word;
    }
  }
  EXPECT_EQ(run({"man"}), 0);
  for (const char* part : {".TH RAMPART 1", ".SS blocking disable", "\\-\\-duration", ".SS healthcheck", "RAMPART_API"}) {
    EXPECT_NE(out.str().find(part), std::string::npos) << part;
  }
}

TEST(CliOutput, AnswersThatAreNotOursAreErrors) {
  for (const char* body : {"", "{", "{}", "[]", "{\"enabled\":\"yes\"}"}) {
    EXPECT_FALSE(blocking_status_text(body).ok()) << body;
    EXPECT_FALSE(stats_text(body).ok()) << body;
    EXPECT_FALSE(query_text(body, "a", "A").ok()) << body;
    EXPECT_FALSE(explain_text(body).ok()) << body;
    EXPECT_FALSE(status_text(body).ok()) << body;
  }
}

}  // namespace
}  // namespace rampart::control
