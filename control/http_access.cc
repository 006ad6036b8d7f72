#include "control/http_access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>

namespace rampart::control {
namespace {

bool contains(const std::vector<base::IpRange>& ranges, const base::IpAddress& address) {
  if (ranges.empty()) return address.is_private();
  return std::any_of(ranges.begin(), ranges.end(), [&](const base::IpRange& r) { return r.contains(address); });
}

std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest(std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

/// Compares digests, so that neither the length nor the first wrong octet of a token shows in the time taken.
bool holds(const std::vector<std::string>& tokens, std::string_view candidate) {
  const auto wanted = digest(candidate);
  bool found = false;
  for (const std::string& token : tokens) {
    const auto known = digest(token);
    found |= CRYPTO_memcmp(known.data(), wanted.data(), wanted.size()) == 0;
  }
  return found;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> bearer(const HttpRequest& request) {
  const auto header = request.header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (!header || header->size() <= kScheme.size() || !equal_ignoring_case(header->substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  return trimmed(header->substr(kScheme.size()));
}

/// An address as forwarding headers carry it: quoted, bracketed, with a port, or with a zone.
std::optional<base::IpAddress> forwarded_address(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    text = text.substr(1, close - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  return base::IpAddress::parse(text.substr(0, text.find('%')));
}

/// Visits the elements of a header list; commas inside quotes do not occur in what we look for (RFC 7239 4).
template <class Visit>
void for_each_element(std::string_view list, char separator, Visit visit) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(separator));
    visit(trimmed(element));
    list.remove_prefix(element.size() == list.size() ? list.size() : element.size() + 1);
  }
}

/// Walks from our side: the first address that is no trusted proxy is the client, because what stands further left
/// was written by whoever sent it. If all are trusted, the left-most.
std::optional<base::IpAddress> client_of(const std::vector<base::IpAddress>& chain,
                                         const std::vector<base::IpRange>& trusted) {
  for (auto hop = chain.rbegin(); hop != chain.rend(); ++hop) {
    if (!contains(trusted, *hop)) return *hop;
  }
  return chain.empty() ? std::nullopt : std::optional(chain.front());
}

}  // namespace

AccessDecision check_access(const HttpRequest& request, ApiScope needed, const ApiAccessOptions& options) {
  const auto is_allowed = [&](const base::IpAddress& by) { return contains(options.allowed_networks, by); };
  if (!is_allowed(request.client)) return AccessDecision::kNetworkDenied;
  // By default any private peer may name its client, which is for names and groups. It opens nothing.
  if (options.trusted_proxies.empty() && !(is_allowed(request.socket_peer) && is_allowed(request.peer)))
    return AccessDecision::kProxyDenied;
  const auto token = bearer(request);
  const bool is_admin = token && holds(options.admin_tokens, *token);
  const bool is_reader = is_admin || (token && holds(options.read_tokens, *token));
  if (needed == ApiScope::kRead) {
    return options.read_tokens.empty() || is_reader ? AccessDecision::kGranted : AccessDecision::kTokenMissing;
  }
  if (is_admin) return AccessDecision::kGranted;
  if (is_reader) return AccessDecision::kScopeTooSmall;
  // Read tokens alone do not make everybody an administrator.
  const bool needs_token = !options.admin_tokens.empty() || !options.read_tokens.empty();
  return needs_token ? AccessDecision::kTokenMissing : AccessDecision::kGranted;
}

ApiOpenness openness(const ApiAccessOptions& options) {
  const bool for_all_networks = std::any_of(options.allowed_networks.begin(), options.allowed_networks.end(),
                                            [](const base::IpRange& range) { return range.prefix == 0; });
  if (!for_all_networks || !options.read_tokens.empty()) return ApiOpenness::kClosed;
  return options.admin_tokens.empty() ? ApiOpenness::kEverything : ApiOpenness::kReading;
}

base::IpAddress client_address(const HttpHeaders& headers, const base::IpAddress& peer,
                               const ApiAccessOptions& options) {
  if (!contains(options.trusted_proxies, peer)) return peer;
  std::vector<base::IpAddress> forwarded, x_forwarded;
  for (const auto& [name, value] : headers) {
    if (equal_ignoring_case(name, "forwarded")) {
      for_each_element(value, ',', [&](std::string_view element) {
        for_each_element(element, ';', [&](std::string_view pair) {
          constexpr std::string_view kFor = "for=";
          if (pair.size() < kFor.size() || !equal_ignoring_case(pair.substr(0, kFor.size()), kFor)) return;
          if (const auto address = forwarded_address(pair.substr(kFor.size()))) forwarded.push_back(*address);
        });
      });
    } else if (equal_ignoring_case(name, "x-forwarded-for")) {
      for_each_element(value, ',', [&](std::string_view element) {
        if (const auto address = forwarded_address(element)) x_forwarded.push_back(*address);
      });
    }
  }
  if (const auto client = client_of(forwarded, options.trusted_proxies)) return *client;
  return client_of(x_forwarded, options.trusted_proxies).value_or(peer);
}

}  // namespace rampart::control
