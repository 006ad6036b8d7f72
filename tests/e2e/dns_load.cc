// A steady load of cached and blocked names on several resolvers at once, which times and checks every answer.
//
//   dns_load RATE NAME:PORT...     RATE queries/s to each resolver on 127.0.0.1, half of each kind:
//     c<k>.cached.example.org A          few names, expected answer 192.0.2.1
//     <NAME><n>.ads.example.org A        never the same twice, expected answer 0.0.0.0
//
// Commands on stdin, each answered by one line of JSON for all resolvers: `lap` (counts since the start, percentiles
// since the last command), `pause` (the same, after sending has stopped and every answer is in or lost), `resume`.
// Ends with stdin. The kernel stamps arrivals, so the loader's own waiting for a processor is not in the figures.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::int64_t kLostAfterNs = 2'000'000'000;
constexpr std::int64_t kTickNs = 1'000'000;
constexpr unsigned kCachedNames = 50;

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);  // the clock of SO_TIMESTAMPNS
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Target {
  std::string name;
  int fd = -1;
  double owed = 0;
  std::int64_t last = 0, next_tick = 0;
  std::uint64_t next = 0;
  std::uint64_t sent = 0, answered = 0, lost = 0, wrong = 0;
  struct Query {
    std::int64_t at = 0;
    bool blocked = false;
    bool waiting = false;
  };
  std::array<Query, 65536> queries{};
  std::deque<std::uint16_t> order;
  std::vector<std::int64_t> lap;

  void send_one();
  void receive();
  void give_up(std::int64_t now);
};

void append_label(std::string& message, std::string_view label) {
  message += static_cast<char>(label.size());
  message += label;
}

void Target::send_one() {
  const auto id = static_cast<std::uint16_t>(next & 0xffff);
  Query& query = queries[id];
  if (query.waiting) return;  // 65536 behind: give_up() will count them
  query.blocked = next % 2 == 1;
  std::string message{static_cast<char>(id >> 8), static_cast<char>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  char label[64];
  if (query.blocked) std::snprintf(label, sizeof label, "%s%09llu", name.c_str(), static_cast<unsigned long long>(next));
  else std::snprintf(label, sizeof label, "c%llu", static_cast<unsigned long long>(next / 2 % kCachedNames));
  append_label(message, label);
  for (const char* rest : {query.blocked ? "ads" : "cached", "example", "org", ""}) append_label(message, rest);
  message.append({0, 1, 0, 1});
  query.at = now_ns();
  if (::send(fd, message.data(), message.size(), 0) < 0) return;  // a closed port's ICMP error; tried with the next
  query.waiting = true;
  order.push_back(id);
  ++next;
  ++sent;
}

void Target::receive() {
  for (;;) {
    std::uint8_t octets[1500];
    alignas(cmsghdr) char control[256];
    iovec piece{octets, sizeof octets};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
    if (size < 0) return;
    std::int64_t at = now_ns();
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
      at = stamp.tv_sec * 1'000'000'000 + stamp.tv_nsec;
    }
    if (size < 12) continue;
    Query& query = queries[static_cast<std::size_t>(octets[0] << 8 | octets[1])];
    if (!query.waiting) continue;
    query.waiting = false;
    ++answered;
    lap.push_back(at - query.at);
    // Without EDNS the one A record's address is the end of the message.
    static constexpr std::uint8_t kCached[4] = {192, 0, 2, 1}, kBlocked[4] = {0, 0, 0, 0};
    const bool right = (octets[3] & 15) == 0 && octets[7] == 1 && octets[6] == 0 &&
                       std::memcmp(octets + size - 4, query.blocked ? kBlocked : kCached, 4) == 0;
    if (!right) ++wrong;
  }
}

void Target::give_up(std::int64_t now) {
  while (!order.empty()) {
    Query& query = queries[order.front()];
    if (query.waiting) {
      if (now - query.at < kLostAfterNs) return;
      query.waiting = false;
      ++lost;
    }
    order.pop_front();
  }
}

