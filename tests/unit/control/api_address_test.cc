// Where the command line looks for the API, and what it takes for proof that it has found it.
#include "control/api_address.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace rampart::control {
namespace {

using Whom = ApiTrust::Whom;

ListenAddress listener(const char* address, std::uint16_t port) {
  ListenAddress out;
  if (*address != '\0') out.address = base::IpAddress::parse(address);
  out.port = port;
  return out;
}

class FindApiAddress : public testing::Test {
 protected:
  void SetUp() override { forget(); }
  void TearDown() override { forget(); }
  static void forget() {
    for (const char* name : {"RAMPART_API", "RAMPART_API_TOKEN", "RAMPART_API_CA_FILE"}) unsetenv(name);
  }
  /// As an own certificate of the configuration makes it.
  std::optional<ApiAddress> configured = ApiAddress{"192.0.2.1", 4443, "t", true, {Whom::kCertificate, "own.crt"}};
};

TEST(ApiAddress, ParsesWhatPeopleWrite) {
  EXPECT_EQ(ApiAddress::parse("dns.example.org")->port, 4000);
  EXPECT_EQ(ApiAddress::parse("http://192.0.2.1:80/")->host, "192.0.2.1");
  EXPECT_FALSE(ApiAddress::parse("http://192.0.2.1:80/")->tls);
  EXPECT_EQ(ApiAddress::parse("https://192.0.2.1:443/")->host, "192.0.2.1");
  EXPECT_TRUE(ApiAddress::parse("https://192.0.2.1:443/")->tls);
  EXPECT_EQ(ApiAddress::parse("https://[2001:db8::1]:81")->port, 81);
  EXPECT_EQ(ApiAddress::parse("[2001:db8::1]")->host, "2001:db8::1");
  for (const char* bad : {"", ":80", "host:0", "host:70000", "host:80x", "[::1", "https://x/y"}) {
    EXPECT_FALSE(ApiAddress::parse(bad).has_value()) << bad;
  }
}

TEST(ConfiguredApiAddress, PrefersPlainListenersAndKnowsWhatTheOthersWillShow) {
  Config config;
  EXPECT_FALSE(configured_api_address(config).has_value());
  config.ports.https = {listener("192.0.2.1", 4443)};
  const auto made_up = configured_api_address(config);
  EXPECT_EQ(made_up->host, "192.0.2.1");
  EXPECT_EQ(made_up->port, 4443);
  EXPECT_TRUE(made_up->tls);
  EXPECT_EQ(made_up->trust, (ApiTrust{Whom::kThisHost, ""}));
  config.cert_file = "own.crt";
  EXPECT_EQ(configured_api_address(config)->trust, (ApiTrust{Whom::kCertificate, "own.crt"}));
  config.ports.http = {listener("", 4000)};
  EXPECT_FALSE(configured_api_address(config)->tls);
  EXPECT_EQ(configured_api_address(config)->host, "localhost");
  // What `api` opens is the only place of the API.
  config.api.https = {listener("::", 4444)};
  EXPECT_TRUE(configured_api_address(config)->tls);
  EXPECT_EQ(configured_api_address(config)->port, 4444);
  EXPECT_EQ(configured_api_address(config)->host, "localhost");
}

TEST_F(FindApiAddress, AnotherPlaceIsNotTrustedForTheConfigurationsSake) {
  EXPECT_EQ(find_api_address({}, configured)->trust, configured->trust);
  setenv("RAMPART_API", "https://192.0.2.1:4443", 1);
  EXPECT_EQ(find_api_address({}, configured)->trust, ApiTrust{});
  EXPECT_EQ(find_api_address({}, configured)->token, "t");
  setenv("RAMPART_API_CA_FILE", "ca.crt", 1);
  EXPECT_EQ(find_api_address({}, configured)->trust, (ApiTrust{Whom::kAuthorities, "ca.crt"}));
  ApiFlags flags;
  flags.ca_file = "other.crt";
  EXPECT_EQ(find_api_address(flags, configured)->trust.file, "other.crt");
  flags.insecure = true;
  EXPECT_EQ(find_api_address(flags, configured)->trust.whom, Whom::kAnybody);
}

TEST_F(FindApiAddress, FlagsNameAHostOrAUrl) {
  ApiFlags flags;
  flags.host = "2001:db8::1";
  EXPECT_EQ(find_api_address(flags, configured)->host, "2001:db8::1");
  EXPECT_FALSE(find_api_address(flags, configured)->tls);
  flags.host = "https://[2001:db8::1]";
  flags.port = 44;
  EXPECT_EQ(find_api_address(flags, configured)->host, "2001:db8::1");
  EXPECT_EQ(find_api_address(flags, configured)->port, 44);
  EXPECT_TRUE(find_api_address(flags, configured)->tls);
  flags.host = "ftp://192.0.2.1";
  EXPECT_NE(find_api_address(flags, configured).error().find("--apiHost is 'ftp://192.0.2.1'"), std::string::npos);
}

TEST_F(FindApiAddress, AForgottenSchemeDoesNotSendTheTokenInTheClear) {
  ApiFlags flags;
  flags.host = "192.0.2.1";
  flags.ca_file = "ca.crt";
  EXPECT_EQ(find_api_address(flags, configured).error(),
            "--apiCaFile is for https, and the API's address is http; give --apiHost https://192.0.2.1");
  flags.host.reset();
  EXPECT_TRUE(find_api_address(flags, configured).ok());
}

}  // namespace
}  // namespace rampart::control
