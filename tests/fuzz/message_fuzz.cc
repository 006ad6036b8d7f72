// Whole messages: every accessor, printer and rewriter on whatever parse() accepts.
#include <string>
#include <vector>

#include "dns/message_edit.h"
#include "dns/message_view.h"
#include "dns/presentation.h"
#include "dns/svc_params.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of what no parser has looked at too: nothing outside of it is read.
  dns::AnswerWalk answers({data, size});
  dns::RecordView answer;
  std::vector<std::size_t> answers_at;
  while (answers.next(answer)) {
    require(answer.rdata_at + answer.rdata_length <= size);
    require(!dns::record_text(answer).empty());
    answers_at.push_back(answer.rdata_at);
  }
  std::string text;
  dns::append_answer_text(text, {data, size});

  const auto message = dns::MessageView::parse({data, size});
  if (!message) return 0;
  require(answers_at.size() == message->answer_count());
  unsigned records = 0;
  message->for_each_record([&](const dns::RecordView& record) {
    if (records < answers_at.size()) require(answers_at[records] == record.rdata_at);
    ++records;
    require(record.rdata_at + record.rdata_length <= size);
    require(record.ttl_at + 4 <= size);
    require(!dns::record_text(record).empty());
    require(dns::measure_uncompressed(record.owner().wire()).ok());
    require(dns::measure_uncompressed(record.rdata_name().wire()).ok());
    return true;
  });
  require(records == unsigned{message->answer_count()} + message->authority_count() + message->additional_count());
  (void)dns::answer_text(*message);

  std::vector<std::uint8_t> out(size);
  std::vector<std::uint16_t> ttls(records);
  const auto stripped = dns::strip_opt_and_collect_ttls(*message, out, ttls);
  require(stripped.ok() && stripped->length <= size);
  const auto bare = dns::MessageView::parse({out.data(), stripped->length});
  require(bare.ok() && !bare->has_edns());
  std::size_t next = 0;
  bare->for_each_record([&](const dns::RecordView& record) {
    require(next < stripped->ttl_count && ttls[next++] == record.ttl_at);
    return true;
  });
  require(next == stripped->ttl_count);

  std::vector<std::uint8_t> edited(dns::kMessageBytesMax);
  std::vector<std::uint8_t> plain(dns::kMessageBytesMax);
  const auto hintless = dns::remove_svc_param(*message, dns::kSvcIpv6Hint, edited);
  if (hintless.ok() && *hintless != 0) {
    const auto rest = dns::MessageView::parse({edited.data(), *hintless});
    require(rest.ok() && rest->qtype() == message->qtype());
    const auto again = dns::remove_svc_param(*rest, dns::kSvcIpv6Hint, plain);
    require(again.ok() && *again == 0);
  }
  const auto length = dns::strip_dnssec_records(*message, message->qtype(), plain);
  if (!length) return 0;  // expanded beyond what a message can hold
  const auto rest = dns::MessageView::parse({plain.data(), *length});
  require(rest.ok() && rest->qtype() == message->qtype());
  return 0;
}
