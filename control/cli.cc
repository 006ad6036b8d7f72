#include "control/cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "control/api_client.h"
#include "control/cli_docs.h"
#include "control/cli_output.h"
#include "control/commands_lists.h"
#include "control/go_duration.h"
#include "control/health_check.h"
#include "control/http_message.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kCallDeadline{30};
/// A refresh downloads every list; the server ends it long before.
constexpr std::chrono::minutes kRefreshDeadline{15};
constexpr std::uint16_t kDnsPort = 53;
constexpr const char* kHealthTarget = "/readyz";

/// Every value a flag can set; one struct, so that the definitions below read as a list.
struct Values {
  std::string config = "./config.yml";
  std::string api_host = "localhost";
  std::uint16_t api_port = 4000;
  ApiFlags api;
  bool json = false;
  // query, explain
  std::string name, type = "A", client;
  // blocking disable
  std::string duration;
  std::vector<std::string> groups;
  // healthcheck
  std::uint16_t dns_port = kDnsPort;
  std::string bind_ip = "127.0.0.1";
  std::string resolve;
  bool udp = false;
  std::string timeout = "2s";
  // completion, help
  std::string shell;
  std::vector<std::string> help_about;
  // lists stats, explain, diff, test
  ListsOptions lists;
};

class Cli {
 public:
  Cli(const CliHooks& hooks, std::ostream& out, std::ostream& err) : hooks_(hooks), out_(out), err_(err) { define(); }

  int run(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& e) {  // --help, --version
      app_.exit(e, out_, err_);
      return 0;
    } catch (const CLI::ParseError& e) {
      return fail(e.what());
    }
    config_given_ = config_flag_->count() != 0;
    if (!config_given_) {
      for (const char* variable : {"RAMPART_CONFIG_FILE", "BLOCKY_CONFIG_FILE", "CONFIG_FILE"}) {
        if (const char* path = std::getenv(variable); path != nullptr && *path != '\0') {
          values_.config = path;
          config_given_ = true;
          break;
        }
      }
    }
    return action_ ? action_() : hooks_.serve(values_.config);
  }

 private:
  int fail(const std::string& what) {
    err_ << "Error: " << what << "\n";
    return 1;
  }

  CLI::App* command(CLI::App* parent, const char* name, const char* says, std::vector<const char*> aliases = {}) {
    CLI::App* sub = parent->add_subcommand(name, says);
    sub->fallthrough();
    for (const char* alias : aliases) sub->alias(alias);
    return sub;
  }
  void on(CLI::App* command, int (Cli::*action)()) {
    command->callback([this, action] { action_ = [this, action] { return (this->*action)(); }; });
  }

  void define();
  void define_queries();
  void define_lists();
  void define_healthcheck();
  void define_documents();

  // Commands.
  int serve() { return hooks_.serve(values_.config); }
  int validate() { return hooks_.validate(values_.config, values_.json, out_, err_); }
  int version();
  int healthcheck();
  int query();
  int explain();
  int stats() { return show("GET", "/api/stats", {}, stats_text); }
  int status();
  int blocking_status() { return show("GET", "/api/blocking/status", {}, blocking_status_text); }
  int blocking_enable() { return command_api("GET", "/api/blocking/enable"); }
  int blocking_disable();
  int lists_stats() { return lists_stats_command(lists_options(), out_, err_); }
  int lists_explain() { return lists_explain_command(lists_options(), out_, err_); }
  int lists_diff() { return lists_diff_command(lists_options(), out_, err_); }
  int lists_test() { return lists_test_command(lists_options(), out_, err_); }
  const ListsOptions& lists_options() {
    values_.lists.json = values_.json;
    if (config_given_) values_.lists.config = values_.config;
    return values_.lists;
  }
  int refresh_lists() { return command_api("POST", "/api/lists/refresh"); }
  int flush_cache() { return command_api("POST", "/api/cache/flush"); }
  int complete();
  int manual() {
    out_ << manual_page(app_, hooks_.version);
    return 0;
  }
  int help();

  const std::optional<CliConfiguration>& configuration() {
    if (!configuration_read_) {
      configuration_read_ = true;
      if (hooks_.read_configuration) configuration_ = hooks_.read_configuration(values_.config);
    }
    return configuration_;
  }
  base::Result<ApiAddress, std::string> api_address();
  base::Result<ApiResponse, std::string> call(const char* method, const std::string& target, const std::string& body);
  template <class Print>
  int show(const char* method, const std::string& target, const std::string& body, Print print);
  int command_api(const char* method, const std::string& target);

  const CliHooks& hooks_;
  std::ostream& out_;
  std::ostream& err_;
  CLI::App app_{"filters and forwards DNS for a whole network", "rampart"};
  CLI::Option *config_flag_ = nullptr, *host_flag_ = nullptr, *port_flag_ = nullptr;
  CLI::Option *dns_port_flag_ = nullptr, *bind_flag_ = nullptr;
  Values values_;
  std::function<int()> action_;
  bool config_given_ = false;  ///< by flag or environment
  bool configuration_read_ = false;
  std::optional<CliConfiguration> configuration_;
};

