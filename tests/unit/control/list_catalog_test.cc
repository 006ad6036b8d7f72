#include "control/list_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "tests/support/scripted_http_server.h"
#include "tests/support/temporary_directory.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using blocklists::SourceKind;
using test_support::ScriptedHttpServer;
using Reply = ScriptedHttpServer::Reply;

class Catalog : public testing::Test {
 protected:
  void SetUp() override { setenv("no_proxy", "*", 1); }
  ListCatalogOptions options() const {
    ListCatalogOptions options;
    options.downloads.attempts = 1;
    options.downloads.cache_path = folder_.path();
    return options;
  }
  static std::size_t rules(const base::Result<ListCatalog::Outcome, std::string>& outcome) {
    EXPECT_TRUE(outcome.ok());
    return outcome.ok() ? outcome->filter->rule_count() : 0;
  }
  test_support::TemporaryDirectory folder_;
};

TEST_F(Catalog, ReadsManySourcesInTheOrderOfTheConfigurationWhateverTheConcurrency) {
  std::vector<ListEntry> entries;
  for (int i = 0; i < 20; ++i)
    entries.push_back({"ads", Action::kDeny, {SourceKind::kInline, "n" + std::to_string(i) + ".example.org\n"}});
  entries.push_back({"ads", Action::kDeny, {SourceKind::kFile, "/does/not/exist/1"}});
  entries.push_back({"ads", Action::kDeny, {SourceKind::kFile, "/does/not/exist/0"}});
  for (const std::uint32_t concurrency : {0u, 1u, 4u, 100u}) {
    ListCatalogOptions some;
    some.concurrency = concurrency;
    ListCatalog catalog(base::HashKey{}, some);
    const auto outcome = catalog.load(entries);
    EXPECT_EQ(rules(outcome), 20u);
    ASSERT_EQ(outcome->errors.size(), 2u);
    EXPECT_THAT(outcome->errors[0], testing::HasSubstr("/does/not/exist/1"));
    EXPECT_THAT(outcome->errors[1], testing::HasSubstr("/does/not/exist/0"));
  }
}

TEST_F(Catalog, AtHandTakesCopiesAndAsksNoServer) {
  ScriptedHttpServer server([](const std::string&) { return Reply{ScriptedHttpServer::ok("a.example.org\n")}; });
  const ListEntry known{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/known")}};
  const ListEntry unknown{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/unknown")}};
  EXPECT_EQ(rules(ListCatalog(base::HashKey{}, options()).load({known})), 1u);

  ListCatalog restarted(base::HashKey{}, options());
  const auto seeded = restarted.load({known, unknown}, ListCatalog::Effort::kAtHand);
  EXPECT_EQ(rules(seeded), 1u);
  EXPECT_TRUE(seeded->errors.empty());
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_TRUE(restarted.load({known, unknown})->errors.empty());
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(Catalog, WithoutACopyOnDiskAFailedDownloadKeepsTheVersionInForce) {
  std::atomic<bool> good = true;
  ScriptedHttpServer server([&](const std::string&) {
    return Reply{good ? ScriptedHttpServer::ok("a.example.org\n") : ScriptedHttpServer::status("404 Not Found")};
  });
  ListCatalogOptions uncached = options();
  uncached.downloads.cache_path.clear();
  ListCatalog catalog(base::HashKey{}, uncached);
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/list")}}};
  EXPECT_EQ(rules(catalog.load(entries)), 1u);
  good = false;
  catalog.set_options(uncached);  // as a reload does
  const auto outcome = catalog.load(entries);
  EXPECT_EQ(rules(outcome), 1u);
  EXPECT_EQ(outcome->errors.size(), 1u);
  EXPECT_TRUE(outcome->empty_groups.empty());
  EXPECT_EQ(catalog.failed_downloads(), 1u);
}

}  // namespace
}  // namespace rampart::control
