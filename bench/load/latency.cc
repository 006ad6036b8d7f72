// Sends queries at a fixed rate and measures each of them: what dnsperf's average hides is how long the slowest wait.
//
// Open loop: queries go out by the clock, whatever comes back, so a server that stalls is not spared the queries of
// that time. A query's latency runs from our send() to the kernel's time stamp on its response, so it does not count
// how late this program read it. How late this program sent is printed beside it: a large value means that the machine,
// not the server, was measured.
//
//   bench_latency -p PORT -d QUERIES [-s ADDRESS] [-r RATE] [-l SECONDS] [-c SOCKETS] [-t TIMEOUT_MS] [-i SECONDS] [-j]
//
// QUERIES has lines "name type", as for dnsperf, and is used from its start again when it ends. -i prints a line for
// each interval as well, -j one JSON object instead of text, with a histogram. Exit status 1 when anything was lost, 2 on misuse.
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace {

using rampart::base::IpAddress;
using Ns = std::int64_t;

constexpr Ns kSecond = 1'000'000'000;
constexpr std::size_t kIds = 1 << 16;
constexpr int kReceiveBufferBytes = 4 << 20;  // a burst of answers must not be lost on our side
constexpr int kSendsAtOnce = 64;              // then answers are read, also when we are late

struct Options {
  IpAddress server = *IpAddress::parse("127.0.0.1");
  std::uint16_t port = 53;
  std::string queries;
  double rate = 1000;
  double seconds = 5;
  unsigned sockets = 16;
  double timeout_ms = 5000;
  double interval = 0;
  bool json = false;
};

// CLOCK_REALTIME: the clock of the kernel's time stamps.
Ns now() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

using Message = std::vector<std::uint8_t>;

std::vector<Message> read_queries(const std::string& path) {
  std::ifstream file(path);
  std::vector<Message> all;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::size_t blank = line.find_first_of(" \t");
    if (line.empty() || line[0] == ';') continue;
    const auto name = rampart::dns::Name::parse(line.substr(0, blank));
    const auto type = blank == std::string::npos ? std::nullopt : rampart::dns::parse_rr_type(line.substr(blank + 1));
    if (!name || !type) {
      std::fprintf(stderr, "%s:%zu: '%s' is not \"name type\"\n", path.c_str(), number, line.c_str());
      std::exit(2);
    }
    Message message = {0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    const auto wire = name->wire();
    message.insert(message.end(), wire.begin(), wire.end());
    const auto code = static_cast<std::uint16_t>(*type);
    message.insert(message.end(), {static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code), 0, 1});
    all.push_back(std::move(message));
  }
  if (all.empty()) {
    std::fprintf(stderr, "%s: no queries\n", path.c_str());
    std::exit(2);
  }
  return all;
}

struct Summary {
  std::size_t answered = 0;
  double mean = 0, p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;  // us
};

// Sorts what it is given.
Summary summarize(std::vector<Ns>& latencies) {
  Summary s;
  s.answered = latencies.size();
  if (latencies.empty()) return s;
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double quantile) {
    const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(latencies.size())));
    return static_cast<double>(latencies[std::max<std::size_t>(rank, 1) - 1]) / 1000;
  };
  double sum = 0;
  for (const Ns latency : latencies) sum += static_cast<double>(latency);
  s.mean = sum / static_cast<double>(latencies.size()) / 1000;
  s.p50 = at(0.50);
  s.p90 = at(0.90);
  s.p99 = at(0.99);
  s.p999 = at(0.999);
  s.max = at(1);
  return s;
}

