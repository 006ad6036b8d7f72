#include "control/list_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <zstd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/support/filter_world.h"
#include "tests/support/scripted_http_server.h"
#include "tests/support/temporary_directory.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using blocklists::SourceKind;
using test_support::ScriptedHttpServer;
using Reply = ScriptedHttpServer::Reply;

std::string names(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "n" + std::to_string(i) + ".example.org\n";
  return text;
}

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
  /// Files of this process that have no name, wherever they are; `each` gets a path that opens one.
  template <class Each = void (*)(const std::string&)>
  static std::size_t open_unnamed_files(const Each& each = [](const std::string&) {}) {
    std::size_t count = 0;
    for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the directory's own
      const std::string target = std::filesystem::read_symlink(fd.path(), gone).filename().string();
      if (gone || !target.starts_with("#") || !target.ends_with(" (deleted)")) continue;
      ++count;
      each(fd.path().string());
    }
    return count;
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

// Large versions wait on disk; a failed refresh brings them back whole, as often as it takes, for all their groups.
TEST_F(Catalog, ALargeVersionSurvivesManyFailedRefreshes) {
  std::atomic<bool> good = true;
  const std::string body = names(100'000) + "*.wild.example.com\n/^regex[.]/\n192.0.2.0/24\n";
  ScriptedHttpServer server([&](const std::string&) {
    return Reply{good ? ScriptedHttpServer::ok(body) : ScriptedHttpServer::status("404 Not Found")};
  });
  ListCatalogOptions uncached = options();
  uncached.downloads.cache_path.clear();
  ListCatalog catalog(base::HashKey{}, uncached);
  const blocklists::SourceSpec source{SourceKind::kHttp, server.url("/list")};
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, source}, {"more", Action::kDeny, source}};
  EXPECT_EQ(rules(catalog.load(entries)), 100'003u);
  good = false;
  for (int i = 0; i < 3; ++i) {
    const auto outcome = catalog.load(entries);
    EXPECT_EQ(rules(outcome), 100'003u);
    for (const char* name : {"n0.example.org", "n99999.example.org", "a.wild.example.com", "regex.example.com"})
      EXPECT_EQ(outcome->filter->match(support::folded(name), 3).groups, 3u) << name;
    EXPECT_EQ(outcome->filter->match(support::folded("n100000.example.org"), 3).action, Action::kNone);
    EXPECT_EQ(outcome->filter->match(*base::IpAddress::parse("192.0.2.9"), 3).groups, 3u);
  }
}

/// A bound on a resource of the process, for the life of the object.
class Bound {
 public:
  Bound(int resource, rlim_t value) : resource_(resource) {
    EXPECT_EQ(getrlimit(resource_, &before_), 0);
    rlimit bound = before_;
    bound.rlim_cur = value;
    EXPECT_EQ(setrlimit(resource_, &bound), 0);
  }
  ~Bound() { setrlimit(resource_, &before_); }

 private:
  int resource_;
  rlimit before_{};
};

// No file can be opened, or a disk is full after 64 KiB: then the names stay in memory, and nothing else changes.
TEST_F(Catalog, WhereNoDiskTakesThemTheNamesStayInMemory) {
  std::signal(SIGXFSZ, SIG_IGN);
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kInline, names(50'000)}},
                                       {"ads", Action::kDeny, {SourceKind::kInline, names(60'000)}}};
  ListCatalog catalog(base::HashKey{}, options());
  const auto all_found = [](const blocklists::FilterSet& filter) {
    for (const char* name : {"n0.example.org", "n49999.example.org", "n59999.example.org"})
      EXPECT_EQ(filter.match(support::folded(name), 1).action, Action::kDeny) << name;
  };
  const std::map<int, rlim_t> bounds = {{RLIMIT_NOFILE, 3}, {RLIMIT_FSIZE, 64 * 1024}};
  for (const auto& [resource, value] : bounds) {
    const auto outcome = [&] {
      const Bound bound(resource, value);
      return catalog.load(entries);
    }();
    EXPECT_EQ(rules(outcome), 60'000u);
    EXPECT_EQ(open_unnamed_files(), 0u);
    all_found(*outcome->filter);
  }
  const auto outcome = catalog.load(entries);
  EXPECT_EQ(open_unnamed_files(), 2u);
  all_found(*outcome->filter);
}

// The disk loses the end of a version that is needed again: an error that says which, and the filter that is in
// force goes on. The next version that can be read heals it.
TEST_F(Catalog, AVersionThatTheDiskHasLostIsAnErrorThatNamesItsList) {
  std::atomic<bool> good = true;
  ScriptedHttpServer server([&](const std::string&) {
    return Reply{good ? ScriptedHttpServer::ok(names(50'000)) : ScriptedHttpServer::status("404 Not Found")};
  });
  ListCatalogOptions uncached = options();
  uncached.downloads.cache_path.clear();
  ListCatalog catalog(base::HashKey{}, uncached);
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/list")}}};
  const auto in_force = catalog.load(entries);
  EXPECT_EQ(rules(in_force), 50'000u);
  good = false;
  EXPECT_EQ(open_unnamed_files([](const std::string& file) { std::filesystem::resize_file(file, 80'000); }), 1u);
  for (int i = 0; i < 2; ++i) {
    const auto outcome = catalog.load(entries);
    ASSERT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.error(), testing::HasSubstr(server.url("/list")));
    EXPECT_THAT(outcome.error(), testing::HasSubstr("the file ends at octet 80000"));
  }
  EXPECT_EQ(in_force->filter->match(support::folded("n49999.example.org"), 1).action, Action::kDeny);
  good = true;
  EXPECT_EQ(rules(catalog.load(entries)), 50'000u);
}

// What a hostile or broken list host may send in place of a list of 200 names; each leaves that list in force.
struct Hostile {
  const char* what;
  std::string body;
  std::string message;
  blocklists::Refusal cause;
};

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::vector<Hostile> hostile_lists() {
  using blocklists::Refusal;
  std::vector<Hostile> all = {
      {"html", "<!DOCTYPE html><html><body>Log in</body></html>", "HTML page", Refusal::kHtml},
      {"html inside zstd", zstd("\n<html>"), "HTML page", Refusal::kHtml},
      {"nothing", "", "shrunk from 200 to 0 entries", Refusal::kShrunk},
      {"comments only", "# moved to https://example.org\n", "shrunk from 200 to 0 entries", Refusal::kShrunk},
      {"an end that is missing", names(20), "shrunk from 200 to 20 entries, by 90 %", Refusal::kShrunk},
      {"another list", names(20000), "grown from 200 to 20000 entries, by 9900 %", Refusal::kGrown},
      {"a canary", names(200) + "time.example.com\n", "would block time.example.com", Refusal::kCanary},
      {"a whole zone", names(200) + "*.com\n", "would block time.example.com", Refusal::kCanary},
      {"a regex for everything", names(200) + "/./\n", "would block", Refusal::kCanary},
      {"all addresses", names(200) + "0.0.0.0/0\n", "most of the Internet", Refusal::kCanary},
      {"zeros", std::string(100'000, '\0'), "longer than 64 KiB", Refusal::kErrors},
      {"zeros in lines", names(200) + std::string("a\0b\na\0b\na\0b\na\0b\na\0b\na\0b\n", 24), "too many parse errors (6)",
       Refusal::kErrors},
      {"too long", zstd(std::string(std::size_t{40} << 20, 'x')), "more than 32 MiB of text", Refusal::kTooLong},
  };
  // Some of them are errors, some are lines that mean nothing to us; a list of either is none.
  for (const char* line : {".", "..", "*.", "||^", "@@", "0.0.0.0/", "/(/", "\xff\xfe", "/a{1000}{1000}/"})
    all.push_back({line, std::string(line) + "\n", "has no entry, but 1 lines in error", Refusal::kErrors});
  for (const char* line : {"://", "/", "*"})
    all.push_back({line, std::string(line) + "\n", "shrunk from 200 to 0 entries", Refusal::kShrunk});
  return all;
}

TEST_F(Catalog, HostileVersionsLeaveTheLastGoodOneInForceAlsoAfterARestart) {
  std::string body;
  ScriptedHttpServer server([&](const std::string&) { return Reply{ScriptedHttpServer::ok(body)}; });
  ListCatalogOptions strict = options();
  strict.admission.canaries = {"time.example.com"};
  strict.downloads.reading.text_bytes_max = std::uint64_t{32} << 20;
  int number = 0;
  for (const auto& hostile : hostile_lists()) {
    SCOPED_TRACE(hostile.what);
    const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/" + std::to_string(number++))}}};
    body = names(200);
    ListCatalog catalog(base::HashKey{}, strict);
    EXPECT_EQ(rules(catalog.load(entries)), 200u);
    body = hostile.body;
    for (ListCatalog* after : {&catalog, static_cast<ListCatalog*>(nullptr)}) {
      std::optional<ListCatalog> restarted;
      if (after == nullptr) after = &restarted.emplace(base::HashKey{}, strict);
      const auto outcome = after->load(entries);
      EXPECT_EQ(rules(outcome), 200u);
      ASSERT_EQ(outcome->errors.size(), 1u);
      EXPECT_THAT(outcome->errors[0], testing::HasSubstr(hostile.message));
      EXPECT_GE(after->refusals().value(hostile.cause), 1u);
      EXPECT_TRUE(outcome->empty_groups.empty());
    }
  }
}

TEST_F(Catalog, TheSameGateStandsBeforeFilesButNotBeforeInlineText) {
  const std::string path = folder_.path() + "/list.txt";
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kFile, path}}};
  ListCatalogOptions strict = options();
  strict.admission.canaries = {"time.example.com"};
  ListCatalog catalog(base::HashKey{}, strict);
  std::ofstream(path) << names(200);
  EXPECT_EQ(rules(catalog.load(entries)), 200u);
  for (const std::string& bad : {names(10), names(200) + "*.com\n", std::string("<html>")}) {
    std::ofstream(path) << bad;
    const auto outcome = catalog.load(entries);
    EXPECT_EQ(rules(outcome), 200u);
    EXPECT_EQ(outcome->errors.size(), 1u);
  }
  EXPECT_EQ(rules(catalog.load({{"ads", Action::kDeny, {SourceKind::kInline, "*.com\n"}}})), 1u);
}

TEST_F(Catalog, WhatWasPreparedButNotCommittedReplacesNoLastGoodVersion) {
  const std::string path = folder_.path() + "/list";
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kFile, path}}};
  const std::vector<ListEntry> others{{"ads", Action::kDeny, {SourceKind::kInline, "other.example.org\n"}}};
  ListCatalog catalog(base::HashKey{}, options());
  std::ofstream(path) << names(3);
  EXPECT_EQ(rules(catalog.load(entries)), 3u);
  std::filesystem::remove(path);
  EXPECT_EQ(rules(catalog.prepare(others)), 1u);
  EXPECT_EQ(rules(catalog.load(entries)), 3u);
  auto replaced = catalog.prepare(others);
  ASSERT_TRUE(replaced.ok());
  catalog.commit(*replaced);
  EXPECT_EQ(rules(catalog.load(entries)), 0u) << "forgotten now";
}

TEST_F(Catalog, AWholeGateThatIsOffLetsEverythingPassThatIsAList) {
  std::string body = names(200);
  ScriptedHttpServer server([&](const std::string&) { return Reply{ScriptedHttpServer::ok(body)}; });
  ListCatalogOptions off = options();
  off.admission.enable = false;
  off.admission.canaries = {"time.example.com"};
  ListCatalog catalog(base::HashKey{}, off);
  const std::vector<ListEntry> entries{{"ads", Action::kDeny, {SourceKind::kHttp, server.url("/list")}}};
  EXPECT_EQ(rules(catalog.load(entries)), 200u);
  body = "*.com\n";
  EXPECT_EQ(rules(catalog.load(entries)), 1u);
}

}  // namespace
}  // namespace rampart::control
