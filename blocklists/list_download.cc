#include "blocklists/list_download.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace rampart::blocklists {
namespace {

namespace log = base::log;

constexpr long kRedirectsMax = 10;  // as every browser; a longer chain is a loop
constexpr long kOk = 200;
constexpr long kNotModified = 304;
constexpr std::chrono::milliseconds kStopCheckPeriod{100};

using Easy = std::unique_ptr<CURL, void (*)(CURL*)>;
using HeaderList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

void start_curl_once() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

struct Body {
  std::FILE* file;
  std::uint64_t bytes = 0;
};

std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  body.bytes += bytes;
  if (body.bytes > kSourceTextBytesMax) return 0;  // curl ends the exchange
  return std::fwrite(data, 1, bytes, body.file);
}

int check_stop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(user))() ? 1 : 0;
}

std::string response_header(CURL* curl, const char* name) {
  curl_header* header = nullptr;
  constexpr int kLastExchange = -1;
  if (curl_easy_header(curl, name, 0, CURLH_HEADER, kLastExchange, &header) != CURLHE_OK) return {};
  return header->value;
}

void append(HeaderList& list, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
    static_cast<void>(list.release());
    list.reset(longer);
  }
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char want, char c) { return want == std::tolower(static_cast<unsigned char>(c)); });
}

bool is_html(std::FILE* file) {
  char start[512];
  std::rewind(file);
  std::string_view text(start, std::fread(start, 1, sizeof(start), file));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f\v"), text.size()));
  return starts_with_ignoring_case(text, "<!doctype html") || starts_with_ignoring_case(text, "<html");
}

// The words of a failed attempt in the log.
const char* headline(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "Name resolution err: ";
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
      return "Temporary network err / Timeout occurred: ";
    default:
      return "Can't download file: ";
  }
}

}  // namespace

struct ListDownloader::Attempt {
  long status = 0;       // 200, 304, or 0: it failed
  CURLcode code = CURLE_OK;
  std::string reason;    // of the failure
  Validators validators;
};

ListDownloader::ListDownloader(DownloadOptions options)
    : options_(std::move(options)), cache_(options_.cache_path) {
  start_curl_once();
}

void ListDownloader::set_options(DownloadOptions options) {
  options_ = std::move(options);
  cache_ = DownloadCache(options_.cache_path);
}

void ListDownloader::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
}

bool ListDownloader::is_stopping() const { return stopped_ || (options_.is_stopping && options_.is_stopping()); }

void ListDownloader::cool_down() {
  const auto end = std::chrono::steady_clock::now() + options_.cooldown;
  std::unique_lock lock(mutex_);
  while (!is_stopping() && std::chrono::steady_clock::now() < end)
    wake_.wait_until(lock, std::min(end, std::chrono::steady_clock::now() + kStopCheckPeriod));
}

ListDownloader::Attempt ListDownloader::fetch(const std::string& url, const Validators& known,
                                              std::FILE* file) const {
  Attempt attempt;
  const Easy easy(curl_easy_init(), curl_easy_cleanup);
  if (!easy) {
    attempt.code = CURLE_FAILED_INIT;
    attempt.reason = "libcurl does not start";
    return attempt;
  }
  CURL* const curl = easy.get();
  HeaderList headers(nullptr, curl_slist_free_all);
  if (!known.etag.empty()) append(headers, "If-None-Match: " + known.etag);
  if (!known.last_modified.empty()) append(headers, "If-Modified-Since: " + known.last_modified);
  Body body{file};
  const std::function<bool()> stopping = [this] { return is_stopping(); };
  char words[CURL_ERROR_SIZE] = {};

  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kRedirectsMax);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, options_.timeout.count())));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "rampart");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stopping);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  // libcurl reads every proxy variable but HTTP_PROXY in capitals, which is only dangerous in CGI programs.
  const char* const proxy = std::getenv("HTTP_PROXY");
  if (proxy && !std::getenv("http_proxy") && url.starts_with("http://")) curl_easy_setopt(curl, CURLOPT_PROXY, proxy);

  attempt.code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (attempt.code == CURLE_OK && std::fflush(file) != 0) attempt.code = CURLE_WRITE_ERROR;
  if (body.bytes > kSourceTextBytesMax) {
    attempt.reason = "more than 1 GiB, refused";
  } else if (attempt.code == CURLE_HTTP_RETURNED_ERROR) {
    attempt.reason = "HTTP status " + std::to_string(status);
  } else if (attempt.code != CURLE_OK) {
    attempt.reason = words[0] != '\0' ? words : curl_easy_strerror(attempt.code);
  } else if (status != kOk && (status != kNotModified || known.empty())) {
    attempt.reason = "HTTP status " + std::to_string(status);
  } else {
    attempt.status = status;
    attempt.validators = {response_header(curl, "ETag"), response_header(curl, "Last-Modified")};
  }
  return attempt;
}

