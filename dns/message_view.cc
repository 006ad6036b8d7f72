#include "dns/message_view.h"

#include <optional>

#include "dns/rdata.h"

namespace rampart::dns {
namespace {

constexpr std::size_t kRecordFixedBytes = 10;  ///< type, class, TTL, RDLENGTH
constexpr std::uint32_t kTtlMax = 0x7fffffff;

/// Moves behind a name that has been checked already.
std::size_t skip_checked_name(base::ByteView message, std::size_t at) noexcept {
  while (at < message.size()) {
    const std::uint8_t octet = message[at];
    if (octet == 0) return at + 1;
    if (octet >= 0xc0) return at + 2;
    at += octet + std::size_t{1};
  }
  return message.size();
}

/// Reads the fixed part of a record whose owner ends at `at`; false if the message ends too soon.
bool read_fixed(base::ByteView message, std::size_t at, RecordView& record) noexcept {
  if (at > message.size() || message.size() - at < kRecordFixedBytes) return false;
  const std::uint8_t* fixed = message.data() + at;
  record.message = message;
  record.type = static_cast<RrType>(base::load_u16(fixed));
  record.rr_class = static_cast<RrClass>(base::load_u16(fixed + 2));
  record.ttl_at = at + 4;
  record.ttl = base::load_u32(fixed + 4);
  // RFC 2181 8; the field is no TTL in OPT.
  if (record.ttl > kTtlMax && record.type != RrType::kOpt) record.ttl = 0;
  record.rdata_length = base::load_u16(fixed + 8);
  record.rdata_at = at + kRecordFixedBytes;
  return message.size() - record.rdata_at >= record.rdata_length;
}

Name name_at(base::ByteView message, std::size_t at) noexcept {
  const auto name = Name::read(message, at);
  return name ? *name : Name();
}

}  // namespace

Name RecordView::owner() const noexcept { return name_at(message, owner_at); }

Name RecordView::rdata_name() const noexcept {
  switch (type) {
    case RrType::kCname:
    case RrType::kNs:
    case RrType::kPtr:
    case RrType::kDname:
    case RrType::kSoa: return name_at(message, rdata_at);
    case RrType::kMx:
    case RrType::kSvcb:
    case RrType::kHttps: return name_at(message, rdata_at + 2);
    case RrType::kSrv: return name_at(message, rdata_at + 6);
    default: return Name();
  }
}

Name MessageView::qname() const noexcept {
  return has_question() ? Name(NameView(wire_.subspan(kHeaderBytes, qname_length_))) : Name();
}

base::Result<MessageView, MessageError> MessageView::parse(base::ByteView wire) noexcept {
  if (wire.size() < kHeaderBytes) return base::Error{MessageError::kShort};
  // Offsets and counts of the protocol have 16 bits; more cannot be one message.
  if (wire.size() > kMessageBytesMax) return base::Error{MessageError::kTrailing};
  MessageView view;
  view.wire_ = wire;
  const std::uint16_t questions = base::load_u16(wire.data() + 4);
  if (questions > 1) return base::Error{MessageError::kCounts};
  std::size_t at = kHeaderBytes;
  if (questions == 1) {
    // Nothing stands before the question that its name could point to.
    const auto length = measure_uncompressed(wire.subspan(at));
    if (!length)
      return base::Error{length.error() == NameError::kShort ? MessageError::kTruncatedRecord : MessageError::kBadName};
    at += *length;
    if (wire.size() - at < 4) return base::Error{MessageError::kTruncatedRecord};
    view.qname_length_ = *length;
    view.qtype_ = static_cast<RrType>(base::load_u16(wire.data() + at));
    view.qclass_ = static_cast<RrClass>(base::load_u16(wire.data() + at + 2));
    at += 4;
  }
  view.records_at_ = at;
  unsigned rcode = view.flags() & 0xfu;

  for (unsigned section = 0; section < 3; ++section) {
    const unsigned count = base::load_u16(wire.data() + 6 + 2 * section);
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t owner_at = at;
      if (const auto owner = measure(wire, at); !owner)
        return base::Error{owner.error() == NameError::kShort ? MessageError::kTruncatedRecord : MessageError::kBadName};
      RecordView record;
      if (!read_fixed(wire, at, record)) return base::Error{MessageError::kTruncatedRecord};
      if (record.type == RrType::kOpt) {
        if (section != 2 || view.opt_at_ != 0 || wire[owner_at] != 0) return base::Error{MessageError::kBadOpt};
        if (!is_well_formed_rdata(wire, record.rdata_at, record.rdata_length, record.type))
          return base::Error{MessageError::kBadOpt};
        view.opt_at_ = owner_at;
        rcode |= (record.ttl >> 24) << 4;
      } else if (!is_well_formed_rdata(wire, record.rdata_at, record.rdata_length, record.type)) {
        return base::Error{MessageError::kBadRdata};
      }
      at = record.rdata_at + record.rdata_length;
    }
  }
  if (at != wire.size()) return base::Error{MessageError::kTrailing};
  view.rcode_ = static_cast<Rcode>(rcode);
  return view;
}

MessageView::RecordCursor MessageView::first_record() const noexcept {
  return {records_at_, {answer_count(), authority_count(), additional_count()}, 0};
}

bool MessageView::next_record(RecordCursor& cursor, RecordView& record) const noexcept {
  while (cursor.section < 3 && cursor.left[cursor.section] == 0) ++cursor.section;
  if (cursor.section == 3) return false;
  --cursor.left[cursor.section];
  record.section = static_cast<Section>(cursor.section);
  record.owner_at = cursor.at;
  if (!read_fixed(wire_, skip_checked_name(wire_, cursor.at), record)) return false;
  cursor.at = record.rdata_at + record.rdata_length;
  return true;
}

AnswerWalk::AnswerWalk(base::ByteView wire) noexcept : wire_(wire) {
  if (wire.size() < kHeaderBytes) return;
  at_ = kHeaderBytes;
  for (unsigned left = base::load_u16(wire.data() + 4); left > 0 && at_ < wire.size(); --left)
    at_ = skip_checked_name(wire, at_) + 4;
  left_ = base::load_u16(wire.data() + 6);
}

bool AnswerWalk::next(RecordView& record) noexcept {
  if (left_ == 0) return false;
  --left_;
  record.section = Section::kAnswer;
  record.owner_at = at_;
  if (!read_fixed(wire_, skip_checked_name(wire_, at_), record)) {
    left_ = 0;
    return false;
  }
  at_ = record.rdata_at + record.rdata_length;
  return true;
}

}  // namespace rampart::dns
