// The part of the pipeline that knows names from elsewhere than lists and upstreams: our own names, and names that
// are asked in place of those that the client asked for. A detour leaves `context.name` at the name that the stages
// below are to see, and `context.query` as the client sent it; the way back is found by walking the detour again.
#include <algorithm>

#include "dns/message_edit.h"
#include "dns/rdata.h"
#include "dns/response_writer.h"
#include "resolver/conditional.h"
#include "resolver/custom_dns.h"
#include "resolver/hosts_names.h"
#include "resolver/pipeline.h"

namespace rampart::resolver {
namespace {

using dns::EdeCode;
using dns::Rcode;
using dns::RrClass;
using dns::RrType;
using dns::Section;
using storage::Reason;

// Writes what CustomDns::resolve() visits: link 0 under the name that was asked, each further one under the target
// of the CNAME before it.
class ChainWriter {
 public:
  ChainWriter(dns::ResponseWriter& writer, const CustomDns& names, dns::NameView asked) noexcept
      : writer_(writer), names_(names), owner_(asked), target_(asked) {}

  void operator()(std::size_t link, const LocalRecord& record) noexcept {
    if (link != link_) {
      owner_ = target_;
      link_ = link;
    }
    const base::ByteView rdata = names_.rdata(record);
    writer_.add_record(Section::kAnswer, owner_, record.type, RrClass::kIn, record.ttl, rdata);
    if (record.type == RrType::kCname) target_ = dns::NameView(rdata);
  }

  /// Where the chain ends.
  [[nodiscard]] dns::NameView target() const noexcept { return target_; }

