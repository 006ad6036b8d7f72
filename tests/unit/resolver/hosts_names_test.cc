#include "resolver/hosts_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::RrType;
using resolver::Disposition;
using resolver::HostsNamesBuilder;
using storage::Reason;
using test::PipelineWorld;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Hosts : public ::testing::Test {
 protected:
  PipelineWorld& read(std::string_view text, bool filter_loopback = false) {
    HostsNamesBuilder builder(world.policy().filter->key(), 120, filter_loopback);
    dns::HostsTextReader reader(0, [&](const dns::HostsLine& line) { return builder.add(line); });
    EXPECT_TRUE(reader.feed(text) && reader.finish()) << reader.first_error();
    world.policy().hosts = builder.build();
    return world;
  }
  PipelineWorld world{{{"ads", blocklists::Action::kDeny, "ads.example.net\nnas.example.org\n"}}};
};

TEST_F(Hosts, AnswerTheirExactNamesInAnyCaseBeforeBlocking) {
  read("192.168.1.2 NAS.example.org nas\n2001:db8::2 nas.example.org\n");
  const auto reply = world.ask("nAs.example.ORG");
  EXPECT_EQ(reply.reason, Reason::kHostsFile);
  EXPECT_THAT(reply.records, ElementsAre("A 192.168.1.2 ttl=120"));
  EXPECT_THAT(world.ask("nas.example.org", RrType::kAaaa).records, ElementsAre("AAAA 2001:db8::2 ttl=120"));
  EXPECT_THAT(world.ask("nas").records, ElementsAre("A 192.168.1.2 ttl=120"));
  EXPECT_EQ(world.ask("x.nas.example.org").disposition, Disposition::kForward);
}

TEST_F(Hosts, LeaveOtherTypesAndFamiliesToTheStagesBelow) {
  read("192.168.1.2 host.example.org\n");
  EXPECT_EQ(world.ask("host.example.org", RrType::kAaaa).disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("host.example.org", RrType::kTxt).disposition, Disposition::kForward);
}

TEST_F(Hosts, LaterLineWithTheSameFirstNameReplacesTheEarlierOne) {
  read("192.0.2.1 a.example.org old.example.org\n192.0.2.2 a.example.org new.example.org\n"
       "192.0.2.3 first.example.org\n192.0.2.4 other.example.org first.example.org\n");
  EXPECT_THAT(world.ask("a.example.org").records, ElementsAre("A 192.0.2.2 ttl=120"));
  EXPECT_THAT(world.ask("old.example.org").records, ElementsAre("A 192.0.2.1 ttl=120")) << "names of their own";
  EXPECT_THAT(world.ask("new.example.org").records, ElementsAre("A 192.0.2.2 ttl=120"));
  EXPECT_THAT(world.ask("first.example.org").records, ElementsAre("A 192.0.2.3 ttl=120"));
  EXPECT_EQ(world.ask("1.2.0.192.in-addr.arpa", RrType::kPtr).disposition, Disposition::kForward);
}

TEST_F(Hosts, PointersGiveAllNamesOfTheFirstLine) {
  read("192.0.2.1 a.example.org b.example.org\n192.0.2.1 c.example.org\n");
  const auto reply = world.ask("1.2.0.192.in-addr.arpa", RrType::kPtr);
  EXPECT_EQ(reply.reason, Reason::kHostsFile);
  EXPECT_THAT(reply.records, ElementsAre("PTR a.example.org. ttl=120", "PTR b.example.org. ttl=120"));
  EXPECT_THAT(world.policy().hosts->names_of(*base::IpAddress::parse("192.0.2.1")),
              ElementsAre("a.example.org", "b.example.org"));
}

TEST_F(Hosts, FilterLoopback) {
  const char* text = "127.0.0.1 localhost\n::1 ip6-localhost\n192.0.2.9 localhost\n127.0.0.1 ads.example.com\n"
                     "fe80::1%lo0 link.example.org\n192.0.2.1 a.example.org\n";
  read(text);
  EXPECT_THAT(world.ask("localhost").records, ElementsAre("A 192.0.2.9 ttl=120"));
  EXPECT_THAT(world.ask("ads.example.com").records, ElementsAre("A 127.0.0.1 ttl=120"));
  EXPECT_EQ(world.ask("link.example.org", RrType::kAaaa).disposition, Disposition::kForward) << "of one interface only";
  read(text, true);
  EXPECT_EQ(world.ask("localhost").reason, Reason::kSpecialUse);
  EXPECT_EQ(world.ask("ads.example.com").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("1.0.0.127.in-addr.arpa", RrType::kPtr).disposition, Disposition::kForward);
  EXPECT_THAT(world.ask("a.example.org").records, ElementsAre("A 192.0.2.1 ttl=120"));
}

TEST_F(Hosts, HaveABoundOnNames) {
  HostsNamesBuilder builder({}, 120, false, 3);
  const auto name = [](const char* text) { return *dns::Name::parse(text); };
  const auto address = *base::IpAddress::parse("192.0.2.1");
  EXPECT_TRUE(builder.add({address, name("a"), {name("b")}}));
  EXPECT_FALSE(builder.add({address, name("c"), {name("d")}}));
  EXPECT_TRUE(builder.add({address, name("c"), {}}));
  EXPECT_EQ(builder.build()->name_count(), 3u);
}

std::string errors_of(std::string_view text, std::size_t step = 1 << 20, std::int64_t budget = -1) {
  std::string seen;
  dns::HostsTextReader reader(budget, [&](const dns::HostsLine& line) {
    seen += line.address.to_string() + "=" + to_text(line.name.view());
    for (const auto& alias : line.aliases) seen += "," + to_text(alias.view());
    seen += ";";
    return true;
  });
  bool going = true;
  for (std::size_t i = 0; going && i < text.size(); i += step) going = reader.feed(text.substr(i, step));
  going = going && reader.finish();
  return seen + (going ? "" : "STOP ") + reader.first_error() + "/" + std::to_string(reader.error_count());
}

TEST(HostsText, ReadsLinesInAnyPiecesAndCountsErrors) {
  const std::string text = "\xEF\xBB\xBF# head\n192.0.2.1\ta b # c\r\n\n  ::1 x\nfe80::1%lo0 y\n192.0.2.2 last";
  const char* expected = "192.0.2.1=a,b;::1=x;192.0.2.2=last;/0";
  for (const std::size_t step : {1, 2, 3, 7, 1000}) EXPECT_EQ(errors_of(text, step), expected) << step;
  EXPECT_EQ(errors_of("x y\n192.0.2.1\n192.0.2.1 a..b\n"),
            "line 1: 'x' is no IP address; a line is ADDRESS NAME [NAME...]/3");
  EXPECT_EQ(errors_of("\n192.0.2.1\n"), "line 2: the address '192.0.2.1' has no name/1");
  EXPECT_EQ(errors_of("\n192.0.2.1 a..b\n"), "line 2: 'a..b' is no host name/1");
  EXPECT_EQ(errors_of("x\ny\n192.0.2.1 a\n", 100, 1), "STOP line 1: 'x' is no IP address; a line is ADDRESS NAME [NAME...]/2");
}

TEST(HostsText, SkipsLinesThatAreTooLong) {
  const std::string text = "192.0.2.1 " + std::string(dns::HostsTextReader::kLineBytesMax, 'a') + "\n192.0.2.2 b\n";
  for (const std::size_t step : {1000, 1 << 20})
    EXPECT_EQ(errors_of(text, step), "192.0.2.2=b;line 1: longer than 65536 octets/1") << step;
}

}  // namespace
}  // namespace rampart
