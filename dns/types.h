// The numbers of the DNS protocol as types (IANA DNS parameters; terms of RFC 9499).
#pragma once

#include <cstddef>
#include <cstdint>

namespace rampart::dns {

/// RR types that we inspect, rewrite or name; any other value is legal and opaque (RFC 3597).
enum class RrType : std::uint16_t {
  kA = 1, kNs = 2, kCname = 5, kSoa = 6, kPtr = 12, kMx = 15, kTxt = 16, kAaaa = 28, kSrv = 33,
  kDname = 39, kOpt = 41, kDs = 43, kRrsig = 46, kNsec = 47, kDnskey = 48, kNsec3 = 50,
  kSvcb = 64, kHttps = 65, kIxfr = 251, kAxfr = 252, kAny = 255,
};

enum class RrClass : std::uint16_t { kIn = 1, kCh = 3, kHs = 4, kNone = 254, kAny = 255 };

enum class Opcode : std::uint8_t { kQuery = 0, kIquery = 1, kStatus = 2, kNotify = 4, kUpdate = 5 };

/// Extended RCODEs (12 bits, RFC 6891 6.1.3); the upper 8 bits travel in the OPT record.
enum class Rcode : std::uint16_t {
  kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4, kRefused = 5, kBadVers = 16,
};

/// Extended DNS Errors that we send (RFC 8914 4).
enum class EdeCode : std::uint16_t {
  kOther = 0, kStaleAnswer = 3, kForgedAnswer = 4, kDnssecBogus = 6, kCachedError = 13, kBlocked = 15,
  kFiltered = 17, kStaleNxDomain = 19, kNoReachableAuthority = 22, kNetworkError = 23,
};

enum class EdnsOption : std::uint16_t { kEcs = 8, kCookie = 10, kTcpKeepalive = 11, kPadding = 12, kEde = 15 };

/// Bits of the second header word (RFC 1035 4.1.1, RFC 2535 6.1 for AD and CD).
inline constexpr std::uint16_t kFlagQr = 0x8000;
inline constexpr std::uint16_t kFlagAa = 0x0400;
inline constexpr std::uint16_t kFlagTc = 0x0200;
inline constexpr std::uint16_t kFlagRd = 0x0100;
inline constexpr std::uint16_t kFlagRa = 0x0080;
inline constexpr std::uint16_t kFlagAd = 0x0020;
inline constexpr std::uint16_t kFlagCd = 0x0010;

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMessageBytesMax = 65535;
/// What we advertise and what we send at most over UDP to those who accept more (DNS flag day 2020).
inline constexpr std::uint16_t kUdpPayloadBytes = 1232;
/// Every client must accept this much over UDP (RFC 1035 4.2.1).
inline constexpr std::uint16_t kUdpPayloadBytesMin = 512;

}  // namespace rampart::dns
