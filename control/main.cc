#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "control/commands_config.h"
#include "control/config_loader.h"
#include "control/server.h"

namespace {

int serve(const std::optional<std::string>& option) {
  rampart::control::Server server(rampart::control::config_path(option));
  if (const auto started = server.start(); !started.ok()) {
    rampart::base::log::shutdown();
    std::fprintf(stderr, "Error: can't start server: %s\n", started.error().c_str());
    return 1;
  }
  server.run();
  rampart::base::log::shutdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  namespace control = rampart::control;
  std::string command = "serve";
  std::optional<std::string> config;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if ((argument == "--config" || argument == "-c") && i + 1 < argc) config = argv[++i];
    else command = argument;
  }
  if (command == "serve") return serve(config);
  if (command == "validate") return control::validate_command(config, std::cout, std::cerr);
  if (command == "version") return control::version_command(std::cout);
  if (command == "config-reference") return control::config_reference_command(false, std::cout);
  std::fprintf(stderr, "Error: unknown command '%s' (serve, validate, version, config-reference)\n", command.c_str());
  return 1;
}
