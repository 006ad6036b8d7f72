#include "resolver/udp_listener.h"

#include <cerrno>
#include <cstring>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "resolver/worker.h"

namespace rampart::resolver {

struct UdpListener::Buffers {
  std::array<std::array<std::uint8_t, kQueryBytesMax>, kBatch> in;
  std::array<std::array<std::uint8_t, kResponseBytes>, kBatch> out;
  std::array<sockaddr_storage, kBatch> peers;
  std::array<std::array<std::uint8_t, 64>, kBatch> control;
  std::array<iovec, kBatch> in_vectors;
  std::array<mmsghdr, kBatch> in_headers;
  std::array<iovec, kBatch> out_vectors;
  std::array<mmsghdr, kBatch> out_headers;
  std::array<QueryContext, kBatch> contexts;
  std::array<std::size_t, kBatch> lengths;
  std::array<Disposition, kBatch> dispositions;
  std::size_t used = kBatch;  ///< of in_headers, by the last batch: the kernel has written lengths there
};

namespace {

// The local address of the query must become the source address of the answer, while the interface is left to
// the routing table: a virtual address may be reached through another one.
void clear_interface(msghdr& header) noexcept {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(c), &info, sizeof(info));
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      // A link-local address means nothing without its interface (RFC 4007 6).
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(c), &info, sizeof(info));
    }
  }
}

}  // namespace

UdpListener::UdpListener(Worker& worker, OwnedFd socket, const base::IpEndpoint& address)
    : StandingRead([](StandingRead& self) noexcept { static_cast<UdpListener&>(self).read(); }),
      worker_(worker), socket_(std::move(socket)), address_(address), buffers_(std::make_unique<Buffers>()) {
  Buffers& b = *buffers_;
  for (std::size_t i = 0; i < kBatch; ++i) {
    b.in_vectors[i] = {b.in[i].data(), b.in[i].size()};
    b.in_headers[i] = {};
    b.in_headers[i].msg_hdr.msg_name = &b.peers[i];
    b.in_headers[i].msg_hdr.msg_iov = &b.in_vectors[i];
    b.in_headers[i].msg_hdr.msg_iovlen = 1;
    b.in_headers[i].msg_hdr.msg_control = b.control[i].data();
  }
}

UdpListener::~UdpListener() { end(); }  // before the socket is closed

void UdpListener::start() {
  if (!begin(worker_.io(), socket_.get()))
    base::log::error("server", "cannot wait for queries on " + address_.to_string() + ": " + std::strerror(errno));
}

void UdpListener::stop_reading() noexcept { end(); }

void UdpListener::retire() noexcept {
  stop_reading();
  is_retired_ = true;
  if (answers_due_ == 0) close();
}

void UdpListener::forget_answer() noexcept {
  if (--answers_due_ == 0 && is_retired_) close();
}

void UdpListener::close() noexcept {
  socket_ = OwnedFd();
  buffers_.reset();
}

void UdpListener::read() noexcept {
  for (std::size_t round = 0; round < kRoundsMax; ++round)
    if (!work_batch()) return;
  // The kernel tells only of what arrives from now on.
  boost::asio::post(worker_.io(), [this] {
    if (has_begun()) read();
  });
}

bool UdpListener::work_batch() noexcept {
  Buffers& b = *buffers_;
  // Only those that the last batch used: each is a cache line.
  for (std::size_t i = 0; i < b.used; ++i) {
    b.in_headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    b.in_headers[i].msg_hdr.msg_controllen = b.control[i].size();
  }
  b.used = 0;
  const int received = recvmmsg(socket_.get(), b.in_headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (received < 0) return errno != EAGAIN && errno != EWOULDBLOCK;  // else an ICMP error that concerns one client
  const auto count = static_cast<std::size_t>(received);
  b.used = count;
  worker_.counters().udp_batches.add();
  worker_.counters().udp_queries.add(count);

  const Worker::Batch batch = worker_.begin_batch();
  for (std::size_t i = 0; i < count; ++i) {
    QueryContext& context = b.contexts[i];
    const bool cut = b.in_headers[i].msg_hdr.msg_flags & MSG_TRUNC;
    // A cut datagram is reduced to its header, which parse() refuses with FORMERR.
    context.wire = base::ByteView(b.in[i]).first(cut ? dns::kHeaderBytes : b.in_headers[i].msg_len);
    context.client = base::IpAddress::from_sockaddr(reinterpret_cast<const sockaddr&>(b.peers[i]));
    context.protocol = Protocol::kUdp;
    context.arrival = batch.now;
    worker_.pipeline().begin(context, *batch.policy);
  }
  for (std::size_t i = 0; i < count; ++i) worker_.pipeline().prepare(b.contexts[i], *batch.policy);
  std::size_t to_send = 0;
  for (std::size_t i = 0; i < count; ++i) {
    QueryContext& context = b.contexts[i];
    b.dispositions[i] =
        worker_.pipeline().decide(context, *batch.policy, batch.now, b.out[i], b.lengths[i]);
    if (b.dispositions[i] == Disposition::kForward) {
      UdpReturnPath path;
      path.peer = b.peers[i];
      path.peer_length = b.in_headers[i].msg_hdr.msg_namelen;
      path.control_length = b.in_headers[i].msg_hdr.msg_controllen;
      std::memcpy(path.control.data(), b.control[i].data(), path.control_length);
      if (worker_.forward(context, batch, *this, path)) continue;
      b.lengths[i] = worker_.pipeline().refuse_overload(context, *batch.policy, batch.now, b.out[i]);
      b.dispositions[i] = Disposition::kRespond;
    }
    if (b.dispositions[i] == Disposition::kDrop) {
      if (context.reason != storage::Reason::kRateLimited) worker_.counters().silent_drops.add();
      continue;
    }
    b.out_vectors[to_send] = {b.out[i].data(), b.lengths[i]};
    msghdr& header = b.out_headers[to_send].msg_hdr;
    header = b.in_headers[i].msg_hdr;
    header.msg_iov = &b.out_vectors[to_send];
    header.msg_flags = 0;
    clear_interface(header);
    ++to_send;
  }
  flush(to_send);
  worker_.end_batch(batch, b.contexts, b.dispositions, b.out, b.lengths, count);
  return count == kBatch;
}

void UdpListener::flush(std::size_t count) noexcept {
  Buffers& b = *buffers_;
  std::size_t sent = 0;
  while (sent < count) {
    const int n = sendmmsg(socket_.get(), b.out_headers.data() + sent,
                           static_cast<unsigned>(count - sent), MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    worker_.counters().udp_send_errors.add();
    ++sent;  // the datagram at the front is the one that was refused; DNS over UDP may lose it
  }
}

void UdpListener::send(const UdpReturnPath& path, base::ByteView response) noexcept {
  iovec vector{const_cast<std::uint8_t*>(response.data()), response.size()};
  msghdr header{};
  header.msg_name = const_cast<sockaddr_storage*>(&path.peer);
  header.msg_namelen = path.peer_length;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = path.control_length == 0 ? nullptr : const_cast<std::uint8_t*>(path.control.data());
  header.msg_controllen = path.control_length;
  clear_interface(header);
  if (sendmsg(socket_.get(), &header, MSG_DONTWAIT) < 0) worker_.counters().udp_send_errors.add();
}

}  // namespace rampart::resolver
