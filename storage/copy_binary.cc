#include "storage/copy_binary.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "storage/public_suffix.h"

namespace rampart::storage {
namespace {

// timestamptz counts microseconds from 2000-01-01 00:00:00 UTC.
constexpr std::int64_t kPostgresEpochUs = 946'684'800'000'000;
constexpr std::uint16_t kColumns = 12;
constexpr std::uint16_t kNoMoreRows = 0xffff;

template <class Unsigned>
void append_big_endian(Unsigned value, std::string& out) {
  char octets[sizeof value];
  for (std::size_t i = 0; i < sizeof value; ++i) octets[i] = static_cast<char>(value >> 8 * (sizeof value - 1 - i));
  out.append(octets, sizeof octets);
}

void append_number(std::int64_t value, std::string& out) {
  append_big_endian(std::uint32_t{8}, out);
  append_big_endian(static_cast<std::uint64_t>(value), out);
}

void append_text(std::string_view text, std::string& out) {
  append_big_endian(static_cast<std::uint32_t>(text.size()), out);
  const std::size_t start = out.size();
  out.append(text);
  // No text of the database can hold it, and it would cost the whole batch.
  if (text.find('\0') != std::string_view::npos)
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), '\0', '?');
}

}  // namespace

void CopyBinaryWriter::append_header(std::string& out) {
  out.append("PGCOPY\n\377\r\n\0", 11);
  append_big_endian(std::uint32_t{0}, out);  // flags
  append_big_endian(std::uint32_t{0}, out);  // length of an extension of the header
}

void CopyBinaryWriter::append_trailer(std::string& out) { append_big_endian(kNoMoreRows, out); }

void CopyBinaryWriter::append_row(const LogEntry& entry, std::string& out) {
  append_big_endian(kColumns, out);
  append_number(entry.start_unix_us - kPostgresEpochUs, out);
  append_text(entry.client_ip, out);
  if (entry.client_names.find('\n') == std::string_view::npos) {
    append_text(entry.client_names, out);
  } else {
    join_client_names(entry.client_names, "; ", names_);
    append_text(names_, out);
  }
  append_number(entry.duration_ms, out);
  append_text(entry.reason, out);
  append_text(entry.response_type, out);
  append_text(entry.question_type, out);
  fold_question_name(entry.question_name, qname_);
  append_text(qname_, out);
  effective_tld_plus_one(qname_, domain_);
  append_text(domain_, out);
  append_text(entry.answer, out);
  append_text(entry.response_code, out);
  append_text(entry.instance, out);
}

}  // namespace rampart::storage
