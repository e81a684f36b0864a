#include "connectors/postgresql/names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::postgresql {
namespace {

/// PostgreSQL cuts names off at NAMEDATALEN - 1; one that is longer names something else than it says.
constexpr size_t kLongestName = 63;

Status Wrong(std::string_view text, std::string_view why) {
  return MakeError(Category::usage, fmt::format("'{}' is no name of a table or column: {}", Printable(text, 200), why),
                   "write it as TABLE or SCHEMA.TABLE; a name with a dot, comma or quote in it stands in double quotes");
}

struct Part {
  std::string name;
  bool quoted = false;
};

void SkipBlanks(std::string_view text, size_t* at) {
  while (*at < text.size() && text[*at] == ' ') ++*at;
}

/// One part, from `at`, up to `separator` or the end.
Result<Part> ParsePart(std::string_view text, char separator, size_t* at) {
  Part part;
  SkipBlanks(text, at);
  if (*at < text.size() && text[*at] == '"') {
    part.quoted = true;
    for (++*at;; ++*at) {
      if (*at >= text.size()) return Wrong(text, "a double quote does not end");
      if (text[*at] == '"' && (*at + 1 >= text.size() || text[*at + 1] != '"')) break;
      if (text[*at] == '"') ++*at;
      part.name += text[*at];
    }
    ++*at;
    SkipBlanks(text, at);
    if (*at < text.size() && text[*at] != separator) return Wrong(text, "something follows the closing quote");
  } else {
    const size_t end = std::min(text.find(separator, *at), text.size());
    part.name = text.substr(*at, end - *at);
    while (part.name.ends_with(' ')) part.name.pop_back();
    if (part.name.find('"') != std::string::npos) return Wrong(text, "a double quote stands in the middle");
    *at = end;
  }
  if (part.name.empty()) return Wrong(text, "a part of it is empty");
  if (part.name.size() > kLongestName) return Wrong(text, fmt::format("a name has at most {} bytes", kLongestName));
  if (part.name.find('\0') != std::string::npos) return Wrong(text, "it holds a NUL");
  return part;
}

Result<std::vector<Part>> ParseParts(std::string_view text, char separator) {
  std::vector<Part> parts;
  for (size_t at = 0;; ++at) {
    ARROW_ASSIGN_OR_RAISE(Part part, ParsePart(text, separator, &at));
    parts.push_back(std::move(part));
    if (at >= text.size()) return parts;
  }
}

bool IsPlain(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

std::string QuoteName(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string QuoteText(std::string_view text) {
  const bool escape = text.find('\\') != std::string_view::npos;
  std::string out = escape ? "E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + '\'';
}

std::string RelationName::Sql() const { return schema.empty() ? QuoteName(table) : QuoteName(schema) + "." + QuoteName(table); }

std::string RelationName::Display() const {
  const auto spelled = [](const std::string& part) { return IsPlain(part) ? part : QuoteName(part); };
  return schema.empty() ? spelled(table) : spelled(schema) + "." + spelled(table);
}

Result<RelationName> ParseRelationName(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(auto parts, ParseParts(text, '.'));
  if (parts.size() > 2) return Wrong(text, "it has more than two parts; the database stands before the '#'");
  RelationName name;
  name.table = std::move(parts.back().name);
  name.table_quoted = parts.back().quoted;
  if (parts.size() == 2) {
    name.schema = std::move(parts[0].name);
    name.schema_quoted = parts[0].quoted;
  }
  return name;
}

bool IsQuery(std::string_view dataset) {
  dataset.remove_prefix(std::min(dataset.find_first_not_of(" ("), dataset.size()));
  const size_t end = dataset.find_first_of(" (*'\"");
  if (end == std::string_view::npos) return false;
  const std::string word = ToLower(dataset.substr(0, end));
  static constexpr std::array kWords = {"select", "with", "values", "table"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

Result<std::vector<std::string>> ParseNameList(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(auto parts, ParseParts(text, ','));
  std::vector<std::string> names;
  for (auto& part : parts) {
    if (std::find(names.begin(), names.end(), part.name) != names.end()) return Wrong(text, "a column is named twice");
    names.push_back(std::move(part.name));
  }
  return names;
}

}  // namespace vecferry::postgresql