double percentile_us(std::vector<std::int64_t>& lap, double part) {
  if (lap.empty()) return 0;
  const auto at = lap.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(lap.size() - 1) * part);
  std::nth_element(lap.begin(), at, lap.end());
  return static_cast<double>(*at) / 1000.0;
}

using Targets = std::vector<std::unique_ptr<Target>>;

void report(Targets& targets) {
  std::string line = "{";
  for (auto& t : targets) {
    char text[400];
    std::snprintf(text, sizeof text,
                  "%s\"%s\": {\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"wrong\": %llu, \"timed\": %zu, "
                  "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}",
                  line.size() > 1 ? ", " : "", t->name.c_str(), static_cast<unsigned long long>(t->sent),
                  static_cast<unsigned long long>(t->answered), static_cast<unsigned long long>(t->lost),
                  static_cast<unsigned long long>(t->wrong), t->lap.size(), percentile_us(t->lap, 0.5),
                  percentile_us(t->lap, 0.99), percentile_us(t->lap, 1.0));
    line += text;
    t->lap.clear();
  }
  std::printf("%s}\n", line.c_str());
  std::fflush(stdout);
}

bool open_targets(int argc, char** argv, Targets& targets) {
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos) return false;
    auto target = std::make_unique<Target>();
    target->name = word.substr(0, colon);
    target->fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int on = 1, bytes = 4 << 20;
    setsockopt(target->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(target->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(word.c_str() + colon + 1)));
    if (connect(target->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
    targets.push_back(std::move(target));
  }
  return !targets.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Targets targets;
  if (argc < 3 || !open_targets(argc, argv, targets)) {
    std::fprintf(stderr, "usage: dns_load RATE NAME:PORT...\n");
    return 2;
  }
  const double rate = std::atof(argv[1]);
  std::vector<pollfd> ready{{0, POLLIN, 0}};
  for (auto& target : targets) ready.push_back({target->fd, POLLIN, 0});
  std::string commands;
  bool sending = true, pausing = false;
  // Each in its own part of a tick: asked at the same moment, they would wait for each other.
  const std::int64_t begin = now_ns();
  for (std::size_t i = 0; i < targets.size(); ++i)
    targets[i]->last = targets[i]->next_tick = begin + kTickNs * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(targets.size());
  for (;;) {
    std::int64_t next = INT64_MAX;
    for (const auto& target : targets) next = std::min(next, target->next_tick);
    const timespec wait{0, std::clamp<std::int64_t>(next - now_ns(), 0, kTickNs)};
    ppoll(ready.data(), ready.size(), &wait, nullptr);
    for (auto& target : targets) target->receive();
    if (ready[0].revents != 0) {
      char text[256];
      const ssize_t size = ::read(0, text, sizeof text);
      if (size <= 0) return 0;
      commands.append(text, static_cast<std::size_t>(size));
    }
    const std::int64_t now = now_ns();
    for (auto& target : targets) target->give_up(now);
    for (auto& target : targets) {
      if (now < target->next_tick) continue;
      target->next_tick = std::max(target->next_tick + kTickNs, now - 20 * kTickNs);
      // After a wait for the processor at most 20 ms are made up for, lest the burst become the measurement.
      target->owed += sending ? rate * static_cast<double>(std::min<std::int64_t>(now - target->last, 20 * kTickNs)) / 1e9 : 0;
      for (; target->owed >= 1; target->owed -= 1) target->send_one();
      target->last = now;
    }
    if (pausing && std::all_of(targets.begin(), targets.end(), [](const auto& t) { return t->order.empty(); })) {
      pausing = false;
      report(targets);
    }
    for (std::size_t end; !pausing && (end = commands.find('\n')) != std::string::npos; commands.erase(0, end + 1)) {
      const std::string_view command(commands.data(), end);
      if (command == "pause") {
        sending = false;
        pausing = true;
      } else {
        if (command == "resume") sending = true;
        report(targets);
      }
    }
  }
}
