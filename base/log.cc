#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/plain_text.h"

namespace rampart::base::log {
namespace {

constexpr std::size_t kQueueLines = 8192;  // about 1 MiB of ordinary lines

struct State {
  std::mutex mutex;  // guards reconfiguration; writers take a copy of `logger`
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> logger;
  bool is_closing = false;
  Options options;
};

std::atomic<Level> g_level{Level::kInfo};

State& state() {
  static State s;
  return s;
}

std::string_view name_of(Level level, bool json) {
  switch (level) {
    case Level::kTrace: return json ? "trace" : "TRACE";
    case Level::kDebug: return json ? "debug" : "DEBUG";
    case Level::kInfo: return json ? "info" : " INFO";
    case Level::kWarn: return json ? "warning" : " WARN";
    case Level::kError: return json ? "error" : "ERROR";
    case Level::kFatal: return json ? "fatal" : "FATAL";
    case Level::kPanic: return json ? "panic" : "PANIC";
  }
  return "";
}

std::string_view colour_of(Level level) {
  if (level >= Level::kError) return "\033[31m";
  if (level == Level::kWarn) return "\033[33m";
  return level == Level::kInfo ? "\033[32m" : "\033[37m";
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20 || u == 0x7f) {
      out += "\\u00";
      out += kHex[u >> 4];
      out += kHex[u & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// A control character in a value could forge a line or drive a terminal.
void make_printable(std::span<char> text) noexcept {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
}

// Kept for each thread: the local time of day costs more than the rest of a line, and changes once a second.
const std::string& time_text(const char* format) {
  thread_local std::time_t last = -1;
  thread_local const char* last_format = nullptr;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == last && format == last_format) return text;
  std::tm local{};
  localtime_r(&now, &local);
  char buffer[48];
  text.assign(buffer, std::strftime(buffer, sizeof(buffer), format, &local));
  last = now;
  last_format = format;
  return text;
}

// RFC 3339, as Go's JSON logs have it: `Z` or an offset with a colon, which strftime does not write.
const std::string& rfc3339_text() {
  thread_local std::string text;
  text = time_text("%Y-%m-%dT%H:%M:%S%z");
  if (text.ends_with("+0000")) text.replace(text.size() - 5, 5, "Z");
  else if (text.size() > 5) text.insert(text.size() - 2, ":");
  return text;
}

void append_json_head(std::string& line, Level level, std::string_view component, std::string_view message) {
  line += "{\"level\":\"";
  line += name_of(level, true);
  line += "\",\"msg\":";
  append_json_string(line, message);
  line += ",\"prefix\":";
  append_json_string(line, component);
  line += ",\"time\":\"";
  line += rfc3339_text();
  line += '"';
}

void append_json_fields(std::string& line, std::span<const FieldView> fields) {
  for (const auto& field : fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    if (field.is_number) line += field.value;
    else append_json_string(line, field.value);
  }
  line += "}\n";
}

void append_text_head(std::string& line, const Options& options, Level level, std::string_view component,
                      std::string_view message) {
  if (options.timestamp) {
    line += '[';
    line += time_text("%Y-%m-%d %H:%M:%S");
    line += "] ";
  }
  if (options.colour) line += colour_of(level);
  line += name_of(level, false);
  if (options.colour) line += "\033[0m";
  line += ' ';
  line += component;
  line += ": ";
  const std::size_t at = line.size();
  line += message;
  make_printable(std::span(line).subspan(at));
}

[[gnu::flatten]] void append_text_fields(std::string& line, std::string_view head,
                                         std::span<const FieldView> fields) {
  std::size_t bytes = head.size() + 1;
  for (const auto& field : fields) bytes += 3 + field.key.size() + field.value.size();
  const std::size_t at = line.size();
  line.resize(at + bytes);
  char* const fields_at = put_text(line.data() + at, head);
  char* to = fields_at;
  for (const auto& field : fields) {
    *to++ = ' ';
    *to++ = ' ';
    to = put_text(to, field.key);
    *to++ = '=';
    to = put_text(to, field.value);
  }
  if (!is_plain({fields_at, static_cast<std::size_t>(to - fields_at)})) make_printable({fields_at, to});
  *to = '\n';
}

/// With newline.
std::string render(const Options& options, Level level, std::string_view component, std::string_view message,
                   std::span<const Field> fields) {
  std::vector<FieldView> sorted;
  sorted.reserve(fields.size());
  for (const auto& field : fields) sorted.push_back({field.key, field.value, field.is_number});
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  LineForm form(level, component, message);
  form.refresh(options);
  std::string line;
  line.reserve(160);
  form.append(line, sorted);
  return line;
}

void start_locked(State& s) {
  s.pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  s.logger = std::make_shared<spdlog::async_logger>("rampart", std::move(sink), s.pool,
                                                    spdlog::async_overflow_policy::overrun_oldest);
  s.logger->set_pattern("%v");
  s.logger->set_level(spdlog::level::trace);
  s.logger->flush_on(spdlog::level::trace);
}

}  // namespace

void configure(const Options& options) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.options = options;
  g_level.store(options.level, std::memory_order_relaxed);
  if (!s.logger) start_locked(s);
}

bool shutdown(std::chrono::milliseconds patience) {
  State& s = state();
  std::shared_ptr<spdlog::details::thread_pool> pool;
  {
    const std::lock_guard lock(s.mutex);
    if (s.is_closing) return false;
    s.is_closing = true;
    s.logger.reset();
    pool = std::move(s.pool);
  }
  std::promise<void> emptied;
  const auto done = emptied.get_future();
  // The pool's end joins the writer after it has emptied the queue, which nothing can hurry.
  std::thread([pool = std::move(pool), emptied = std::move(emptied)]() mutable {
    pool.reset();
    emptied.set_value();
  }).detach();
  if (done.wait_for(patience) != std::future_status::ready) return false;
  const std::lock_guard lock(s.mutex);
  s.is_closing = false;
  return true;
}

bool enabled(Level level) noexcept { return level >= g_level.load(std::memory_order_relaxed); }

std::uint64_t dropped_lines() noexcept {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.pool ? s.pool->overrun_counter() : 0;
}

void LineForm::refresh() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  refresh(s.options);
}

void LineForm::refresh(const Options& options) {
  is_json_ = options.json;
  head_.clear();
  if (is_json_) append_json_head(head_, level_, component_, message_);
  else append_text_head(head_, options, level_, component_, message_);
}

void LineForm::append(std::string& out, std::span<const FieldView> fields) const {
  if (!is_json_) return append_text_fields(out, head_, fields);
  out += head_;
  append_json_fields(out, fields);
}

void write(Level level, std::string_view component, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  State& s = state();
  std::shared_ptr<spdlog::logger> logger;
  Options options;
  {
    const std::lock_guard lock(s.mutex);
    if (s.is_closing) return;
    logger = s.logger;
    options = s.options;
  }
  const std::string line = render(options, level, component, message, {fields.begin(), fields.size()});
  if (logger) {  // ends the line itself
    logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size() - 1));
    return;
  }
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

}  // namespace rampart::base::log
