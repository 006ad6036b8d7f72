#include "storage/console_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace rampart::storage {
namespace {

Deadline in_a_second() { return Deadline(base::monotonic_now() + std::chrono::seconds(1)); }

/// A pipe that keeps the boundaries of writes.
class PacketPipe {
 public:
  PacketPipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0); }
  ~PacketPipe() {
    for (const int end : ends_) close(end);
  }
  [[nodiscard]] int writing_end() const { return ends_[1]; }
  [[nodiscard]] std::vector<std::string> packets() const {
    std::vector<std::string> all;
    std::array<char, 8192> room;
    for (ssize_t n = 0; (n = read(ends_[0], room.data(), room.size())) > 0;)
      all.emplace_back(room.data(), static_cast<std::size_t>(n));
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(LineWriter, OtherWritersOfAPipeMeetWholeLinesOnly) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::string(100 + i, static_cast<char>('a' + i % 26)) + '\n';
  const PacketPipe pipe;
  LineWriter writer(pipe.writing_end());
  EXPECT_EQ(writer.write(lines, 100, in_a_second()), 100u);
  const std::vector<std::string> packets = pipe.packets();
  EXPECT_GT(packets.size(), 3u);
  std::string all;
  for (const std::string& packet : packets) {
    EXPECT_LE(packet.size(), 4096u);
    EXPECT_TRUE(packet.ends_with('\n'));
    all += packet;
  }
  EXPECT_EQ(all, lines);
}

TEST(LineWriter, ALineLongerThanAPieceIsWrittenWhole) {
  const std::string lines = std::string(10'000, 'x') + "\nshort\n";
  const PacketPipe pipe;
  LineWriter writer(pipe.writing_end());
  EXPECT_EQ(writer.write(lines, 2, in_a_second()), 2u);
  std::string all;
  for (const std::string& packet : pipe.packets()) all += packet;
  EXPECT_EQ(all, lines);
}

TEST(LineWriter, SaysHowManyLinesGotOutOfAFullPipe) {
  const PacketPipe pipe;
  LineWriter writer(pipe.writing_end());
  const std::string line = std::string(999, 'x') + '\n';
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += line;
  const Deadline soon(base::monotonic_now() + std::chrono::milliseconds(50));
  const std::uint32_t out = writer.write(lines, 200, soon);
  EXPECT_LT(out, 200u);
  EXPECT_EQ(writer.error(), "stdout takes nothing");
  std::size_t octets = 0;
  for (const std::string& packet : pipe.packets()) octets += packet.size();
  EXPECT_EQ(octets, out * line.size());
}

}  // namespace
}  // namespace rampart::storage
