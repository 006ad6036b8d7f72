#include "blocklists/list_download.h"

#include <curl/curl.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace rampart::blocklists {
namespace {

namespace log = base::log;

constexpr int kRedirectsMax = 10;  // as every browser; a longer chain is a loop
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
  std::uint64_t bytes_max;
  std::uint64_t bytes = 0;
};

std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  body.bytes += bytes;
  if (body.bytes > body.bytes_max) return 0;  // curl ends the exchange
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

// Through a proxy it is the proxy that looks up the list's host.
bool has_proxy() {
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
    if (const char* value = std::getenv(name); value && *value != '\0') return true;
  return false;
}

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

// For libcurl's own cache of addresses: "host:port:address,address".
struct Addresses {
  std::string entry;   // empty: libcurl needs no help
  std::string fault;
};
Addresses find_addresses(const std::string& target, const DownloadOptions& options) {
  if (!options.resolve_host || has_proxy()) return {};
  const Url url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, target.c_str(), 0) != CURLUE_OK) return {};
  const std::string host = url_part(url.get(), CURLUPART_HOST);
  if (host.empty() || host[0] == '[' || base::IpAddress::parse(host)) return {};
  const auto found = options.resolve_host(host);
  if (!found.ok()) return {{}, "Could not resolve host: " + host + ": " + found.error()};
  std::string entry = host + ":" + url_part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT) + ":";
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string address = (*found)[i].to_string();
    entry += (i == 0 ? "" : ",") + ((*found)[i].is_v4() ? address : "[" + address + "]");
  }
  return {entry, {}};
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
  bool is_too_long = false;
  std::string location;  // where a redirect leads; else empty
  Validators validators;
};

// One load() of one source.
struct ListDownloader::Job {
  const SourceSpec& spec;
  const Read& read;
  const Judge& judge;
  bool was_refused = false;  // the server's version is no list, or the judge does not want it
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

// Follows redirects itself, because each new host has to be looked up as the first was.
ListDownloader::Attempt ListDownloader::fetch(const std::string& url, const Validators& known, std::FILE* file) const {
  const auto end = std::chrono::steady_clock::now() + options_.timeout;
  std::string target = url;
  for (int redirects = 0;; ++redirects) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    Attempt attempt = exchange(target, known, file, std::max(left, std::chrono::milliseconds(1)));
    if (attempt.location.empty()) return attempt;
    attempt.code = CURLE_TOO_MANY_REDIRECTS;
    attempt.status = 0;
    attempt.reason = "more than " + std::to_string(kRedirectsMax) + " redirects, the last to " + attempt.location;
    if (redirects == kRedirectsMax) return attempt;
    target = attempt.location;
    std::rewind(file);  // whatever text came with the redirect
    if (ftruncate(fileno(file), 0) != 0) {
      attempt.reason = std::strerror(errno);
      return attempt;
    }
  }
}

