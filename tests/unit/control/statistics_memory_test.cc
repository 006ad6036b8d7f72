// A day under attack: every hour brings names and clients by the ten thousand that nobody has seen before, as long
// as names can be, beside the usual ones. The statistics stay within the bound that they state, and rank the usual
// ones as they were. Every octet that this program allocates is counted.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>

#include "control/statistics.h"

namespace {
std::atomic<std::size_t> g_live_bytes{0}, g_peak_bytes{0};

void* counted(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  const std::size_t now = g_live_bytes.fetch_add(malloc_usable_size(p)) + malloc_usable_size(p);
  if (now > g_peak_bytes.load()) g_peak_bytes.store(now);
  return p;
}
void uncounted(void* p) noexcept {
  if (p != nullptr) g_live_bytes.fetch_sub(malloc_usable_size(p));
  std::free(p);
}
}  // namespace

// malloc and free are a pair; the compiler inlines one half.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void operator delete(void* p) noexcept { uncounted(p); }
void operator delete(void* p, std::size_t) noexcept { uncounted(p); }

namespace rampart::control {
namespace {

using storage::ResponseType;

constexpr int kFloodAnHour = 50'000;  // 1.2 million names and as many clients in the window
constexpr int kUsual = 20;             // as many as a report ranks
const base::WallTime kStart = base::WallTime(std::chrono::hours(500'000));

/// 1,000 octets, as a name of 255 octets has that is written with escapes; all different at their start.
class LongText {
 public:
  explicit LongText(char kind) : text_(1000, kind) {}
  std::string_view next() {
    std::snprintf(text_.data(), 10, "%09u", ++number_);
    text_[9] = '.';
    return text_;
  }

 private:
  std::string text_;
  unsigned number_ = 0;
};

class StatisticsUnderFlood : public testing::Test {
 protected:
  void ask(int hour, std::string_view name, std::string_view client, ResponseType type) {
    StatSample s;
    s.time = kStart + std::chrono::hours(hour);
    s.client = client;
    s.name = name;
    s.query_type = "A";
    s.return_code = "NOERROR";
    s.response_type = type;
    statistics.record(s);
    ++asked;
  }
  /// Each of the usual names every 100th to 500th query, in turn.
  void ask_usual(int hour, int i) {
    for (int k = 0; k < kUsual; ++k) {
      if (i % (100 + 20 * k) != 0) continue;
      const std::string name = "usual" + std::to_string(k) + ".example.org", client = "host" + std::to_string(k);
      ask(hour, name, client, k % 2 == 0 ? ResponseType::kCached : ResponseType::kBlocked);
      ++truth[name];
      ++truth[client];
    }
  }
  void flood(int hour) {
    for (int i = 0; i < kFloodAnHour; ++i) {
      ask(hour, names.next(), clients.next(), ResponseType::kBlocked);
      ask_usual(hour, i);
    }
  }
  /// As they were: in order, never more than the truth, and at most 2 % less.
  void expect_true(const std::vector<NamedCount>& top, std::size_t places) {
    ASSERT_GE(top.size(), places);
    for (std::size_t k = 0; k < places; ++k) {
      ASSERT_TRUE(truth.contains(top[k].name)) << k << ": " << top[k].name.substr(0, 40);
      EXPECT_LE(top[k].count, truth[top[k].name]) << top[k].name;
      EXPECT_GE(top[k].count * 100, truth[top[k].name] * 98) << top[k].name;
      if (k > 0) {
        EXPECT_LE(truth[top[k].name], truth[top[k - 1].name]) << top[k].name;
      }
    }
  }

  Statistics statistics;
  LongText names{'n'}, clients{'c'};
  std::map<std::string, std::uint64_t> truth;
  std::uint64_t asked = 0;
};

TEST_F(StatisticsUnderFlood, ADayOfNewNamesAndClientsStaysInItsMemoryAndHidesNobody) {
  const std::size_t before = g_live_bytes;
  for (int hour = 0; hour < static_cast<int>(kStatsHours) + 2; ++hour) {
    if (hour == 2) {  // what lies before the window at its end
      for (auto& [name, count] : truth) count = 0;
      asked = 0;
    }
    flood(hour);
    EXPECT_LE(g_live_bytes - before, statistics.memory_bytes()) << "hour " << hour;
  }
  EXPECT_LE(statistics.memory_bytes(), 20u << 20);

  const std::size_t held = g_live_bytes;
  g_peak_bytes = held;
  const auto report = statistics.report(kStart + std::chrono::hours(kStatsHours + 1) + std::chrono::minutes(59));
  EXPECT_LE(g_peak_bytes - held, statistics.memory_bytes()) << "to make a report";
  EXPECT_EQ(report.queries, asked);
  expect_true(report.top_domains, kUsual);
  expect_true(report.top_clients, kUsual);
  expect_true(report.top_blocked_domains, kUsual / 2);
}

}  // namespace
}  // namespace rampart::control
