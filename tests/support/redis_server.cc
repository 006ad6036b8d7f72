#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/support/loopback.h"

namespace rampart::test_support {
namespace {

constexpr const char* kProgram = "/usr/bin/redis-server";
constexpr std::chrono::seconds kStartTime{20};

}  // namespace

bool RedisServer::is_installed() { return access(kProgram, X_OK) == 0; }

RedisServer::RedisServer() : port_(free_port()) {}

RedisServer::~RedisServer() { kill(); }

void RedisServer::start() {
  const std::string log = directory_.path() + "/redis.log", port = std::to_string(port_), path = socket_path();
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    dup2(fd, 1);
    dup2(fd, 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || chdir(directory_.path().c_str()) != 0) _exit(126);
    execl(kProgram, kProgram, "--port", port.c_str(), "--bind", "127.0.0.1", "--unixsocket", path.c_str(), "--save", "",
          "--appendonly", "no", static_cast<char*>(nullptr));
    _exit(127);
  }
  const auto give_up = std::chrono::steady_clock::now() + kStartTime;
  while (std::chrono::steady_clock::now() < give_up && waitpid(pid_, nullptr, WNOHANG) == 0) {
    try {
      if (command({"PING"}).text == "PONG") return;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  std::ifstream file(log);
  throw std::runtime_error("Redis does not start: " + std::string(std::istreambuf_iterator<char>(file), {}));
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void RedisServer::pause() { ::kill(pid_, SIGSTOP); }
void RedisServer::resume() { ::kill(pid_, SIGCONT); }

storage::RedisOptions RedisServer::options() const {
  storage::RedisOptions options;
  options.server = {"127.0.0.1", port_, {}};
  return options;
}

storage::RedisReply RedisServer::command_all(const std::vector<Command>& commands) const {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  std::string words;
  for (const auto& command : commands) {
    const std::vector<std::string_view> views(command.begin(), command.end());
    storage::append_command(words, views);
  }
  const auto fail = [fd](const char* what) {
    close(fd);
    throw std::runtime_error(what);
  };
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("Redis does not listen");
  // The kernel takes in what Redis does not, and small replies fit into its buffers meanwhile.
  for (std::size_t at = 0; at < words.size();) {
    const ssize_t sent = send(fd, words.data() + at, words.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) fail("Redis takes nothing");
    at += static_cast<std::size_t>(sent);
  }
  storage::RedisReplyReader reader;
  std::unique_ptr<storage::RedisReply> last;
  for (std::size_t left = commands.size(); left > 0;) {
    std::uint8_t octets[4096];
    const ssize_t length = recv(fd, octets, sizeof octets, 0);
    if (length <= 0) fail("Redis closed the connection");
    if (!reader.feed({octets, static_cast<std::size_t>(length)}).ok()) fail("Redis talks nonsense");
    while (left > 0) {
      auto reply = reader.next();
      if (!reply.ok()) fail("Redis talks nonsense");
      if (*reply == nullptr) break;
      last = std::move(*reply);
      --left;
    }
  }
  close(fd);
  return std::move(*last);
}

}  // namespace rampart::test_support
