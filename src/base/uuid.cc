#include "base/uuid.h"

#include <algorithm>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/text.h"

namespace vecferry {
namespace {

/// The value of each hexadecimal digit, -1 for every other byte.
constexpr std::array<int8_t, 256> kHexValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 10; ++i) values[static_cast<size_t>('0' + i)] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
    values[static_cast<size_t>('A' + i)] = static_cast<int8_t>(10 + i);
  }
  return values;
}();

int HexDigit(char c) { return kHexValues[static_cast<unsigned char>(c)]; }

void SetVersion(Uuid& uuid, int version) {
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0F) | (version << 4));
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3F) | 0x80);
}

}  // namespace

std::optional<Uuid> ParseUuid(std::string_view text) {
  if (text.size() > 36 && (text[0] | 0x20) == 'u' && ToLower(text.substr(0, 9)) == "urn:uuid:") text.remove_prefix(9);
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  const bool hyphens = text.size() == 36;
  if (!hyphens && text.size() != 32) return std::nullopt;
  Uuid uuid{};
  size_t nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (hyphens && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    uuid[nibble / 2] = static_cast<uint8_t>(uuid[nibble / 2] << 4 | digit);
    ++nibble;
  }
  return uuid;
}

bool IsHexDigit(char c) { return HexDigit(c) >= 0; }

std::string FormatUuid(const Uuid& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 15];
  }
  return text;
}

Uuid UuidV5(const Uuid& name_space, std::string_view name) {
  std::vector<uint8_t> input(name_space.begin(), name_space.end());
  input.insert(input.end(), name.begin(), name.end());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(input.data(), input.size(), digest, &size, EVP_sha1(), nullptr);
  Uuid uuid{};
  std::copy_n(digest, uuid.size(), uuid.begin());
  SetVersion(uuid, 5);
  return uuid;
}

Uuid RandomUuid() {
  std::random_device device;
  Uuid uuid{};
  for (auto& byte : uuid) byte = static_cast<uint8_t>(device());
  SetVersion(uuid, 4);
  return uuid;
}

}  // namespace vecferry
