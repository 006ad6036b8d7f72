// Where one request ends and the next begins: who could make us see that otherwise than a proxy in front of us does
// would send requests in the name of others.
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "control/http_server.h"
#include "tests/support/raw_http_client.h"

namespace rampart::control {
namespace {

using namespace std::string_literals;

class HttpFraming : public testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.listeners.emplace_back().address = {*base::IpAddress::parse("127.0.0.1"), 0};
    auto started = HttpServer::start(options, [this](const HttpRequest& request, const HttpReply& reply) {
      {
        const std::lock_guard lock(mutex);
        seen.push_back(request.method + " " + request.target + " " + request.body);
      }
      reply(HttpResponse::text(200, "fine\n"));
    });
    ASSERT_TRUE(started.ok()) << started.error();
    server = std::move(*started);
  }
  /// What the server sends until it closes.
  std::string exchange(const std::string& octets) {
    const test::RawHttpClient client(server->addresses().at(0).port);
    client.send(octets);
    return client.receive();
  }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex);
    return std::exchange(seen, {});
  }

  std::mutex mutex;
  std::vector<std::string> seen;  // guarded by mutex
  std::unique_ptr<HttpServer> server;
};

constexpr const char* kNext = "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST_F(HttpFraming, TransferEncodingsThatWeDoNotKnowEndTheConnection) {
  for (const std::string& header : {"HTTP/1.1\r\nTransfer-Encoding: xchunked"s,
                                    "HTTP/1.1\r\nTransfer-Encoding: identity"s,
                                    "HTTP/1.1\r\nTransfer-Encoding: gzip, chunked"s,
                                    "HTTP/1.1\r\nTransfer-Encoding:"s,
                                    "HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity"s,
                                    "HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"s,
                                    "HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked"s}) {
    const auto out = exchange("POST /first " + header + "\r\nHost: x\r\n\r\n0\r\n\r\n" + kNext);
    EXPECT_EQ(out.rfind("HTTP/1.1 400", 0), 0u) << header << "\n" << out;
    EXPECT_EQ(out.find("HTTP/1.1", 1), std::string::npos) << header << "\n" << out;
    EXPECT_EQ(taken(), std::vector<std::string>{}) << header;
  }
}

TEST_F(HttpFraming, ChunkedBodiesAreReadToTheirEnd) {
  exchange("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"s + kNext);
  EXPECT_EQ(taken(), (std::vector<std::string>{"POST /first abc", "GET /next "}));
}

}  // namespace
}  // namespace rampart::control
