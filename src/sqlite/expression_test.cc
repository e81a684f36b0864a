#include "sqlite/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecferry::sqlite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// One column "n" of numbers; a row can fail.
class Numbers final : public ExpressionRows {
 public:
  explicit Numbers(std::vector<int64_t> values) : values_(std::move(values)) {}
  int64_t count() const override { return static_cast<int64_t>(values_.size()); }
  Status MoveTo(int64_t row) override {
    row_ = row;
    return values_[static_cast<size_t>(row)] == -1 ? BadRecord("odd", "this row cannot be read") : Status::OK();
  }
  Value At(int) override { return Value::Of(values_[static_cast<size_t>(row_)]); }

 private:
  std::vector<int64_t> values_;
  int64_t row_ = 0;
};

TEST(Expression, EachRowByItself) {
  const auto expression = Expression::Compile("n > 2 AND twice(n) < 20", {"other", "n"},
                                              {{"twice", 1,
                                                [](const std::vector<Value>& arguments, Value* result) -> Status {
                                                  if (arguments[0].integer == 7) return BadRecord("seven", "seven is not doubled");
                                                  *result = Value::Of(2 * arguments[0].integer);
                                                  return Status::OK();
                                                }}});
  ASSERT_TRUE(expression.ok()) << expression.status();
  EXPECT_THAT((*expression)->used(), ElementsAre(1));
  Numbers rows({-1, 1, 3, 7, -1, -1, 5, 10});
  std::vector<Verdict> verdicts;
  std::vector<Status> why;
  ASSERT_TRUE((*expression)->Evaluate(rows, &verdicts, &why).ok());
  const auto yes = Verdict::yes, no = Verdict::no, failed = Verdict::failed;
  EXPECT_THAT(verdicts, ElementsAre(failed, no, yes, failed, failed, failed, yes, no));
  ASSERT_EQ(why.size(), 4u);
  EXPECT_EQ(FactsOf(why[0]).code, "odd");
  EXPECT_EQ(FactsOf(why[1]).code, "seven");
  Numbers none({});
  ASSERT_TRUE((*expression)->Evaluate(none, &verdicts, &why).ok());
  EXPECT_TRUE(verdicts.empty());
}

TEST(Expression, ReachesNothingElse) {
  for (const char* bad : {"(SELECT n)", "n IN (SELECT 1)", "EXISTS(SELECT 1)", "load_extension('x')", "random()", "current_time", "1) FROM temp.record; --", "n, n", "?1", "nosuch", "\"n",
                          "count(n)", "sum(n)", "sqlite_version()", "changes()", "n) FROM sqlite_master WHERE (1", "\"text\" = n"}) {
    const auto expression = Expression::Compile(bad, {"n"}, {});
    EXPECT_TRUE(IsCategory(expression.status(), Category::usage)) << bad << ": " << expression.status();
  }
  EXPECT_TRUE(IsCategory(Expression::Compile(std::string(Expression::kMostBytes + 1, ' '), {"n"}, {}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Expression::Compile("n", std::vector<std::string>(Expression::kMostColumns + 1, "n"), {}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Expression::Compile(std::string_view("1\0", 2), {"n"}, {}).status(), Category::usage));
}

TEST(Expression, WhatItMakesIsBounded) {
  std::string text = "length(replace(hex('0123456789'), '3', hex('0123456789')))";
  for (int i = 0; i < 10; ++i) text = "length(" + text + " || 'x')";
  EXPECT_TRUE(Expression::Compile(text, {"n"}, {}).ok());
  std::string doubled = "'0123456789abcdef'";
  for (int i = 0; i < 14; ++i) doubled = "replace(" + doubled + ", '0', '0123456789abcdef0123456789abcdef0')";
  for (int i = 0; i < 6; ++i) doubled = "replace(" + doubled + ", '1', '11111111111111111111111111111111')";
  const auto large = Expression::Compile("length(" + doubled + ") > 0", {"n"}, {});
  ASSERT_TRUE(large.ok()) << large.status();
  Numbers rows({1});
  std::vector<Verdict> verdicts;
  std::vector<Status> why;
  ASSERT_TRUE((*large)->Evaluate(rows, &verdicts, &why).ok());
  EXPECT_THAT(verdicts, ElementsAre(Verdict::failed));
  EXPECT_THAT(why[0].message(), HasSubstr("too big"));
}

}  // namespace
}  // namespace vecferry::sqlite
