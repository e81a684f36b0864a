#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "connectors/postgresql/datetime.h"
#include "connectors/postgresql/wire.h"

namespace vecferry::postgresql {
namespace {

// numeric_send: i16 count of digits, i16 weight of the first, u16 sign, u16 digits shown after the point; then digits of base 10000.
constexpr uint16_t kNegative = 0x4000, kNaN = 0xC000, kInfinity = 0xD000, kMinusInfinity = 0xF000;
constexpr int kMostScale = 0x3FFF;

std::string Header(int16_t digits, int16_t weight, uint16_t sign, uint16_t scale) {
  std::string out;
  AppendBig(digits, &out), AppendBig(weight, &out), AppendBig(sign, &out), AppendBig(scale, &out);
  return out;
}

}  // namespace

std::optional<std::string> NumericText(std::string_view bytes) {
  if (bytes.size() < 8) return std::nullopt;
  const auto count = FromBig<int16_t>(bytes.data()), weight = FromBig<int16_t>(bytes.data() + 2);
  const auto sign = FromBig<uint16_t>(bytes.data() + 4), scale = FromBig<uint16_t>(bytes.data() + 6);
  if (sign == kNaN) return "NaN";
  if (sign == kInfinity) return "Infinity";
  if (sign == kMinusInfinity) return "-Infinity";
  if ((sign != 0 && sign != kNegative) || count < 0 || scale > kMostScale || bytes.size() != 8 + 2 * static_cast<size_t>(count)) return std::nullopt;
  const auto digit = [&](int at) { return at >= 0 && at < count ? FromBig<int16_t>(bytes.data() + 8 + 2 * at) : int16_t{0}; };
  for (int i = 0; i < count; ++i) {
    if (digit(i) < 0 || digit(i) > 9999) return std::nullopt;
  }
  std::string text = sign == kNegative ? "-" : "";
  if (weight < 0) text += '0';
  for (int i = 0; i <= weight; ++i) text += i == 0 ? std::to_string(digit(0)) : fmt::format("{:04}", digit(i));
  if (scale > 0) {
    text += '.';
    const size_t end = text.size() + scale;
    for (int i = weight + 1; text.size() < end; ++i) text += fmt::format("{:04}", digit(i));
    text.resize(end);
  }
  return text;
}

std::optional<std::string> NumericBytes(std::string_view text) {
  if (text == "NaN") return Header(0, 0, kNaN, 0);
  if (text == "Infinity") return Header(0, 0, kInfinity, 0);
  if (text == "-Infinity") return Header(0, 0, kMinusInfinity, 0);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  // An exponent moves the point.
  int64_t exponent = 0;
  if (const size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    const std::string power(text.substr(at + 1));
    const size_t first = power.find_first_not_of("+-");
    if (first > 1 || first == std::string::npos || power.size() - first > 5 || power.find_first_not_of("0123456789", first) != std::string::npos) return std::nullopt;
    exponent = std::stol(power);
    text = text.substr(0, at);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) digits += text.substr(point + 1);
  if (digits.empty() || digits.size() > 150'000 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  int64_t whole = static_cast<int64_t>(point) + exponent;  // decimal digits before the point
  const int64_t scale = std::max<int64_t>(0, static_cast<int64_t>(digits.size()) - whole);
  if (whole > 131'072 || whole < -kMostScale || scale > kMostScale) return std::nullopt;
  if (whole > static_cast<int64_t>(digits.size())) digits.append(static_cast<size_t>(whole) - digits.size(), '0');
  if (whole < 0) digits.insert(0, static_cast<size_t>(-whole), '0'), whole = 0;
  // Groups of four, counted from the point.
  const auto lead = static_cast<size_t>((4 - whole % 4) % 4);
  digits.insert(0, lead, '0');
  digits.append((4 - digits.size() % 4) % 4, '0');
  int64_t weight = (whole + static_cast<int64_t>(lead)) / 4 - 1;
  std::vector<int16_t> groups;
  for (size_t i = 0; i < digits.size(); i += 4) groups.push_back(static_cast<int16_t>(std::stoi(digits.substr(i, 4))));
  while (!groups.empty() && groups.back() == 0) groups.pop_back();
  const auto first = std::find_if(groups.begin(), groups.end(), [](int16_t g) { return g != 0; });
  weight -= first - groups.begin();
  groups.erase(groups.begin(), first);
  if (groups.empty()) weight = 0;
  std::string out = Header(static_cast<int16_t>(groups.size()), static_cast<int16_t>(weight), negative && !groups.empty() ? kNegative : 0, static_cast<uint16_t>(scale));
  for (const int16_t group : groups) AppendBig(group, &out);
  return out;
}

}  // namespace vecferry::postgresql
