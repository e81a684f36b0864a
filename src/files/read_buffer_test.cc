#include "files/read_buffer.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace vecferry::files {
namespace {

TEST(ReadBuffer, KeepsWhatIsNotPassedWhileItGrowsAndMoves) {
  constexpr size_t kPadding = 64;
  ReadBuffer buffer(kPadding);
  EXPECT_TRUE(buffer.empty());
  std::string kept;
  size_t largest = 0;
  for (size_t round = 0; round < 40; ++round) {
    const auto space = buffer.Space();
    ASSERT_GE(space.size(), ReadBuffer::kChunk);
    ASSERT_EQ(space.data(), buffer.end());
    largest = std::max(largest, buffer.size() + space.size());
    // Some rounds read all there is room for, some little.
    const std::string bytes(round % 3 == 0 ? space.size() : 1000 + round, static_cast<char>('a' + round % 26));
    std::memcpy(space.data(), bytes.data(), bytes.size());
    buffer.Add(bytes.size());
    kept += bytes;
    ASSERT_EQ(std::string_view(buffer.data(), buffer.size()), kept) << round;
    const size_t passed = round % 5 == 4 ? buffer.size() : buffer.size() / 3;
    buffer.Pass(passed);
    kept.erase(0, passed);
    ASSERT_EQ(std::string_view(buffer.data(), buffer.size()), kept) << round;
    // The padding is there to be read, and written, behind a full buffer.
    std::memset(buffer.end(), 'x', kPadding);
  }
  EXPECT_GT(largest, 2 * ReadBuffer::kChunk) << "it never grew";
}

}  // namespace
}  // namespace vecferry::files
