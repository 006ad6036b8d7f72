// The HTTP server over real sockets: raw ones for what no decent client sends, the curl program for the rest.
#include "control/http_server.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "control/http_frontend.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_control_plane.h"
#include "tests/support/raw_http_client.h"

namespace rampart::control {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test_support::eventually;
using Client = test::RawHttpClient;

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  pclose(pipe);
  return out;
}

class HttpServerTest : public testing::Test {
 protected:
  static HttpListenerOptions loopback() {
    HttpListenerOptions o;
    o.address = {*base::IpAddress::parse("127.0.0.1"), 0};
    return o;
  }
  void SetUp() override {
    options.listeners = {loopback()};
    frontend = std::make_unique<HttpFrontend>(plane, AdminApiOptions{"1.0", "now"});
  }
  void start() {
    auto started = HttpServer::start(options, [this](HttpRequest request, HttpReply reply) {
      frontend->answer(std::move(request), std::move(reply));
    });
    ASSERT_TRUE(started.ok()) << started.error();
    server = std::move(*started);
    port = server->addresses().at(0).port;
  }
  [[nodiscard]] std::string url(const std::string& path, const char* scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port) + path;
  }

  test::FakeControlPlane plane;
  HttpServerOptions options;
  std::unique_ptr<HttpFrontend> frontend;
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

TEST_F(HttpServerTest, CurlGetsTheStatus) {
  start();
  EXPECT_EQ(run("curl -s " + url("/api/blocking/status")), "{\"enabled\":true}\n");
}

