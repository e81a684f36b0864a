#include "base/sha256.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace vecferry {
namespace {

TEST(Sha256Test, GivesTheStandardsOwnExamples) {
  EXPECT_EQ(Sha256::Of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256::Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  for (const char* piece : {"a", "", "b", "c"}) pieces.Add(piece);
  EXPECT_EQ(pieces.Hex(), Sha256::Of("abc"));
}

class SumFileTest : public testing::Test {
 protected:
  SumFileTest() : dir_(fs::path(testing::TempDir()) / "sum_file_test") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    std::ofstream(dir_ / "a", std::ios::binary) << text_;
  }
  ~SumFileTest() override { fs::remove_all(dir_); }
  const std::string text_ = std::string(40 << 20, 'x') + "end";
  fs::path dir_;
};

TEST_F(SumFileTest, ReadsPlainFilesAlone) {
  std::vector<int64_t> told;
  const auto sum = SumFile(dir_ / "a", [&](int64_t done) { return told.push_back(done), Status::OK(); });
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(sum->bytes, static_cast<int64_t>(text_.size()));
  EXPECT_EQ(sum->sha256, Sha256::Of(text_));
  EXPECT_EQ(told.back(), sum->bytes);
  EXPECT_GE(told.size(), 3u);
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(IsCategory(SumFile(dir_ / "pipe").status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(SumFile(dir_).status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(SumFile(dir_ / "b").status(), Category::not_found));
  const Status stop = MakeError(Category::cancelled, "stop");
  EXPECT_TRUE(IsCategory(SumFile(dir_ / "a", [&](int64_t) { return stop; }).status(), Category::cancelled));
}

TEST_F(SumFileTest, CopiesTheBytesThatWereSummedToAFreeNameAlone) {
  const FileSum sum = SumFile(dir_ / "a").ValueOrDie();
  ASSERT_TRUE(CopyFileChecked(dir_ / "a", dir_ / "b", sum).ok());
  EXPECT_EQ(SumFile(dir_ / "b")->sha256, sum.sha256);
  EXPECT_EQ(fs::status(dir_ / "b").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(IsCategory(CopyFileChecked(dir_ / "a", dir_ / "b", sum), Category::refused));
  FileSum other = sum;
  other.sha256[0] ^= 1;
  EXPECT_TRUE(IsCategory(CopyFileChecked(dir_ / "a", dir_ / "c", other), Category::corrupt));
  EXPECT_FALSE(fs::exists(dir_ / "c"));
  EXPECT_FALSE(fs::exists(dir_ / "c.vecferry-part"));
}

}  // namespace
}  // namespace vecferry
