// Mnemonics and whole records; the RDATA of each type is printed in rdata_text.cc.
#include "dns/presentation.h"

#include <array>
#include <charconv>

#include "base/bytes.h"
#include "base/ip_text.h"

namespace rampart::dns {
namespace {

struct TypeRow {
  std::uint16_t value;
  std::string_view mnemonic;
};

// IANA "Resource Record (RR) TYPEs", QTYPEs and meta types included, in numeric order.
constexpr TypeRow kTypes[] = {
    {1, "A"},           {2, "NS"},         {3, "MD"},        {4, "MF"},          {5, "CNAME"},     {6, "SOA"},
    {7, "MB"},          {8, "MG"},         {9, "MR"},        {10, "NULL"},       {11, "WKS"},      {12, "PTR"},
    {13, "HINFO"},      {14, "MINFO"},     {15, "MX"},       {16, "TXT"},        {17, "RP"},       {18, "AFSDB"},
    {19, "X25"},        {20, "ISDN"},      {21, "RT"},       {22, "NSAP"},       {23, "NSAP-PTR"}, {24, "SIG"},
    {25, "KEY"},        {26, "PX"},        {27, "GPOS"},     {28, "AAAA"},       {29, "LOC"},      {30, "NXT"},
    {31, "EID"},        {32, "NIMLOC"},    {33, "SRV"},      {34, "ATMA"},       {35, "NAPTR"},    {36, "KX"},
    {37, "CERT"},       {38, "A6"},        {39, "DNAME"},    {40, "SINK"},       {41, "OPT"},      {42, "APL"},
    {43, "DS"},         {44, "SSHFP"},     {45, "IPSECKEY"}, {46, "RRSIG"},      {47, "NSEC"},     {48, "DNSKEY"},
    {49, "DHCID"},      {50, "NSEC3"},     {51, "NSEC3PARAM"}, {52, "TLSA"},     {53, "SMIMEA"},   {55, "HIP"},
    {56, "NINFO"},      {57, "RKEY"},      {58, "TALINK"},   {59, "CDS"},        {60, "CDNSKEY"},  {61, "OPENPGPKEY"},
    {62, "CSYNC"},      {63, "ZONEMD"},    {64, "SVCB"},     {65, "HTTPS"},      {66, "DSYNC"},    {99, "SPF"},
    {100, "UINFO"},     {101, "UID"},      {102, "GID"},     {103, "UNSPEC"},    {104, "NID"},     {105, "L32"},
    {106, "L64"},       {107, "LP"},       {108, "EUI48"},   {109, "EUI64"},     {249, "TKEY"},    {250, "TSIG"},
    {251, "IXFR"},      {252, "AXFR"},     {253, "MAILB"},   {254, "MAILA"},     {255, "ANY"},     {256, "URI"},
    {257, "CAA"},       {258, "AVC"},      {259, "DOA"},     {260, "AMTRELAY"},  {261, "RESINFO"}, {32768, "TA"},
    {32769, "DLV"},
};

// The types that are really asked for, by number.
constexpr auto kLowTypes = [] {
  std::array<std::string_view, 110> mnemonics{};
  for (const TypeRow& row : kTypes)
    if (row.value < mnemonics.size()) mnemonics[row.value] = row.mnemonic;
  return mnemonics;
}();

constexpr std::string_view kRcodes[] = {"NOERROR", "FORMERR",  "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
                                        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};
// 16 is BADVERS in OPT and BADSIG in TSIG; a message's RCODE is the former.
constexpr std::string_view kExtendedRcodes[] = {"BADVERS", "BADKEY",   "BADTIME",  "BADMODE",
                                                "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE"};

}  // namespace

std::string_view mnemonic(RrType type) noexcept {
  const auto value = static_cast<std::uint16_t>(type);
  if (value < kLowTypes.size()) return kLowTypes[value];
  for (const TypeRow& row : kTypes)
    if (row.value >= value) return row.value == value ? row.mnemonic : std::string_view();
  return {};
}

std::string_view mnemonic(Rcode rcode) noexcept {
  const auto value = static_cast<std::uint16_t>(rcode);
  if (value < std::size(kRcodes)) return kRcodes[value];
  if (value >= 16 && value - 16u < std::size(kExtendedRcodes)) return kExtendedRcodes[value - 16];
  return {};
}

std::string to_text(RrType type) {
  const std::string_view known = mnemonic(type);
  return known.empty() ? "TYPE" + std::to_string(static_cast<std::uint16_t>(type)) : std::string(known);
}

std::optional<RrType> parse_rr_type(std::string_view text, bool allow_generic) {
  for (const TypeRow& row : kTypes)
    if (row.mnemonic == text) return static_cast<RrType>(row.value);
  if (!allow_generic || !text.starts_with("TYPE")) return std::nullopt;
  text.remove_prefix(4);
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<RrType>(value);
}

std::string to_text(Rcode rcode) {
  const std::string_view known = mnemonic(rcode);
  return known.empty() ? "RCODE" + std::to_string(static_cast<std::uint16_t>(rcode)) : std::string(known);
}

std::string to_text(RrClass rr_class) {
  switch (rr_class) {
    case RrClass::kIn: return "IN";
    case RrClass::kCh: return "CH";
    case RrClass::kHs: return "HS";
    case RrClass::kNone: return "NONE";
    case RrClass::kAny: return "ANY";
  }
  return "CLASS" + std::to_string(static_cast<unsigned>(rr_class));
}

std::string record_text(const RecordView& record) {
  std::string text = to_fqdn_text(record.owner().view());
  text += '\t';
  text += std::to_string(record.ttl);
  text += '\t';
  text += to_text(record.rr_class);
  text += '\t';
  text += to_text(record.type);
  text += '\t';
  text += rdata_text(record);
  return text;
}

std::string answer_text(const MessageView& message) {
  std::string text;
  append_answer_text(text, message.wire());
  return text;
}

void append_answer_text(std::string& out, base::ByteView message) {
  AnswerWalk answers(message);
  RecordView record;
  for (bool is_first = true; answers.next(record); is_first = false) {
    if (!is_first) out += ", ";
    switch (record.type) {
      case RrType::kA:
      case RrType::kAaaa:
      case RrType::kCname:
      case RrType::kPtr:
        out += mnemonic(record.type);
        out += " (";
        if (record.type == RrType::kA && record.rdata_length == 4)
          base::append_v4_text(out, record.message.subspan(record.rdata_at, 4).first<4>());
        else
          out += rdata_text(record);
        out += ')';
        break;
      default: out += record_text(record);
    }
  }
}

}  // namespace rampart::dns
