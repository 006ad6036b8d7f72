// The floor under every UDP DNS server: batches in by recvmmsg, QR set, batches out by sendmmsg, nothing else.
//   bench_echo PORT
// With a second argument it is a trivial upstream instead: every question gets one A record with TTL 300.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// Turns a query into its response in place, one answer between the question and whatever follows it (OPT).
std::size_t answer(std::uint8_t* message, std::size_t length) {
  std::size_t end = 12;
  while (end < length && message[end] != 0) end += 1u + message[end];
  end += 5;
  if (end > length) return length;
  static constexpr std::uint8_t kRecord[16] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
  std::memmove(message + end + sizeof(kRecord), message + end, length - end);
  std::memcpy(message + end, kRecord, sizeof(kRecord));
  message[3] |= 0x80;
  message[7] = 1;
  return length + sizeof(kRecord);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr unsigned kBatch = 32;
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_echo PORT [answer]\n");
    return 2;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int bytes = 4 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    std::perror("bind");
    return 1;
  }
  static std::array<std::array<std::uint8_t, 4096>, kBatch> buffers;
  static std::array<sockaddr_storage, kBatch> peers;
  static std::array<iovec, kBatch> vectors;
  static std::array<mmsghdr, kBatch> headers;
  for (;;) {
    for (unsigned i = 0; i < kBatch; ++i) {
      vectors[i] = {buffers[i].data(), buffers[i].size() - 64};
      headers[i] = {};
      headers[i].msg_hdr.msg_name = &peers[i];
      headers[i].msg_hdr.msg_namelen = sizeof(peers[i]);
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = recvmmsg(fd, headers.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (n <= 0) continue;
    for (int i = 0; i < n; ++i) {
      buffers[i][2] |= 0x80;
      vectors[i].iov_len = argc > 2 ? answer(buffers[i].data(), headers[i].msg_len) : headers[i].msg_len;
    }
    sendmmsg(fd, headers.data(), static_cast<unsigned>(n), 0);
  }
}
