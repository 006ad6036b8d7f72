#include "control/hosts_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <fstream>

#include "tests/support/scripted_http_server.h"
#include "tests/support/temporary_directory.h"

namespace rampart::control {
namespace {

using blocklists::SourceKind;
using test_support::ScriptedHttpServer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const base::HashKey kKey;
constexpr auto kPatience = std::chrono::seconds(20);

class HostsKeeperTest : public ::testing::Test {
 protected:
  HostsFile hosts(std::vector<blocklists::SourceSpec> sources) {
    HostsFile config;
    config.sources = std::move(sources);
    config.loading.refresh_period = Milliseconds(0);
    config.loading.downloads.attempts = 1;
    config.loading.downloads.timeout = Milliseconds(2000);
    return config;
  }
  std::vector<std::string> names_of(const std::string& address) {
    const auto names = keeper.names();
    return names ? names->names_of(*base::IpAddress::parse(address)) : std::vector<std::string>{"(no table)"};
  }
  /// Until on_change was called so many times.
  bool wait_for_changes(unsigned count) {
    std::unique_lock lock(mutex);
    return wake.wait_for(lock, kPatience, [&] { return changes >= count; });
  }

  std::mutex mutex;
  std::condition_variable wake;
  unsigned changes = 0;
  HostsKeeper keeper{kKey, [this] {
                       const std::lock_guard lock(mutex);
                       ++changes;
                       wake.notify_all();
                     }};
};

TEST_F(HostsKeeperTest, ReadsInlineTextFilesAndDownloads) {
  const test_support::TemporaryDirectory folder;
  const auto path = folder.path() + "/hosts";
  std::ofstream(path) << "192.0.2.2 file.example.org\n";
  ScriptedHttpServer server([](const std::string&) {
    return ScriptedHttpServer::Reply{ScriptedHttpServer::ok("192.0.2.3 web.example.org\n")};
  });
  ASSERT_TRUE(keeper.start(hosts({{SourceKind::kInline, "192.0.2.1 inline.example.org\n"},
                                  {SourceKind::kFile, path},
                                  {SourceKind::kHttp, server.url("/hosts")}}), {}).ok());
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("inline.example.org"));
  EXPECT_THAT(names_of("192.0.2.2"), ElementsAre("file.example.org"));
  EXPECT_THAT(names_of("192.0.2.3"), ElementsAre("web.example.org"));
}

TEST_F(HostsKeeperTest, OneSourceThatFailsKeepsEverythingThatWasInForce) {
  ASSERT_TRUE(keeper.start(hosts({{SourceKind::kInline, "192.0.2.1 a.example.org\n"}}), {}).ok());
  keeper.reload(hosts({{SourceKind::kInline, "192.0.2.1 b.example.org\n"}, {SourceKind::kFile, "/nonexistent/hosts"}}), {});
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("a.example.org"));
  auto strict = hosts({{SourceKind::kInline, "192.0.2.1 c.example.org\nx\ny\n"}});
  strict.loading.max_errors_per_source = 1;
  keeper.reload(strict, {});
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("a.example.org"));
  strict.loading.max_errors_per_source = 2;
  keeper.reload(strict, {});
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("c.example.org"));
  keeper.reload(hosts({}), {});
  EXPECT_EQ(keeper.names(), nullptr);
}

TEST_F(HostsKeeperTest, StrategiesDecideWhatAFailureAtStartMeans) {
  auto config = hosts({{SourceKind::kFile, "/nonexistent/hosts"}});
  EXPECT_TRUE(keeper.start(config, {}).ok()) << "blocking: logged, and the server starts";
  EXPECT_EQ(keeper.names(), nullptr);
  HostsKeeper other(kKey, [] {});
  config.loading.strategy = InitStrategy::kFailOnError;
  const auto failed = other.start(config, {});
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error(), ::testing::HasSubstr("/nonexistent/hosts"));
}

TEST_F(HostsKeeperTest, FastStartsWithWhatIsAtHandAndDownloadsMeanwhile) {
  std::mutex gate;
  gate.lock();
  ScriptedHttpServer server([&](const std::string&) {
    const std::lock_guard wait(gate);
    return ScriptedHttpServer::Reply{ScriptedHttpServer::ok("192.0.2.3 web.example.org\n")};
  });
  auto config = hosts({{SourceKind::kInline, "192.0.2.1 a.example.org\n"}, {SourceKind::kHttp, server.url("/hosts")}});
  config.loading.strategy = InitStrategy::kFast;
  config.loading.downloads.timeout = Milliseconds(20'000);
  ASSERT_TRUE(keeper.start(config, {}).ok());
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("a.example.org"));
  EXPECT_THAT(names_of("192.0.2.3"), IsEmpty());
  gate.unlock();
  ASSERT_TRUE(wait_for_changes(1));
  EXPECT_THAT(names_of("192.0.2.3"), ElementsAre("web.example.org"));
}

TEST_F(HostsKeeperTest, RefreshesByItself) {
  std::atomic<int> version{0};
  ScriptedHttpServer server([&](const std::string&) {
    const int number = ++version;
    return ScriptedHttpServer::Reply{ScriptedHttpServer::ok("192.0.2.1 v" + std::to_string(number) + ".example.org\n")};
  });
  auto config = hosts({{SourceKind::kHttp, server.url("/hosts")}});
  config.loading.refresh_period = Milliseconds(50);
  ASSERT_TRUE(keeper.start(config, {}).ok());
  ASSERT_TRUE(wait_for_changes(2));
  EXPECT_GE(version.load(), 3);
}

TEST_F(HostsKeeperTest, ABrokenDownloadFallsBackToTheCopyOnDisk) {
  const test_support::TemporaryDirectory folder;
  std::atomic<bool> broken{false};
  ScriptedHttpServer server([&](const std::string&) {
    return ScriptedHttpServer::Reply{broken ? ScriptedHttpServer::ok("<html>captive portal\n<p>\n<p>\n<p>\n<p>\n<p>\n<p>\n")
                                            : ScriptedHttpServer::ok("192.0.2.1 a.example.org\n")};
  });
  auto config = hosts({{SourceKind::kHttp, server.url("/hosts")}});
  config.loading.downloads.cache_path = folder.path();
  ASSERT_TRUE(keeper.start(config, {}).ok());
  broken = true;
  keeper.reload(config, {});
  EXPECT_THAT(names_of("192.0.2.1"), ElementsAre("a.example.org"));
  EXPECT_EQ(keeper.failed_downloads(), 1u);
  HostsKeeper after_restart(kKey, [] {});
  ASSERT_TRUE(after_restart.start(config, {}).ok());
  ASSERT_NE(after_restart.names(), nullptr);
  EXPECT_THAT(after_restart.names()->names_of(*base::IpAddress::parse("192.0.2.1")), ElementsAre("a.example.org"));
}

}  // namespace
}  // namespace rampart::control
