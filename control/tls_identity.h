// The certificate we show: from certFile and keyFile, or self-signed when neither is set. Renewal needs no restart:
// when a file changes, new connections get the new certificate; one that does not load leaves the old one in force.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace rampart::control {

/// Below 1.2 nothing is served (RFC 8996).
enum class TlsFloor : std::uint8_t { k12, k13 };

struct TlsOptions {
  std::string cert_file;  ///< PEM, the whole chain; empty together with key_file: self-signed
  std::string key_file;   ///< PEM
  TlsFloor min_version = TlsFloor::k12;
  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

class TlsIdentity {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;

  /// Errors name the file and what is wrong with it.
  static base::Result<std::shared_ptr<TlsIdentity>, std::string> load(const TlsOptions& options);

  /// The context for a new connection, which keeps it alive. Thread: any.
  [[nodiscard]] Context context() const;
  /// Loads the files again if their modification time or size has changed. Returns true when a new certificate is in
  /// force now; an error leaves the old one. Thread: any.
  [[nodiscard]] base::Result<bool, std::string> reload_if_changed();
  [[nodiscard]] base::WallTime expires_at() const;
  [[nodiscard]] bool is_self_signed() const { return options_.cert_file.empty(); }

 private:
  struct Stamp {
    std::filesystem::file_time_type cert_time{}, key_time{};
    std::uintmax_t cert_bytes = 0, key_bytes = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  explicit TlsIdentity(TlsOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Stamp stamp() const;
  [[nodiscard]] base::Status build();

  const TlsOptions options_;
  mutable std::mutex mutex_;
  Context context_;
  base::WallTime expires_at_{};
  Stamp loaded_;
};

}  // namespace rampart::control
