#include "control/bootstrap_lookup.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>

#include "resolver/cares_channel.h"
#include "resolver/deadline_timer.h"

namespace rampart::control {
namespace {

// Three servers that do not answer, asked twice for a second each; beyond that the download's next attempt is better.
constexpr auto kBootstrapLookupMax = std::chrono::seconds(6);

}  // namespace

base::Result<std::vector<base::IpAddress>, std::string> bootstrap_lookup(const std::string& host,
                                                                         const resolver::BootstrapOptions& options) {
  try {
    boost::asio::io_context io{1};
    resolver::DeadlineTimer timer(io);
    resolver::CaresChannel channel(io, timer, options.servers);
    std::optional<resolver::HostAddresses> found;
    channel.addresses(host, options.families, [&](resolver::HostAddresses result) { found = std::move(result); });
    const auto end = base::monotonic_now() + kBootstrapLookupMax;
    while (!found && base::monotonic_now() < end) {
      io.restart();
      io.run_one_until(end);
    }
    if (!found) return base::Error{std::string("no answer from bootstrapDns")};
    if (found->ips.empty()) return base::Error{found->error};
    return std::move(found->ips);
  } catch (const std::exception& e) {
    return base::Error{std::string(e.what())};
  }
}

}  // namespace rampart::control
