#include "control/landing_page.h"

#include <string_view>

#include "control/admin_api.h"

namespace rampart::control {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

void link(std::string& page, std::string_view path, std::string_view says) {
  page += "<li><a href=\"" + escaped(path) + "\">" + escaped(path) + "</a> " + escaped(says) + "</li>\n";
}

}  // namespace

std::string landing_page(const AdminApiOptions& options, bool serves_doh) {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Rampart</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<style>body{font:16px/1.5 sans-serif;max-width:42em;margin:3em auto;padding:0 1em}"
      "footer{color:#666;font-size:85%}</style></head>\n<body>\n<h1>Rampart</h1>\n"
      "<p>A DNS forwarder and filter for a whole network answers here.</p>\n<ul>\n";
  link(page, "/docs/openapi.yaml", "describes the REST API");
  if (!options.config_schema_json.empty()) link(page, "/docs/config.schema.json", "describes the configuration file");
  link(page, "/api/blocking/status", "says whether blocking is on");
  link(page, "/api/stats", "counts the last 24 hours");
  if (options.metrics_enabled) link(page, options.metrics_path, "for Prometheus");
  link(page, "/healthz", "says that this process lives");
  link(page, "/readyz", "says how each part is doing");
  if (serves_doh) link(page, options.doh_path, "answers DNS over HTTPS (RFC 8484)");
  page += "</ul>\n<footer>Version " + escaped(options.version) + ", built " + escaped(options.build_time) +
          "</footer>\n</body>\n</html>\n";
  return page;
}

}  // namespace rampart::control
