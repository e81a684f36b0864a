#include "connectors/weaviate/names.h"

#include <set>

#include <gtest/gtest.h>

#include "connectors/weaviate/ranges.h"

namespace vecferry::weaviate {
namespace {

TEST(Names, EveryKeyComesBackFromItsProperty) {
  for (const std::string key : {"plain", "camelCase", "Upper", "with space", "a.b", "_id", "id", "", "\xe6\x97\xa5", "vf_x", "a__b", "_vecferry", "$gt", "\\_id", "0digit", "x_2d"}) {
    const auto name = IsPropertyName(key) ? std::optional(key) : EncodeName(key);
    ASSERT_TRUE(name) << key;
    EXPECT_TRUE(IsName(*name)) << *name;
    EXPECT_EQ(DecodeName(*name), key);
  }
  EXPECT_EQ(*EncodeName("source-file_x"), "vf_source_2dfile__x");
  EXPECT_EQ(KeyOfProperty("_vecferry_id"), "_id");
}

TEST(Names, ReservedNamesAndOursAreNoPropertiesOfKeys) {
  for (const char* name : {"id", "_id", "_additional", "Upper", "vf_x", "_vecferry", "__typename", "", "a-b", "1a"}) EXPECT_FALSE(IsPropertyName(name)) << name;
  EXPECT_FALSE(EncodeName(std::string(200, '-')));
}

TEST(Names, WhatIsNotWrittenLikeThatIsNoEncodedName) {
  for (const char* name : {"vf_a_", "vf_a_g0", "vf_a_5f", "vf_A", "vf_a_2D", "vf_a_ff"}) EXPECT_EQ(DecodeName(name), name);
}

TEST(Names, TenantsComeBack) {
  for (const std::string tenant : {"acme", "A-b_9", "\xc3\xbc/#", "vf-x", "", "vf--none", "a b"}) {
    const auto name = EncodeTenant(tenant);
    ASSERT_TRUE(name.ok()) << tenant;
    EXPECT_TRUE(IsTenantName(*name)) << *name;
    EXPECT_EQ(DecodeTenant(*name), tenant);
  }
  EXPECT_EQ(*EncodeTenant(std::nullopt), "vf--none");
  EXPECT_EQ(DecodeTenant("vf--none"), std::nullopt);
  EXPECT_EQ(FactsOf(EncodeTenant(std::string(65, 'x')).status()).code, "tenant-name");
}

TEST(Names, AClassBeginsWithACapital) {
  EXPECT_EQ(*ClassNameOf("docs"), "Docs");
  EXPECT_EQ(*ClassNameOf("Docs_2"), "Docs_2");
  for (const char* name : {"", "1docs", "my docs", "a/b", "\xc3\xbc"}) EXPECT_TRUE(IsCategory(ClassNameOf(name).status(), Category::usage)) << name;
}

TEST(Ranges, TextsComeBackAndOthersAreRefused) {
  const Range range{"Docs", {""}, "", "80000000-0000-0000-0000-000000000000"};
  const auto parsed = Range::Parse(range.Text());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->to, range.to);
  EXPECT_EQ(parsed->tenants, range.tenants);
  for (const char* text : {"", "{}", "[]", R"({"class":1,"tenants":[]})", R"({"class":"A","tenants":[1]})", R"({"class":"A","tenants":[],"from":"x"})"}) {
    EXPECT_TRUE(IsCategory(Range::Parse(text).status(), Category::corrupt)) << text;
  }
}

TEST(Ranges, CursorsComeBack) {
  const Range range{"Docs", {"a", "b"}, "", ""};
  const Position position{1, "00000000-0000-0000-0000-000000000001", false};
  const auto parsed = Position::Parse(range, position.Text(range));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->tenant, 1u);
  EXPECT_EQ(parsed->after, position.after);
  EXPECT_TRUE(Position::Parse(range, "end")->ended);
  EXPECT_FALSE(Position::Parse(range, "")->ended);
  for (const char* text : {"x", "c/", "a/x", "a/00000000-0000-0000-0000-00000000000Z"}) EXPECT_FALSE(Position::Parse(range, text).ok()) << text;
  EXPECT_EQ(Before("00000000-0000-0000-0000-000000000000"), "");
  EXPECT_EQ(Before("01000000-0000-0000-0000-000000000000"), "00ffffff-ffff-ffff-ffff-ffffffffffff");
}

TEST(Ranges, SplitsHoldEachIdAndEachTenantOnce) {
  const auto splits = RangesOf("Docs", false, {}, 4, 100'000);
  ASSERT_EQ(splits.size(), 4u);
  std::string from;
  for (const Split& split : splits) {
    const Range range = *Range::Parse(split.payload);
    EXPECT_EQ(range.from, from);
    from = range.to;
  }
  EXPECT_EQ(from, "");
  std::vector<Tenant> tenants;
  for (int i = 0; i < 2'000; ++i) tenants.push_back({"t" + std::to_string(i), "HOT"});
  std::set<std::string> seen;
  for (const Split& split : RangesOf("Docs", true, tenants, 4, -1)) {
    const Range range = *Range::Parse(split.payload);
    for (const auto& tenant : range.tenants) EXPECT_TRUE(seen.insert(tenant).second);
  }
  EXPECT_EQ(seen.size(), tenants.size());
}

}  // namespace
}  // namespace vecferry::weaviate