ListDownloader::Attempt ListDownloader::exchange(const std::string& url, const Validators& known, std::FILE* file,
                                                 std::chrono::milliseconds timeout) const {
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
  Body body{file, options_.body_bytes_max};
  const Addresses addresses = find_addresses(url, options_);
  if (!addresses.fault.empty()) {
    attempt.code = CURLE_COULDNT_RESOLVE_HOST;
    attempt.reason = addresses.fault;
    return attempt;
  }
  HeaderList resolved(nullptr, curl_slist_free_all);
  if (!addresses.entry.empty()) append(resolved, addresses.entry);
  const std::function<bool()> stopping = [this] { return is_stopping(); };
  char words[CURL_ERROR_SIZE] = {};

  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  if (resolved) curl_easy_setopt(curl, CURLOPT_RESOLVE, resolved.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  if (const char* file_name = std::getenv("SSL_CERT_FILE")) curl_easy_setopt(curl, CURLOPT_CAINFO, file_name);
  if (const char* folder = std::getenv("SSL_CERT_DIR")) curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
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
  char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  if (body.bytes > options_.body_bytes_max) {
    attempt.reason = "more than " + std::to_string(options_.body_bytes_max >> 20) + " MiB, refused (is it an archive bomb?)";
    attempt.is_too_long = true;
    if (options_.reading.refusals) options_.reading.refusals->add(Refusal::kTooLong);
  } else if (attempt.code == CURLE_HTTP_RETURNED_ERROR) {
    attempt.reason = "HTTP status " + std::to_string(status);
  } else if (attempt.code != CURLE_OK) {
    attempt.reason = words[0] != '\0' ? words : curl_easy_strerror(attempt.code);
  } else if (location != nullptr) {
    attempt.location = location;
  } else if (status != kOk && (status != kNotModified || known.empty())) {
    attempt.reason = "HTTP status " + std::to_string(status);
  } else {
    attempt.status = status;
    attempt.validators = {response_header(curl, "ETag"), response_header(curl, "Last-Modified")};
  }
  return attempt;
}

base::Result<LoadedSource, std::string> ListDownloader::load_fresh(Job& job, bool conditional) {
  const std::string& url = job.spec.text;
  const Validators known = conditional ? cache_.validators_of(url) : Validators{};
  std::string failure = "stopped";
  for (std::uint32_t number = 1; !is_stopping(); ++number) {
    auto file = cache_.create_temporary();
    if (!file.ok()) return base::Error{"Can't download file: " + url + ": " + file.error()};
    const Attempt attempt = fetch(url, known, file->get());
    if (attempt.status == kNotModified) {
      auto loaded = load_copy(job.spec, job.read, job.judge);
      if (!loaded.ok()) return load_fresh(job, false);
      log::info("lists", "source not modified, using cached copy", {{"source", url}});
      cache_.note_admitted(url, loaded->rules->rule_count(), base::wall_now());
      return loaded;
    }
    if (attempt.status == kOk) {
      auto loaded = job.read(file->get());
      std::string refused = loaded.ok() ? std::string() : loaded.error();
      if (loaded.ok() && job.judge)
        if (const auto verdict = job.judge(*loaded, cache_.entries_of(url)))
          refused = url + ": new version refused: " + verdict->why;
      if (!refused.empty()) {
        failed_attempts_.add();
        job.was_refused = true;
        cache_.note_refused(url, refused, base::wall_now());
        return base::Error{"Can't download file: " + refused};
      }
      if (const auto kept = cache_.keep(std::move(*file), url, attempt.validators); !kept.ok())
        log::warn("lists", "the download cannot be kept on disk", {{"error", kept.error()}, {"source", url}});
      else
        cache_.note_admitted(url, loaded->rules->rule_count(), base::wall_now());
      return loaded;
    }
    if (attempt.code == CURLE_ABORTED_BY_CALLBACK) break;  // stopped: no fault of the server
    failed_attempts_.add();
    failure = attempt.reason;
    log::warn("lists", headline(attempt.code) + failure,
              {base::log::number("attempt", number), {"link", url}});
    if (attempt.is_too_long) {  // it would be so the next time, and costs a GiB of disk each time
      job.was_refused = true;
      break;
    }
    if (options_.attempts != 0 && number >= options_.attempts) break;
    cool_down();
  }
  return base::Error{"Can't download file: " + url + ": " + failure};
}

base::Result<LoadedSource, std::string> ListDownloader::load(const SourceSpec& spec, const base::HashKey& key,
                                                             const ListParserOptions& parser_options,
                                                             const Judge& judge) {
  return load(spec, list_reader(spec, key, parser_options), judge);
}

ListDownloader::Read ListDownloader::list_reader(const SourceSpec& spec, const base::HashKey& key,
                                                 const ListParserOptions& parser_options) const {
  return [this, &spec, &key, &parser_options](std::FILE* file) {
    return load_stream(file, spec.text, key, parser_options, options_.reading);
  };
}

base::Result<LoadedSource, std::string> ListDownloader::load(const SourceSpec& spec, const Read& read,
                                                             const Judge& judge) {
  Job job{spec, read, judge};
  auto fresh = load_fresh(job, true);
  if (fresh.ok()) return fresh;
  auto cached = load_copy(spec, read, judge);
  if (!cached.ok()) return fresh;
  log::warn("lists", "download failed, using cached copy", {{"error", fresh.error()}, {"source", spec.text}});
  cached->stale_because = fresh.error();
  cached->was_refused = job.was_refused;
  return cached;
}

// The copy was admitted when it was new: its size is compared with nothing.
base::Result<LoadedSource, std::string> ListDownloader::load_copy(const SourceSpec& spec, const base::HashKey& key,
                                                                  const ListParserOptions& parser_options,
                                                                  const Judge& judge) const {
  return load_copy(spec, list_reader(spec, key, parser_options), judge);
}

base::Result<LoadedSource, std::string> ListDownloader::load_copy(const SourceSpec& spec, const Read& read,
                                                                  const Judge& judge) const {
  const FileHandle copy = cache_.open_copy(spec.text);
  if (!copy) return base::Error{"no copy on disk of " + spec.text};
  auto loaded = read(copy.get());
  if (!loaded.ok() || !judge) return loaded;
  if (const auto refused = judge(*loaded, std::nullopt))
    return base::Error{spec.text + ": the copy on disk is refused: " + refused->why};
  return loaded;
}

}  // namespace rampart::blocklists
