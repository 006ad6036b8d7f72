// What a miss costs on our side: from resolve() to done(), against an echo server in a thread of its own that
// turns queries into answers. CPU time is this thread's only (user and system); allocations are counted.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "resolver/forwarder.h"
#include "resolver/standing_read.h"

namespace {

thread_local bool counts_allocations = false;
thread_local std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  if (counts_allocations) ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace rampart {
namespace {

/// Sets QR and RA, and sends the query back: the cheapest valid answer (NODATA).
class Echo {
 public:
  Echo() {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    socklen_t length = sizeof(address);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    const int buffer = 8 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    thread_ = std::thread([this] { run(); });
  }
  ~Echo() {
    stop_ = true;
    thread_.join();
    close(fd_);
  }
  std::uint16_t port() const { return port_; }

 private:
  static constexpr int kBatch = 32;
  void run() {
    std::array<std::array<std::uint8_t, 512>, kBatch> buffers;
    std::array<sockaddr_storage, kBatch> peers;
    std::array<iovec, kBatch> vectors;
    std::array<mmsghdr, kBatch> headers{};
    while (!stop_) {
      pollfd ready{fd_, POLLIN, 0};
      if (poll(&ready, 1, 50) <= 0) continue;
      for (int i = 0; i < kBatch; ++i) {
        vectors[i] = {buffers[i].data(), buffers[i].size()};
        headers[i].msg_hdr = {&peers[i], sizeof(peers[i]), &vectors[i], 1, nullptr, 0, 0};
      }
      const int count = recvmmsg(fd_, headers.data(), kBatch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < count; ++i) {
        buffers[i][2] |= 0x80;
        buffers[i][3] = 0x80;
        vectors[i].iov_len = headers[i].msg_len;
      }
      for (int sent = 0; sent < count;) {
        const int n = sendmmsg(fd_, headers.data() + sent, static_cast<unsigned>(count - sent), 0);
        if (n <= 0) break;
        sent += n;
      }
    }
  }
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

double thread_cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Keeps `outstanding` questions in flight, each with a name of its own.
class Client {
 public:
  Client(resolver::Forwarder& forwarder, std::size_t outstanding) : forwarder_(forwarder), waiters_(outstanding) {
    name_.assign(dns::Name::parse("00000000.some-site.example.org")->view());
    for (Waiter& waiter : waiters_) {
      waiter.client = this;
      waiter.done = [](resolver::ForwardWaiter& base, const resolver::ForwardResult& result) noexcept {
        auto& self = static_cast<Waiter&>(base);
        self.client->failed += result.outcome != resolver::ForwardOutcome::kAnswer;
        ++self.client->answered;
        if (self.client->is_open) self.client->ask(self);
      };
    }
  }
  void start() {
    is_open = true;
    for (Waiter& waiter : waiters_) ask(waiter);
  }

  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  bool is_open = false;

 private:
  struct Waiter : resolver::ForwardWaiter {
    Client* client = nullptr;
  };
  void ask(Waiter& waiter) {
    std::uint64_t n = next_++;
    for (std::size_t i = 1; i <= 8; ++i, n /= 10) name_.wire[i] = static_cast<std::uint8_t>('0' + n % 10);
    forwarder_.resolve({name_, dns::RrType::kA, dns::RrClass::kIn, 0, false, false, {}}, waiter,
                       base::monotonic_now());
  }
  resolver::Forwarder& forwarder_;
  std::vector<Waiter> waiters_;
  dns::FoldedName name_;
  std::uint64_t next_ = 0;
};

/// Arguments: questions in flight, upstreams (parallel_best asks two of them).
void BM_Forwarder_Miss(benchmark::State& state) {
  std::vector<std::unique_ptr<Echo>> echoes;
  auto set = std::make_shared<resolver::UpstreamSet>();
  set->groups.push_back({"default", resolver::UpstreamStrategy::kParallelBest, std::chrono::seconds(2), {}});
  for (int i = 0; i < state.range(1); ++i) {
    echoes.push_back(std::make_unique<Echo>());
    resolver::UpstreamSpec spec;
    spec.host = "127.0.0.1";
    spec.port = echoes.back()->port();
    set->groups[0].upstreams.push_back(spec);
  }
  boost::asio::io_context io(resolver::kOwnThreadOnly);
  resolver::ForwarderCounters counters;
  resolver::Forwarder forwarder(io, {}, counters);
  forwarder.adopt(std::move(set));
  Client client(forwarder, static_cast<std::size_t>(state.range(0)));
  client.start();
  while (client.answered < 20000) io.run_one();  // pools have grown

  const std::uint64_t before = client.answered;
  const std::uint64_t opened = counters.sockets_opened.value();
  allocations = 0;
  counts_allocations = true;
  const double cpu = thread_cpu_us();
  for (auto _ : state) {
    const std::uint64_t target = client.answered + 1000;
    while (client.answered < target) io.run_one();
  }
  const double used = thread_cpu_us() - cpu;
  counts_allocations = false;
  const double misses = static_cast<double>(client.answered - before);
  client.is_open = false;
  state.counters["us_cpu_per_miss"] = used / misses;
  state.counters["allocs_per_1k"] = static_cast<double>(allocations) * 1000 / misses;
  state.counters["sockets_per_1k"] = static_cast<double>(counters.sockets_opened.value() - opened) * 1000 / misses;
  state.counters["failed"] = static_cast<double>(client.failed);
  state.counters["miss_per_s"] = benchmark::Counter(misses, benchmark::Counter::kIsRate);
  forwarder.cancel_all();  // the client goes first
}
BENCHMARK(BM_Forwarder_Miss)
    ->ArgNames({"in_flight", "upstreams"})
    ->Args({1, 1})->Args({32, 1})->Args({256, 1})->Args({1024, 1})->Args({256, 2})
    ->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace rampart
