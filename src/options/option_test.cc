#include "options/option.h"

#include <gtest/gtest.h>

#include "options/make_option.h"

namespace vecferry {
namespace {

std::vector<OptionSpec> Specs() {
  return {MakeOption::Integer("batch-size", "").Default("1000"), MakeOption::Bytes("memory", ""),
          MakeOption::Choice("verify", {"none", "count", "content"}, "").Default("content"), MakeOption::Flag("yes", ""),
          MakeOption::Integer("api-key", "").Secret(), MakeOption::Duration("wait", ""), MakeOption::Real("ratio", "", "")};
}

TEST(CheckOptions, FillsDefaultsAndKeepsWhatWasSaid) {
  const auto checked = CheckOptions(Specs(), {{"batch-size", "7"}, {"yes", "On"}, {"wait", "5m"}, {"ratio", "0.5"}}, "option");
  ASSERT_TRUE(checked.ok()) << checked.status().ToString();
  EXPECT_EQ(*checked, (std::map<std::string, std::string>{
                          {"batch-size", "7"}, {"yes", "true"}, {"wait", "5m"}, {"ratio", "0.5"}, {"verify", "content"}}));
}

TEST(CheckOptions, AnUnknownNameIsAnsweredWithTheNearest) {
  const auto status = CheckOptions(Specs(), {{"batchsize", "7"}}, "option of x").status();
  EXPECT_TRUE(IsCategory(status, Category::usage));
  EXPECT_NE(status.message().find("option of x"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("batch-size"), std::string::npos) << status.message();
}

TEST(CheckOptions, RefusesValuesThatDoNotParse) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"batch-size", "1.5"}, {"memory", "lots"}, {"verify", "contents"}, {"yes", "maybe"}, {"wait", "5 fortnights"},
           {"ratio", "nan"}}) {
    EXPECT_TRUE(IsCategory(CheckOptions(Specs(), {{name, value}}, "option").status(), Category::usage)) << name;
  }
}

TEST(CheckOptions, NeverShowsASecret) {
  const auto status = CheckOptions(Specs(), {{"api-key", "hunter2"}}, "option").status();
  EXPECT_TRUE(IsCategory(status, Category::usage));
  EXPECT_EQ(Describe(status).find("hunter2"), std::string::npos);
}

TEST(Redact, MasksSecretsAlone) {
  EXPECT_EQ(Redact(Specs(), {{"api-key", "1"}, {"batch-size", "2"}}),
            (std::map<std::string, std::string>{{"api-key", "***"}, {"batch-size", "2"}}));
}

TEST(ParseDuration, KnowsItsUnits) {
  EXPECT_DOUBLE_EQ(*ParseDuration("250ms"), 0.25);
  EXPECT_DOUBLE_EQ(*ParseDuration("30"), 30);
  EXPECT_DOUBLE_EQ(*ParseDuration("1.5h"), 5400);
  EXPECT_DOUBLE_EQ(*ParseDuration("7d"), 604800);
  for (const char* wrong : {"", "-1s", "inf", "5x", "s"}) EXPECT_FALSE(ParseDuration(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace vecferry
