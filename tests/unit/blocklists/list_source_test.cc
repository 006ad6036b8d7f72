#include "blocklists/list_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace rampart::blocklists {
namespace {

class ListFile : public ::testing::Test {
 protected:
  ListFile() { std::filesystem::create_directories(directory_); }
  ~ListFile() override { std::filesystem::remove_all(directory_); }

  base::Result<LoadedSource, std::string> load(const std::string& path) {
    return load_local({SourceKind::kFile, path}, {1, 2}, {}, {});
  }

  const std::string directory_ = ::testing::TempDir() + "list-file-" + std::to_string(getpid());
};

TEST_F(ListFile, IsReadWhole) {
  std::ofstream(directory_ + "/list") << "one.example\ntwo.example\n";
  const auto loaded = load(directory_ + "/list");
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(loaded->rules->rule_count(), 2u);
}

TEST_F(ListFile, APipeIsRefusedAndNobodyWaitsForItsWriter) {
  const std::string path = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(load(path).error(),
            "cannot open source: " + path + ": it is no regular file (a list is a file, a URL or inline text)");
}

TEST_F(ListFile, ADirectoryOrADeviceIsRefused) {
  for (const std::string& path : {directory_, std::string("/dev/zero")}) EXPECT_FALSE(load(path).ok()) << path;
}

TEST_F(ListFile, WhatIsNotThereIsNamed) {
  EXPECT_TRUE(load(directory_ + "/none").error().starts_with("cannot open source: " + directory_ +
                                                             "/none: No such file or directory"));
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The text of an archive, or the error.
std::string read(std::string archive) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(fmemopen(archive.data(), archive.size(), "rb"),
                                                             std::fclose);
  std::string text;
  const auto bytes = read_text(file.get(), "list", [&](std::string_view piece) {
    text += piece;
    return true;
  }, {});
  return bytes.ok() ? text : "error: " + bytes.error();
}

/// Octets that no compressor makes shorter.
std::string noise(std::size_t size) {
  std::string text;
  for (std::uint32_t x = 1; text.size() < size; x = x * 1664525 + 1013904223)
    text += static_cast<char>(x >> 24 | 1);
  return text;
}

TEST(ListArchive, EveryMemberOfAGzipFileIsRead) {
  EXPECT_EQ(read(gzip("a.example\n") + gzip("") + gzip("b.example\n") + gzip("c.example\n")),
            "a.example\nb.example\nc.example\n");
  // The second member begins at any place of what is read at once.
  const std::string second = gzip("b.example\n");
  const std::string longer = noise(65'480);
  for (std::size_t more = 0; more < 60; ++more) {
    const std::string first = longer + std::string(noise(60), 0, more);
    ASSERT_EQ(read(gzip(first) + second), first + "b.example\n") << more;
  }
}

TEST(ListArchive, ZerosMayFollowTheLastMember) {
  EXPECT_EQ(read(gzip("a.example\n") + std::string(100'000, '\0')), "a.example\n");
}

TEST(ListArchive, AnythingElseBehindAMemberIsAnError) {
  const std::string member = gzip("a.example\n");
  const std::string damaged = "error: cannot open source: list: gzip data is damaged";
  EXPECT_EQ(read(member + "b.example\n"), damaged);
  EXPECT_EQ(read(member + std::string(3, '\0') + "b.example\n"), damaged);
  EXPECT_EQ(read(member + std::string(3, '\0') + member), damaged);
  EXPECT_EQ(read(member + "\x1f\x8b\x01rest"), damaged);
  for (std::size_t kept = 1; kept < member.size(); ++kept)
    ASSERT_EQ(read(member + member.substr(0, kept)), "error: cannot open source: list: gzip data is cut short");
}

}  // namespace
}  // namespace rampart::blocklists
