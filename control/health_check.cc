#include "control/health_check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"
#include "dns/message_view.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

constexpr const char* kLocalName = "healthcheck.blocky.";

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

base::Error<std::string> fail(const char* doing) { return base::Error{std::string(doing) + ": " + std::strerror(errno)}; }

/// False when the deadline has passed first.
bool await(int fd, short events, base::Instant deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - base::monotonic_now()).count();
  pollfd p{fd, events, 0};
  return left > 0 && poll(&p, 1, static_cast<int>(left)) == 1;
}

std::vector<std::uint8_t> make_query(const dns::Name& name, std::uint16_t id) {
  std::vector<std::uint8_t> out(dns::kHeaderBytes);
  base::store_u16(out.data(), id);
  base::store_u16(out.data() + 2, dns::kFlagRd);
  base::store_u16(out.data() + 4, 1);
  out.insert(out.end(), name.wire().begin(), name.wire().end());
  out.insert(out.end(), {0, static_cast<std::uint8_t>(dns::RrType::kA), 0, static_cast<std::uint8_t>(dns::RrClass::kIn)});
  return out;
}

bool answers(base::ByteView message, base::ByteView query, bool through_chain, std::string& why) {
  const auto parsed = dns::MessageView::parse(message);
  if (!parsed || !(parsed->flags() & dns::kFlagQr) || parsed->id() != base::load_u16(query.data())) return false;
  const dns::Rcode rcode = parsed->rcode();
  if (through_chain && rcode != dns::Rcode::kNoError && rcode != dns::Rcode::kNxDomain) {
    why = "the server answers " + dns::to_text(rcode);
    return false;
  }
  return true;
}

}  // namespace

base::Status check_health(const HealthCheckOptions& options) {
  const bool through_chain = !options.resolve.empty();
  const auto name = dns::Name::parse(through_chain ? options.resolve : kLocalName);
  if (!name) return base::Error{"'" + options.resolve + "' is no domain name"};
  const base::Instant deadline = base::monotonic_now() + options.deadline;

  sockaddr_storage to{};
  const socklen_t to_length = options.server.to_sockaddr(to);
  const Socket socket(::socket(to.ss_family, (options.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return fail("no socket");
  const std::string place = options.server.to_string();
  if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), to_length) != 0) {
    if (errno != EINPROGRESS) return fail(("cannot connect to " + place).c_str());
    if (!await(socket.fd(), POLLOUT, deadline)) return base::Error{"no connection to " + place + " in time"};
    socklen_t length = sizeof(errno);
    getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &errno, &length);
    if (errno != 0) return fail(("cannot connect to " + place).c_str());
  }

  base::SecureRandom random;
  const auto query = make_query(*name, random.next_u16());
  std::vector<std::uint8_t> octets;
  if (options.tcp) octets = {static_cast<std::uint8_t>(query.size() >> 8), static_cast<std::uint8_t>(query.size())};
  octets.insert(octets.end(), query.begin(), query.end());
  // A query fits any socket buffer, so it is sent whole or not at all.
  if (send(socket.fd(), octets.data(), octets.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(octets.size())) {
    return fail(("cannot send to " + place).c_str());
  }

  std::string why = "no answer from " + place + " in time";
  std::vector<std::uint8_t> received(dns::kMessageBytesMax + 2);
  for (std::size_t have = 0; await(socket.fd(), POLLIN, deadline);) {
    const ssize_t n = recv(socket.fd(), received.data() + have, received.size() - have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return fail(("no answer from " + place).c_str());
    if (!options.tcp) {
      if (answers({received.data(), static_cast<std::size_t>(n)}, query, through_chain, why)) return base::Done{};
      continue;  // not ours: wait for the real one until the deadline
    }
    if (n == 0) return base::Error{place + " closed the connection without an answer"};
    have += static_cast<std::size_t>(n);
    if (have < 2 || have - 2 < base::load_u16(received.data())) continue;
    if (answers({received.data() + 2, base::load_u16(received.data())}, query, through_chain, why)) return base::Done{};
    return base::Error{why};
  }
  return base::Error{why};
}

}  // namespace rampart::control
