#include "resolver/inspector.h"

namespace rampart::resolver {
namespace {

using blocklists::Action;
using blocklists::FilterSet;
using blocklists::GroupMask;
using dns::RrType;
using storage::Reason;

// SvcParamKeys with addresses (RFC 9460 7.3).
constexpr std::uint16_t kIpv4Hint = 4;
constexpr std::uint16_t kIpv6Hint = 6;

class Walk {
 public:
  Walk(const FilterSet& filter, GroupMask groups, RrType qtype) noexcept
      : filter_(filter), groups_(groups), qtype_(qtype) {}

  bool visit(const dns::RecordView& record) noexcept {
    if (record.section != dns::Section::kAnswer) return false;
    switch (record.type) {
      case RrType::kA: check_address(base::IpAddress::v4(record.rdata().data()), Reason::kBlockedIp); break;
      case RrType::kAaaa: check_address(base::IpAddress::v6(record.rdata().data()), Reason::kBlockedIp); break;
      case RrType::kCname: check_name(record.rdata_name(), Reason::kBlockedCname); break;
      case RrType::kSvcb:
      case RrType::kHttps: check_service(record); break;
      default: break;
    }
    return !result_.blocked;
  }

  [[nodiscard]] const Inspection& result() const noexcept { return result_; }

 private:
  void settle(const blocklists::Verdict& verdict, Reason reason) noexcept {
    if (verdict.action != Action::kDeny) return;
    result_.blocked = true;
    result_.reason = reason;
    result_.verdict = verdict;
  }

  void check_name(const dns::Name& target, Reason reason) noexcept {
    if (target.view().is_root()) return;  // SVCB: "." means the owner itself (RFC 9460 2.5)
    dns::FoldedName folded;
    folded.assign(target.view());
    if (result_.untouched && filter_.match(folded, ~GroupMask{0}, qtype_).action != Action::kNone)
      result_.untouched = false;
    if (result_.untouched) return;
    settle(filter_.match(folded, groups_, qtype_), reason);
    if (result_.blocked) result_.target = target;
  }

  void check_address(const base::IpAddress& address, Reason reason) noexcept {
    if (result_.untouched && filter_.match(address, ~GroupMask{0}, qtype_).action != Action::kNone)
      result_.untouched = false;
    if (result_.untouched) return;
    settle(filter_.match(address, groups_, qtype_), reason);
    if (result_.blocked) result_.address = address;
  }

  // RDATA was validated with the message: priority, target, then {key, length, value}.
  void check_service(const dns::RecordView& record) noexcept {
    check_name(record.rdata_name(), Reason::kBlockedTarget);
    const base::ByteView rdata = record.rdata();
    std::size_t at = 2;
    while (at < rdata.size() && rdata[at] != 0) at += 1u + rdata[at];
    for (++at; at + 4 <= rdata.size() && !result_.blocked;) {
      const std::uint16_t key = base::load_u16(rdata.data() + at);
      const std::uint16_t length = base::load_u16(rdata.data() + at + 2);
      at += 4;
      if (at + length > rdata.size()) return;
      const std::size_t width = key == kIpv4Hint ? 4 : key == kIpv6Hint ? 16 : 0;
      for (std::size_t i = 0; width != 0 && i + width <= length && !result_.blocked; i += width) {
        const std::uint8_t* octets = rdata.data() + at + i;
        check_address(width == 4 ? base::IpAddress::v4(octets) : base::IpAddress::v6(octets), Reason::kBlockedIp);
      }
      at += length;
    }
  }

  const FilterSet& filter_;
  const GroupMask groups_;
  const RrType qtype_;
  Inspection result_;
};

}  // namespace

Inspection inspect(const dns::MessageView& answer, RrType qtype, const FilterSet& filter, GroupMask groups) noexcept {
  Walk walk(filter, groups, qtype);
  answer.for_each_record([&](const dns::RecordView& record) { return walk.visit(record); });
  return walk.result();
}

}  // namespace rampart::resolver
