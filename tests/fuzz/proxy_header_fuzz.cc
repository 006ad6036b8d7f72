// PROXY headers: what is read must not depend on how much of the stream behind it, or of itself, has come so far.
#include "base/proxy_protocol.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using base::ProxyParse;
  const auto whole = base::parse_proxy_header({data, size});
  const bool is_complete = whole.state == ProxyParse::kComplete;
  require(is_complete ? whole.length > 0 && whole.length <= size : whole.length == 0 && !whole.source);
  require(!is_complete || whole.length <= base::kProxyHeaderBytesMax);
  require(whole.state != ProxyParse::kNeedMore || size < base::kProxyHeaderBytesMax);
  const std::size_t end = is_complete ? whole.length : size;
  for (std::size_t n = 0; n < end && n < base::kProxyHeaderBytesMax; ++n) {
    const auto part = base::parse_proxy_header({data, n});
    require(part.state == ProxyParse::kNeedMore || (!is_complete && part.state == whole.state));
  }
  if (!is_complete) return 0;
  const auto alone = base::parse_proxy_header({data, whole.length});
  require(alone.state == ProxyParse::kComplete && alone.length == whole.length && alone.source == whole.source);
  return 0;
}
