// Zone text: every record that comes out must be one that could stand in a message, and every fault must have
// words.
#include <string>

#include "base/bytes.h"
#include "dns/message_view.h"
#include "dns/rdata.h"
#include "dns/zone_text.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(base::as_text({data, size}));
  dns::ZoneTextOptions options;
  options.limits = {1 << 20, 2000, 3};
  // Every file is the text itself: inclusion must end by its depth or by the bytes.
  options.include = [&text](const std::string& path) -> base::Result<std::string, std::string> {
    if (path.size() > 20) return base::Error{std::string("no such file")};
    return text;
  };
  const auto records = dns::parse_zone(text, options);
  if (!records.ok()) {
    require(!records.error().empty() && records.error().size() <= dns::kZoneFaultsMax);
    for (const auto& fault : records.error()) require(!fault.what.empty() && fault.line > 0);
    return 0;
  }
  require(records->size() <= options.limits.records_max);
  for (const auto& record : *records) {
    require(record.rdata.size() <= 65535 && record.ttl <= 0x7fffffff);
    require(dns::measure_uncompressed(record.owner.wire()).ok());
    // As the only answer of a message it must be read back.
    std::vector<std::uint8_t> message = {0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    const auto owner = record.owner.wire();
    message.insert(message.end(), owner.begin(), owner.end());
    std::uint8_t fixed[10];
    base::store_u16(fixed, static_cast<std::uint16_t>(record.type));
    base::store_u16(fixed + 2, 1);
    base::store_u32(fixed + 4, record.ttl);
    base::store_u16(fixed + 8, static_cast<std::uint16_t>(record.rdata.size()));
    message.insert(message.end(), fixed, fixed + 10);
    message.insert(message.end(), record.rdata.begin(), record.rdata.end());
    require(message.size() > dns::kMessageBytesMax || dns::MessageView::parse(message).ok());
  }
  return 0;
}