void Cli::define() {
  app_.require_subcommand(0, 1);
  app_.set_help_flag("-h,--help", "print help and exit");
  config_flag_ = app_.add_option("-c,--config", values_.config, "configuration: a file, or a folder of files")
                     ->capture_default_str();
  host_flag_ = app_.add_option("--apiHost", values_.api_host, "host of the API; https://host where it speaks TLS")
                   ->capture_default_str();
  port_flag_ = app_.add_option("--apiPort", values_.api_port, "port of the API")->capture_default_str();
  app_.add_option("--apiToken", values_.api.token, "bearer token for the API (better: RAMPART_API_TOKEN)");
  app_.add_option("--apiCaFile", values_.api.ca_file, "certificates (PEM): the API's, or its authority's");
  app_.add_flag("--apiInsecure", values_.api.insecure, "trust whatever certificate the API shows");
  app_.add_flag("--json", values_.json, "print results as JSON");

  on(command(&app_, "serve", "run the server (the default command)"), &Cli::serve);
  on(command(&app_, "validate", "check the configuration and print every fault"), &Cli::validate);
  on(command(&app_, "version", "print version, build time and architecture"), &Cli::version);
  define_healthcheck();
  define_queries();

  CLI::App* blocking = command(&app_, "blocking", "switch blocking on and off", {"block"});
  blocking->require_subcommand(1);
  on(command(blocking, "enable", "turn blocking on", {"on"}), &Cli::blocking_enable);
  CLI::App* disable = command(blocking, "disable", "turn blocking off", {"off"});
  disable->add_option("-d,--duration", values_.duration, "for how long, for example 5m; without it until enabled");
  disable->add_option("-g,--groups", values_.groups, "for which groups; without it for all")->delimiter(',');
  on(disable, &Cli::blocking_disable);
  on(command(blocking, "status", "say whether blocking is on"), &Cli::blocking_status);

  define_lists();
  CLI::App* cache = command(&app_, "cache", "work on the cache");
  cache->require_subcommand(1);
  on(command(cache, "flush", "forget all cached answers", {"clear"}), &Cli::flush_cache);
  on(command(&app_, "status", "say how each part of the server is doing; exit 0 if it is ready"), &Cli::status);
  on(command(&app_, "stats", "print the statistics of the last 24 hours"), &Cli::stats);
  define_documents();
}

void Cli::define_healthcheck() {
  CLI::App* check = command(&app_, "healthcheck", "ask the server a DNS question; exit 0 if it answers");
  dns_port_flag_ = check->add_option("-p,--port", values_.dns_port, "DNS port of the server")->capture_default_str();
  bind_flag_ = check->add_option("-b,--bindip", values_.bind_ip, "address of the server")->capture_default_str();
  check->add_option("--resolve", values_.resolve, "resolve this name through the whole chain instead");
  check->add_flag("--udp", values_.udp, "ask over UDP instead of TCP");
  check->add_option("--timeout", values_.timeout, "how long to wait for the answer")->capture_default_str();
  on(check, &Cli::healthcheck);
}

void Cli::define_queries() {
  CLI::App* query = command(&app_, "query", "resolve a name through the server's whole chain");
  query->add_option("domain", values_.name, "the name")->required();
  query->add_option("-t,--type", values_.type, "query type")->capture_default_str();
  on(query, &Cli::query);
  CLI::App* explain = command(&app_, "explain", "tell step by step how a name is decided");
  explain->add_option("domain", values_.name, "the name")->required();
  explain->add_option("-t,--type", values_.type, "query type")->capture_default_str();
  explain->add_option("--client", values_.client, "address on whose behalf");
  on(explain, &Cli::explain);
}

