// The client's side of TLS for the command line: puts an ApiTrust into force. What OpenSSL can check during the
// handshake it checks there; the rest is judged between handshake and request, before anything was said.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "base/result.h"
#include "control/api_address.h"

namespace rampart::control {

using ApiTlsStream = boost::asio::ssl::stream<boost::beast::tcp_stream&>;

/// Before any stream of `context`. Errors name the file that cannot be used.
[[nodiscard]] base::Status prepare_trust(boost::asio::ssl::context& context, const ApiTrust& trust);
/// Before the handshake.
void expect_host(ApiTlsStream& stream, const ApiAddress& address);
/// Why a handshake failed: the verdict on the certificate, where there is one.
[[nodiscard]] std::string handshake_fault(ApiTlsStream& stream, const boost::system::error_code& error);
/// After the handshake: an error says why the other side is not believed, and what helps.
[[nodiscard]] base::Status judge_peer(ApiTlsStream& stream, const ApiTrust& trust);

}  // namespace rampart::control
