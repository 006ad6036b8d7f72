#include "control/http_headers.h"

#include <ctime>

namespace rampart::control {
namespace {

/// Seconds for which browsers may remember a preflight.
constexpr const char* kPreflightMaxAge = "300";

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) {
    if (c != '\r' && c != '\n') out.push_back(c);  // a value can never start a header of its own
  }
  out.append("\r\n");
}

/// Reason phrases of the codes that we send (RFC 9110 15); clients ignore them, people do not.
std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Unknown";
  }
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char buffer[40];
  return {buffer, std::strftime(buffer, sizeof(buffer), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

std::optional<HttpResponse> preflight_response(const HttpRequest& request) {
  if (request.method != "OPTIONS") return std::nullopt;
  const auto wanted = request.header("access-control-request-method");
  if (!wanted) return std::nullopt;
  HttpResponse response = HttpResponse::empty(200);
  auto& headers = response.headers;
  headers.emplace_back("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  if (!request.header("origin") || (*wanted != "GET" && *wanted != "POST")) return response;
  headers.emplace_back("Access-Control-Allow-Origin", "*");
  headers.emplace_back("Access-Control-Allow-Methods", *wanted);
  if (const auto asked = request.header("access-control-request-headers"); asked && !asked->empty()) {
    headers.emplace_back("Access-Control-Allow-Headers", *asked);
  }
  headers.emplace_back("Access-Control-Allow-Credentials", "true");
  if (request.header("access-control-request-private-network").value_or("") == "true") {
    headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  headers.emplace_back("Access-Control-Max-Age", kPreflightMaxAge);
  return response;
}

void add_common_headers(const HttpRequest& request, HttpResponse& response) {
  auto& headers = response.headers;
  if (request.header("origin") && request.method != "OPTIONS") {
    headers.emplace_back("Vary", "Origin");
    headers.emplace_back("Access-Control-Allow-Origin", "*");
    headers.emplace_back("Access-Control-Allow-Credentials", "true");
    headers.emplace_back("Access-Control-Expose-Headers", "Link");
  }
  if (request.tls) {
    headers.emplace_back("Strict-Transport-Security", "max-age=63072000");
    headers.emplace_back("X-Frame-Options", "DENY");
    headers.emplace_back("X-Content-Type-Options", "nosniff");
    headers.emplace_back("X-Xss-Protection", "1; mode=block");
  }
}

std::string serialize(const HttpResponse& response, bool head_only, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(reason_phrase(response.status)).append("\r\n");
  append_header(out, "Date", http_date());
  if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
  append_header(out, "Content-Length", std::to_string(response.body.size()));
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  append_header(out, "Connection", keep_alive ? "keep-alive" : "close");
  out.append("\r\n");
  if (!head_only) out.append(response.body);
  return out;
}

}  // namespace rampart::control
