#include "bench/support/synthetic_names.h"

#include <array>

namespace rampart::bench {
namespace {

constexpr std::array<const char*, 16> kSuffixes{"com", "com", "com", "com", "com", "net", "org",    "de",
                                                "ru",  "co.uk", "info", "xyz", "top", "io", "com.br", "cloudfront.net"};
constexpr std::array<const char*, 24> kWords{"ad",    "track", "metric", "pixel", "cdn",   "click", "news", "shop",
                                             "media", "stat",  "cloud",  "smart", "data",  "web",   "game", "bank",
                                             "offer", "promo", "banner", "count", "serve", "play",  "home", "auto"};
constexpr std::array<const char*, 12> kHosts{"www", "ads", "cdn", "api", "img", "t", "static", "events", "log", "m", "s1", "eu-west"};

}  // namespace

std::string SyntheticNames::next() {
  const std::uint64_t dice = random_();
  std::string name;
  const unsigned front = dice % 8;
  if (front >= 2) name = std::string(kHosts[(dice >> 8) % kHosts.size()]) + ".";
  if (front >= 6) name += std::string(kWords[(dice >> 16) % kWords.size()]) + std::to_string((dice >> 24) % 100) + ".";
  if (front == 7) {  // machine-made
    constexpr char kHex[] = "0123456789abcdef";
    std::uint64_t bits = random_();
    for (int i = 0; i < 16; ++i, bits >>= 4) name += kHex[bits & 15];
    name += '.';
  }
  name += kWords[(dice >> 32) % kWords.size()];
  name += kWords[(dice >> 40) % kWords.size()];
  // The number in base 36 makes the name the only one of its seed.
  std::uint64_t number = (count_++ << 8) | (tag_ & 255);
  for (; number > 0; number /= 36) name += "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
  name += '.';
  name += kSuffixes[(dice >> 48) % kSuffixes.size()];
  return name;
}

std::vector<std::string> synthetic_regexes(std::size_t count) {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; patterns.size() < count; ++i) {
    const std::string word = std::string(kWords[i % kWords.size()]) + "z" + std::to_string(i);
    switch (i % 5) {
      case 0:
        patterns.push_back("^" + word + "s?[0-9]*[_.-]");
        break;
      case 1:
        patterns.push_back("^(.+[_.-])?" + word + "(er|ing)?s?[0-9]*[_.-]");
        break;
      case 2:
        patterns.push_back("(^|\\.)" + word + "\\.(com|net|org)$");
        break;
      case 3:
        patterns.push_back("^(www[0-9]*\\.)?" + word + "-[a-z]{2,5}\\.");
        break;
      default:
        patterns.push_back(word + "[0-9]+\\.example\\.");
        break;
    }
  }
  return patterns;
}

}  // namespace rampart::bench
