// The HTTP side with a fake server behind it, for tests that drive the API from outside: listens on the loopback port
// given as argument until its standard input ends.
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "control/http_service.h"
#include "tests/support/fake_control_plane.h"

int main(int argc, char** argv) {
  using namespace rampart;
  if (argc != 2) return 2;
  test::FakeControlPlane plane;
  plane.stats_report = control::StatsReport{};
  control::Config config;
  config.prometheus.enable = true;
  config.ports.http = {{.address = base::IpAddress::parse("127.0.0.1"),
                        .port = static_cast<std::uint16_t>(std::atoi(argv[1]))}};
  auto service = control::HttpService::start(config, plane);
  if (!service) {
    std::fprintf(stderr, "%s\n", service.error().c_str());
    return 1;
  }
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  return 0;
}
