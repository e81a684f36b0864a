#include "connectors/mcp_memory/tags.h"

#include <algorithm>

#include "record/json.h"

namespace vecferry::mcp_memory {
namespace {

/// Bytes of the white space, in the sense of Python's str.strip, that a text begins with; 0 if none.
size_t SpaceAt(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const uint8_t c = byte(0);
  if (c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F)) return 1;
  if (c == 0xC2 && (byte(1) == 0x85 || byte(1) == 0xA0)) return 2;
  if (c < 0xE1 || c > 0xE3) return 0;
  const int code = (c & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  const bool space = code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
                     code == 0x202F || code == 0x205F || code == 0x3000;
  return space ? 3 : 0;
}

size_t SpaceBefore(std::string_view text) {
  for (size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    if (SpaceAt(text.substr(text.size() - length)) == length) return length;
  }
  return 0;
}

std::string_view Strip(std::string_view text) {
  const auto solid = [](char c) { return c > ' ' && c < 0x7F; };
  if (!text.empty() && solid(text.front()) && solid(text.back())) return text;
  while (const size_t n = SpaceAt(text)) text.remove_prefix(n);
  while (const size_t n = SpaceBefore(text)) text.remove_suffix(n);
  return text;
}

template <typename Function>
void EachPiece(std::string_view text, Function function) {
  while (true) {
    const size_t comma = text.find(',');
    function(text.substr(0, comma));
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> SortedPieces(std::string_view text) {
  std::vector<std::string_view> pieces;
  EachPiece(text, [&](std::string_view piece) { pieces.push_back(piece); });
  std::sort(pieces.begin(), pieces.end());
  return pieces;
}

/// Where a tag stands in the column, between commas; npos where it does not stand in one piece.
size_t PlaceOf(std::string_view column, std::string_view name) {
  for (size_t at = column.find(name); at != std::string_view::npos; at = column.find(name, at + 1)) {
    const bool begins = at == 0 || column[at - 1] == ',';
    const bool ends = at + name.size() == column.size() || column[at + name.size()] == ',';
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

}  // namespace

bool MayBeAmbiguous(std::string_view column) {
  if (column.empty()) return false;
  return column.find(',') != std::string_view::npos || Strip(column).size() != column.size();
}

void AppendTags(std::string_view column, std::string* json) {
  *json += '[';
  bool first = true;
  if (!column.empty()) {
    EachPiece(column, [&](std::string_view piece) {
      const std::string_view tag = Strip(piece);
      if (tag.empty()) return;
      if (!first) *json += ',';
      first = false;
      AppendJsonString(tag, json);
    });
  }
  *json += ']';
}

bool AppendNamedTags(std::string_view column, std::vector<std::string> names, std::string* json) {
  if (names.empty()) return false;
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  if (SortedPieces(joined) != SortedPieces(column)) return false;
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) { return PlaceOf(column, a) < PlaceOf(column, b); });
  *json += '[';
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) *json += ',';
    AppendJsonString(names[i], json);
  }
  *json += ']';
  return true;
}

}  // namespace vecferry::mcp_memory
