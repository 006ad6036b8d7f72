#include "blocklists/list_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
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

}  // namespace
}  // namespace rampart::blocklists