void Cli::define_lists() {
  CLI::App* lists = command(&app_, "lists", "work on the lists");
  lists->require_subcommand(1);
  on(command(lists, "refresh", "load all lists anew"), &Cli::refresh_lists);
  on(command(&app_, "refresh", "load all lists anew (as lists refresh)"), &Cli::refresh_lists);

  ListsOptions& options = values_.lists;
  const auto offline_command = [&](const char* name, const char* says, int (Cli::*action)()) {
    CLI::App* sub = command(lists, name, says);
    auto* refresh = sub->add_flag("--refresh", options.refresh, "download every list, also those with a copy on disk");
    sub->add_flag("--offline", options.offline, "download nothing; use the copies on disk")->excludes(refresh);
    on(sub, action);
    return sub;
  };
  offline_command("stats", "say what each configured list brings (needs no server)", &Cli::lists_stats);
  CLI::App* explain = offline_command("explain", "name the list and line that decide a name (needs no server)", &Cli::lists_explain);
  explain->add_option("domain", options.name, "the name")->required();
  explain->add_option("-t,--type", options.type, "query type")->capture_default_str();
  explain->add_option("--client", options.client, "address or name of the client")->capture_default_str();
  explain->add_option("--at", options.at, "when, for example 'Monday 21:30'; without it now");
  CLI::App* diff = offline_command("diff", "compare two lists or two configurations", &Cli::lists_diff);
  diff->add_option("old", options.before, "list (file, URL) or configuration")->required();
  diff->add_option("new", options.after, "the same, later")->required();
  diff->add_flag("--all", options.all, "print every difference");
  CLI::App* test = offline_command("test", "check expectations about the policy; exit 1 if one is not met", &Cli::lists_test);
  test->add_option("policy", options.policy, "YAML file of expectations (docs/lists.md)")->required();
}

