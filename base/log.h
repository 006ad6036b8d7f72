// The application log: Blocky's levels and line forms (text, json), written by spdlog on its own thread from a
// bounded queue; when the queue is full the oldest line is dropped and counted, so a slow terminal or disk never
// delays a caller. Not for the query path: a line allocates and formats.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace rampart::base::log {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kFatal, kPanic };

struct Field {
  std::string_view key;
  std::string value;
  bool is_number = false;  ///< and stands as one in the json form
};
template <std::integral Number>
[[nodiscard]] Field number(std::string_view key, Number value) {
  return {key, std::to_string(value), true};
}
using Fields = std::initializer_list<Field>;

struct Options {
  Level level = Level::kInfo;
  bool json = false;
  bool timestamp = true;  ///< text form only
  bool colour = false;
};

/// (Re)configures the process-wide log; lines written before the first call go out with default options.
void configure(const Options& options);
inline constexpr std::chrono::milliseconds kShutdownMax{2000};
/// Writes out everything that is queued, and stops the writer thread; lines logged meanwhile are lost, later ones
/// are written synchronously. False: that took too long, because nobody reads our output. Nothing is logged any
/// more then, and the process cannot end but by _exit(), since the writer holds stdout.
bool shutdown(std::chrono::milliseconds patience = kShutdownMax);
[[nodiscard]] bool enabled(Level level) noexcept;
/// Lines lost because the queue was full, since start.
[[nodiscard]] std::uint64_t dropped_lines() noexcept;

/// `component` is Blocky's prefix ("server", "queryLog", "redis"); fields are printed as k=v, sorted by key.
void write(Level level, std::string_view component, std::string_view message, Fields fields = {});

/// A field whose text somebody else keeps.
struct FieldView {
  std::string_view key;
  std::string_view value;
  bool is_number = false;
};
/// Lines of one kind as write() prints them, for who prints one for each query: what they share is made once.
class LineForm {
 public:
  /// The texts must outlive the form.
  LineForm(Level level, std::string_view component, std::string_view message) noexcept
      : level_(level), component_(component), message_(message) {}

  /// Takes the options and the time that hold now: once for a run of lines.
  void refresh();
  void refresh(const Options& options);  ///< the same with options of the caller's
  /// Appends a line, with newline; nothing is allocated once `out` has grown. `fields` in the order of their keys.
  void append(std::string& out, std::span<const FieldView> fields) const;

 private:
  Level level_;
  std::string_view component_;
  std::string_view message_;
  bool is_json_ = false;
  std::string head_;  ///< what stands before the fields
};

inline void debug(std::string_view c, std::string_view m, Fields f = {}) { write(Level::kDebug, c, m, f); }
inline void info(std::string_view c, std::string_view m, Fields f = {}) { write(Level::kInfo, c, m, f); }
inline void warn(std::string_view c, std::string_view m, Fields f = {}) { write(Level::kWarn, c, m, f); }
inline void error(std::string_view c, std::string_view m, Fields f = {}) { write(Level::kError, c, m, f); }

}  // namespace rampart::base::log
