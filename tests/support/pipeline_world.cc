#include "tests/support/pipeline_world.h"

#include <stdexcept>

#include "blocklists/compiled_source.h"
#include "blocklists/filter_set_builder.h"
#include "blocklists/list_parser.h"
#include "dns/presentation.h"

namespace rampart::test {
namespace {

const base::HashKey kKey;

resolver::QueryContext make_context(const Bytes& query, std::string_view client, resolver::Protocol protocol,
                                    base::Instant now) {
  resolver::QueryContext context;
  context.wire = query;
  context.client = *base::IpAddress::parse(client);
  context.protocol = protocol;
  context.arrival = now;
  return context;
}

}  // namespace

std::shared_ptr<const blocklists::FilterSet> build_filter(const std::vector<ListText>& lists) {
  std::vector<std::string> groups;
  for (const auto& list : lists) groups.push_back(list.group);
  auto builder = blocklists::FilterSetBuilder::create(kKey, groups);
  if (!builder.ok()) throw std::runtime_error(builder.error());
  for (const auto& list : lists) {
    blocklists::SourceCompiler compiler(kKey);
    static_cast<void>(blocklists::parse_list(list.text, {}, compiler));
    blocklists::SourceInfo info;
    info.name = "inline";
    info.group = *builder->group_index(list.group);
    info.action = list.action;
    static_cast<void>(builder->add_source(info, std::make_shared<blocklists::CompiledSource>(compiler.finish())));
  }
  auto built = builder->build();
  if (!built.ok()) throw std::runtime_error(built.error());
  return *built;
}

PipelineWorld::PipelineWorld(const std::vector<ListText>& lists, const resolver::CacheOptions& cache)
    : policy_(std::make_shared<resolver::PolicySnapshot>()), cache_(cache) {
  pipeline_ = std::make_unique<resolver::Pipeline>(cache_, counters_, nullptr);
  policy_->blocking_configured = !lists.empty();
  policy_->clients.default_groups = ~blocklists::GroupMask{0};
  republish(lists);
}

void PipelineWorld::learn_names_at(resolver::ClientNameDesk& desk) {
  pipeline_ = std::make_unique<resolver::Pipeline>(cache_, counters_, nullptr, nullptr, &desk);
  policy_->clients.learns_names = true;
}

void PipelineWorld::republish(const std::vector<ListText>& lists) {
  policy_->filter = build_filter(lists);
  ++policy_->generation;
  pipeline_->forget_clients();
}

PipelineWorld::Reply PipelineWorld::reply_from(resolver::QueryContext& context, resolver::Disposition disposition,
                                               std::size_t length, const Bytes& buffer) {
  Reply reply;
  reply.disposition = disposition;
  reply.reason = context.reason;
  reply.rcode = context.rcode;
  if (disposition != resolver::Disposition::kRespond) return reply;
  reply.bytes.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length));
  const auto message = dns::MessageView::parse(reply.bytes);
  if (!message.ok()) throw std::runtime_error("the pipeline wrote a malformed message");
  message->for_each_record([&](const dns::RecordView& record) {
    const std::string text =
        to_text(record.type) + " " + rdata_text(record) + " ttl=" + std::to_string(record.ttl);
    if (record.section == dns::Section::kAnswer) reply.records.push_back(text);
    if (record.section == dns::Section::kAuthority) reply.authority.push_back(text);
    return true;
  });
  return reply;
}

PipelineWorld::Reply PipelineWorld::ask(std::string_view name, dns::RrType type, const QueryOptions& options,
                                        std::string_view client) {
  return ask_wire(make_query(name, type, options), client);
}

PipelineWorld::Reply PipelineWorld::ask_wire(const Bytes& query, std::string_view client, resolver::Protocol protocol) {
  auto context = make_context(query, client, protocol, now_);
  Bytes out(4096);
  std::size_t length = 0;
  const auto disposition = pipeline_->answer(context, *policy_, now_, out, length);
  if (disposition != resolver::Disposition::kDrop) pipeline_->note(context, *policy_, {0, 0}, {});
  return reply_from(context, disposition, length, out);
}

PipelineWorld::Reply PipelineWorld::resolve(const Bytes& query, const Bytes& upstream_response, std::string_view client) {
  auto context = make_context(query, client, resolver::Protocol::kUdp, now_);
  Bytes out(4096);
  std::size_t length = 0;
  auto disposition = pipeline_->answer(context, *policy_, now_, out, length);
  if (disposition == resolver::Disposition::kForward) {
    const auto message = dns::MessageView::parse(upstream_response);
    if (!message.ok()) throw std::runtime_error("the test's upstream response is malformed");
    const resolver::ForwardResult result{resolver::ForwardOutcome::kAnswer, &*message, "tcp+udp:192.0.2.53"};
    length = pipeline_->complete(context, *policy_, result, now_, out);
    disposition = resolver::Disposition::kRespond;
  }
  return reply_from(context, disposition, length, out);
}

PipelineWorld::Reply PipelineWorld::fail_upstream(const Bytes& query, resolver::ForwardOutcome outcome) {
  auto context = make_context(query, "192.0.2.10", resolver::Protocol::kUdp, now_);
  Bytes out(4096);
  std::size_t length = 0;
  auto disposition = pipeline_->answer(context, *policy_, now_, out, length);
  if (disposition == resolver::Disposition::kForward) {
    const resolver::ForwardResult result{outcome, nullptr, ""};
    length = pipeline_->complete(context, *policy_, result, now_, out);
    disposition = resolver::Disposition::kRespond;
  }
  return reply_from(context, disposition, length, out);
}

PipelineWorld::Reply PipelineWorld::refuse(const Bytes& query) {
  auto context = make_context(query, "192.0.2.10", resolver::Protocol::kUdp, now_);
  Bytes out(4096);
  std::size_t length = 0;
  auto disposition = pipeline_->answer(context, *policy_, now_, out, length);
  if (disposition == resolver::Disposition::kForward) {
    length = pipeline_->refuse_overload(context, *policy_, now_, out);
    disposition = resolver::Disposition::kRespond;
  }
  return reply_from(context, disposition, length, out);
}

}  // namespace rampart::test
