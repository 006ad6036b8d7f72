#include "control/tls_identity.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace rampart::control {
namespace {

namespace ssl = boost::asio::ssl;

/// As Blocky: ECDSA P-256, valid for five years.
constexpr long kSelfSignedSeconds = 5L * 365 * 24 * 3600;
constexpr char kSelfSignedName[] = "rampart.invalid";
constexpr char kSelfSignedAltNames[] = "DNS:rampart.invalid,DNS:*";
/// Forward secrecy and authenticated encryption only (TLS 1.3 suites are always of this kind).
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct X509Free {
  void operator()(X509* p) const { X509_free(p); }
};
struct KeyFree {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using Certificate = std::unique_ptr<X509, X509Free>;
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;

std::string openssl_error() {
  char buffer[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, buffer, sizeof(buffer));
  ERR_clear_error();
  return buffer;
}

bool make_self_signed(Certificate& certificate, Key& key) {
  key.reset(EVP_EC_gen("P-256"));
  certificate.reset(X509_new());
  if (!key || !certificate) return false;
  X509* x = certificate.get();
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1) return false;
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
  X509_set_version(x, 2);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);  // clocks of clients may be a little behind
  X509_gmtime_adj(X509_getm_notAfter(x), kSelfSignedSeconds);
  X509_set_pubkey(x, key.get());
  X509_NAME* name = X509_get_subject_name(x);
  const auto text = [](const char* s) { return reinterpret_cast<const unsigned char*>(s); };
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, text("Rampart"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text(kSelfSignedName), -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, kSelfSignedAltNames);
  if (names == nullptr) return false;
  const bool added = X509_add_ext(x, names, -1) == 1;
  X509_EXTENSION_free(names);
  return added && X509_sign(x, key.get(), EVP_sha256()) != 0;
}

/// We speak HTTP/1.1; a client that offers only others is answered without ALPN.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned int in_length, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kOurs, sizeof(kOurs) - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

base::WallTime not_after(const X509* certificate) {
  std::tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

}  // namespace

base::Result<std::shared_ptr<TlsIdentity>, std::string> TlsIdentity::load(const TlsOptions& options) {
  if (options.cert_file.empty() != options.key_file.empty()) {
    return base::Error{std::string("certFile and keyFile belong together: set both, or neither for a self-signed one")};
  }
  auto identity = std::shared_ptr<TlsIdentity>(new TlsIdentity(options));
  if (const auto built = identity->build(); !built) return base::Error{built.error()};
  return identity;
}

TlsIdentity::Stamp TlsIdentity::stamp() const {
  Stamp out;
  std::error_code ignored;  // a missing file shows as zeros, and build() says it properly
  out.cert_time = std::filesystem::last_write_time(options_.cert_file, ignored);
  out.key_time = std::filesystem::last_write_time(options_.key_file, ignored);
  out.cert_bytes = std::filesystem::file_size(options_.cert_file, ignored);
  out.key_bytes = std::filesystem::file_size(options_.key_file, ignored);
  return out;
}

base::Status TlsIdentity::build() {
  const Stamp now = is_self_signed() ? Stamp{} : stamp();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, options_.min_version == TlsFloor::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, kCiphers);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps no 32 KiB of buffers
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  // Else OpenSSL asks for a pass phrase on the terminal.
  SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return 0; });
  if (is_self_signed()) {
    Certificate certificate;
    Key key;
    if (!make_self_signed(certificate, key) || SSL_CTX_use_certificate(raw, certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(raw, key.get()) != 1) {
      return base::Error{"cannot make a self-signed certificate: " + openssl_error()};
    }
  } else {
    if (SSL_CTX_use_certificate_chain_file(raw, options_.cert_file.c_str()) != 1) {
      return base::Error{"certFile '" + options_.cert_file + "' cannot be used: " + openssl_error() +
                         "; name a PEM file that the server may read"};
    }
    if (SSL_CTX_use_PrivateKey_file(raw, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return base::Error{"keyFile '" + options_.key_file + "' cannot be used: " + openssl_error() +
                         "; name the PEM file of the certificate's own key, without pass phrase, that the server "
                         "may read"};
    }
    if (SSL_CTX_check_private_key(raw) != 1) {
      return base::Error{"keyFile '" + options_.key_file + "' is not the key of certFile '" + options_.cert_file +
                         "': " + openssl_error()};
    }
  }
  const auto expiry = not_after(SSL_CTX_get0_certificate(raw));
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  expires_at_ = expiry;
  loaded_ = now;
  return base::Done{};
}

TlsIdentity::Context TlsIdentity::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

base::WallTime TlsIdentity::expires_at() const {
  const std::lock_guard lock(mutex_);
  return expires_at_;
}

base::Result<bool, std::string> TlsIdentity::reload_if_changed() {
  if (is_self_signed()) return false;
  const Stamp now = stamp();
  {
    const std::lock_guard lock(mutex_);
    if (now == loaded_) return false;
  }
  if (const auto built = build(); !built) return base::Error{built.error()};
  return true;
}

}  // namespace rampart::control
