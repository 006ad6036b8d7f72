#include "dns/message_edit.h"

#include <algorithm>
#include <cstring>

#include "dns/name_compressor.h"
#include "dns/rdata.h"
#include "dns/svc_params.h"

namespace rampart::dns {
namespace {

constexpr std::size_t kRecordFixedBytes = 10;  ///< type, class, TTL, RDLENGTH
constexpr auto kSig = static_cast<RrType>(24);
constexpr auto kTsig = static_cast<RrType>(250);

/// A record that speaks of this one message: TSIG, or SIG(0), whose covered type is 0 (RFC 2931 3).
bool is_transaction_record(const RecordView& record) noexcept {
  if (record.section != Section::kAdditional) return false;
  if (record.type == kTsig) return true;
  return record.type == kSig && record.rdata_length >= 2 && base::load_u16(record.rdata().data()) == 0;
}

bool is_dnssec_record(RrType type) noexcept {
  switch (type) {
    case RrType::kRrsig:
    case RrType::kDnskey:
    case RrType::kDs:
    case RrType::kNsec:
    case RrType::kNsec3: return true;
    default: return false;
  }
}

/// Of header and question; the question's name stands in full, because nothing stands before it.
std::size_t head_length(const MessageView& message) noexcept {
  return kHeaderBytes + (message.has_question() ? message.qname().wire().size() + std::size_t{4} : 0);
}

/// Writes records one after another, behind a header and question that stand in `out` already.
class RecordWriter {
 public:
  RecordWriter(bool has_question, std::size_t head_bytes, base::MutableBytes out) noexcept
      : out_(out), names_(out, has_question), at_(head_bytes) {}

  bool put(const RecordView& record, NameView owner) noexcept {
    return put_with(record, owner, [&] { return put_rdata(record); });
  }

  bool put_without_svc_param(const RecordView& record, std::uint16_t key) noexcept {
    return put_with(record, record.owner().view(), [&] { return put_rdata_without(record.rdata(), key); });
  }

  std::size_t finish() noexcept {
    for (std::size_t i = 0; i < 3; ++i) base::store_u16(&out_[6 + 2 * i], counts_[i]);
    return at_;
  }

 private:
  template <class PutRdata>
  bool put_with(const RecordView& record, NameView owner, PutRdata&& put_its_rdata) noexcept {
    if (!names_.put(owner, at_, out_.size())) return false;
    if (out_.size() - at_ < kRecordFixedBytes) return false;
    std::memcpy(&out_[at_], &record.message[record.rdata_at - kRecordFixedBytes], kRecordFixedBytes);
    at_ += kRecordFixedBytes;
    const std::size_t rdata_at = at_;
    if (!put_its_rdata()) return false;
    const std::size_t length = at_ - rdata_at;
    if (length > 0xffff) return false;
    base::store_u16(&out_[rdata_at - 2], static_cast<std::uint16_t>(length));
    ++counts_[static_cast<std::size_t>(record.section)];
    return true;
  }

  bool put_bytes(base::ByteView bytes) noexcept {
    if (out_.size() - at_ < bytes.size()) return false;
    if (!bytes.empty()) std::memcpy(&out_[at_], bytes.data(), bytes.size());
    at_ += bytes.size();
    return true;
  }

  bool put_svc_param(std::uint16_t key, base::ByteView value) noexcept {
    if (out_.size() - at_ < 4 + value.size()) return false;
    base::store_u16(&out_[at_], key);
    base::store_u16(&out_[at_ + 2], static_cast<std::uint16_t>(value.size()));
    at_ += 4;
    return put_bytes(value);
  }

  bool put_rdata_without(base::ByteView rdata, std::uint16_t unwanted) noexcept {
    bool fits = put_bytes(rdata.first(svc_params_at(rdata)));
    for_each_svc_param(rdata, [&](std::uint16_t key, base::ByteView value) {
      if (fits && key == kSvcMandatory) fits = put_mandatory_without(value, unwanted);
      else if (fits && key != unwanted) fits = put_svc_param(key, value);
      return fits;
    });
    return fits;
  }

  // Keys stand once and in order (RFC 9460 8); a list of none is not allowed.
  bool put_mandatory_without(base::ByteView keys, std::uint16_t unwanted) noexcept {
    std::size_t at = 0;
    while (at + 2 <= keys.size() && base::load_u16(&keys[at]) != unwanted) at += 2;
    if (at + 2 > keys.size()) return put_svc_param(kSvcMandatory, keys);
    if (keys.size() == 2) return true;
    if (!put_svc_param(kSvcMandatory, keys.first(at))) return false;
    base::store_u16(&out_[at_ - at - 2], static_cast<std::uint16_t>(keys.size() - 2));
    return put_bytes(keys.subspan(at + 2));
  }

  bool put_rdata(const RecordView& record) noexcept {
    // Only the types of RFC 1035 may hold compressed names (RFC 3597 4); these three make up nearly all answers.
    const bool is_lone_name =
        record.type == RrType::kCname || record.type == RrType::kNs || record.type == RrType::kPtr;
    if (is_lone_name) return names_.put(record.rdata_name().view(), at_, out_.size());
    std::size_t written = 0;
    if (!copy_rdata_expanded(record, out_.subspan(at_), written)) return false;
    at_ += written;
    return true;
  }

