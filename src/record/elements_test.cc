#include "record/elements.h"

#include <cmath>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace vecferry {
namespace {

TEST(Elements, AsFloats) {
  std::vector<float> scratch;
  const std::string small("\x00\x7f\xff", 3);
  const float* floats = AsFloats(Element::u8, small, 3, scratch);
  EXPECT_EQ(std::vector<float>(floats, floats + 3), (std::vector<float>{0, 127, 255}));
  const uint16_t halves[2] = {0x3C00, 0x0001};
  floats = AsFloats(Element::f16, {reinterpret_cast<const char*>(halves), 4}, 2, scratch);
  EXPECT_EQ(std::vector<float>(floats, floats + 2), (std::vector<float>{1, 0x1p-24f}));
  alignas(4) char bytes[12] = {};
  const float two[2] = {1.5f, -2};
  std::memcpy(bytes, two, 8);
  EXPECT_EQ(AsFloats(Element::f32, {bytes, 8}, 2, scratch), reinterpret_cast<const float*>(bytes)) << "aligned ones stay where they are";
  std::memmove(bytes + 1, bytes, 8);
  floats = AsFloats(Element::f32, {bytes + 1, 8}, 2, scratch);
  EXPECT_EQ(std::vector<float>(floats, floats + 2), (std::vector<float>{1.5f, -2}));
}

TEST(Elements, StoreFloats) {
  const auto store = [](const std::vector<float>& values, Element element, bool* exact) {
    std::vector<uint8_t> out(values.size() * 4);
    *exact = StoreFloats({reinterpret_cast<const char*>(values.data()), values.size() * 4}, element, out.data());
    return out;
  };
  bool exact = false;
  EXPECT_EQ(store({0, 255, 7}, Element::u8, &exact)[1], 255);
  EXPECT_TRUE(exact);
  EXPECT_EQ(store({254.9f}, Element::u8, &exact)[0], 254);
  EXPECT_FALSE(exact);
  for (const float odd : {-1.0f, 256.0f, std::nanf("")}) {
    store({odd, 1}, Element::u8, &exact);
    EXPECT_FALSE(exact) << odd;
  }
  store({1, std::nanf(""), INFINITY}, Element::f16, &exact);
  EXPECT_TRUE(exact);
  store({0.1f}, Element::f16, &exact);
  EXPECT_FALSE(exact);
  store({0.1f}, Element::f32, &exact);
  EXPECT_TRUE(exact);
}

}  // namespace
}  // namespace vecferry