class Load {
 public:
  Load(const Options& options, std::vector<Message> queries)
      : options_(options), queries_(std::move(queries)), sent_at_(options.sockets), next_id_(options.sockets) {
    poller_ = epoll_create1(EPOLL_CLOEXEC);
    sockaddr_storage address{};
    const socklen_t length = rampart::base::IpEndpoint{options.server, options.port}.to_sockaddr(address);
    for (unsigned i = 0; i < options.sockets; ++i) {
      const int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int on = 1;
      if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof(kReceiveBufferBytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof(kReceiveBufferBytes));
      setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
      epoll_event event{EPOLLIN, {.u32 = i}};
      if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
          epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event) != 0) {
        std::perror("socket");
        std::exit(2);
      }
      fds_.push_back(fd);
      sent_at_[i].assign(kIds, 0);
    }
  }

  void run() {
    const auto count = static_cast<std::uint64_t>(options_.rate * options_.seconds);
    const Ns timeout = static_cast<Ns>(options_.timeout_ms * 1e6);
    latencies_.reserve(count);
    start_ = now();
    for (std::uint64_t i = 0; i < count;) {
      const Ns at = now();
      int burst = 0;
      for (; i < count && burst < kSendsAtOnce && due(i) <= at; ++i, ++burst) send_one(i);
      // Between two sends in a row there is time to look; when late, look once per burst.
      receive(i < count ? std::max<Ns>(0, due(i) - now()) : 0);
    }
    const Ns last = now();
    while (answered_ < sent_ && now() - last < timeout) receive(kSecond / 100);
    for (const auto& ids : sent_at_)
      lost_ += static_cast<std::uint64_t>(std::count_if(ids.begin(), ids.end(), [](Ns t) { return t != 0; }));
  }

  int report() {
    if (!options_.json && options_.interval > 0) report_intervals();
    std::vector<Ns> values;
    values.reserve(latencies_.size());
    for (const auto& sample : latencies_) values.push_back(sample.latency);
    const Summary s = summarize(values);
    const Summary late = summarize(lags_);
    if (options_.json) {
      std::printf("{\"sent\": %llu, \"lost\": %llu, \"unsent\": %llu, \"qps\": %.0f, \"mean_us\": %.1f, \"p50_us\": %.1f, "
                  "\"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"send_lag_p99_us\": %.1f, "
                  "\"send_lag_max_us\": %.1f, \"rcodes\": {",
                  ull(sent_), ull(lost_), ull(unsent_), qps(), s.mean, s.p50, s.p90, s.p99, s.p999, s.max, late.p99, late.max);
      const char* between = "";
      for (const auto& [rcode, n] : rcodes_) {
        std::printf("%s\"%s\": %llu", between, rampart::dns::to_text(static_cast<rampart::dns::Rcode>(rcode)).c_str(), ull(n));
        between = ", ";
      }
      std::printf("}, \"histogram\": ");
      print_histogram(values);
      std::printf("}\n");
    } else {
      std::printf("sent %llu at %.0f q/s, lost %llu, not accepted by the kernel %llu\n", ull(sent_), qps(), ull(lost_), ull(unsent_));
      for (const auto& [rcode, n] : rcodes_)
        std::printf("%s %llu\n", rampart::dns::to_text(static_cast<rampart::dns::Rcode>(rcode)).c_str(), ull(n));
      std::printf("latency us: mean %.1f  p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f\n", s.mean, s.p50, s.p90, s.p99,
                  s.p999, s.max);
      std::printf("sent late by us: p99 %.1f  max %.1f\n", late.p99, late.max);
    }
    return lost_ == 0 ? 0 : 1;
  }

 private:
  struct Sample {
    Ns sent;
    Ns latency;
  };

  // [upper bound in us, count] of each bucket in use, 2 % wide: what is needed to add several runs up.
  static void print_histogram(const std::vector<Ns>& latencies) {
    constexpr double kWidth = 1.02;
    std::map<int, std::uint64_t> buckets;
    for (const Ns latency : latencies)
      ++buckets[static_cast<int>(std::ceil(std::log(std::max(1.0, static_cast<double>(latency) / 1000)) / std::log(kWidth)))];
    const char* between = "[";
    for (const auto& [bucket, n] : buckets) {
      std::printf("%s[%.2f, %llu]", between, std::pow(kWidth, bucket), ull(n));
      between = ", ";
    }
    std::printf("%s]", buckets.empty() ? "[" : "");
  }

  static unsigned long long ull(std::uint64_t n) { return n; }
  [[nodiscard]] double qps() const { return static_cast<double>(sent_) / std::max(1e-9, options_.seconds); }
  [[nodiscard]] Ns due(std::uint64_t i) const {
    return start_ + static_cast<Ns>(static_cast<double>(i) * (1e9 / options_.rate));
  }

  void send_one(std::uint64_t i) {
    const std::size_t socket = i % fds_.size();
    const std::uint16_t id = next_id_[socket]++;
    Message& message = queries_[i % queries_.size()];
    message[0] = static_cast<std::uint8_t>(id >> 8);
    message[1] = static_cast<std::uint8_t>(id);
    if (sent_at_[socket][id] != 0) ++lost_;  // 65,536 queries ago, and still no answer
    const Ns at = now();
    lags_.push_back(at - due(i));
    ssize_t n;
    do n = send(fds_[socket], message.data(), message.size(), 0);
    while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));  // the latter reports an earlier query
    if (n < 0) {
      ++unsent_;
      sent_at_[socket][id] = 0;
      return;
    }
    sent_at_[socket][id] = at;
    ++sent_;
  }

  void receive(Ns wait) {
    const timespec timeout{wait / kSecond, wait % kSecond};
    std::array<epoll_event, 64> events;
    const int n = epoll_pwait2(poller_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < n; ++i) receive_from(events[static_cast<std::size_t>(i)].data.u32);
  }

  void receive_from(std::size_t socket) {
    for (;;) {
      std::array<std::uint8_t, 4096> buffer;
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control;
      iovec vector{buffer.data(), buffer.size()};
      msghdr header{};
      header.msg_iov = &vector;
      header.msg_iovlen = 1;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      const ssize_t n = recvmsg(fds_[socket], &header, 0);
      if (n < 0 && (errno == EINTR || errno == ECONNREFUSED)) continue;
      if (n < 12) return;
      Ns at = now();
      if (const cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
        at = stamp.tv_sec * kSecond + stamp.tv_nsec;
      }
      Ns& sent = sent_at_[socket][static_cast<std::size_t>(buffer[0] << 8 | buffer[1])];
      if (sent == 0) continue;  // answered before
      latencies_.push_back({sent - start_, std::max<Ns>(0, at - sent)});
      sent = 0;
      ++answered_;
      ++rcodes_[buffer[3] & 0xf];
    }
  }

  void report_intervals() {
    std::map<std::int64_t, std::vector<Ns>> intervals;
    for (const auto& sample : latencies_)
      intervals[static_cast<std::int64_t>(static_cast<double>(sample.sent) / (options_.interval * 1e9))].push_back(sample.latency);
    for (auto& [number, values] : intervals) {
      const Summary s = summarize(values);
      std::printf("%8.1f s: %zu answered, p50 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us\n",
                  static_cast<double>(number) * options_.interval, s.answered, s.p50, s.p99, s.p999, s.max);
    }
  }

  const Options options_;
  std::vector<Message> queries_;
  int poller_ = -1;
  std::vector<int> fds_;
  std::vector<std::vector<Ns>> sent_at_;  // [socket][id]; 0: nothing is waited for
  std::vector<std::uint16_t> next_id_;
  Ns start_ = 0;
  std::uint64_t sent_ = 0, answered_ = 0, lost_ = 0, unsent_ = 0;
  std::vector<Sample> latencies_;
  std::vector<Ns> lags_;
  std::map<int, std::uint64_t> rcodes_;
};

