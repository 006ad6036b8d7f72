// Downloads against a real server on the loopback interface: good, changed, gone, cut short, slow and hostile.
#include "blocklists/list_download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/gzip.h"
#include "tests/support/scripted_http_server.h"
#include "tests/support/temporary_directory.h"

namespace rampart::blocklists {
namespace {

using test_support::gzip;
using test_support::ScriptedHttpServer;
using testing::HasSubstr;
using testing::Not;
using Reply = ScriptedHttpServer::Reply;

const std::string kList = "one.example.org\ntwo.example.org\n";
// Of "http://list.example.org/a.txt", computed by sha256sum.
constexpr const char* kSha256 = "3c5798659d584607b16340e14139623a7495be0eca747ccf49494172564a6070";

class ListDownload : public testing::Test {
 protected:
  void SetUp() override { setenv("no_proxy", "*", 1); }

  DownloadOptions options() const {
    DownloadOptions options;
    options.attempts = 2;
    options.cooldown = std::chrono::milliseconds(1);
    options.cache_path = folder_.path() + "/cache";
    return options;
  }
  static base::Result<LoadedSource, std::string> load(ListDownloader& downloader, const std::string& url) {
    return downloader.load({SourceKind::kHttp, url}, base::HashKey{}, ListParserOptions{});
  }
  // Each time by a new object, as after a restart.
  base::Result<LoadedSource, std::string> load(const std::string& url) {
    ListDownloader downloader(options());
    auto loaded = load(downloader, url);
    failed_attempts_ = downloader.failed_attempts();
    return loaded;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/cache"))
      if (entry.path().extension() != ".state") names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string copy_of(const std::string& url) const {
    std::ifstream file(DownloadCache(folder_.path() + "/cache").path_of(url), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static void expect_rules(const base::Result<LoadedSource, std::string>& loaded, std::size_t count) {
    ASSERT_TRUE(loaded.ok()) << loaded.error();
    EXPECT_EQ(loaded->rules->rule_count(), count);
  }
  // A good copy is there; then the server answers `bad`: the copy is used and stays as it was, nothing is left over.
  void expect_copy_survives(const Reply& bad, std::uint64_t failed_attempts) {
    std::atomic<bool> good = true;
    ScriptedHttpServer server([&](const std::string&) { return good ? Reply{ScriptedHttpServer::ok(kList)} : bad; });
    const std::string url = server.url("/list");
    expect_rules(load(url), 2);
    const auto before = files();
    good = false;
    expect_rules(load(url), 2);
    EXPECT_EQ(failed_attempts_, failed_attempts);
    EXPECT_EQ(copy_of(url), kList);
    EXPECT_EQ(files(), before);
  }
  // Without a copy the same answer is an error with this reason.
  void expect_error(const Reply& bad, const std::string& reason) {
    ScriptedHttpServer server([&](const std::string&) { return bad; });
    const std::string url = server.url("/list");
    const auto loaded = load(url);
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error(), HasSubstr("Can't download file: " + url + ": "));
    EXPECT_THAT(loaded.error(), HasSubstr(reason));
    EXPECT_TRUE(files().empty());
  }

  test_support::TemporaryDirectory folder_;
  std::uint64_t failed_attempts_ = 0;
};

TEST_F(ListDownload, KeepsACopyUnderTheHashOfItsUrl) {
  ScriptedHttpServer server([](const std::string&) { return Reply{ScriptedHttpServer::ok(kList)}; });
  const std::string url = server.url("/list");
  expect_rules(load(url), 2);
  EXPECT_EQ(copy_of(url), kList);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(failed_attempts_, 0u);
  EXPECT_EQ(DownloadCache(folder_.path()).path_of("http://list.example.org/a.txt"), folder_.path() + "/" + kSha256);
  EXPECT_THAT(server.requests().at(0), HasSubstr("GET /list HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests().at(0), HasSubstr("User-Agent: rampart\r\n"));
  EXPECT_THAT(server.requests().at(0), HasSubstr("Accept-Encoding: gzip\r\n"));
}

TEST_F(ListDownload, AsksOnlyForWhatChangedAlsoAfterARestart) {
  const std::string longer = kList + "three.example.org\n";
  std::atomic<bool> changed = false;
  ScriptedHttpServer server([&](const std::string& request) {
    const std::string& body = changed ? longer : kList;
    const std::string tag = "\"" + std::to_string(body.size()) + "\"";
    if (request.find("If-None-Match: " + tag) != std::string::npos)
      return Reply{ScriptedHttpServer::status("304 Not Modified")};
    return Reply{ScriptedHttpServer::ok(body, "ETag: " + tag + "\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n")};
  });
  const std::string url = server.url("/list");
  expect_rules(load(url), 2);
  EXPECT_THAT(server.requests().at(0), Not(HasSubstr("If-")));
  expect_rules(load(url), 2);
  EXPECT_THAT(server.requests().at(1), HasSubstr("If-None-Match: \"32\"\r\n"));
  EXPECT_THAT(server.requests().at(1), HasSubstr("If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT\r\n"));
  EXPECT_EQ(failed_attempts_, 0u);
  changed = true;
  expect_rules(load(url), 3);
  EXPECT_EQ(copy_of(url), longer);
  expect_rules(load(url), 3);
  EXPECT_EQ(server.requests().size(), 4u);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(ListDownload, ADamagedCopyIsDownloadedAgainInFull) {
  ScriptedHttpServer server([](const std::string& request) {
    if (request.find("If-None-Match") != std::string::npos) return Reply{ScriptedHttpServer::status("304 Not Modified")};
    return Reply{ScriptedHttpServer::ok(gzip(kList), "ETag: \"1\"\r\n")};
  });
  const std::string url = server.url("/list.gz");
  expect_rules(load(url), 2);
  std::filesystem::resize_file(DownloadCache(folder_.path() + "/cache").path_of(url), 15);
  expect_rules(load(url), 2);
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(copy_of(url), gzip(kList));
}

TEST_F(ListDownload, ValidatorsThatWouldForgeAHeaderAreNotSent) {
  ScriptedHttpServer server([](const std::string&) { return Reply{ScriptedHttpServer::ok(kList)}; });
  const std::string url = server.url("/list");
  expect_rules(load(url), 2);
  std::ofstream(DownloadCache(folder_.path() + "/cache").path_of(url) + ".meta") << "ETag: \"1\"\rX-Evil: 1\nLast-Modified: \n";
  expect_rules(load(url), 2);
  EXPECT_THAT(server.requests().at(1), Not(HasSubstr("Evil")));
}

TEST_F(ListDownload, GzipInBothPlaces) {
  ScriptedHttpServer server([](const std::string& request) {
    return request.find("/encoded") != std::string::npos
               ? Reply{ScriptedHttpServer::ok(gzip(kList), "Content-Encoding: gzip\r\n")}
               : Reply{ScriptedHttpServer::ok(gzip(kList))};
  });
  expect_rules(load(server.url("/encoded")), 2);
  EXPECT_EQ(copy_of(server.url("/encoded")), kList);
  expect_rules(load(server.url("/file.gz")), 2);
}

TEST_F(ListDownload, FollowsRedirects) {
  ScriptedHttpServer server([](const std::string& request) {
    return request.find("GET /new ") != std::string::npos
               ? Reply{ScriptedHttpServer::ok(kList)}
               : Reply{ScriptedHttpServer::status("302 Found", "Location: /new\r\nETag: \"of the redirect\"\r\n")};
  });
  expect_rules(load(server.url("/old")), 2);
  EXPECT_EQ(files().size(), 1u) << "the validator of the redirect is not the list's";
}

TEST_F(ListDownload, StatusErrors) {
  expect_error({ScriptedHttpServer::status("404 Not Found")}, "HTTP status 404");
  EXPECT_EQ(failed_attempts_, 2u);
  expect_error({ScriptedHttpServer::status("304 Not Modified")}, "HTTP status 304");
  expect_error({ScriptedHttpServer::status("204 No Content")}, "HTTP status 204");
  expect_copy_survives({ScriptedHttpServer::status("404 Not Found")}, 2);
  expect_copy_survives({ScriptedHttpServer::status("500 Internal Server Error")}, 2);
}

TEST_F(ListDownload, WebPagesAreRefused) {
  expect_error({ScriptedHttpServer::ok("\xEF\xBB\xBF \r\n<!DOCTYPE html><p>Log in")}, "HTML page");
  expect_error({ScriptedHttpServer::ok("<HTML><body>")}, "HTML page");
  expect_copy_survives({ScriptedHttpServer::ok("<!doctype html>\n", "ETag: \"2\"\r\n")}, 1);
}

TEST_F(ListDownload, RedirectLoopsAndOtherSchemesAreRefused) {
  expect_error({ScriptedHttpServer::status("302 Found", "Location: /list\r\n")}, "redirects");
  expect_error({ScriptedHttpServer::status("302 Found", "Location: file:///etc/hosts\r\n")}, "file");
  expect_copy_survives({ScriptedHttpServer::status("302 Found", "Location: /list\r\n")}, 2);
}

TEST_F(ListDownload, ABodyCutShortIsNoList) {
  const std::string whole = ScriptedHttpServer::ok(kList);
  const Reply cut{whole.substr(0, whole.size() - kList.size() / 2)};
  expect_error(cut, "");
  EXPECT_EQ(failed_attempts_, 2u);
  expect_copy_survives(cut, 2);
}

TEST_F(ListDownload, DamagedContentKeepsTheCopy) {
  expect_copy_survives({ScriptedHttpServer::ok(gzip(kList).substr(0, 20))}, 1);
}

TEST_F(ListDownload, TheJudgeDecidesWhatIsKept) {
  std::string body = kList;
  ScriptedHttpServer server([&](const std::string&) { return Reply{ScriptedHttpServer::ok(body)}; });
  const std::string url = server.url("/list");
  std::vector<std::optional<std::uint64_t>> seen;
  const Judge judge = [&](const LoadedSource& version, std::optional<std::uint64_t> on_disk) -> std::optional<Refused> {
    seen.push_back(on_disk);
    if (version.rules->rule_count() == 2) return std::nullopt;
    return Refused{Refusal::kGrown, "too\nmany"};
  };
  const auto load_judged = [&] {
    ListDownloader downloader(options());
    return downloader.load({SourceKind::kHttp, url}, base::HashKey{}, ListParserOptions{}, judge);
  };
  const auto state = [&] {
    std::ifstream file(DownloadCache(folder_.path() + "/cache").path_of(url) + ".state");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  expect_rules(load_judged(), 2);
  EXPECT_THAT(state(), testing::MatchesRegex("URL: http://.*/list\nEntries: 2\nAdmitted: [-0-9T:Z]+\n"));
  body += "three.example.org\n";
  const auto stale = load_judged();
  expect_rules(stale, 2);
  EXPECT_TRUE(stale->was_refused);
  EXPECT_THAT(stale->stale_because, HasSubstr(url + ": new version refused: too\nmany"));
  EXPECT_EQ(copy_of(url), kList);
  EXPECT_THAT(state(), HasSubstr("Entries: 2\nAdmitted: "));
  EXPECT_THAT(state(), HasSubstr("new version refused: too?many\n"));
  EXPECT_THAT(seen, testing::ElementsAre(std::nullopt, std::optional<std::uint64_t>(2), std::nullopt));
  body = kList;
  expect_rules(load_judged(), 2);
  EXPECT_THAT(state(), Not(HasSubstr("Refused")));
}

TEST_F(ListDownload, BombsEndAtTheBoundInBothPlacesAndAreNotTriedAgain) {
  const std::string bomb = gzip(std::string(std::size_t{64} << 20, 'x'));
  ScriptedHttpServer server([&](const std::string& request) {
    return Reply{ScriptedHttpServer::ok(bomb, request.find("/encoded") != std::string::npos ? "Content-Encoding: gzip\r\n" : "")};
  });
  RefusalCounters refusals;
  DownloadOptions bounded = options();
  bounded.attempts = 3;
  bounded.body_bytes_max = std::uint64_t{8} << 20;
  bounded.reading.text_bytes_max = std::uint64_t{8} << 20;
  bounded.reading.refusals = &refusals;
  ListDownloader downloader(bounded);
  for (const char* path : {"/encoded", "/file.gz"}) {
    const auto loaded = load(downloader, server.url(path));
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error(), HasSubstr("more than 8 MiB"));
    EXPECT_THAT(loaded.error(), HasSubstr("is it an archive bomb?"));
  }
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(refusals.value(Refusal::kTooLong), 2u);
}

class SlowDownload : public ListDownload {
 protected:
  const Reply slow_{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\none.example.org\n", true};
};

TEST_F(SlowDownload, EndsAtTheTimeout) {
  ScriptedHttpServer server([&](const std::string&) { return slow_; });
  DownloadOptions slow = options();
  slow.timeout = std::chrono::milliseconds(100);
  ListDownloader downloader(slow);
  const auto loaded = load(downloader, server.url("/list"));
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error(), HasSubstr("timed out"));
  EXPECT_EQ(downloader.failed_attempts(), 2u);
  EXPECT_TRUE(files().empty());
}

TEST_F(SlowDownload, EndsWhenStopped) {
  ScriptedHttpServer server([&](const std::string&) { return slow_; });
  DownloadOptions patient = options();
  patient.timeout = std::chrono::minutes(10);
  patient.attempts = 0;
  ListDownloader downloader(patient);
  std::thread stopper([&] {
    while (server.requests().empty()) std::this_thread::yield();
    downloader.stop();
  });
  EXPECT_FALSE(load(downloader, server.url("/list")).ok());
  stopper.join();
  EXPECT_EQ(downloader.failed_attempts(), 0u);
  EXPECT_TRUE(files().empty());
}

TEST_F(ListDownload, WithoutAnEndOfAttemptsItTriesUntilItSucceeds) {
  int left = 5;
  ScriptedHttpServer server([&](const std::string&) {
    return left-- > 0 ? Reply{ScriptedHttpServer::status("503 Later")} : Reply{ScriptedHttpServer::ok(kList)};
  });
  DownloadOptions endless = options();
  endless.attempts = 0;
  ListDownloader downloader(endless);
  expect_rules(load(downloader, server.url("/list")), 2);
  EXPECT_EQ(downloader.failed_attempts(), 5u);
}

TEST_F(ListDownload, AStopSeenByTheOwnerEndsEndlessAttempts) {
  ScriptedHttpServer server([](const std::string&) { return Reply{ScriptedHttpServer::status("503 Later")}; });
  DownloadOptions endless = options();
  endless.attempts = 0;
  endless.is_stopping = [&] { return server.requests().size() >= 3; };
  ListDownloader downloader(endless);
  EXPECT_FALSE(load(downloader, server.url("/list")).ok());
}

TEST_F(ListDownload, WorksWithoutACacheAndWithAnUnusableOne) {
  ScriptedHttpServer server([](const std::string&) { return Reply{ScriptedHttpServer::ok(kList, "ETag: \"1\"\r\n")}; });
  const std::string not_a_folder = folder_.path() + "/file";
  std::ofstream(not_a_folder) << "x";
  for (const std::string& path : {std::string(), not_a_folder}) {
    DownloadOptions uncached = options();
    uncached.cache_path = path;
    ListDownloader downloader(uncached);
    expect_rules(load(downloader, server.url("/list")), 2);
  }
  EXPECT_THAT(server.requests().at(1), Not(HasSubstr("If-None-Match")));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/cache"));
}

}  // namespace
}  // namespace rampart::blocklists
