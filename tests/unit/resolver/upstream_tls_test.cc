// DNS over TLS towards upstreams, seen through the forwarder.
#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ForwardOutcome;

/// A self-signed certificate for dns.example.org, and a TLS server that shows it and answers everything.
class TlsServer {
 public:
  TlsServer() {
    std::signal(SIGPIPE, SIG_IGN);  // a client that refuses us closes while we write
    key_ = EVP_EC_gen("P-256");
    certificate_ = X509_new();
    X509_set_version(certificate_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 86400);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("rampart test"), -1, -1, 0);
    X509_set_issuer_name(certificate_, name);
    X509_EXTENSION* san = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:dns.example.org");
    X509_add_ext(certificate_, san, -1);
    X509_EXTENSION_free(san);
    X509_sign(certificate_, key_, EVP_sha256());

    char path[] = "/tmp/rampart_ca_XXXXXX";
    const int fd = mkstemp(path);
    ca_file_ = path;
    FILE* file = fdopen(fd, "w");
    PEM_write_X509(file, certificate_);
    fclose(file);

    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, certificate_);
    SSL_CTX_use_PrivateKey(context_, key_);

    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 8);
    socklen_t length = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TlsServer() {
    stop_ = true;
    shutdown(listener_, SHUT_RDWR);
    shutdown(current_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
    X509_free(certificate_);
    EVP_PKEY_free(key_);
    unlink(ca_file_.c_str());
  }

  resolver::UpstreamSpec spec(std::string common_name) const {
    return {resolver::UpstreamProtocol::kDot, "127.0.0.1", port_, {}, std::move(common_name), {}, {}};
  }
  const std::string& ca_file() const { return ca_file_; }
  std::array<std::uint8_t, 32> tbs_hash() const {
    unsigned char* tbs = nullptr;
    const int length = i2d_re_X509_tbs(certificate_, &tbs);
    std::array<std::uint8_t, 32> hash;
    SHA256(tbs, static_cast<std::size_t>(length), hash.data());
    OPENSSL_free(tbs);
    return hash;
  }

  std::atomic<int> handshakes{0};
  std::atomic<int> queries{0};
  std::atomic<int> unpadded{0};

 private:
  static bool read_all(SSL* ssl, std::uint8_t* p, int length) {
    while (length > 0) {
      const int n = SSL_read(ssl, p, length);
      if (n <= 0) return false;
      p += n;
      length -= n;
    }
    return true;
  }

  void run() {
    while (!stop_) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      current_ = fd;
      SSL* ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) {
        ++handshakes;
        std::uint8_t length[2];
        while (!stop_ && read_all(ssl, length, 2)) {
          FakeQuery query;
          query.wire.resize(base::load_u16(length));
          if (!read_all(ssl, query.wire.data(), static_cast<int>(query.wire.size()))) break;
          ++queries;
          unpadded += query.wire.size() % 128 != 0;
          const Bytes answer = answer_a(query, 53).wire;
          Bytes frame(2);
          base::store_u16(frame.data(), static_cast<std::uint16_t>(answer.size()));
          frame.insert(frame.end(), answer.begin(), answer.end());
          if (SSL_write(ssl, frame.data(), static_cast<int>(frame.size())) <= 0) break;
        }
      }
      SSL_free(ssl);
      current_ = -1;
      close(fd);
    }
  }

  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  SSL_CTX* context_ = nullptr;
  std::string ca_file_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> current_{-1};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

resolver::ForwarderOptions trusting(const TlsServer& server) {
  resolver::ForwarderOptions options;
  options.tls_ca_file = server.ca_file();
  return options;
}

TEST(UpstreamTls, AsksPaddedOverOneVerifiedConnection) {
  TlsServer server;
  ForwardWorld world(trusting(server));
  world.use({server.spec("dns.example.org")}, resolver::UpstreamStrategy::kParallelBest, 2s);
  for (int i = 0; i < 20; ++i) world.ask(std::to_string(i) + ".example.org");
  ASSERT_TRUE(world.run_until_all_done());
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 53);
  EXPECT_EQ(world.counters.answers.value(), 21u);
  EXPECT_EQ(server.handshakes, 1);
  EXPECT_EQ(server.unpadded, 0);
  EXPECT_EQ(world.counters.sent_udp.value(), 0u);
}

TEST(UpstreamTls, RefusesACertificateForAnotherName) {
  TlsServer server;
  ForwardWorld world(trusting(server));
  world.use({server.spec("other.example.org")}, resolver::UpstreamStrategy::kParallelBest, 2s);
  EXPECT_EQ(world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kNetworkError);
  EXPECT_EQ(server.queries, 0);
}

TEST(UpstreamTls, RefusesACertificateNobodyVouchesFor) {
  TlsServer server;
  ForwardWorld world;
  world.use({server.spec("dns.example.org")}, resolver::UpstreamStrategy::kParallelBest, 2s);
  EXPECT_EQ(world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kNetworkError);
  EXPECT_EQ(server.queries, 0);
}

TEST(UpstreamTls, HoldsToPinnedCertificates) {
  TlsServer server;
  auto pinned = server.spec("dns.example.org");
  pinned.certificate_hashes = {server.tbs_hash()};
  ForwardWorld world(trusting(server));
  world.use({pinned}, resolver::UpstreamStrategy::kParallelBest, 2s);
  EXPECT_EQ(world.ask_and_wait("www.example.org").last_octet(), 53);
  auto other = pinned;
  other.certificate_hashes[0][0] ^= 1;
  const int before = server.queries;
  TlsServer second;
  other.port = second.spec("").port;
  ForwardWorld strict_world(trusting(second));
  strict_world.use({other}, resolver::UpstreamStrategy::kParallelBest, 2s);
  EXPECT_EQ(strict_world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kNetworkError);
  EXPECT_EQ(second.queries, 0);
  EXPECT_EQ(server.queries, before);
}

}  // namespace
}  // namespace rampart
