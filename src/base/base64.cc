#include "base/base64.h"

#include <array>
#include <cstdint>

namespace vecferry {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr auto kValues = MakeValues();

}  // namespace

void AppendBase64(std::string_view bytes, std::string* out) {
  const size_t begin = out->size();
  out->resize(begin + (bytes.size() + 2) / 3 * 4);
  char* at = out->data() + begin;
  const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : uint32_t{0}; };
  for (size_t i = 0; i < bytes.size(); i += 3, at += 4) {
    const uint32_t word = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    at[0] = kAlphabet[word >> 18];
    at[1] = kAlphabet[word >> 12 & 63];
    at[2] = i + 1 < bytes.size() ? kAlphabet[word >> 6 & 63] : '=';
    at[3] = i + 2 < bytes.size() ? kAlphabet[word & 63] : '=';
  }
}

std::string Base64(std::string_view bytes) {
  std::string out;
  AppendBase64(bytes, &out);
  return out;
}

bool ParseBase64(std::string_view text, std::string* out) {
  out->clear();
  if (text.size() % 4 != 0) return false;
  out->reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t padding = !last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    uint32_t word = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int value = k + padding < 4 ? kValues[static_cast<uint8_t>(text[i + k])] : 0;
      if (value < 0) return false;
      word = word << 6 | static_cast<uint32_t>(value);
    }
    if (word & ((1u << (8 * padding)) - 1)) return false;
    for (size_t k = 0; k < 3 - padding; ++k) *out += static_cast<char>(word >> (16 - 8 * k) & 255);
  }
  return true;
}

std::optional<std::string> ParseBase64(std::string_view text) {
  std::string out;
  if (!ParseBase64(text, &out)) return std::nullopt;
  return out;
}

}  // namespace vecferry
