#include "base/base64.h"

#include <gtest/gtest.h>

namespace vecferry {
namespace {

TEST(Base64, MatchesTheVectorsOfTheRfc) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(Base64(bytes), text);
    EXPECT_EQ(ParseBase64(text), bytes);
  }
  EXPECT_EQ(ParseBase64("//79"), "\xff\xfe\xfd");
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9_", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(ParseBase64(text)) << text;
  }
}

}  // namespace
}  // namespace vecferry
