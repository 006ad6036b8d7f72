#include "control/api_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl/host_name_verification.hpp>
#include <memory>

namespace rampart::control {
namespace {

namespace ssl = boost::asio::ssl;
using Certificate = std::unique_ptr<X509, decltype([](X509* p) { X509_free(p); })>;
using File = std::unique_ptr<BIO, decltype([](BIO* p) { BIO_free(p); })>;

constexpr const char* kCure = "; --apiCaFile FILE trusts what is in FILE, --apiInsecure trusts anybody";

Certificate first_certificate(const std::string& path) {
  const File file(BIO_new_file(path.c_str(), "r"));
  Certificate out(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  return out;
}

/// From an address of this host to the same address: nobody in between.
bool stays_on_this_host(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code unknown;
  const auto here = socket.local_endpoint(unknown);
  if (unknown) return false;
  const auto there = socket.remote_endpoint(unknown);
  return !unknown && here.address() == there.address();
}

base::Status judge_pinned(SSL* tls, const std::string& path) {
  const Certificate wanted = first_certificate(path);
  if (!wanted) {
    return base::Error{"certFile '" + path + "' of the configuration cannot be read, and only by it is the server "
                       "known" + kCure};
  }
  const Certificate shown(SSL_get1_peer_certificate(tls));
  if (shown && X509_cmp(wanted.get(), shown.get()) == 0) return base::Done{};
  return base::Error{"the server shows another certificate than certFile '" + path +
                     "' of the configuration (a renewed file is in use after a few seconds)" + kCure};
}

}  // namespace

base::Status prepare_trust(ssl::context& context, const ApiTrust& trust) {
  SSL_CTX* raw = context.native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  if (trust.whom != ApiTrust::Whom::kAuthorities) {
    context.set_verify_mode(ssl::verify_none);
    return base::Done{};
  }
  context.set_verify_mode(ssl::verify_peer);
  boost::system::error_code error;
  if (trust.file.empty()) {
    context.set_default_verify_paths(error);
    if (error) return base::Error{"cannot read the system's certificate authorities: " + error.message()};
    return base::Done{};
  }
  context.load_verify_file(trust.file, error);
  if (error) {
    return base::Error{"'" + trust.file + "' (--apiCaFile, RAMPART_API_CA_FILE) holds no readable certificate: " +
                       error.message()};
  }
  // A server's own certificate may be in the file as well as an authority's.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), X509_V_FLAG_PARTIAL_CHAIN);
  return base::Done{};
}

void expect_host(ApiTlsStream& stream, const ApiAddress& address) {
  boost::system::error_code no_name;
  boost::asio::ip::make_address(address.host, no_name);
  // RFC 6066 3: no addresses in SNI.
  if (no_name) SSL_set_tlsext_host_name(stream.native_handle(), address.host.c_str());
  if (address.trust.whom == ApiTrust::Whom::kAuthorities) {
    stream.set_verify_callback(ssl::host_name_verification(address.host));
  }
}

std::string handshake_fault(ApiTlsStream& stream, const boost::system::error_code& error) {
  switch (const long verdict = SSL_get_verify_result(stream.native_handle())) {
    case X509_V_OK: return error.message();
    case X509_V_ERR_UNSPECIFIED: return std::string("the certificate is for another host") + kCure;
    default: return X509_verify_cert_error_string(verdict) + std::string(kCure);
  }
}

base::Status judge_peer(ApiTlsStream& stream, const ApiTrust& trust) {
  if (trust.whom == ApiTrust::Whom::kCertificate) return judge_pinned(stream.native_handle(), trust.file);
  if (trust.whom == ApiTrust::Whom::kThisHost && !stays_on_this_host(stream.next_layer().socket())) {
    return base::Error{std::string("the server makes up its certificate at each start, which proves nothing to "
                                   "other hosts: set certFile and keyFile in the configuration") + kCure};
  }
  return base::Done{};
}

}  // namespace rampart::control
