#include "control/hosts_keeper.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>

#include "base/background_thread.h"
#include "base/idle_thread.h"
#include "base/log.h"
#include "base/random.h"
#include "control/refresh_jitter.h"

namespace rampart::control {
namespace {

namespace log = base::log;
using blocklists::LoadedSource;
using blocklists::SourceKind;
using blocklists::SourceSpec;

std::uint32_t whole_seconds(Milliseconds time) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, time.count() / 1000));
}

}  // namespace

HostsKeeper::HostsKeeper(const base::HashKey& key, std::function<void()> on_change)
    : key_(key), on_change_(std::move(on_change)) {}

HostsKeeper::~HostsKeeper() { stop(); }

void HostsKeeper::stop() {
  downloader_.stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const resolver::HostsNames> HostsKeeper::names() const {
  const std::lock_guard lock(mutex_);
  return names_;
}

void HostsKeeper::configure(const HostsFile& config, blocklists::DownloadOptions downloads) {
  config_ = config;
  downloads.timeout = config.loading.downloads.timeout;
  downloads.attempts = config.loading.downloads.attempts;
  downloads.cooldown = config.loading.downloads.cooldown;
  downloads.cache_path = config.loading.downloads.cache_path;
  downloads.body_bytes_max = kTextBytesMax;
  downloads.reading = {};
  downloads.reading.text_bytes_max = kTextBytesMax;
  downloader_.set_options(std::move(downloads));
}

base::Status HostsKeeper::start(const HostsFile& config, blocklists::DownloadOptions downloads) {
  base::Status done = base::Done{};
  bool is_fast = false;
  {
    const std::lock_guard loading(loading_mutex_);
    configure(config, std::move(downloads));
    is_fast = config_.loading.strategy == InitStrategy::kFast;
    // What is on disk is enough to start with: a host that hangs must not keep anybody waiting for answers.
    const bool has_copies = !config_.loading.downloads.cache_path.empty();
    if (is_fast || has_copies) done = load(Effort::kAtHand);
    if (!is_fast && has_copies && done.ok() && is_complete_) is_fast = true;
    if (!is_fast) done = load(Effort::kFull);
  }
  if (!done.ok()) {
    if (config.loading.strategy == InitStrategy::kFailOnError) return base::Error{"hostsFile: " + done.error()};
    log::error("hosts", "hosts files could not be read", {{"error", done.error()}});
  }
  schedule();
  {
    const std::lock_guard lock(mutex_);
    if (is_fast && !config.sources.empty()) due_ = base::monotonic_now();  // what has to be downloaded follows
  }
  thread_ = std::thread([this] { run(); });
  return base::Done{};
}

void HostsKeeper::reload(const HostsFile& config, blocklists::DownloadOptions downloads) {
  const std::lock_guard loading(loading_mutex_);
  configure(config, std::move(downloads));
  if (const auto done = load(Effort::kFull); !done.ok())
    log::error("hosts", "hosts files could not be read, the names in force stay", {{"error", done.error()}});
  schedule();
}

void HostsKeeper::schedule() {
  const auto period = config_.loading.refresh_period;
  base::Instant due = base::Instant::max();
  if (period.count() > 0 && !config_.sources.empty()) {
    base::SecureRandom random;
    due = base::monotonic_now() + jittered(period, random);
  }
  {
    const std::lock_guard lock(mutex_);
    due_ = due;
  }
  wake_.notify_all();
}

void HostsKeeper::run() {
  base::name_thread("hosts");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (due_ == base::Instant::max()) {
      wake_.wait(lock);
      continue;
    }
    if (base::monotonic_now() < due_) {
      wake_.wait_until(lock, due_);
      continue;
    }
    const auto before = names_;
    lock.unlock();
    {
      const std::lock_guard loading(loading_mutex_);
      base::run_idle([this] {
        if (const auto done = load(Effort::kFull); !done.ok())
          log::error("hosts", "hosts files could not be read, the names in force stay", {{"error", done.error()}});
      });
      schedule();
    }
    if (names() != before) on_change_();
    lock.lock();
  }
}

