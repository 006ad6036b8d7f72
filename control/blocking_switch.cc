#include "control/blocking_switch.h"

#include <algorithm>

namespace rampart::control {

void BlockingSwitch::set_known_groups(std::vector<std::string> groups) {
  groups.push_back("default");
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  known_ = std::move(groups);
  if (all_disabled_) state_.disabled_groups = known_;
}

void BlockingSwitch::enable() {
  state_ = {};
  all_disabled_ = false;
}

base::Status BlockingSwitch::disable(std::chrono::milliseconds duration, const std::vector<std::string>& groups,
                                     base::Instant now) {
  std::vector<std::string> wanted = groups.empty() ? known_ : groups;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const auto& group : wanted) {
    if (std::binary_search(known_.begin(), known_.end(), group)) continue;
    std::string text = "group '" + group + "' is unknown (known:";
    for (const auto& known : known_) text += " " + known;
    return base::Error{text + ")"};
  }
  state_.enabled = false;
  all_disabled_ = wanted == known_;  // named one by one or not: other instances name them
  state_.disabled_groups = std::move(wanted);
  state_.until = duration.count() > 0 ? std::optional(now + std::min(duration, kDisabledMax)) : std::nullopt;
  return base::Done{};
}

bool BlockingSwitch::expire(base::Instant now) {
  if (!state_.until || now < *state_.until) return false;
  enable();
  return true;
}

bool BlockingSwitch::is_disabled(const std::string& group) const {
  return std::binary_search(state_.disabled_groups.begin(), state_.disabled_groups.end(), group);
}

}  // namespace rampart::control
