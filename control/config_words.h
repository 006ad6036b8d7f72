// The words for the enumerators that a configuration can name.
#pragma once

#include "control/config_forms.h"

namespace rampart::control {

template <>
struct Words<InitStrategy> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<InitStrategy> kAll[] = {
      {"blocking", InitStrategy::kBlocking}, {"failOnError", InitStrategy::kFailOnError}, {"fast", InitStrategy::kFast}};
};
template <>
struct Words<TlsVersion> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<TlsVersion> kAll[] = {
      {"1.0", TlsVersion::k10}, {"1.1", TlsVersion::k11}, {"1.2", TlsVersion::k12}, {"1.3", TlsVersion::k13}};
};
template <>
struct Words<resolver::UpstreamStrategy> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<resolver::UpstreamStrategy> kAll[] = {
      {"parallel_best", resolver::UpstreamStrategy::kParallelBest},
      {"strict", resolver::UpstreamStrategy::kStrict},
      {"random", resolver::UpstreamStrategy::kRandom}};
};
template <>
struct Words<resolver::IpFamilies> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<resolver::IpFamilies> kAll[] = {{"dual", resolver::IpFamilies::kDual},
                                                        {"v4", resolver::IpFamilies::kV4},
                                                        {"v6", resolver::IpFamilies::kV6}};
};
template <>
struct Words<storage::QueryLogType> {
  using T = storage::QueryLogType;
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<T> kAll[] = {
      {"console", T::kConsole}, {"none", T::kNone},           {"mysql", T::kMysql},
      {"postgresql", T::kPostgresql}, {"csv", T::kCsv},       {"csv-client", T::kCsvClient},
      {"timescale", T::kTimescale}, {"sqlite", T::kSqlite},   {"dnstap", T::kDnstap}};
};
template <>
struct Words<base::log::Level> {
  using T = base::log::Level;
  static constexpr bool kIgnoreCase = true;
  static constexpr Word<T> kAll[] = {{"panic", T::kPanic}, {"fatal", T::kFatal},  {"error", T::kError},
                                     {"warn", T::kWarn},   {"warning", T::kWarn}, {"info", T::kInfo},
                                     {"debug", T::kDebug}, {"trace", T::kTrace}};
};
template <>
struct Words<Listener> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<Listener> kAll[] = {
      {"dns", Listener::kDns}, {"http", Listener::kHttp}, {"https", Listener::kHttps}, {"tls", Listener::kTls}};
};
template <>
struct Words<Component> {
  static constexpr bool kIgnoreCase = false;
  static constexpr Word<Component> kAll[] = {{"upstreams", Component::kUpstreams},
                                             {"lists", Component::kLists},
                                             {"queryLog", Component::kQueryLog},
                                             {"redis", Component::kRedis},
                                             {"certificate", Component::kCertificate},
                                             {"memory", Component::kMemory}};
};

/// `log.format` is kept as a bool: JSON or not.
struct LogFormat : Scalar<LogFormat, bool> {
  static const char* type() { return "one of text, json"; }
  static Parsed<bool> parse(ReadContext&, std::string_view text) {
    if (text == "json") return std::optional(true);
    if (text == "text") return std::optional(false);
    return base::Error{unknown_word(text, {"text", "json"})};
  }
  static std::string print(bool is_json) { return is_json ? "json" : "text"; }
};

/// A text that a server gives away about itself; `refuse` is none.
struct DisclosedText : Text {
  static void read(ReadContext& context, const ConfigNode& node, std::string& out) {
    Text::read(context, node, out);
    if (out == "refuse") out.clear();
  }
  static std::string print(const std::string& value) { return value.empty() ? "refuse" : yaml_text(value); }
};

}  // namespace rampart::control
