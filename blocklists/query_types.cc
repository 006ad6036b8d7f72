#include "blocklists/query_types.h"

#include "dns/presentation.h"

namespace rampart::blocklists {

bool QueryTypes::add(std::uint16_t type) {
  auto* const end = types_.data() + count_;
  auto* const at = std::lower_bound(types_.data(), end, type);
  if (at != end && *at == type) return true;
  if (count_ == kMax) return false;
  std::copy_backward(at, end, end + 1);
  *at = type;
  ++count_;
  return true;
}

std::optional<QueryTypes> QueryTypes::parse(std::string_view text) {
  QueryTypes only;
  QueryTypes but;
  but.is_negated_ = true;
  for (bool is_last = false; !is_last;) {
    std::string name(text.substr(0, text.find('|')));
    is_last = name.size() == text.size();
    if (!is_last) text.remove_prefix(name.size() + 1);
    const bool is_negated = name.starts_with('~');
    if (is_negated) name.erase(0, 1);
    for (char& c : name)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    const auto type = dns::parse_rr_type(name);
    if (!type || !(is_negated ? but : only).add(static_cast<std::uint16_t>(*type))) return std::nullopt;
  }
  if (only.count_ == 0) return but;
  QueryTypes left;
  for (std::size_t i = 0; i < only.count_; ++i) {
    if (but.contains(static_cast<dns::RrType>(only.types_[i]))) left.add(only.types_[i]);
  }
  if (left.count_ == 0) return std::nullopt;
  return left;
}

std::string QueryTypes::to_text() const {
  std::string text;
  for (std::size_t i = 0; i < count_; ++i) {
    if (i > 0) text += '|';
    if (is_negated_) text += '~';
    text += dns::to_text(static_cast<dns::RrType>(types_[i]));
  }
  return text;
}

}  // namespace rampart::blocklists
