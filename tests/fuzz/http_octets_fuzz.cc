// The octets of a whole connection to the real HTTP server: its reader, limits, lanes and handlers. The first octet
// says whether a PROXY header is due, and in how many pieces the rest is sent. Whatever comes back begins as HTTP,
// the server closes, and the next connection is served.
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "control/http_frontend.h"
#include "control/http_server.h"
#include "tests/fuzz/require.h"
#include "tests/support/fake_control_plane.h"

using namespace rampart;
using fuzz::require;

namespace {

constexpr int kPatienceMs = 10'000;  // the server's own bounds are longer: it must not come to them

struct World {
  test::FakeControlPlane plane;
  control::HttpFrontend frontend;
  std::unique_ptr<control::HttpServer> server;

  World() : frontend(plane, options()) {
    plane.stats_report = control::StatsReport{};
    plane.wire_response.assign(12, 0);
    control::HttpServerOptions http;
    control::HttpListenerOptions listener;
    listener.address = {*base::IpAddress::parse("127.0.0.1"), 0};
    http.listeners.push_back(listener);
    listener.proxy_protocol = true;
    http.listeners.push_back(listener);
    auto started = control::HttpServer::start(http, [this](control::HttpRequest request, control::HttpReply reply) {
      frontend.answer(std::move(request), std::move(reply));
    });
    require(started.ok());
    server = std::move(*started);
    // libFuzzer's alarm clock interrupts calls; the server's threads, which know what to do then, may have it.
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    require(::pthread_sigmask(SIG_BLOCK, &alarm, nullptr) == 0);
  }
  static control::AdminApiOptions options() {
    control::AdminApiOptions options;
    options.metrics_enabled = true;
    return options;
  }
};

/// Sends `octets` in pieces, says that no more will come, and returns what the server says until it closes.
std::string talk(std::uint16_t port, std::string_view octets, std::size_t step) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  while (!octets.empty()) {
    const ssize_t n = ::send(fd, octets.data(), std::min(step, octets.size()), MSG_NOSIGNAL);
    if (n <= 0) break;  // it has refused what came before
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  ::shutdown(fd, SHUT_WR);
  std::string said;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    require(::poll(&waiting, 1, kPatienceMs) == 1);
    char buffer[4096];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    said.append(buffer, static_cast<std::size_t>(n));
  }
  const linger at_once{1, 0};  // leaves no port behind, however many connections there were
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(fd);
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static World world;
  const auto addresses = world.server->addresses();
  const std::string_view octets = base::as_text({data + 1, size - 1});
  const std::size_t pieces = data[0] / 2 % 8 + 1u;
  const std::string said = talk(addresses[data[0] % 2].port, octets, octets.size() / pieces + 1);
  require(said.empty() || said.starts_with("HTTP/1.1 "));
  const std::string good = talk(addresses[0].port, "GET /api/blocking/status HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
  require(good.starts_with("HTTP/1.1 200 "));
  return 0;
}