base::Status HostsKeeper::check(const std::string& name, const std::string& text) const {
  dns::HostsTextReader reader(config_.loading.max_errors_per_source, [](const dns::HostsLine&) { return true; });
  static_cast<void>(reader.feed(text) && reader.finish());
  if (reader.is_over_budget())
    return base::Error{name + ": too many lines in error (" + std::to_string(reader.error_count()) +
                       "), the first: " + reader.first_error()};
  if (reader.error_count() != 0)
    log::warn("hosts", "lines in error are left out",
              {{"source", name}, log::number("count", reader.error_count()), {"first", reader.first_error()}});
  return base::Done{};
}

// The text of a source that keeps within its budget of errors.
base::Result<std::string, std::string> HostsKeeper::read(const SourceSpec& source, Effort effort) {
  std::string text;
  const blocklists::TakeText take = [&text](std::string_view piece) {
    text += piece;
    return true;
  };
  blocklists::ReadOptions reading;
  reading.text_bytes_max = kTextBytesMax;
  const std::string name = source.display_name();
  try {
    if (source.kind != SourceKind::kHttp) {
      if (const auto read = blocklists::read_text(source, take, reading); !read.ok())
        return base::Error{read.error()};
      if (const auto checked = check(name, text); !checked.ok()) return base::Error{checked.error()};
      return text;
    }
    using Loaded = base::Result<LoadedSource, std::string>;
    const blocklists::ListDownloader::Read read_file = [&](std::FILE* file) -> Loaded {
      text.clear();
      const auto bytes = blocklists::read_text(file, name, take, reading);
      if (!bytes.ok()) return base::Error{bytes.error()};
      if (const auto checked = check(name, text); !checked.ok()) return base::Error{checked.error()};
      LoadedSource loaded;
      loaded.rules = std::make_shared<blocklists::CompiledSource>();
      loaded.bytes = *bytes;
      return loaded;
    };
    const auto loaded = effort == Effort::kFull ? downloader_.load(source, read_file)
                                                : downloader_.load_copy(source, read_file);
    if (!loaded.ok()) return base::Error{loaded.error()};
    return text;
  } catch (const std::exception& e) {  // out of memory, for one
    return base::Error{"cannot open source: " + name + ": " + e.what()};
  }
}

base::Status HostsKeeper::load(Effort effort) {
  const auto& sources = config_.sources;
  std::vector<base::Result<std::string, std::string>> texts(sources.size(), base::Error{std::string("not read")});
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < sources.size();) texts[i] = read(sources[i], effort);
  };
  std::vector<std::thread> others;
  try {
    while (others.size() + 1 < std::min<std::size_t>(config_.loading.concurrency, sources.size()))
      others.emplace_back(run);
  } catch (const std::system_error&) {
    // No more threads: those we have read all of it.
  }
  run();
  for (auto& other : others) other.join();

  resolver::HostsNamesBuilder builder(key_, whole_seconds(config_.hosts_ttl), config_.filter_loopback);
  std::uint64_t bytes = 0;
  is_complete_ = true;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!texts[i].ok()) {
      if (effort == Effort::kAtHand && sources[i].kind == SourceKind::kHttp) {  // about to be downloaded
        is_complete_ = false;
        continue;
      }
      return base::Error{texts[i].error()};
    }
    bytes += texts[i]->size();
    if (bytes > kTextBytesMax)
      return base::Error{"more than " + std::to_string(kTextBytesMax >> 20) +
                         " MiB of hosts files; block lists belong to `blocking`"};
    bool fits = true;
    dns::HostsTextReader reader(-1, [&](const dns::HostsLine& line) { return fits = builder.add(line); });
    static_cast<void>(reader.feed(*texts[i]) && reader.finish());
    if (!fits)
      return base::Error{sources[i].display_name() + ": more than " +
                         std::to_string(resolver::HostsNamesBuilder::kNamesMax) +
                         " names in hosts files; block lists belong to `blocking`"};
    texts[i] = base::Error{std::string()};  // its memory is free
  }
  auto names = sources.empty() ? nullptr : builder.build();
  if (names) log::info("hosts", "hosts files read", {base::log::number("names", names->name_count())});
  const std::lock_guard lock(mutex_);
  names_ = std::move(names);
  return base::Done{};
}

}  // namespace rampart::control
