// RFC 1035 3.5 and RFC 3596 2.5: the names under which addresses are looked for.
#include <gtest/gtest.h>

#include "resolver/record_table.h"

namespace rampart::resolver {
namespace {

std::string reverse(std::string_view address) {
  return to_text(reverse_name(*base::IpAddress::parse(address)).view());
}

TEST(Pointers, OctetsOfIpv4StandInReverseOrder) {
  EXPECT_EQ(reverse("10.2.0.52"), "52.0.2.10.in-addr.arpa");
  EXPECT_EQ(reverse("0.0.0.0"), "0.0.0.0.in-addr.arpa");
  EXPECT_EQ(reverse("255.255.255.255"), "255.255.255.255.in-addr.arpa");
}

TEST(Pointers, NibblesOfIpv6StandInReverseOrder) {
  EXPECT_EQ(reverse("4321:0:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");  // the RFC's own example
}

TEST(Pointers, MappedIpv4IsAskedForAsIpv4) { EXPECT_EQ(reverse("::ffff:192.0.2.1"), "1.2.0.192.in-addr.arpa"); }

}  // namespace
}  // namespace rampart::resolver
