#include "blocklists/regex_set.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace rampart::blocklists {
namespace {

// RE2 keeps a program and a cache of automaton states within one budget. The states are found while names are
// scanned; when the cache is full it starts anew, so too small a budget costs time only.
constexpr std::size_t kMemoryBase = std::size_t{16} << 20;
constexpr std::size_t kMemoryPerPattern = 16 << 10;
constexpr std::size_t kMemoryMax = std::size_t{1} << 30;
/// One pattern must compile within this; real ones need a few KiB.
constexpr std::size_t kMemoryOfOnePattern = 256 << 10;

RE2::Options options(std::size_t memory) {
  RE2::Options result;
  result.set_encoding(RE2::Options::EncodingLatin1);
  result.set_log_errors(false);
  result.set_never_capture(true);
  result.set_max_mem(static_cast<std::int64_t>(memory));
  return result;
}

}  // namespace

bool is_valid_regex(std::string_view pattern, std::string& error) {
  const RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), options(kMemoryOfOnePattern));
  if (!regex.ok()) error = regex.error();
  return regex.ok();
}

class RegexSet::Engine {
 public:
  explicit Engine(std::size_t memory) : set(options(memory), RE2::UNANCHORED) {}
  RE2::Set set;
};

RegexSet::RegexSet() : failed_scans_(std::make_unique<base::SharedCounter>()) {}
RegexSet::~RegexSet() = default;
RegexSet::RegexSet(RegexSet&&) noexcept = default;
RegexSet& RegexSet::operator=(RegexSet&&) noexcept = default;

base::Status RegexSet::build(const std::vector<std::string>& patterns) {
  engine_.reset();
  memory_budget_ = 0;
  if (patterns.empty()) return base::Done{};
  for (std::size_t memory = kMemoryBase + patterns.size() * kMemoryPerPattern; memory <= kMemoryMax; memory *= 2) {
    auto engine = std::make_unique<Engine>(memory);
    for (const std::string& pattern : patterns) {
      std::string error;
      if (engine->set.Add(pattern, &error) < 0) {
        return base::Error{"regex /" + pattern + "/ does not compile: " + error};
      }
    }
    // Compiling may leave too little for the states: only a scan tells.
    if (engine->set.Compile()) {
      std::vector<int> matched;
      RE2::Set::ErrorInfo info{};
      engine->set.Match("probe.example.org", &matched, &info);
      if (info.kind == RE2::Set::kNoError) {
        engine_ = std::move(engine);
        memory_budget_ = memory;
        return base::Done{};
      }
    }
  }
  return base::Error{std::to_string(patterns.size()) + " regexes need more than " + std::to_string(kMemoryMax >> 20) +
                     " MiB: use fewer or simpler ones"};
}

void RegexSet::match(std::string_view name, std::vector<int>& matched) const {
  matched.clear();
  if (engine_ == nullptr) return;
  const re2::StringPiece text(name.data(), name.size());
  RE2::Set::ErrorInfo info{};
  // Most names match nothing, which the first scan tells without collecting anything.
  if (engine_->set.Match(text, nullptr, &info)) engine_->set.Match(text, &matched, &info);
  if (info.kind == RE2::Set::kOutOfMemory) failed_scans_->add();
  std::sort(matched.begin(), matched.end());
}

}  // namespace rampart::blocklists
