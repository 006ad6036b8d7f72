#include "storage/console_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/support/log_batches.h"
#include "tests/support/query_event_builder.h"

namespace rampart::storage {
namespace {

using test_support::batch_of;
using test_support::numbered_batch;
using test_support::QueryEventBuilder;
using test_support::soon;

/// A packet pipe: each read gives what one write brought, so that the pieces can be seen.
class PiecesPipe {
 public:
  PiecesPipe() {
    EXPECT_EQ(pipe2(ends_.data(), O_DIRECT | O_NONBLOCK), 0);
    fcntl(ends_[1], F_SETPIPE_SZ, 1 << 20);
  }
  ~PiecesPipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  [[nodiscard]] int writer() const { return ends_[1]; }
  std::vector<std::string> read_all() {
    std::vector<std::string> pieces;
    std::array<char, 65536> buffer;
    for (ssize_t n; (n = read(ends_[0], buffer.data(), buffer.size())) > 0;)
      pieces.emplace_back(buffer.data(), static_cast<std::size_t>(n));
    return pieces;
  }

 private:
  std::array<int, 2> ends_{};
};

std::size_t lines_of(const std::vector<std::string>& pieces) {
  std::size_t lines = 0;
  for (const auto& piece : pieces) lines += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
  return lines;
}

class ConsoleSinkTest : public testing::Test {
 protected:
  void SetUp() override { base::log::configure({.timestamp = false}); }
  void TearDown() override { base::log::configure({}); }
  PiecesPipe pipe_;
};

TEST_F(ConsoleSinkTest, GathersLinesIntoWritesOfAPipeAndSplitsNone) {
  LineWriter writer(pipe_.writer());
  EXPECT_EQ(print_entries(numbered_batch(0, 300), writer, soon()), 300u);
  const auto pieces = pipe_.read_all();
  EXPECT_EQ(lines_of(pieces), 300u);
  EXPECT_GT(pieces.size(), 5u);
  EXPECT_LT(pieces.size(), 60u);
  std::string all;
  for (const auto& piece : pieces) {
    EXPECT_LE(piece.size(), 4096u);
    EXPECT_TRUE(piece.ends_with('\n'));
    all += piece;
  }
  std::size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "question_name=" + std::to_string(i) + ".example.org.";
    const std::size_t found = all.find(name, at);
    ASSERT_NE(found, std::string::npos) << name;
    EXPECT_EQ(std::count(all.begin() + static_cast<std::ptrdiff_t>(at),
                         all.begin() + static_cast<std::ptrdiff_t>(found), '\n'),
              i == 0 ? 0 : 1);
    at = found;
  }
}

TEST_F(ConsoleSinkTest, CountsExactlyTheLinesThatAFullPipeDidNotTake) {
  fcntl(pipe_.writer(), F_SETPIPE_SZ, 16384);
  LineWriter writer(pipe_.writer());
  const Deadline deadline(base::monotonic_now() + std::chrono::milliseconds(50));
  const std::uint32_t printed = print_entries(numbered_batch(0, 2000), writer, deadline);
  EXPECT_GT(printed, 0u);
  EXPECT_LT(printed, 2000u);
  EXPECT_EQ(lines_of(pipe_.read_all()), printed);
  EXPECT_EQ(writer.error(), "stdout takes nothing");
  // Nothing of what was lost comes out later.
  EXPECT_EQ(print_entries(numbered_batch(5000, 1), writer, soon()), 1u);
  const auto pieces = pipe_.read_all();
  ASSERT_EQ(lines_of(pieces), 1u);
  EXPECT_NE(pieces.front().find("5000.example.org."), std::string::npos);
}

TEST_F(ConsoleSinkTest, WritesALineThatIsLongerThanAPieceWhole) {
  const std::string lines = std::string(10'000, 'x') + "\nshort\n";
  LineWriter writer(pipe_.writer());
  EXPECT_EQ(writer.write(lines, 2, soon()), 2u);
  std::string all;
  for (const auto& piece : pipe_.read_all()) all += piece;
  EXPECT_EQ(all, lines);
}

}  // namespace
}  // namespace rampart::storage
