#include "record/number_list.h"

#include <cmath>
#include <optional>

#include <gtest/gtest.h>

namespace vecferry {
namespace {

template <NumberText kText, class T = float>
std::optional<T> Only(std::string_view text) {
  NumberList<kText> list(text);
  T number{};
  return list.Number(&number) && list.AtEnd() ? std::optional(number) : std::nullopt;
}
constexpr auto Json = Only<NumberText::json>;
constexpr auto Plain = Only<NumberText::plain>;

TEST(NumberList, NumbersOfBothTexts) {
  for (const auto& [text, number] : {std::pair{"1", 1.0f}, {" -1.5e2 ", -150.0f}, {"0.1", 0.1f}}) {
    EXPECT_EQ(Json(text), number) << text;
    EXPECT_EQ(Plain(text), number) << text;
  }
  for (const char* none : {"", "-", "inf", "nan", "nan(1)", "-inf", "+1", "1x", "-.", "."}) {
    EXPECT_FALSE(Json(none)) << none;
    EXPECT_FALSE(Plain(none)) << none;
  }
}

TEST(NumberList, WordsAndPointsAreOfOneText) {
  EXPECT_TRUE(std::isnan(Json("\"NaN\"").value()));
  EXPECT_EQ(Json("\"-Infinity\""), -INFINITY);
  EXPECT_TRUE(std::isnan(Plain("NaN").value()));
  EXPECT_EQ(Plain("Infinity"), INFINITY);
  EXPECT_EQ(Plain("-Infinity"), -INFINITY);
  EXPECT_EQ(Plain("-.5"), -0.5f);
  for (const char* other : {"NaN", "Infinity", "-Infinity", "-NaN", ".5", "-.5"}) EXPECT_FALSE(Json(other)) << other;
  for (const char* other : {"\"NaN\"", "\"Infinity\"", "-NaN"}) EXPECT_FALSE(Plain(other)) << other;
}

TEST(NumberList, IntegersKeepToTheirRange) {
  EXPECT_EQ((Only<NumberText::json, uint8_t>("255")), uint8_t{255});
  for (const char* none : {"256", "-1", "\"NaN\"", ".5"}) EXPECT_FALSE((Only<NumberText::json, uint8_t>(none))) << none;
  for (const char* none : {"256", "-1", "NaN", ".5", "1.0"}) EXPECT_FALSE((Only<NumberText::plain, uint8_t>(none))) << none;
}

TEST(NumberList, DenseAndMulti) {
  const auto cut = [](float number) { return static_cast<uint16_t>(number); };
  VectorSpec spec;
  spec.element = Element::i8;
  spec.dims = 2;
  std::string rows;
  const auto multi = [&](std::string_view text) { return NumberList<NumberText::plain>(text).Multi(spec, &rows, cut, cut); };
  EXPECT_TRUE(multi("[[1,-2], [3,4]]"));
  EXPECT_EQ(rows, (std::string{1, -2, 3, 4}));
  EXPECT_TRUE(multi("[]"));
  EXPECT_EQ(rows, "");
  for (const char* none : {"", "[", "[[1,2]", "[[1,2],]", "[[1]]", "[[1,2,3]]", "[[1,2]]]", "[[1,2]] x", "[1,2]"}) EXPECT_FALSE(multi(none)) << none;
  spec.element = Element::bit;
  EXPECT_FALSE(multi("[[1,0]]"));
}

}  // namespace
}  // namespace vecferry
