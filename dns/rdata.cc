#include "dns/rdata.h"

#include <cstring>

#include "dns/name.h"

namespace rampart::dns {
namespace {

struct LayoutRow {
  std::uint16_t type;
  RdataLayout layout;  // fixed, strings, names, tail
};

// RFC 1035 3.3 and the younger types whose names a receiver must expand (RFC 3597 4).
constexpr LayoutRow kLayouts[] = {
    {2, {0, 0, 1, 0}},   // NS
    {3, {0, 0, 1, 0}},   // MD
    {4, {0, 0, 1, 0}},   // MF
    {5, {0, 0, 1, 0}},   // CNAME
    {6, {0, 0, 2, 20}},  // SOA: mname rname, then serial refresh retry expire minimum
    {7, {0, 0, 1, 0}},   // MB
    {8, {0, 0, 1, 0}},   // MG
    {9, {0, 0, 1, 0}},   // MR
    {12, {0, 0, 1, 0}},  // PTR
    {14, {0, 0, 2, 0}},  // MINFO
    {15, {2, 0, 1, 0}},  // MX
    {17, {0, 0, 2, 0}},  // RP
    {18, {2, 0, 1, 0}},  // AFSDB
    {21, {2, 0, 1, 0}},  // RT
    {26, {2, 0, 2, 0}},  // PX
    {33, {6, 0, 1, 0}},  // SRV
    {35, {4, 3, 1, 0}},  // NAPTR
    {36, {2, 0, 1, 0}},  // KX
    {39, {0, 0, 1, 0}},  // DNAME
};

bool skip_strings(base::ByteView rdata, std::size_t count, std::size_t& at) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (at >= rdata.size() || rdata.size() - at - 1 < rdata[at]) return false;
    at += rdata[at] + std::size_t{1};
  }
  return true;
}

bool is_well_formed_txt(base::ByteView rdata) noexcept {
  std::size_t at = 0;
  do {
    if (!skip_strings(rdata, 1, at)) return false;
  } while (at < rdata.size());
  return true;
}

/// RFC 9460 7 and 8: the values of the keys that we know.
bool is_well_formed_param(std::uint16_t key, base::ByteView value) noexcept {
  switch (key) {
    case 0: {  // mandatory: keys in strictly increasing order, never itself
      if (value.empty() || value.size() % 2 != 0) return false;
      std::uint16_t last = 0;
      for (std::size_t i = 0; i < value.size(); i += 2) {
        const std::uint16_t listed = base::load_u16(&value[i]);
        if (listed <= last) return false;
        last = listed;
      }
      return true;
    }
    case 1: {  // alpn: non-empty strings
      std::size_t at = 0;
      if (value.empty()) return false;
      while (at < value.size()) {
        if (value[at] == 0 || !skip_strings(value, 1, at)) return false;
      }
      return true;
    }
    case 2: return value.empty();  // no-default-alpn
    case 3: return value.size() == 2;  // port
    case 4: return !value.empty() && value.size() % 4 == 0;  // ipv4hint
    case 6: return !value.empty() && value.size() % 16 == 0;  // ipv6hint
    default: return true;
  }
}

/// RFC 9460 2.2: priority, uncompressed target, parameters in strictly increasing order of their keys.
bool is_well_formed_svcb(base::ByteView rdata) noexcept {
  if (rdata.size() < 3) return false;
  const auto target = measure_uncompressed(rdata.subspan(2));
  if (!target) return false;
  base::ByteView params = rdata.subspan(std::size_t{2} + *target);
  int last_key = -1;
  while (!params.empty()) {
    if (params.size() < 4) return false;
    const std::uint16_t key = base::load_u16(params.data());
    const std::size_t length = base::load_u16(params.data() + 2);
    if (key <= last_key || params.size() - 4 < length) return false;
    if (!is_well_formed_param(key, params.subspan(4, length))) return false;
    last_key = key;
    params = params.subspan(4 + length);
  }
  return true;
}

bool is_well_formed_options(base::ByteView options) noexcept {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::size_t length = base::load_u16(options.data() + 2);
    if (options.size() - 4 < length) return false;
    options = options.subspan(4 + length);
  }
  return true;
}

}  // namespace

const RdataLayout* layout_with_names(RrType type) noexcept {
  const auto value = static_cast<std::uint16_t>(type);
  for (const LayoutRow& row : kLayouts) {
    if (row.type == value) return &row.layout;
    if (row.type > value) break;
  }
  return nullptr;
}

bool is_well_formed_rdata(base::ByteView message, std::size_t at, std::size_t length, RrType type) noexcept {
  const base::ByteView rdata = message.subspan(at, length);
  switch (type) {
    case RrType::kA: return length == 4;
    case RrType::kAaaa: return length == 16;
    case RrType::kTxt: return is_well_formed_txt(rdata);
    case RrType::kSvcb:
    case RrType::kHttps: return is_well_formed_svcb(rdata);
    case RrType::kOpt: return is_well_formed_options(rdata);
    default: break;
  }
  const RdataLayout* layout = layout_with_names(type);
  if (layout == nullptr) return true;
  if (length < layout->fixed) return false;
  std::size_t inner = layout->fixed;
  if (!skip_strings(rdata, layout->strings, inner)) return false;
  // Names may point out of the RDATA, but none of their own octets may stand outside it.
  std::size_t end = at + inner;
  for (unsigned i = 0; i < layout->names; ++i)
    if (!measure(message.first(at + length), end)) return false;
  return end + layout->tail == at + length;
}

bool copy_rdata_expanded(const RecordView& record, base::MutableBytes out, std::size_t& written) noexcept {
  written = 0;
  const auto put = [&](base::ByteView bytes) {
    if (out.size() - written < bytes.size()) return false;
    if (!bytes.empty()) std::memcpy(out.data() + written, bytes.data(), bytes.size());
    written += bytes.size();
    return true;
  };
  const base::ByteView rdata = record.rdata();
  const RdataLayout* layout = layout_with_names(record.type);
  if (layout == nullptr) return put(rdata);
  std::size_t inner = layout->fixed;
  if (inner > rdata.size() || !skip_strings(rdata, layout->strings, inner)) return false;
  if (!put(rdata.first(inner))) return false;
  std::size_t at = record.rdata_at + inner;
  for (unsigned i = 0; i < layout->names; ++i) {
    const auto name = Name::read(record.message, at);
    if (!name || !put(name->wire())) return false;
  }
  const std::size_t end = record.rdata_at + rdata.size();
  return at <= end && put(record.message.subspan(at, end - at));
}

}  // namespace rampart::dns
