// Where Redis is, how to log in, and how long anything may take; filled from `redis.*`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace rampart::storage {

struct RedisEndpoint {
  std::string host;  ///< name or address; empty: `socket_path`
  std::uint16_t port = 0;
  std::string socket_path;

  [[nodiscard]] std::string to_text() const {
    if (host.empty()) return socket_path;
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  friend bool operator==(const RedisEndpoint&, const RedisEndpoint&) = default;
};

struct RedisLogin {
  std::string username, password;
  std::int32_t database = 0;
  friend bool operator==(const RedisLogin&, const RedisLogin&) = default;
};

struct RedisTls {
  bool enable = false;
  std::string ca_file, cert_file, key_file, server_name;
  friend bool operator==(const RedisTls&, const RedisTls&) = default;
};

struct RedisOptions {
  RedisEndpoint server;      ///< unused with sentinels
  std::string master_name;   ///< for the sentinels
  std::vector<RedisEndpoint> sentinels;
  RedisLogin login;
  RedisLogin sentinel_login;
  RedisTls tls;
  bool required = false;
  std::int32_t attempts = 3;                     ///< retries at start; 0: 3, -1: none
  std::chrono::milliseconds cooldown_max{1000};  ///< longest pause between two attempts

  /// From the first packet to the last reply of the login. A Redis on the same network needs a millisecond; one
  /// that needs a second cannot keep instances in step, and a dead one should be noticed while people wait.
  std::chrono::milliseconds connect_max{1200};
  /// For one reply, and for one answer of a sentinel.
  std::chrono::milliseconds reply_max{1500};
  std::chrono::milliseconds sentinel_max{500};

  friend bool operator==(const RedisOptions&, const RedisOptions&) = default;
};

}  // namespace rampart::storage
