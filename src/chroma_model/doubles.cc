#include "chroma_model/doubles.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "record/json.h"

namespace vecferry::chroma_model {
namespace {

constexpr int kMostPower = 308;

double PowerOfTen(int exponent) {
  static const auto powers = [] {
    std::array<double, kMostPower + 1> all{};
    for (int i = 0; i <= kMostPower; ++i) {
      const std::string text = fmt::format("1e{}", i);
      std::from_chars(text.data(), text.data() + text.size(), all[static_cast<size_t>(i)]);
    }
    return all;
  }();
  return powers[static_cast<size_t>(exponent)];
}

double Scaled(uint64_t digits, int exponent) {
  double value = static_cast<double>(digits);
  for (; exponent < -kMostPower && value != 0; exponent += kMostPower) value /= PowerOfTen(kMostPower);
  if (exponent > kMostPower) return std::numeric_limits<double>::infinity();
  return exponent >= 0 ? value * PowerOfTen(exponent) : value / PowerOfTen(-exponent);
}

}  // namespace

double AsServerReads(std::string_view decimal) {
  const bool negative = !decimal.empty() && decimal.front() == '-';
  uint64_t digits = 0;
  int exponent = 0;
  bool behind_point = false;
  size_t i = negative ? 1 : 0;
  for (; i < decimal.size() && decimal[i] != 'e'; ++i) {
    if (decimal[i] == '.') {
      behind_point = true;
      continue;
    }
    const auto digit = static_cast<uint64_t>(decimal[i] - '0');
    if (digit > 9 || digits > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::numeric_limits<double>::quiet_NaN();
    digits = digits * 10 + digit;
    exponent -= behind_point ? 1 : 0;
  }
  if (i < decimal.size()) {
    const bool plus = i + 1 < decimal.size() && decimal[i + 1] == '+';
    int written = 0;
    std::from_chars(decimal.data() + i + 1 + (plus ? 1 : 0), decimal.data() + decimal.size(), written);
    exponent += written;
  }
  return negative ? -Scaled(digits, exponent) : Scaled(digits, exponent);
}

bool IsKeptExactly(double value) {
  std::string shortest;
  AppendJsonDouble(value, &shortest);
  return AsServerReads(shortest) == value;
}

}  // namespace vecferry::chroma_model