  base::MutableBytes out_;
  NameCompressor names_;
  std::size_t at_;
  std::uint16_t counts_[3] = {0, 0, 0};
};

bool has_svc_param(const RecordView& record, std::uint16_t key) noexcept {
  bool found = false;
  if (!has_svc_params(record.type)) return found;
  for_each_svc_param(record.rdata(), [&](std::uint16_t at, base::ByteView) {
    found = at == key;
    return !found;
  });
  return found;
}

}  // namespace

base::Result<StrippedMessage, EditError> strip_opt_and_collect_ttls(const MessageView& message,
                                                                    base::MutableBytes out,
                                                                    std::span<std::uint16_t> ttl_offsets) noexcept {
  StrippedMessage result{message.wire().size(), 0};
  std::uint16_t additional = 0;
  bool too_many = false;
  message.for_each_record([&](const RecordView& record) {
    if (record.type == RrType::kOpt || is_transaction_record(record)) {
      result.length = record.owner_at;
      return false;
    }
    if (result.ttl_count == ttl_offsets.size()) {
      too_many = true;
      return false;
    }
    ttl_offsets[result.ttl_count++] = static_cast<std::uint16_t>(record.ttl_at);
    if (record.section == Section::kAdditional) ++additional;
    return true;
  });
  if (too_many) return base::Error{EditError::kTooManyTtls};
  if (out.size() < result.length) return base::Error{EditError::kNoRoom};
  std::memcpy(out.data(), message.wire().data(), result.length);
  base::store_u16(&out[10], additional);
  return result;
}

base::Result<std::size_t, EditError> strip_dnssec_records(const MessageView& message, RrType qtype,
                                                          base::MutableBytes out) noexcept {
  const base::ByteView wire = message.wire();
  const auto is_unwanted = [qtype](const RecordView& record) {
    return is_dnssec_record(record.type) && record.type != qtype;
  };
  bool any_unwanted = false;
  if (qtype != RrType::kAny) {
    message.for_each_record([&](const RecordView& record) {
      any_unwanted = is_unwanted(record);
      return !any_unwanted;
    });
  }
  if (!any_unwanted) {
    if (out.size() < wire.size()) return base::Error{EditError::kNoRoom};
    std::memcpy(out.data(), wire.data(), wire.size());
    return wire.size();
  }
  out = out.first(std::min(out.size(), kMessageBytesMax));
  const std::size_t head_bytes = head_length(message);
  if (out.size() < head_bytes) return base::Error{EditError::kNoRoom};
  std::memcpy(out.data(), wire.data(), head_bytes);
  RecordWriter writer(message.has_question(), head_bytes, out);
  bool fits = true;
  message.for_each_record([&](const RecordView& record) {
    if (!is_unwanted(record) && !is_transaction_record(record)) fits = writer.put(record, record.owner().view());
    return fits;
  });
  if (!fits) return base::Error{EditError::kNoRoom};
  return writer.finish();
}

base::Result<std::size_t, EditError> rename_question(const MessageView& message, NameView to,
                                                     base::MutableBytes out) noexcept {
  out = out.first(std::min(out.size(), kMessageBytesMax));
  const Name from = message.qname();
  const base::ByteView name = to.wire();
  const std::size_t head_bytes = kHeaderBytes + name.size() + 4;
  if (out.size() < head_bytes) return base::Error{EditError::kNoRoom};
  std::memcpy(out.data(), message.wire().data(), kHeaderBytes);
  std::memcpy(out.data() + kHeaderBytes, name.data(), name.size());
  base::store_u16(out.data() + head_bytes - 4, static_cast<std::uint16_t>(message.qtype()));
  base::store_u16(out.data() + head_bytes - 2, static_cast<std::uint16_t>(message.qclass()));
  RecordWriter writer(true, head_bytes, out);
  bool fits = true;
  message.for_each_record([&](const RecordView& record) {
    if (is_transaction_record(record)) return true;
    const Name owner = record.owner();
    fits = writer.put(record, equal_ignoring_case(owner.view(), from.view()) ? to : owner.view());
    return fits;
  });
  if (!fits) return base::Error{EditError::kNoRoom};
  return writer.finish();
}

base::Result<std::size_t, EditError> remove_svc_param(const MessageView& message, std::uint16_t key,
                                                      base::MutableBytes out) noexcept {
  bool changes_svcb = false;
  bool changes_https = false;
  message.for_each_record([&](const RecordView& record) {
    if (has_svc_param(record, key)) (record.type == RrType::kSvcb ? changes_svcb : changes_https) = true;
    return !(changes_svcb && changes_https);
  });
  if (!changes_svcb && !changes_https) return std::size_t{0};
  const auto signs_what_changes = [&](const RecordView& record) {
    if (record.type != RrType::kRrsig || record.rdata_length < 2) return false;
    const auto covered = static_cast<RrType>(base::load_u16(record.rdata().data()));
    return (changes_svcb && covered == RrType::kSvcb) || (changes_https && covered == RrType::kHttps);
  };
  out = out.first(std::min(out.size(), kMessageBytesMax));
  const std::size_t head_bytes = head_length(message);
  if (out.size() < head_bytes) return base::Error{EditError::kNoRoom};
  std::memcpy(out.data(), message.wire().data(), head_bytes);
  base::store_u16(&out[2], static_cast<std::uint16_t>(message.flags() & ~kFlagAd));
  RecordWriter writer(message.has_question(), head_bytes, out);
  bool fits = true;
  message.for_each_record([&](const RecordView& record) {
    if (signs_what_changes(record) || is_transaction_record(record)) return true;
    fits = has_svc_param(record, key) ? writer.put_without_svc_param(record, key)
                                      : writer.put(record, record.owner().view());
    return fits;
  });
  if (!fits) return base::Error{EditError::kNoRoom};
  return writer.finish();
}

}  // namespace rampart::dns