TEST_F(HttpServerTest, OneConnectionServesManyRequests) {
  start();
  const auto out = run("curl -s -w '%{num_connects} ' " + url("/healthz") + " " + url("/healthz") + " " + url("/healthz"));
  EXPECT_EQ(out, "OK\n1 OK\n0 OK\n0 ");
  EXPECT_EQ(server->counters().requests.value(), 3u);
  EXPECT_EQ(server->counters().accepted.value(), 1u);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  const Client client(port);
  client.send("GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto out = client.receive();
  const auto first = out.find("User-agent"), second = out.find("OK\n");
  ASSERT_NE(first, std::string::npos);
  ASSERT_NE(second, std::string::npos) << out;
  EXPECT_LT(first, second);
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  start();
  const Client client(port);
  client.send("HEAD /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto out = client.receive();
  EXPECT_NE(out.find("200 OK\r\n"), std::string::npos);
  EXPECT_NE(out.find("Content-Length: 26\r\n"), std::string::npos);
  EXPECT_EQ(out.substr(out.size() - 4), "\r\n\r\n");
}

TEST_F(HttpServerTest, OldClientsAreServedAndClosed) {
  start();
  const Client client(port);
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_NE(client.receive().find("Connection: close"), std::string::npos);
}

/// The client sees its connection closed a moment before the server's thread has counted why.
bool becomes(const base::SharedCounter& counter, std::uint64_t value) {
  return eventually(5s, [&] { return counter.value() == value; });
}

TEST_F(HttpServerTest, ASlowHeaderIsCutOff) {
  options.limits.header_time = 200ms;
  start();
  const Client client(port);
  const auto begin = std::chrono::steady_clock::now();
  // An octet now and then does not extend the time.
  bool closed = false;
  client.send("GET / HTTP/1.1\r\n");
  while (!closed && std::chrono::steady_clock::now() - begin < 5s) {
    client.send("X");
    closed = client.closed_within(20ms);
  }
  EXPECT_TRUE(closed);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_TRUE(becomes(server->counters().header_timeouts, 1));
}

TEST_F(HttpServerTest, WhoSendsOctetByOctetIsReadSeldomAndStillAnswered) {
  start();
  const Client quick(port);
  for (const char* piece : {"GET /healthz HTTP/1.1\r\n", "Host: x\r\n", "\r\n"}) {
    quick.send(piece);
    EXPECT_TRUE(*piece == '\r' || !quick.closed_within(20ms));
  }
  EXPECT_NE(quick.receive("OK\n").find("200 OK"), std::string::npos);
  EXPECT_EQ(server->counters().pauses.value(), 0u);
  const Client slow(port);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(60, 'x') + "\r\n\r\n";
  for (const char octet : request) {
    slow.send(std::string(1, octet));
    EXPECT_TRUE(octet == '\n' || !slow.closed_within(10ms));
  }
  EXPECT_NE(slow.receive("OK\n").find("200 OK"), std::string::npos);
  EXPECT_GE(server->counters().pauses.value(), 1u);
  EXPECT_LE(server->counters().pauses.value(), 4u) << "of a hundred octets";
}

TEST_F(HttpServerTest, ASlowBodyIsCutOff) {
  options.limits.body_time = 200ms;
  start();
  const Client client(port);
  client.send("POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{");
  EXPECT_TRUE(client.closed_within(3s));
  EXPECT_TRUE(becomes(server->counters().body_timeouts, 1));
}

TEST_F(HttpServerTest, IdleConnectionsEnd) {
  options.limits.idle_time = 100ms;
  start();
  const Client client(port);
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.receive("OK\n");
  EXPECT_TRUE(client.closed_within(3s));
}

TEST_F(HttpServerTest, OversizedHeadersAndBodiesAreRefused) {
  start();
  {
    const Client client(port);
    client.send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
    EXPECT_NE(client.receive().find("HTTP/1.1 431"), std::string::npos);
  }
  {
    const Client client(port);
    client.send("POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    EXPECT_NE(client.receive().find("HTTP/1.1 413"), std::string::npos);
  }
  {
    const Client client(port);
    client.send("POST /api/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) client.send("2000\r\n" + std::string(0x2000, 'a') + "\r\n");
    EXPECT_NE(client.receive().find("HTTP/1.1 413"), std::string::npos);
  }
  EXPECT_EQ(server->counters().too_large.value(), 3u);
  EXPECT_TRUE(plane.calls().empty());
}

TEST_F(HttpServerTest, NonsenseGets400) {
  start();
  for (const std::string& nonsense : {"\r\n\r\n\r\nGET"s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "GET /\r\n\r\n"s,
                                      "GET / HTTP/9.9\r\n\r\n"s, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"s,
                                      "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"s}) {
    const Client client(port);
    client.send(nonsense);
    const auto out = client.receive("Bad Request");
    EXPECT_NE(out.find("HTTP/1.1 400"), std::string::npos) << nonsense << "\n" << out;
  }
}

TEST_F(HttpServerTest, AtTheLimitTheLongestIdleConnectionMakesRoom) {
  options.limits.connections = 10;
  start();
  std::vector<Client> idle;
  for (int i = 0; i < 30; ++i) {  // never completed: in the header, or in the body
    idle.emplace_back(port);
    idle.back().send(i < 15 ? "GET / HT" : "POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\n{");
  }
  EXPECT_EQ(run("curl -s -m 5 " + url("/healthz")), "OK\n");
  EXPECT_TRUE(eventually(5s, [&] { return server->counters().evicted.value() >= 20; }));
  EXPECT_TRUE(idle.front().closed_within(3s));
  EXPECT_TRUE(eventually(5s, [&] { return server->connection_count() <= 10; }));
}

TEST_F(HttpServerTest, RunningRefreshesAndFlushesDelayNoOtherCall) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  plane.during_refresh = plane.during_flush = [released] { released.wait(); };
  start();
  std::vector<std::future<std::string>> refreshes;
  for (const char* path : {"lists/refresh", "lists/refresh", "lists/refresh", "cache/flush", "cache/flush"}) {
    refreshes.push_back(std::async(std::launch::async,
                                   [&, path] { return run("curl -s -w '%{http_code}' -XPOST " + url("/api/"s + path)); }));
  }
  ASSERT_TRUE(eventually(5s, [&] { return plane.calls().size() == 3; }));  // two refreshes and a flush
  EXPECT_EQ(run("curl -s -m 5 " + url("/healthz")), "OK\n");
  EXPECT_NE(run("curl -s -m 5 -d '{\"query\":\"a.example.org\",\"type\":\"A\"}' " + url("/api/query")).find("NOERROR"),
            std::string::npos);
  release.set_value();
  for (auto& r : refreshes) EXPECT_EQ(r.get(), "200");
}

TEST_F(HttpServerTest, TooManyWaitingCallsGet503) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  plane.during_refresh = [released] { released.wait(); };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 9; ++i) {
    clients.emplace_back(port);
    clients.back().send("POST /api/lists/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(eventually(5s, [&] { return frontend->busy_refusals() == 1; }));
  release.set_value();
  int ok = 0, busy = 0;
  for (const auto& c : clients) {
    const auto out = c.receive();
    ok += out.find(" 200 ") != std::string::npos;
    busy += out.find(" 503 ") != std::string::npos;
  }
  EXPECT_EQ(ok, 8);
  EXPECT_EQ(busy, 1);
}

TEST_F(HttpServerTest, AReplyThatNeverComesEndsIn503) {
  options.limits.reply_time = 100ms;
  std::vector<HttpReply> kept;
  auto started = HttpServer::start(options, [&](HttpRequest, HttpReply reply) { kept.push_back(std::move(reply)); });
  ASSERT_TRUE(started.ok());
  server = std::move(*started);
  const Client client(server->addresses()[0].port);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.receive().find("503"), std::string::npos);
  EXPECT_EQ(server->counters().reply_timeouts.value(), 1u);
  for (auto& reply : kept) reply(HttpResponse::empty());  // too late, harmless
  server.reset();
  for (auto& reply : kept) reply(HttpResponse::empty());  // after the end, harmless as well
}

TEST_F(HttpServerTest, ProxyHeaderNamesTheClientAndIsRequired) {
  options.listeners[0].proxy_protocol = true;
  start();
  {
    const Client client(port);
    client.send("PROXY TCP4 10.1.2.3 10.0.0.1 4711 80\r\nPOST /api/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                "Content-Length: 28\r\n\r\n{\"query\":\"a.org\",\"type\":\"A\"}");
    EXPECT_NE(client.receive().find(" 200 "), std::string::npos);
    EXPECT_EQ(plane.last_command().client.to_string(), "10.1.2.3");
  }
  const Client without(port);
  without.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(without.receive(), "");
  EXPECT_EQ(server->counters().proxy_errors.value(), 1u);
}

TEST_F(HttpServerTest, BrowsersMayAskFromAnywhere) {
  start();
  const auto out = run("curl -s -i -XOPTIONS -H 'Origin: http://ha.local' -H 'Access-Control-Request-Method: POST' "
                       "-H 'Access-Control-Request-Headers: content-type' -H 'Access-Control-Request-Private-Network: true' " +
                       url("/api/query"));
  EXPECT_NE(out.find("HTTP/1.1 200"), std::string::npos);
  for (const char* header : {"Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: POST",
                             "Access-Control-Allow-Headers: content-type", "Access-Control-Allow-Credentials: true",
                             "Access-Control-Allow-Private-Network: true", "Access-Control-Max-Age: 300"}) {
    EXPECT_NE(out.find(header), std::string::npos) << header;
  }
  EXPECT_NE(run("curl -s -i -H 'Origin: http://ha.local' " + url("/api/blocking/status"))
                .find("Access-Control-Expose-Headers: Link"), std::string::npos);
}

TEST_F(HttpServerTest, SelfSignedTlsServesHttp11WithProtections) {
  options.listeners[0].tls = true;
  options.tls = *TlsIdentity::load({});
  start();
  const auto out = run("curl -s -k -i --http2 " + url("/healthz", "https"));
  EXPECT_EQ(out.rfind("HTTP/1.1 200 OK", 0), 0u) << out;
  EXPECT_NE(out.find("Strict-Transport-Security: max-age=63072000"), std::string::npos);
  EXPECT_NE(run("curl -s -S -k --tls-max 1.1 " + url("/healthz", "https")).find("curl: ("), std::string::npos);
  EXPECT_GT(options.tls->expires_at(), base::wall_now() + std::chrono::hours(24 * 364 * 5));
}

TEST_F(HttpServerTest, ANewCertificateIsUsedWithoutRestart) {
  const auto dir = std::filesystem::temp_directory_path() / ("rampart_tls_" + std::to_string(getpid()));
  std::filesystem::create_directories(dir);
  const auto cert = (dir / "cert.pem").string(), key = (dir / "key.pem").string();
  const auto make = [&](const char* name) {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=" + std::string(name) +
        " -keyout " + key + ".new -out " + cert + ".new && mv " + key + ".new " + key + " && mv " + cert + ".new " + cert);
  };
  make("first.example.org");
  options.listeners[0].tls = true;
  options.limits.certificate_check = 20ms;
  auto identity = TlsIdentity::load({cert, key, TlsFloor::k13});
  ASSERT_TRUE(identity.ok()) << identity.error();
  options.tls = *identity;
  start();
  const auto subject = [&] { return run("curl -s -k -v " + url("/healthz", "https") + " 2>&1 | grep subject:"); };
  EXPECT_NE(subject().find("first.example.org"), std::string::npos);
  make("second-one.example.org");
  EXPECT_TRUE(eventually(5s, [&] { return subject().find("second-one.example.org") != std::string::npos; }));
  std::ofstream(cert) << "no certificate";
  EXPECT_FALSE((*identity)->reload_if_changed().ok());
  EXPECT_NE(subject().find("second-one.example.org"), std::string::npos);
  std::filesystem::remove_all(dir);
}

TEST(TlsIdentity, ErrorsNameTheFile) {
  const auto missing = TlsIdentity::load({"/no/such/cert.pem", "/no/such/key.pem"});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().find("/no/such/cert.pem"), std::string::npos);
  EXPECT_FALSE(TlsIdentity::load({"/only/one.pem", ""}).ok());
}

TEST_F(HttpServerTest, AdoptKeepsListenersWhoseAddressStays) {
  start();
  const Client client(port);
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.receive("OK\n");
  HttpServerOptions next = options;
  auto second = loopback();
  second.address.address = *base::IpAddress::parse("127.0.0.2");
  next.listeners.push_back(second);
  ASSERT_TRUE(server->adopt(next).ok());
  EXPECT_EQ(server->addresses().at(0).port, port);
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");  // the old connection goes on
  EXPECT_NE(client.receive("OK\n").find("200"), std::string::npos);
  EXPECT_EQ(run("curl -s http://" + server->addresses().at(1).to_string() + "/healthz"), "OK\n");
  ASSERT_TRUE(server->adopt(options).ok());
  EXPECT_EQ(server->addresses().size(), 1u);
}

TEST_F(HttpServerTest, AdoptThatFailsChangesNothing) {
  start();
  HttpServerOptions next = options;
  auto taken = loopback();
  taken.address.port = port;  // our own
  next.listeners.push_back(taken);
  const auto adopted = server->adopt(next);
  ASSERT_FALSE(adopted.ok());
  EXPECT_NE(adopted.error().find("address already in use"), std::string::npos) << adopted.error();
  EXPECT_EQ(run("curl -s " + url("/healthz")), "OK\n");
}

TEST_F(HttpServerTest, AGracefulStopLetsRunningRequestsEnd) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  plane.during_refresh = [released] { released.wait(); };
  start();
  const Client busy(port), idle(port);
  busy.send("POST /api/lists/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(eventually(5s, [&] { return !plane.calls().empty(); }));
  auto stopped = std::async(std::launch::async, [&] { server->stop(5s); });
  EXPECT_TRUE(idle.closed_within(3s));
  EXPECT_TRUE(eventually(5s, [&] { return !Client(port).connected(); }));
  release.set_value();
  EXPECT_NE(busy.receive().find(" 200 "), std::string::npos);
  stopped.get();
}

TEST_F(HttpServerTest, DohGoesToTheChain) {
  plane.wire_response.assign(12, 0);
  start();
  const auto out = run("curl -s -i '" + url("/dns-query/tablet?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB") + "'");
  EXPECT_NE(out.find("Content-Type: application/dns-message"), std::string::npos) << out;
  EXPECT_NE(out.find("Cache-Control: max-age=0"), std::string::npos);
  EXPECT_EQ(plane.calls(), std::vector<std::string>{"resolve 33"});
  EXPECT_EQ(plane.last_command().client_id, "tablet");
}

}  // namespace
}  // namespace rampart::control
