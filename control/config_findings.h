// What is wrong with a configuration, and where: all of it at once, so that one look at the output mends the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rampart::control {

/// Where something is written. Lines and columns count from 1; 0: not known.
struct Place {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;
};

enum class Severity : std::uint8_t {
  kWarning,  ///< accepted, but somebody should know
  kError,    ///< accepted, but something written is ignored (Blocky logs it as an error)
  kFault,    ///< the configuration cannot be used
};

struct Finding {
  Severity severity = Severity::kFault;
  std::string file;
  int line = 0;
  int column = 0;
  std::string key;      ///< full path: `upstreams.groups.default[1]`; empty: the file as a whole
  std::string message;  ///< what was found, what is allowed, the cure

  /// `config.yml:14:12: upstreams.timeout: …`
  [[nodiscard]] std::string to_text() const;
};
using Fault = Finding;
using Warning = Finding;

class Findings {
 public:
  /// A file of garbage has a fault on every line; nobody reads more than these.
  static constexpr std::size_t kFaultsMax = 100;
  /// Warnings and errors have their own budget: a fault must never be lost behind them.
  static constexpr std::size_t kWarningsMax = 100;

  void fault(const Place& place, std::string_view key, std::string message);
  /// A fault behind which something was not read, so that what seems to be missing may stand there.
  void unread(const Place& place, std::string_view key, std::string message);
  void warn(const Place& place, std::string_view key, std::string message);
  void error(const Place& place, std::string_view key, std::string message);

  [[nodiscard]] bool has_read_all() const { return has_read_all_; }
  /// More faults are only counted, so their words need not be found.
  [[nodiscard]] bool is_full() const { return faults_.size() >= kFaultsMax; }
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
  [[nodiscard]] const std::vector<Warning>& warnings() const { return warnings_; }
  /// In the order of the file, with a last entry that counts those beyond the maximum.
  [[nodiscard]] std::vector<Fault> take_faults();
  [[nodiscard]] std::vector<Warning> take_warnings();

 private:
  std::vector<Fault> faults_;
  std::vector<Warning> warnings_;
  bool has_read_all_ = true;
  std::size_t faults_beyond_ = 0;
  std::size_t warnings_beyond_ = 0;
};

/// `'text'` for messages: control characters escaped, at most 60 characters.
[[nodiscard]] std::string quoted(std::string_view text);
/// The candidate that is most like `word`, or "" if none is near (at most a third of its letters differ).
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace rampart::control
