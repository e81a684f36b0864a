#include "connectors/pinecone/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"

namespace vecferry::pinecone {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte of two hexadecimal digits in upper case at `at`; -1 where none stand there.
int ByteAt(std::string_view text, size_t at) {
  if (at + 1 >= text.size()) return -1;
  const int high = DigitOf(text[at]), low = DigitOf(text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool IsOutside(int byte) { return byte == 0 || byte >= 0x80; }
/// Whether "%XX" of that byte is one of NamespaceOf's.
bool IsOurs(int byte) { return byte >= 0 && (IsOutside(byte) || byte == '%'); }

void AppendHex(char sign, char byte, std::string* out) { *out += fmt::format("{}{:02X}", sign, static_cast<unsigned char>(byte)); }

}  // namespace

bool IsNativeId(std::string_view id) {
  return !id.empty() && id.size() <= kLongestName && std::all_of(id.begin(), id.end(), [](char c) { return !IsOutside(static_cast<unsigned char>(c)); });
}

std::string VectorIdOf(const Layout& layout, std::optional<std::string_view> tenant, std::string_view id, bool* mapped) {
  *mapped = !IsNativeId(id);
  if (!*mapped) return std::string(id);
  // An id that is not native is no number and no UUID: of this rule MapId makes a UUID of each.
  const auto made = MapId(layout, IdKind::string, tenant, id);
  return made.ok() ? made->uuid : std::string();
}

bool MayBeMapped(std::string_view vector_id) {
  const auto uuid = vector_id.size() == 36 ? ParseUuid(vector_id) : std::nullopt;
  return uuid && ((*uuid)[6] >> 4) == 5 && FormatUuid(*uuid) == vector_id;
}

Result<std::string> NamespaceOf(std::string_view tenant) {
  if (tenant == kDefaultNamespace) return BadRecord("tenant-name", "the tenant is called as the default namespace is");
  std::string name;
  name.reserve(tenant.size());
  for (size_t i = 0; i < tenant.size(); ++i) {
    const bool misread = tenant[i] == '%' && IsOurs(ByteAt(tenant, i + 1));
    if (misread || IsOutside(static_cast<unsigned char>(tenant[i]))) AppendHex('%', tenant[i], &name);
    else name += tenant[i];
  }
  if (name.size() > kLongestName) return BadRecord("tenant-name", fmt::format("the tenant's name is {} characters long as a namespace, and {} is the most", name.size(), kLongestName));
  return name;
}

std::string TenantOf(std::string_view name) {
  std::string tenant;
  for (size_t i = 0; i < name.size(); ++i) {
    const int byte = name[i] == '%' ? ByteAt(name, i + 1) : -1;
    if (!IsOurs(byte)) {
      tenant += name[i];
      continue;
    }
    // A '%' alone needed no escape unless what follows would have been read as one.
    if (byte == '%' && !IsOurs(ByteAt(name, i + 3))) return std::string(name);
    tenant += static_cast<char>(byte);
    i += 2;
  }
  return IsValidUtf8(tenant) ? tenant : std::string(name);
}

Status CheckIndexName(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  const bool fits = !name.empty() && name.size() <= 45 && std::all_of(name.begin(), name.end(), plain) && name.front() != '-' && name.back() != '-';
  if (fits) return Status::OK();
  return MakeError(Category::usage, fmt::format("'{}' cannot be an index's name", Printable(name, 100)), "use 1 to 45 of a-z, 0-9 and '-', not at its ends");
}

std::string TagOf(std::string_view text) {
  std::string tag;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (plain) tag += c;
    else AppendHex('+', c, &tag);
  }
  return tag;
}

std::string FromTag(std::string_view tag) {
  std::string text;
  for (size_t i = 0; i < tag.size(); ++i) {
    const int byte = tag[i] == '+' ? ByteAt(tag, i + 1) : -1;
    text += byte < 0 ? tag[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return IsValidUtf8(text) ? text : std::string(tag);
}

}  // namespace vecferry::pinecone
