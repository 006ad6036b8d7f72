#include "blocklists/list_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/gzip.h"
#include "tests/support/temporary_directory.h"

namespace rampart::blocklists {
namespace {

using test_support::gzip;

class ListFile : public ::testing::Test {
 protected:
  base::Result<LoadedSource, std::string> load(const std::string& path) {
    return load_local({SourceKind::kFile, path}, {1, 2}, {}, {});
  }

  const test_support::TemporaryDirectory folder_;
  const std::string& directory_ = folder_.path();
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
