#include "storage/postgres_target.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <set>

namespace rampart::storage {
namespace {

struct OptionsDeleter {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
using OptionsPtr = std::unique_ptr<PQconninfoOption, OptionsDeleter>;

const std::set<std::string, std::less<>>& known_words() {
  static const std::set<std::string, std::less<>> words = [] {
    std::set<std::string, std::less<>> all{"ssl"};  // JDBC's word, which libpq takes in URLs
    const OptionsPtr defaults(PQconndefaults());
    for (const PQconninfoOption* option = defaults.get(); option != nullptr && option->keyword != nullptr; ++option)
      all.insert(option->keyword);
    return all;
  }();
  return words;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool is_url(std::string_view text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

std::string keep_known_in_url(std::string_view url, std::vector<std::string>& ignored) {
  const std::size_t query = url.find('?');
  std::string kept(url.substr(0, query));
  if (query == std::string_view::npos) return kept;
  char separator = '?';
  for (const std::string& part : split(url.substr(query + 1), '&')) {
    const std::string word = part.substr(0, part.find('='));
    if (!known_words().contains(word)) {
      ignored.push_back(word);
      continue;
    }
    kept += separator;
    kept += part;
    separator = '&';
  }
  return kept;
}

/// The grammar of libpq: `word = value`, white space anywhere, values plain or in single quotes, `\` escapes.
std::string keep_known_in_words(std::string_view text, std::vector<std::string>& ignored) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  const auto skip_space = [&](std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
  };
  std::string kept;
  std::size_t at = skip_space(0);
  while (at < text.size()) {
    const std::size_t start = at;
    while (at < text.size() && text[at] != '=' && !is_space(text[at])) ++at;
    const std::string_view word = text.substr(start, at - start);
    at = skip_space(at);
    if (at >= text.size() || text[at] != '=') return std::string(text);  // libpq shall say what is wrong
    at = skip_space(at + 1);
    const bool quoted = at < text.size() && text[at] == '\'';
    if (quoted) ++at;
    while (at < text.size() && (quoted ? text[at] != '\'' : !is_space(text[at]))) at += text[at] == '\\' ? 2 : 1;
    at = std::min(at + (quoted ? 1 : 0), text.size());
    if (known_words().contains(word)) {
      kept += text.substr(start, at - start);
      kept += ' ';
    } else {
      ignored.emplace_back(word);
    }
    at = skip_space(at);
  }
  return kept;
}

}  // namespace

base::Result<PostgresTarget, std::string> parse_postgres_target(std::string_view text) {
  PostgresTarget target;
  const std::string known = is_url(text) ? keep_known_in_url(text, target.ignored)
                                         : keep_known_in_words(text, target.ignored);
  char* message = nullptr;
  const OptionsPtr options(PQconninfoParse(known.c_str(), &message));
  if (!options) {
    std::string error = message == nullptr ? "out of memory" : message;
    PQfreemem(message);
    while (!error.empty() && error.back() == '\n') error.pop_back();
    // libpq quotes the whole string in some of its messages.
    for (std::size_t at; !known.empty() && (at = error.find(known)) != std::string::npos;)
      error.replace(at, known.size(), "********");
    return base::Error{"queryLog.target is no connection string: " + error +
                       "; expected postgres://user:password@host:5432/database"};
  }
  std::string hosts, addresses, ports;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view word = option->keyword;
    if (word == "host") hosts = option->val;
    else if (word == "hostaddr") addresses = option->val;
    else if (word == "port") ports = option->val;
    else target.words.emplace_back(word, option->val);
  }
  const auto host_list = split(hosts, ',');
  const auto address_list = split(addresses, ',');
  const auto port_list = split(ports, ',');
  for (std::size_t i = 0; i < std::max(host_list.size(), address_list.size()); ++i) {
    const auto of = [i](const std::vector<std::string>& list) {
      return i < list.size() ? list[i] : list.size() == 1 ? list[0] : std::string();
    };
    target.hosts.push_back({of(host_list), of(address_list), of(port_list)});
  }
  return target;
}

}  // namespace rampart::storage
