// One line of a scenario, taken apart: its words, its options, and what its records are in octets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/types.h"
#include "tests/support/messages.h"

namespace rampart::test {

/// Words split at blanks; "quoted text" keeps its blanks.
std::vector<std::string> split_words(std::string_view line);

/// The words behind a step's name, taken one after the other; whatever is left at the end is a fault.
class StepWords {
 public:
  explicit StepWords(std::vector<std::string> words) : words_(std::move(words)) {}

  /// The next word; throws if there is none, saying that a `what` is missing.
  std::string take(const char* what);
  /// True, and gone, if this word is anywhere.
  bool take_flag(std::string_view word);
  /// The value of `key=...`, gone.
  std::optional<std::string> take_value(std::string_view key);
  /// What looks like a record, gone.
  std::vector<std::string> take_records();
  /// Throws if anything was not understood.
  void done() const;

 private:
  std::vector<std::string> words_;
};

struct Records {
  std::vector<AnswerRecord> answers;
  std::vector<AnswerRecord> authority;
};
Records read_records(const std::vector<std::string>& words);
dns::RrType read_type(const std::string& word);
dns::Rcode read_rcode(const std::string& word);
std::chrono::nanoseconds read_duration(const std::string& word);

/// `5`, or `3..7`.
struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;
  [[nodiscard]] bool holds(std::int64_t value) const { return value >= low && value <= high; }
};
Range read_range(const std::string& word);
Range read_duration_range(const std::string& word);  ///< nanoseconds

/// What a response says, in the words of a scenario: RCODE, flags, extended error and records.
struct Spoken {
  std::string rcode;
  bool tc = false;
  bool ad = false;
  std::optional<unsigned> ede;
  std::vector<std::string> records;
};
Spoken speak(const Bytes& response);

}  // namespace rampart::test
