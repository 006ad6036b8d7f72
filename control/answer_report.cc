#include "control/answer_report.h"

#include "dns/message_view.h"
#include "dns/presentation.h"
#include "resolver/query_event_writer.h"

namespace rampart::control {
namespace {

using resolver::Stage;
using storage::Reason;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find('\n', from)) != std::string::npos; from = at + 1)
    lines.push_back(text.substr(from, at - from));
  lines.push_back(text.substr(from));
  return lines;
}

}  // namespace

AnswerReport report_answer(base::ByteView response, const resolver::QueryContext& context,
                           const resolver::PolicySnapshot& policy) {
  AnswerReport report;
  resolver::ReasonText reason;
  reason.assign(context, policy);
  report.outcome.reason = std::string(reason.view());
  if (!context.upstream.empty() && context.reason == Reason::kResolved)
    report.outcome.reason += " (" + std::string(context.upstream) + ")";
  report.outcome.response_type = std::string(to_text(response_type(context.reason)));
  if (const auto message = dns::MessageView::parse(response); message.ok()) {
    report.outcome.response = dns::answer_text(*message);
    report.outcome.return_code = dns::to_text(message->rcode());
  }
  if (context.identity != nullptr) report.client_names = split_lines(context.identity->names);
  for (std::size_t i = 0; i < policy.filter->groups().size(); ++i)
    if (context.groups & (blocklists::GroupMask{1} << i)) report.groups.push_back(policy.filter->groups()[i]);
  report.ended_at = context.ended_at;
  report.allowed = context.allowed;
  report.rules = deciding_rules(context, policy);
  return report;
}

Explanation explanation_of(const QueryCommand& command, AnswerReport report) {
  Explanation explanation;
  explanation.name = command.name;
  explanation.type = dns::to_text(static_cast<dns::RrType>(command.type));
  explanation.client = command.client.to_string();
  explanation.client_names = std::move(report.client_names);
  explanation.groups = std::move(report.groups);
  for (std::size_t i = 0; i <= static_cast<std::size_t>(report.ended_at); ++i) {
    const auto stage = static_cast<Stage>(i);
    Explanation::Step step{std::string(to_text(stage)), "passed", {}};
    if (stage == report.ended_at) {
      step.outcome = "answered";
      step.detail = report.outcome.reason;
    } else if (stage == Stage::kBlocking && report.allowed) {
      step.outcome = "allowed";
      if (!report.rules.empty()) step.detail = report.rules.front().group + ": " + report.rules.front().rule;
    }
    explanation.steps.push_back(std::move(step));
  }
  for (auto& rule : report.rules) explanation.rules.push_back(std::move(static_cast<ExplainedRule&>(rule)));
  explanation.answer = std::move(report.outcome);
  return explanation;
}

std::optional<std::vector<std::uint8_t>> query_message(const std::string& name, std::uint16_t type) {
  const auto parsed = dns::Name::parse(name);
  if (!parsed) return std::nullopt;
  std::vector<std::uint8_t> message = {0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const auto wire = parsed->wire();
  message.insert(message.end(), wire.begin(), wire.end());
  message.push_back(static_cast<std::uint8_t>(type >> 8));
  message.push_back(static_cast<std::uint8_t>(type));
  message.push_back(0);
  message.push_back(1);
  return message;
}

}  // namespace rampart::control
