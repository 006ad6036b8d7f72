#include "control/doh_exchange.h"

#include <algorithm>
#include <array>

#include "dns/message_view.h"

namespace rampart::control {
namespace {

constexpr std::string_view kDnsMessage = "application/dns-message";
/// base64url of the longest DNS message.
constexpr std::size_t kEncodedBytesMax = (dns::kMessageBytesMax * 4 + 2) / 3;

base::Error<HttpResponse> fail(unsigned status, std::string text) {
  return base::Error{HttpResponse::text(status, std::move(text) + "\n")};
}

/// base64url without padding (RFC 4648 5, RFC 8484 6); false on any other octet or an impossible length.
bool decode_base64url(std::string_view text, std::vector<std::uint8_t>& out) {
  static constexpr auto kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
      values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    }
    return values;
  }();
  if (text.size() % 4 == 1) return false;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> have));
    }
  }
  return true;
}

}  // namespace

bool is_doh_path(std::string_view path, std::string_view doh_path) noexcept {
  if (path.substr(0, doh_path.size()) != doh_path) return false;
  path.remove_prefix(doh_path.size());
  return path.empty() || (path[0] == '/' && path.find('/', 1) == std::string_view::npos);
}

base::Result<DohQuery, HttpResponse> parse_doh_request(const HttpRequest& request, std::string_view doh_path) {
  DohQuery query;
  if (request.method == "GET") {
    const auto parameter = request.parameter("dns");
    if (!parameter || parameter->empty()) return fail(400, "dns param is missing");
    if (parameter->size() > kEncodedBytesMax) return fail(414, "URI Too Long");
    if (!decode_base64url(*parameter, query.message)) return fail(400, "wrong message format");
  } else if (request.method == "POST") {
    if (request.header("content-type").value_or("") != kDnsMessage) return fail(415, "unsupported content type");
    if (request.body.size() > dns::kMessageBytesMax) return fail(413, "Payload Too Large");
    query.message.assign(request.body.begin(), request.body.end());
  } else {
    HttpResponse response = HttpResponse::empty(405);
    response.headers.emplace_back("Allow", "GET, POST");
    return base::Error{std::move(response)};
  }
  if (query.message.size() < dns::kHeaderBytes) return fail(400, "DNS message is shorter than its header");
  std::string_view rest = request.path().substr(doh_path.size());
  if (rest.size() > 1) {
    std::string escaped;  // a '+' in a path is itself
    for (const char c : rest.substr(1)) escaped += c == '+' ? std::string("%2B") : std::string(1, c);
    const auto id = decode_query_component(escaped);
    if (!id) return fail(400, "client ID in the path has a broken %-escape");
    query.client_id = usable_client_id(*id);
  } else {
    query.client_id = client_id_of_host(request.header("host").value_or(""));
  }
  return query;
}

HttpResponse make_doh_response(base::ByteView message) {
  HttpResponse response;
  if (message.empty()) return response;
  std::uint32_t max_age = 0;
  if (const auto parsed = dns::MessageView::parse(message)) {
    bool first = true;
    parsed->for_each_record([&](const dns::RecordView& record) {
      if (record.section != dns::Section::kAnswer) return false;
      max_age = first ? record.ttl : std::min(max_age, record.ttl);
      first = false;
      return true;
    });
  }
  response.content_type = kDnsMessage;
  response.headers.emplace_back("Cache-Control", "max-age=" + std::to_string(max_age));
  response.body.assign(message.begin(), message.end());
  return response;
}

}  // namespace rampart::control