[[noreturn]] void usage() {
  std::fprintf(stderr, "usage: bench_latency -p PORT -d QUERIES [-s ADDRESS] [-r RATE] [-l SECONDS] [-c SOCKETS] "
                       "[-t TIMEOUT_MS] [-i SECONDS] [-j]\n");
  std::exit(2);
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int c; (c = getopt(argc, argv, "s:p:d:r:l:c:t:i:j")) != -1;) {
    switch (c) {
      case 's':
        if (const auto address = IpAddress::parse(optarg)) options.server = *address;
        else usage();
        break;
      case 'p': options.port = static_cast<std::uint16_t>(std::atoi(optarg)); break;
      case 'd': options.queries = optarg; break;
      case 'r': options.rate = std::atof(optarg); break;
      case 'l': options.seconds = std::atof(optarg); break;
      case 'c': options.sockets = static_cast<unsigned>(std::atoi(optarg)); break;
      case 't': options.timeout_ms = std::atof(optarg); break;
      case 'i': options.interval = std::atof(optarg); break;
      case 'j': options.json = true; break;
      default: usage();
    }
  }
  if (options.queries.empty() || options.rate <= 0 || options.seconds <= 0 || options.sockets == 0) usage();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);  // the default of 50 us would be most of what is measured
  Load load(options, read_queries(options.queries));
  load.run();
  return load.report();
}
