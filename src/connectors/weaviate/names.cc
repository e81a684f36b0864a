#include "connectors/weaviate/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::weaviate {
namespace {

constexpr size_t kLongestName = 230, kLongestClass = 255, kLongestTenant = 64;
constexpr std::string_view kMark = "vf_", kTenantMark = "vf-", kNoTenant = "vf--none";

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
int HexValue(char c) { return IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

void AppendHex(char c, char mark, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  *out += mark;
  *out += kDigits[byte >> 4];
  *out += kDigits[byte & 15];
}

/// The bytes behind a mark; nothing where they are not as they are written here.
std::optional<std::string> Unescape(std::string_view text, char mark) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != mark) {
      out += text[i];
    } else if (i + 2 < text.size() && HexValue(text[i + 1]) >= 0 && HexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else if (mark == '_' && i + 1 < text.size() && text[i + 1] == '_') {
      out += '_';
      ++i;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool IsOurs(std::string_view name) { return name.starts_with(kMark) || name.starts_with(kRestProperty); }

}  // namespace

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || IsDigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_'; });
}

bool IsPropertyName(std::string_view name) {
  return IsName(name) && !IsUpper(name[0]) && !IsOurs(name) && name != "id" && name != "_id" && !name.starts_with("_additional") && !name.starts_with("__");
}

std::optional<std::string> EncodeName(std::string_view key) {
  std::string name(kMark);
  for (const char c : key) {
    if (IsLower(c) || IsDigit(c)) name += c;
    else if (c == '_') name += "__";
    else AppendHex(c, '_', &name);
  }
  if (name.size() > kLongestName) return std::nullopt;
  return name;
}

std::string DecodeName(std::string_view name) {
  if (!name.starts_with(kMark)) return std::string(name);
  auto key = Unescape(name.substr(kMark.size()), '_');
  if (!key || !IsValidUtf8(*key) || EncodeName(*key) != name) return std::string(name);
  return std::move(*key);
}

std::optional<std::string> VectorName(std::string_view name) {
  if (name.empty() || (IsName(name) && !name.starts_with(kMark))) return std::string(name);
  return EncodeName(name);
}

std::string KeyOfProperty(std::string_view property) { return property == kIdProperty ? "_id" : DecodeName(property); }

bool IsTenantName(std::string_view name) {
  if (name.empty() || name.size() > kLongestTenant) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_' || c == '-'; });
}

Result<std::string> EncodeTenant(std::optional<std::string_view> tenant) {
  if (!tenant) return std::string(kNoTenant);
  if (IsTenantName(*tenant) && !tenant->starts_with(kTenantMark)) return std::string(*tenant);
  std::string name(kTenantMark);
  for (const char c : *tenant) {
    if (IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_') name += c;
    else AppendHex(c, '-', &name);
  }
  if (name.size() > kLongestTenant) {
    return BadRecord("tenant-name", fmt::format("the tenant '{}' is longer than a tenant's name may be, {} characters of A-Z a-z 0-9 _ -", Printable(*tenant, 100), kLongestTenant));
  }
  return name;
}

std::optional<std::string> DecodeTenant(std::string_view name) {
  if (!name.starts_with(kTenantMark)) return std::string(name);
  if (name == kNoTenant) return std::nullopt;
  auto tenant = Unescape(name.substr(kTenantMark.size()), '-');
  if (!tenant || !IsValidUtf8(*tenant)) return std::string(name);
  const auto again = EncodeTenant(*tenant);
  return again.ok() && *again == name ? std::move(*tenant) : std::string(name);
}

Result<std::string> ClassNameOf(std::string_view dataset) {
  std::string name(dataset);
  const bool fits = !name.empty() && name.size() <= kLongestClass && std::all_of(name.begin(), name.end(), [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_'; });
  if (!fits || IsDigit(name[0])) {
    return MakeError(Category::usage, fmt::format("'{}' is no class's name", Printable(dataset, 300)),
                     "a class's name begins with a letter and has letters, digits and _ alone: write it after a #, weaviate://HOST:8080#Docs");
  }
  if (IsLower(name[0])) name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

}  // namespace vecferry::weaviate