void Cli::define_documents() {
  CLI::App* completion = command(&app_, "completion", "print the completion script of a shell");
  completion->add_option("shell", values_.shell, "of this shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  on(completion, &Cli::complete);
  on(command(&app_, "man", "print the manual page"), &Cli::manual);
  CLI::App* help_command = command(&app_, "help", "print help, also about one command");
  help_command->add_option("command", values_.help_about, "the command, for example: blocking disable");
  on(help_command, &Cli::help);
}

int Cli::help() {
  // As if nothing had been parsed, or it would be help about `help`.
  app_.clear();
  CLI::App* about = &app_;
  std::string path;
  for (const auto& word : values_.help_about) {
    path += (path.empty() ? "" : " ") + about->get_name();
    const auto found = about->get_subcommands([&](const CLI::App* command) { return command->check_name(word); });
    if (found.empty()) return fail("unknown command '" + word + "'; rampart help lists them");
    about = found.front();
  }
  out_ << about->help(path);
  return 0;
}

base::Result<ApiAddress, std::string> Cli::api_address() {
  ApiFlags flags = values_.api;
  if (host_flag_->count() != 0) flags.host = values_.api_host;
  if (port_flag_->count() != 0) flags.port = values_.api_port;
  const auto& config = configuration();
  return find_api_address(flags, config ? config->api : std::nullopt);
}

base::Result<ApiResponse, std::string> Cli::call(const char* method, const std::string& target,
                                                 const std::string& body) {
  const auto address = api_address();
  if (!address) return base::Error{address.error()};
  const bool refreshes = target == "/api/lists/refresh";
  auto response = call_api(*address, method, target, body,
                           refreshes ? std::chrono::milliseconds(kRefreshDeadline) : kCallDeadline);
  if (!response) return base::Error{"can't execute " + response.error()};
  // A server that is not ready says so with its health document.
  const bool tells_health = target == kHealthTarget && response->status == 503 && response->body.starts_with('{');
  if (response->status != 200 && !tells_health) {
    std::string text = "response NOK, " + response->reason + " " + response->body;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return base::Error{std::move(text)};
  }
  return response;
}

template <class Print>
int Cli::show(const char* method, const std::string& target, const std::string& body, Print print) {
  const auto response = call(method, target, body);
  if (!response) return fail(response.error());
  if (values_.json) {
    out_ << response->body;
    return 0;
  }
  const auto text = print(response->body);
  if (!text) return fail(text.error());
  out_ << *text;
  return 0;
}

int Cli::command_api(const char* method, const std::string& target) {
  const auto response = call(method, target, "");
  if (!response) return fail(response.error());
  out_ << (values_.json ? "{\"ok\":true}\n" : "OK\n");
  return 0;
}

int Cli::version() {
  if (values_.json) {
    out_ << Json{{"name", "rampart"},
                 {"version", hooks_.version},
                 {"buildTime", hooks_.build_time},
                 {"architecture", hooks_.architecture}}
                .dump()
         << "\n";
    return 0;
  }
  out_ << "rampart\nVersion: " << hooks_.version << "\nBuild time: " << hooks_.build_time
       << "\nArchitecture: " << hooks_.architecture << "\n";
  return 0;
}

int Cli::healthcheck() {
  HealthCheckOptions options;
  options.server.port = kDnsPort;
  options.server.address = *base::IpAddress::parse("127.0.0.1");
  if (const auto& config = configuration(); config && config->dns) {
    options.server.port = config->dns->port;
    if (!config->dns->address.is_unspecified()) options.server.address = config->dns->address;
  }
  if (dns_port_flag_->count() != 0) options.server.port = values_.dns_port;
  if (bind_flag_->count() != 0) {
    const auto address = base::IpAddress::parse(values_.bind_ip);
    if (!address) return fail("--bindip: '" + values_.bind_ip + "' is no IP address");
    if (!address->is_unspecified()) options.server.address = *address;
  }
  const auto timeout = parse_go_duration(values_.timeout);
  if (!timeout || timeout->count() <= 0) return fail("--timeout: '" + values_.timeout + "' is no positive duration");
  options.deadline = std::chrono::ceil<std::chrono::milliseconds>(*timeout);
  options.tcp = !values_.udp;
  options.resolve = values_.resolve;
  const auto healthy = check_health(options);
  if (values_.json) {
    Json json{{"ok", healthy.ok()}};
    if (!healthy) json["error"] = healthy.error();
    out_ << json.dump() << "\n";
  } else {
    out_ << (healthy ? "OK" : "NOT OK") << "\n";
    if (!healthy) err_ << healthy.error() << "\n";
  }
  return healthy ? 0 : 1;
}

int Cli::status() {
  const auto response = call("GET", kHealthTarget, "");
  if (!response) return fail(response.error());
  const auto text = status_text(response->body);
  if (!text) return fail(text.error());
  out_ << (values_.json ? response->body : *text);
  return response->status == 200 ? 0 : 1;
}

int Cli::query() {
  if (!dns::parse_rr_type(values_.type, false)) return fail("unknown query type '" + values_.type + "'");
  const std::string body = Json{{"query", values_.name}, {"type", values_.type}}.dump(-1, ' ', false,
                                                                                      Json::error_handler_t::replace);
  return show("POST", "/api/query", body,
              [this](std::string_view answer) { return query_text(answer, values_.name, values_.type); });
}

int Cli::explain() {
  std::string target = "/api/explain?name=" + encode_query_component(values_.name) +
                       "&type=" + encode_query_component(values_.type);
  if (!values_.client.empty()) target += "&client=" + encode_query_component(values_.client);
  return show("GET", target, {}, explain_text);
}

int Cli::blocking_disable() {
  std::string target = "/api/blocking/disable";
  char separator = '?';
  const auto add = [&](const char* name, const std::string& value) {
    target += separator + std::string(name) + "=" + encode_query_component(value);
    separator = '&';
  };
  if (!values_.duration.empty()) {
    const auto duration = parse_go_duration(values_.duration);
    if (!duration) return fail("--duration: " + duration.error());
    add("duration", values_.duration);
  }
  if (!values_.groups.empty()) {
    std::string joined;
    for (const auto& group : values_.groups) joined += (joined.empty() ? "" : ",") + group;
    add("groups", joined);
  }
  return command_api("GET", target);
}

int Cli::complete() {
  if (values_.shell == "bash") {
    out_ << bash_completion(app_);
  } else if (values_.shell == "zsh") {
    out_ << zsh_completion(app_);
  } else {
    out_ << fish_completion(app_);
  }
  return 0;
}

}  // namespace

int run_cli(int argc, const char* const* argv, const CliHooks& hooks, std::ostream& out, std::ostream& err) {
  return Cli(hooks, out, err).run(argc, argv);
}

}  // namespace rampart::control