 private:
  dns::ResponseWriter& writer_;
  const CustomDns& names_;
  dns::NameView owner_;
  dns::NameView target_;
  std::size_t link_ = 0;
};

void finish_with(QueryContext& context, dns::ResponseWriter& writer, Rcode rcode,
                 const ExtendedError& error) noexcept {
  writer.set_rcode(rcode);
  context.rcode = static_cast<std::uint16_t>(rcode);
  if (error.code != EdeCode::kOther) writer.add_ede(error.code, error.text);
}

}  // namespace

void Pipeline::take_name(QueryContext& context, const PolicySnapshot& policy, const dns::FoldedName& name,
                         Detour detour) noexcept {
  if (&name != &context.name) context.name = name;
  blocklists::hash_suffixes(policy.filter->key(), context.name, context.hashes);
  context.detour = detour;
  hash_for_cache(context, policy);
}

// 0: not ours, or only the way to the name that the stages below are to see.
std::size_t Pipeline::custom_dns_answer(QueryContext& context, const PolicySnapshot& policy,
                                        base::MutableBytes out) noexcept {
  const CustomDns& names = *policy.custom_dns;
  const dns::QueryView& query = *context.query;
  if (!context.is_original_only) {
    dns::FoldedName rewritten;
    if (names.rewriter().rewrite(context.name, context.hashes, rewritten))
      take_name(context, policy, rewritten, Detour::kRewrite);
  }
  const auto error = extended(policy, EdeCode::kForgedAnswer, to_text(Reason::kCustomDns));
  if (query.qtype() == RrType::kPtr) {
    if (const auto pointers = names.pointers(context.name, context.hashes); !pointers.empty()) {
      dns::ResponseWriter writer(query, out, context.size_limit);
      for (const LocalRecord& record : pointers)
        writer.add_record(Section::kAnswer, query.qname(), RrType::kPtr, RrClass::kIn, record.ttl,
                          names.pointer_rdata(record));
      finish_with(context, writer, Rcode::kNoError, error);
      respond(context, Reason::kCustomDns, Stage::kCustomDns);
      return writer.finish();
    }
  }
  dns::ResponseWriter writer(query, out, context.size_limit);
  switch (names.resolve(context.name, context.hashes, query.qtype(), ChainWriter(writer, names, query.qname()))) {
    case CustomDns::Outcome::kUnknown: return 0;
    case CustomDns::Outcome::kOutside:
      take_name(context, policy, context.name, Detour::kCname);
      return 0;
    case CustomDns::Outcome::kLoop:
      counters_.cname_chains_cut.add();
      respond(context, Reason::kCustomDns, Stage::kCustomDns);
      return write_empty(context, Rcode::kServFail, error, out);
    case CustomDns::Outcome::kAnswer:
    case CustomDns::Outcome::kEmpty: break;
  }
  finish_with(context, writer, Rcode::kNoError, error);
  respond(context, Reason::kCustomDns, Stage::kCustomDns);
  return writer.finish();
}

// 0: hosts files say nothing about it.
std::size_t Pipeline::hosts_answer(QueryContext& context, const PolicySnapshot& policy,
                                   base::MutableBytes out) noexcept {
  const auto records = policy.hosts->find(context.name, context.hashes, context.query->qtype());
  if (records.empty()) return 0;
  dns::ResponseWriter writer(*context.query, out, context.size_limit);
  for (const LocalRecord& record : records)
    writer.add_record(Section::kAnswer, context.query->qname(), record.type, RrClass::kIn, record.ttl,
                      policy.hosts->rdata(record));
  finish_with(context, writer, Rcode::kNoError,
              extended(policy, EdeCode::kForgedAnswer, to_text(Reason::kHostsFile)));
  respond(context, Reason::kHostsFile, Stage::kHostsFile);
  return writer.finish();
}

// Copies a record with its names written in full; an owner that is `from` becomes `to`.
bool Pipeline::copy_record(dns::ResponseWriter& writer, const dns::RecordView& record, dns::NameView from,
                           dns::NameView to) noexcept {
  const dns::Name owner = record.owner();
  std::size_t length = 0;
  if (!dns::copy_rdata_expanded(record, scratch_, length)) return false;
  return writer.add_record(record.section, dns::equal_ignoring_case(owner.view(), from) ? to : owner.view(),
                           record.type, record.rr_class, record.ttl, base::ByteView(scratch_).first(length));
}

// `out` holds what the stages below said about the target of our chain: our CNAMEs, then their answer. As in Blocky
// the chain is an answer whatever its end is; only a failure stays one.
std::size_t Pipeline::join_chain(QueryContext& context, const PolicySnapshot& policy, std::size_t length,
                                 base::MutableBytes out) noexcept {
  if (response_type(context.reason) == storage::ResponseType::kError) return length;
  const dns::QueryView& query = *context.query;
  const CustomDns& names = *policy.custom_dns;
  std::copy_n(out.data(), length, stripped_.data());
  const auto message = dns::MessageView::parse(base::ByteView(stripped_).first(length));
  respond(context, Reason::kCustomDns, Stage::kCustomDns);
  if (!message.ok()) return write_empty(context, Rcode::kServFail, {}, out);  // none of ours is

  dns::FoldedName name;
  dns::FoldedName rewritten;
  blocklists::NameHashes hashes;
  name.assign(query.qname());
  blocklists::hash_suffixes(policy.filter->key(), name, hashes);
  if (!context.is_original_only && names.rewriter().rewrite(name, hashes, rewritten)) {
    name = rewritten;
    blocklists::hash_suffixes(policy.filter->key(), name, hashes);
  }
  dns::ResponseWriter writer(query, out, context.size_limit);
  if (message->is_truncated()) {
    writer.set_flag(dns::kFlagTc, true);
  } else {
    ChainWriter chain(writer, names, query.qname());
    names.resolve(name, hashes, query.qtype(), chain);
    const dns::Name asked = message->qname();
    message->for_each_record([&](const dns::RecordView& record) {
      if (record.section != Section::kAnswer) return false;
      return copy_record(writer, record, asked.view(), chain.target());
    });
  }
  finish_with(context, writer, Rcode::kNoError,
              extended(policy, EdeCode::kForgedAnswer, to_text(Reason::kCustomDns)));
  return writer.finish();
}

// `out` holds a whole message without OPT about the rewritten name: make it one about the name that was asked. AD
// goes: what was validated belongs to another name. Returns its new length, 0 if it does not fit.
std::size_t Pipeline::rename_to_asked(const QueryContext& context, std::size_t length,
                                      base::MutableBytes out) noexcept {
  std::copy_n(out.data(), length, stripped_.data());
  const auto message = dns::MessageView::parse(base::ByteView(stripped_).first(length));
  if (!message.ok() || !message->has_question()) return 0;  // it was parsed before
  const auto renamed = dns::rename_question(*message, context.query->qname(), out);
  if (!renamed.ok()) return 0;
  base::store_u16(out.data() + 2, base::load_u16(out.data() + 2) & ~dns::kFlagAd);
  return *renamed;
}

// Upstreams of the name's own domain, if it has any.
void Pipeline::route_conditionally(QueryContext& context, const PolicySnapshot& policy) noexcept {
  dns::FoldedName room;
  const dns::FoldedName& name = name_for_upstreams(context, policy, room);
  std::optional<std::uint16_t> group;
  if (&name == &context.name) {
    group = policy.conditional->group_of(name, context.hashes);
  } else {
    blocklists::NameHashes hashes;
    blocklists::hash_suffixes(policy.filter->key(), name, hashes);
    group = policy.conditional->group_of(name, hashes);
  }
  context.is_conditional = group.has_value();
  context.upstream_group = group.value_or(context.identity->upstream_group);
}

// Whether an answer without records is to be followed by the question for the name as the client wrote it.
bool Pipeline::falls_back(const QueryContext& context, const PolicySnapshot& policy, bool is_empty) noexcept {
  if (!is_empty || context.is_original_only) return false;
  if (context.detour == Detour::kRewrite && policy.custom_dns->fallback_upstream()) return true;
  if (!policy.conditional || !policy.conditional->fallback_upstream()) return false;
  dns::FoldedName room;
  return &name_for_upstreams(context, policy, room) != &context.name;
}

Disposition Pipeline::ask_original(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                   base::MutableBytes out, std::size_t& length) noexcept {
  context.is_original_only = true;
  if (context.detour != Detour::kNone) {
    dns::FoldedName original;
    original.assign(context.query->qname());
    take_name(context, policy, original, Detour::kNone);
  }
  return decide_names(context, policy, now, out, length);
}

}  // namespace rampart::resolver
