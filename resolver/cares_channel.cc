#include "resolver/cares_channel.h"

#include <ares.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "dns/message_view.h"

namespace rampart::resolver {
namespace {

constexpr int kTimeoutMs = 1000;  ///< of one server
constexpr int kTries = 2;         ///< of each server
constexpr int kClassIn = 1;
constexpr int kTypePtr = 12;

void start_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares does not start: ") + ares_strerror(status));
}

struct AddressQuery {
  std::function<void(HostAddresses)> done;
};

void on_addresses(void* arg, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<AddressQuery> query(static_cast<AddressQuery*>(arg));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(info, &ares_freeaddrinfo);
  if (status == ARES_EDESTRUCTION) return;
  HostAddresses result;
  if (status == ARES_SUCCESS && info != nullptr) {
    int ttl = INT32_MAX;
    for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
      const auto ip = base::IpAddress::from_sockaddr(*node->ai_addr);
      if (std::find(result.ips.begin(), result.ips.end(), ip) == result.ips.end()) result.ips.push_back(ip);
      ttl = std::min(ttl, std::max(node->ai_ttl, 0));
    }
    result.ttl = std::chrono::seconds(ttl);
  }
  if (result.ips.empty()) result.error = status == ARES_SUCCESS ? "no address" : ares_strerror(status);
  query->done(std::move(result));
}

struct NameQuery {
  std::function<void(HostNames)> done;
};

void on_names(void* arg, int status, int, unsigned char* wire, int length) {
  const std::unique_ptr<NameQuery> query(static_cast<NameQuery*>(arg));
  if (status == ARES_EDESTRUCTION) return;
  HostNames result;
  if (status == ARES_SUCCESS) {
    const auto message = dns::MessageView::parse({wire, static_cast<std::size_t>(length)});
    std::uint32_t ttl = INT32_MAX;
    if (message) {
      message->for_each_record([&](const dns::RecordView& record) {
        if (record.section != dns::Section::kAnswer) return false;
        ttl = std::min(ttl, record.ttl);  // of aliases, too: reverse zones may be delegated by them (RFC 2317)
        if (record.type == dns::RrType::kPtr && result.names.size() < kHostNamesMax) {
          dns::FoldedName name;
          name.assign(record.rdata_name().view());
          result.names.push_back(dns::to_text(name.view()));
        }
        return true;
      });
    }
    result.is_failure = !message;
    result.ttl = std::chrono::seconds(ttl);
  } else {
    result.is_failure = status != ARES_ENOTFOUND && status != ARES_ENODATA;
  }
  if (result.names.empty()) result.error = status == ARES_SUCCESS ? "no PTR record" : ares_strerror(status);
  query->done(std::move(result));
}

std::string reverse_name(const base::IpAddress& address) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string name;
  const base::ByteView octets = address.octets();
  for (std::size_t i = octets.size(); i-- > 0;) {
    if (address.is_v4()) {
      name += std::to_string(octets[i]) + '.';
    } else {
      name += kHex[octets[i] & 0xf];
      name += '.';
      name += kHex[octets[i] >> 4];
      name += '.';
    }
  }
  return name + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace

CaresChannel::CaresChannel(boost::asio::io_context& io, DeadlineTimer& timer,
                           const std::vector<base::IpEndpoint>& servers)
    : timer_(timer), ready_(io, [this](void* tag, std::uint32_t events) {
        process(static_cast<int>(reinterpret_cast<std::intptr_t>(tag)), events);
      }),
      tick_(*this) {
  start_library();
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* data, ares_socket_t fd, int readable, int writable) {
    auto& self = *static_cast<CaresChannel*>(data);
    if (!readable && !writable) return self.ready_.forget(fd);
    const std::uint32_t events = (readable ? std::uint32_t{EPOLLIN} : 0u) | (writable ? std::uint32_t{EPOLLOUT} : 0u);
    // If the kernel refuses, the look-up ends by its timeout.
    (void)self.ready_.watch(fd, events, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  };
  char only_dns[] = "b";
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (!servers.empty()) {
    options.lookups = only_dns;
    mask |= ARES_OPT_LOOKUPS;
  }
  int status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS && !servers.empty()) {
    std::string list;
    for (const base::IpEndpoint& server : servers) list += (list.empty() ? "" : ",") + server.to_string();
    status = ares_set_servers_ports_csv(channel_, list.c_str());
    if (status != ARES_SUCCESS) ares_destroy(channel_);
  }
  if (status != ARES_SUCCESS)
    throw std::runtime_error(std::string("host name look-ups cannot start: ") + ares_strerror(status));
}

CaresChannel::~CaresChannel() {
  timer_.cancel(tick_);
  ares_destroy(channel_);
}

void CaresChannel::addresses(const std::string& host, IpFamilies families, std::function<void(HostAddresses)> done) {
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = families == IpFamilies::kV4 ? AF_INET : families == IpFamilies::kV6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, on_addresses, new AddressQuery{std::move(done)});
  arm();
}

void CaresChannel::names(const base::IpAddress& address, std::function<void(HostNames)> done) {
  ares_query(channel_, reverse_name(address).c_str(), kClassIn, kTypePtr, on_names, new NameQuery{std::move(done)});
  arm();
}

void CaresChannel::process(int fd, std::uint32_t events) noexcept {
  const ares_socket_t none = ARES_SOCKET_BAD;
  const bool readable = fd >= 0 && (events & (EPOLLIN | EPOLLERR | EPOLLHUP));
  const bool writable = fd >= 0 && (events & EPOLLOUT);
  ares_process_fd(channel_, readable ? fd : none, writable ? fd : none);
  arm();
}

void CaresChannel::arm() noexcept {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return timer_.cancel(tick_);
  timer_.arm(tick_, base::monotonic_now() + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
}

}  // namespace rampart::resolver
