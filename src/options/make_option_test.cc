#include "options/make_option.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecferry {
namespace {

using Kind = OptionSpec::Kind;

TEST(MakeOption, SaysNothingThatWasNotSaid) {
  const OptionSpec spec = MakeOption::Text("id", "COLUMN", "The column of the ids.");
  EXPECT_EQ(spec.name, "id");
  EXPECT_EQ(spec.kind, Kind::text);
  EXPECT_EQ(spec.value_name, "COLUMN");
  EXPECT_EQ(spec.help, "The column of the ids.");
  EXPECT_EQ(spec.default_value + spec.example, "");
  EXPECT_TRUE(spec.choices.empty());
  EXPECT_FALSE(spec.secret || spec.reaching);
  EXPECT_EQ(spec.since, OptionSpec().since);
}

TEST(MakeOption, EachKindNamesItsValue) {
  const std::vector<OptionSpec> specs = {MakeOption::Integer("m", "Edges."), MakeOption::Bytes("file-size", "Its size."), MakeOption::Duration("timeout", "How long."),
                                         MakeOption::Flag("tls", "Whether."), MakeOption::Real("tolerance", "COSINE", "The least.")};
  std::vector<std::pair<Kind, std::string>> kinds;
  for (const auto& spec : specs) kinds.emplace_back(spec.kind, spec.value_name);
  EXPECT_THAT(kinds, testing::ElementsAre(std::pair(Kind::integer, "N"), std::pair(Kind::bytes, "SIZE"), std::pair(Kind::duration, "TIME"), std::pair(Kind::boolean, ""),
                                          std::pair(Kind::real, "COSINE")));
}

TEST(MakeOption, TheFirstChoiceIsTheDefaultUnlessAnotherIsNamed) {
  const OptionSpec spec = MakeOption::Choice("f64", {"refuse", "round"}, "What becomes of doubles.");
  EXPECT_EQ(spec.kind, Kind::choice);
  EXPECT_THAT(spec.choices, testing::ElementsAre("refuse", "round"));
  EXPECT_EQ(spec.default_value, "refuse");
  EXPECT_EQ(OptionSpec(MakeOption::Choice("f64", {"refuse", "round"}, "").Default("round")).default_value, "round");
  const auto checked = CheckOptions({MakeOption::Choice("metric", {"l2", "dot"}, "").Default("")}, {}, "option");
  ASSERT_TRUE(checked.ok()) << checked.status().ToString();
  EXPECT_TRUE(checked->empty());
}

TEST(MakeOption, WhatIsSaidOfItAddsUp) {
  const OptionSpec spec = MakeOption::Text("key", "KEY", "The key.").Default("none").Example("key=abc").ValueName("WORD").Secret().Reaching();
  EXPECT_EQ(spec.default_value, "none");
  EXPECT_EQ(spec.example, "key=abc");
  EXPECT_EQ(spec.value_name, "WORD");
  EXPECT_TRUE(spec.secret && spec.reaching);
  EXPECT_FALSE(OptionSpec(MakeOption::Text("host", "HOST", "The host.").Secret(false)).secret);
}

}  // namespace
}  // namespace vecferry
