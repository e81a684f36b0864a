#include "transform/field.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr size_t kMostParts = 64;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

std::string Quoted(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), IsPlain);
  if (plain) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

Status BadName(std::string_view text) {
  return MakeError(Category::usage, fmt::format("'{}' is no name of a field", Printable(text, 200)),
                   "write title, address.city, or a key with other characters in double quotes: \"a key\"");
}

/// A part in double quotes from `text[*at]` on.
Result<NamePart> QuotedPart(std::string_view text, size_t* at) {
  NamePart part{"", true};
  for (size_t i = *at + 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      part.text += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      part.text += text[i++];
    } else {
      *at = i + 1;
      return part;
    }
  }
  return BadName(text);
}

}  // namespace

bool IsVectorName(std::string_view text) {
  return text == "vector" || text.starts_with("vector:") || text.starts_with("sparse:") || text.starts_with("multi:");
}

Field FieldOf(const std::vector<NamePart>& parts) {
  Field field;
  const NamePart& first = parts.front();
  if (parts.size() == 1) {
    if (first.text == "id") field.kind = Field::Kind::id;
    else if (first.text == "tenant") field.kind = Field::Kind::tenant;
    else if (first.text == "document") field.kind = Field::Kind::document;
    else if (IsVectorName(first.text)) field.kind = Field::Kind::vector, field.column = first.text;
    if (field.kind != Field::Kind::metadata) return field;
  }
  const bool prefixed = first.text == "metadata" && !first.quoted;
  for (size_t i = prefixed ? 1 : 0; i < parts.size(); ++i) field.path.push_back(parts[i].text);
  return field;
}

std::string Field::Spelled() const {
  switch (kind) {
    case Kind::id: return "id";
    case Kind::tenant: return "tenant";
    case Kind::document: return "document";
    case Kind::vector: return column;
    case Kind::metadata: break;
  }
  std::string text = "metadata";
  for (const auto& key : path) text += "." + Quoted(key);
  return text;
}

Result<Field> ParseField(std::string_view text) {
  if (!IsValidUtf8(text)) return BadName(text);
  if (IsVectorName(text)) return FieldOf({{std::string(text), false}});
  std::vector<NamePart> parts;
  for (size_t at = 0;; ++at) {
    NamePart part;
    if (at < text.size() && text[at] == '"') {
      ARROW_ASSIGN_OR_RAISE(part, QuotedPart(text, &at));
    } else {
      while (at < text.size() && IsPlain(text[at])) part.text += text[at++];
      if (part.text.empty()) return BadName(text);
    }
    parts.push_back(std::move(part));
    if (parts.size() > kMostParts) return BadName(text);
    if (at == text.size()) return FieldOf(parts);
    if (text[at] != '.') return BadName(text);
  }
}

}  // namespace vecferry
