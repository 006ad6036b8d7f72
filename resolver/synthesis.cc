#include "resolver/synthesis.h"

#include "dns/response_writer.h"

namespace rampart::resolver {
namespace {

using dns::ResponseWriter;
using dns::RrType;

// blocky.local. and hostmaster.blocky.local. in wire format: the names that Blocky's users see and match on.
constexpr std::uint8_t kSoaMname[] = "\x06" "blocky" "\x05" "local";
constexpr std::uint8_t kSoaRname[] = "\x0a" "hostmaster" "\x06" "blocky" "\x05" "local";
constexpr std::uint8_t kZeroV4[4] = {0, 0, 0, 0};
constexpr std::uint8_t kZeroV6[16] = {};
constexpr std::uint8_t kLocalhostV4[4] = {127, 0, 0, 1};
constexpr std::uint8_t kLocalhostV6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr std::uint32_t kAnyTtl = 3789;  // RFC 8482 leaves the value open; long enough to quiet the asker

void attach(ResponseWriter& writer, const ExtendedError& error) noexcept {
  if (error.code != dns::EdeCode::kOther) writer.add_ede(error.code, error.text);
}

std::size_t end(QueryContext& context, ResponseWriter& writer, dns::Rcode rcode, const ExtendedError& error) noexcept {
  writer.set_rcode(rcode);
  context.rcode = static_cast<std::uint16_t>(rcode);
  attach(writer, error);
  return writer.finish();
}

void add_block_addresses(ResponseWriter& writer, RrType qtype, const BlockAnswer& answer, std::uint32_t ttl) noexcept {
  const bool custom = answer.kind == BlockAnswer::Kind::kAddresses;
  if (qtype == RrType::kA) {
    if (!custom || answer.v4.empty()) writer.add_a(ttl, kZeroV4);
    else
      for (const auto& address : answer.v4) writer.add_a(ttl, address.octets().data());
    return;
  }
  if (!custom || answer.v6.empty()) writer.add_aaaa(ttl, kZeroV6);
  else
    for (const auto& address : answer.v6) writer.add_aaaa(ttl, address.mapped().data());
}

}  // namespace

std::size_t write_block(QueryContext& context, const BlockAnswer& answer, std::uint32_t ttl,
                        const ExtendedError& error, base::MutableBytes out) noexcept {
  ResponseWriter writer(*context.query, out, context.size_limit);
  const RrType qtype = context.query->qtype();
  const bool is_address = qtype == RrType::kA || qtype == RrType::kAaaa;
  if (answer.kind != BlockAnswer::Kind::kNxDomain && is_address) {
    add_block_addresses(writer, qtype, answer, ttl);
    return end(context, writer, dns::Rcode::kNoError, error);
  }
  if (answer.kind == BlockAnswer::Kind::kNxDomain) {
    const ResponseWriter::Soa soa{dns::NameView({kSoaMname, sizeof(kSoaMname)}),
                                  dns::NameView({kSoaRname, sizeof(kSoaRname)}), 1, 86400, 7200, 604800, ttl};
    writer.add_soa(context.query->qname(), ttl, soa);
  }
  return end(context, writer, dns::Rcode::kNxDomain, error);
}

std::size_t write_special_use(QueryContext& context, SpecialUse use, const ExtendedError& error,
                              base::MutableBytes out) noexcept {
  ResponseWriter writer(*context.query, out, context.size_limit);
  const RrType qtype = context.query->qtype();
  if (use == SpecialUse::kEmpty) return end(context, writer, dns::Rcode::kNoError, error);
  if (use == SpecialUse::kLocalhost && qtype == RrType::kA) {
    writer.add_a(0, kLocalhostV4);
    return end(context, writer, dns::Rcode::kNoError, error);
  }
  if (use == SpecialUse::kLocalhost && qtype == RrType::kAaaa) {
    writer.add_aaaa(0, kLocalhostV6);
    return end(context, writer, dns::Rcode::kNoError, error);
  }
  return end(context, writer, dns::Rcode::kNxDomain, error);
}

std::size_t write_empty(QueryContext& context, dns::Rcode rcode, const ExtendedError& error,
                        base::MutableBytes out) noexcept {
  ResponseWriter writer(*context.query, out, context.size_limit);
  return end(context, writer, rcode, error);
}

std::size_t write_text(QueryContext& context, std::string_view text, base::MutableBytes out) noexcept {
  ResponseWriter writer(*context.query, out, context.size_limit);
  writer.add_txt(context.query->qclass(), 0, text);
  return end(context, writer, dns::Rcode::kNoError, {});
}

std::size_t write_minimal_any(QueryContext& context, base::MutableBytes out) noexcept {
  static constexpr std::uint8_t kHinfo[] = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
  ResponseWriter writer(*context.query, out, context.size_limit);
  writer.add_record(dns::Section::kAnswer, context.query->qname(), static_cast<RrType>(13), dns::RrClass::kIn,
                    kAnyTtl, kHinfo);
  return end(context, writer, dns::Rcode::kNoError, {});
}

}  // namespace rampart::resolver