base::Result<LoadedSource, std::string> ListDownloader::load_fresh(const SourceSpec& spec, const base::HashKey& key,
                                                                   const ListParserOptions& parser_options,
                                                                   bool conditional) {
  const std::string& url = spec.text;
  const Validators known = conditional ? cache_.validators_of(url) : Validators{};
  std::string failure = "stopped";
  for (std::uint32_t number = 1; !is_stopping(); ++number) {
    auto file = cache_.create_temporary();
    if (!file.ok()) return base::Error{"Can't download file: " + url + ": " + file.error()};
    const Attempt attempt = fetch(url, known, file->get());
    if (attempt.status == kNotModified) {
      const FileHandle copy = cache_.open_copy(url);
      auto loaded = copy ? load_stream(copy.get(), url, key, parser_options)
                         : base::Result<LoadedSource, std::string>(base::Error{std::string("the copy is gone")});
      if (!loaded.ok()) return load_fresh(spec, key, parser_options, false);
      log::info("lists", "source not modified, using cached copy", {{"source", url}});
      return loaded;
    }
    if (attempt.status == kOk) {
      if (is_html(file->get())) {
        failed_attempts_.add();
        return base::Error{"Can't download file: " + url + ": it is an HTML page, not a list (check the URL)"};
      }
      auto loaded = load_stream(file->get(), url, key, parser_options);
      if (!loaded.ok()) return loaded;
      if (const auto kept = cache_.keep(std::move(*file), url, attempt.validators); !kept.ok())
        log::warn("lists", "the download cannot be kept on disk", {{"error", kept.error()}, {"source", url}});
      return loaded;
    }
    if (attempt.code == CURLE_ABORTED_BY_CALLBACK) break;  // stopped: no fault of the server
    failed_attempts_.add();
    failure = attempt.reason;
    log::warn("lists", headline(attempt.code) + failure,
              {{"attempt", std::to_string(number)}, {"link", url}});
    if (options_.attempts != 0 && number >= options_.attempts) break;
    cool_down();
  }
  return base::Error{"Can't download file: " + url + ": " + failure};
}

base::Result<LoadedSource, std::string> ListDownloader::load(const SourceSpec& spec, const base::HashKey& key,
                                                             const ListParserOptions& parser_options) {
  auto fresh = load_fresh(spec, key, parser_options, true);
  if (fresh.ok()) return fresh;
  auto cached = load_copy(spec, key, parser_options);
  if (!cached.ok()) return fresh;
  log::warn("lists", "download failed, using cached copy", {{"error", fresh.error()}, {"source", spec.text}});
  return cached;
}

base::Result<LoadedSource, std::string> ListDownloader::load_copy(const SourceSpec& spec, const base::HashKey& key,
                                                                  const ListParserOptions& parser_options) const {
  const FileHandle copy = cache_.open_copy(spec.text);
  if (!copy) return base::Error{"no copy on disk of " + spec.text};
  return load_stream(copy.get(), spec.text, key, parser_options);
}

}  // namespace rampart::blocklists
