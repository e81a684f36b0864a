#include "record/json_special.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

bool IsNonFinite(std::string_view text) { return text == "NaN" || text == "Infinity" || text == "-Infinity"; }

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text[0] == '0')) return text == "0";
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsBase64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  while (text.ends_with('=')) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

}  // namespace

Status CheckSpecial(std::string_view type, std::string_view text) {
  bool known = true, good = true;
  if (type == "f64") good = IsNonFinite(text);
  else if (type == "bigint") good = IsInteger(text);
  else if (type == "bytes") good = IsBase64(text);
  else if (type == "decimal" || type == "date" || type == "datetime" || type == "time" || type == "geo") good = !text.empty();
  else known = false;
  if (known && good) return Status::OK();
  return MakeError(Category::bad_content, known ? fmt::format("'{}' is no {}", Printable(text, 60), Printable(type, 20))
                                                : fmt::format("unknown special type '{}'", Printable(type, 20)));
}

}  // namespace vecferry
