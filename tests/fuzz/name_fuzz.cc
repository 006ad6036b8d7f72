// Names: the first octet says where in the rest the name begins; the rest is the message.
#include "dns/name.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const base::ByteView message(data + 1, size - 1);
  const std::size_t start = data[0];
  std::size_t offset = start;
  const auto name = dns::Name::read(message, offset);
  std::size_t measured = start;
  const auto length = dns::measure(message, measured);
  require(name.ok() == length.ok());
  if (!name) {
    require(name.error() == length.error());
    require(offset == start);
    return 0;
  }
  require(offset == measured && offset > start && offset <= message.size());
  require(*length == name->wire().size() && *length >= 1);
  require(name->wire().back() == 0);

  // Text and back is the identity.
  const std::string text = dns::to_text(name->view());
  const auto again = dns::Name::parse(text);
  require(again.has_value());
  require(std::equal(again->wire().begin(), again->wire().end(), name->wire().begin(), name->wire().end()));
  require(dns::Name::parse(dns::to_fqdn_text(name->view())).has_value());

  const auto uncompressed = dns::measure_uncompressed(name->wire());
  require(uncompressed.ok() && *uncompressed == name->wire().size());

  dns::FoldedName folded;
  folded.assign(name->view());
  require(folded.length == name->wire().size() && folded.label_count <= dns::kLabelsMax);
  require(dns::equal_ignoring_case(folded.view(), name->view()));
  for (std::size_t skip = 0; skip <= folded.label_count; ++skip)
    require(dns::is_at_or_below(name->view(), folded.suffix(skip)));
  require(folded.suffix(folded.label_count).is_root());

  // Any text is either no name or a valid one.
  const auto parsed = dns::Name::parse(base::as_text(message));
  if (parsed) require(dns::measure_uncompressed(parsed->wire()).ok());
  return 0;
}
