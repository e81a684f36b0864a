#include "options/option.h"

#include <gtest/gtest.h>

namespace vecferry {
namespace {

using Kind = OptionSpec::Kind;

OptionSpec Spec(std::string name, Kind kind, std::string default_value = {}) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.default_value = std::move(default_value);
  return spec;
}

std::vector<OptionSpec> Specs() {
  std::vector<OptionSpec> specs = {Spec("batch-size", Kind::integer, "1000"), Spec("memory", Kind::bytes),
                                   Spec("verify", Kind::choice, "content"),   Spec("yes", Kind::boolean),
                                   Spec("api-key", Kind::integer),            Spec("wait", Kind::duration),
                                   Spec("ratio", Kind::real)};
  specs[2].choices = {"none", "count", "content"};
  specs[4].secret = true;
  return specs;
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
