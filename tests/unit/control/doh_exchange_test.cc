#include "control/doh_exchange.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

HttpRequest get(std::string target) {
  HttpRequest r;
  r.method = "GET";
  r.target = std::move(target);
  return r;
}

HttpRequest post(std::string body, const char* type) {
  HttpRequest r;
  r.method = "POST";
  r.target = "/dns-query";
  r.headers = {{"Content-Type", type}};
  r.body = std::move(body);
  return r;
}

// RFC 8484 4.1.1: www.example.com A.
constexpr const char* kExample = "AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";

unsigned status_of(const HttpRequest& request) {
  const auto parsed = parse_doh_request(request, "/dns-query");
  return parsed ? 200 : parsed.error().status;
}

TEST(DohExchange, PathsAreThePathItselfAndOneSegmentBelow) {
  EXPECT_TRUE(is_doh_path("/dns-query", "/dns-query"));
  EXPECT_TRUE(is_doh_path("/dns-query/", "/dns-query"));
  EXPECT_TRUE(is_doh_path("/dns-query/tablet", "/dns-query"));
  EXPECT_FALSE(is_doh_path("/dns-query/a/b", "/dns-query"));
  EXPECT_FALSE(is_doh_path("/dns-queryx", "/dns-query"));
  EXPECT_FALSE(is_doh_path("/", "/dns-query"));
}

TEST(DohExchange, GetCarriesBase64Url) {
  const auto query = parse_doh_request(get(std::string("/dns-query?dns=") + kExample), "/dns-query");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->message.size(), 33u);
  EXPECT_EQ(query->message[13], 'w');
  EXPECT_EQ(query->client_id, "");
}

TEST(DohExchange, ClientIdComesFromThePathElseFromTheHost) {
  auto request = get(std::string("/dns-query/my%20tablet?dns=") + kExample);
  request.headers = {{"Host", "id-other.dns.example.org"}};
  EXPECT_EQ(parse_doh_request(request, "/dns-query")->client_id, "my tablet");
  request.target = "/dns-query/a+b%0Ac" + std::string(300, 'x') + request.target.substr(request.target.find('?'));
  EXPECT_EQ(parse_doh_request(request, "/dns-query")->client_id, "a+b?c" + std::string(kClientIdBytesMax - 5, 'x'))
      << "it cannot pass for two names, nor fill the log";
  request.target = std::string("/dns-query?dns=") + kExample;
  EXPECT_EQ(parse_doh_request(request, "/dns-query")->client_id, "other");
  request.headers = {{"Host", "id-nodot"}};
  EXPECT_EQ(parse_doh_request(request, "/dns-query")->client_id, "");
}

TEST(DohExchange, ErrorsHaveBlockysStatusCodes) {
  EXPECT_EQ(status_of(get("/dns-query")), 400u);
  EXPECT_EQ(status_of(get("/dns-query?dns=")), 400u);
  EXPECT_EQ(status_of(get("/dns-query?dns=AAAB*")), 400u);
  EXPECT_EQ(status_of(get(std::string("/dns-query?dns=") + kExample + "==")), 400u);  // padding is not allowed
  EXPECT_EQ(status_of(get("/dns-query?dns=AAAB")), 400u);
  EXPECT_EQ(status_of(get("/dns-query?dns=" + std::string(90'000, 'A'))), 414u);
  EXPECT_EQ(status_of(post(std::string(33, 'a'), "text/plain")), 415u);
  EXPECT_EQ(status_of(post(std::string(33, 'a'), "application/dns-message; x=y")), 415u);
  EXPECT_EQ(status_of(post(std::string(65'536, 'a'), "application/dns-message")), 413u);
  EXPECT_EQ(status_of(post("", "application/dns-message")), 400u);
  EXPECT_EQ(status_of(post(std::string(600, 'a'), "application/dns-message")), 200u);  // padded queries are longer than 512
  auto head = get(std::string("/dns-query?dns=") + kExample);
  head.method = "HEAD";
  EXPECT_EQ(status_of(head), 405u);
}

TEST(DohExchange, FreshnessIsTheSmallestTtl) {
  // example. A with two answers of TTL 300 and 20.
  const std::vector<std::uint8_t> message = {
      0, 0, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1,
      0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 20, 0, 4, 192, 0, 2, 2};
  const auto response = make_doh_response(message);
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "application/dns-message");
  EXPECT_EQ(response.headers.at(0).second, "max-age=20");
  EXPECT_EQ(response.body.size(), message.size());
}

TEST(DohExchange, ADroppedQueryIsAnEmpty200) {
  const auto response = make_doh_response({});
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "");
}

}  // namespace
}  // namespace rampart::control
