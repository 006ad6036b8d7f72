// The program: the command line's hooks into configuration and server.
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/log.h"
#include "control/cli.h"
#include "control/commands_config.h"
#include "control/config_loader.h"
#include "control/server.h"

namespace {

namespace control = rampart::control;

// The last words of a server whose parts are all closed. Whoever has stopped reading them does not keep it alive.
void end_log(int exit_code) {
  if (!rampart::base::log::shutdown()) _exit(exit_code);
}

int serve(const std::string& config_path) {
  control::Server server(config_path);
  if (const auto started = server.start(); !started.ok()) {
    end_log(1);
    std::fprintf(stderr, "Error: can't start server: %s\n", started.error().c_str());
    return 1;
  }
  server.run();
  end_log(0);
  return 0;
}

std::optional<control::CliConfiguration> read_configuration(const std::string& config_path) {
  const auto loaded = control::load(config_path);
  if (!loaded.ok()) return std::nullopt;
  const auto& config = loaded->config;
  control::CliConfiguration result;
  result.api = control::configured_api_address(config);
  if (!config.ports.dns.empty()) {
    const auto& dns = config.ports.dns.front();
    result.dns = rampart::base::IpEndpoint{
        dns.address.value_or(rampart::base::IpAddress::v4(0x7f000001)), dns.port};
  }
  return result;
}

std::string machine_architecture() {
  utsname names{};
  return uname(&names) == 0 ? names.machine : "unknown";
}

}  // namespace

int main(int argc, char** argv) {
  control::CliHooks hooks;
  hooks.serve = serve;
  hooks.validate = [](const std::string& path, bool json, std::ostream& out, std::ostream& err) {
    return control::validate_command(path, json, out, err);
  };
  hooks.read_configuration = read_configuration;
  hooks.version = control::version_text();
  hooks.build_time = control::build_time_text();
  hooks.architecture = machine_architecture();
  return control::run_cli(argc, argv, hooks, std::cout, std::cerr);
}
