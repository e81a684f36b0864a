#include "connectors/postgresql/jsonb_writer.h"

#include <charconv>
#include <cmath>

namespace vecferry::postgresql {
namespace {

/// A double's shortest digits without an exponent, always with a point: numeric keeps them, and they read back as the same double.
void AppendPlainDouble(double value, std::string* out) {
  char buffer[1100];  // 5e-324 with all its digits
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  *out += text;
  if (text.find('.') == text.npos) *out += ".0";
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Status CheckText(std::string_view utf8) {
  if (utf8.find('\0') == utf8.npos) return Status::OK();
  return BadRecord("nul-character", "a text holds the character U+0000, which PostgreSQL does not take");
}

Status JsonbWriter::Double(double value) {
  if (value == 0 && std::signbit(value)) {
    ARROW_RETURN_NOT_OK(writer_.Special("f64", "NaN"));
    out_->replace(out_->rfind("NaN"), 3, "-0.0");
    return Status::OK();
  }
  const size_t at = out_->size();
  ARROW_RETURN_NOT_OK(writer_.Double(value));
  if (out_->find('e', at) == out_->npos) return Status::OK();
  out_->resize(out_->find_first_of("-0123456789", at));
  AppendPlainDouble(value, out_);
  return Status::OK();
}

Status JsonbWriter::String(std::string_view utf8) {
  ARROW_RETURN_NOT_OK(CheckText(utf8));
  return writer_.String(utf8);
}

Status JsonbWriter::Key(std::string_view utf8) {
  ARROW_RETURN_NOT_OK(CheckText(utf8));
  return writer_.Key(utf8);
}

bool IsJsonbText(std::string_view metadata) {
  for (size_t i = 0; i < metadata.size(); ++i) {
    const char c = metadata[i];
    if (c != 'e' && c != 'E' && c != '-' && c != '\\') continue;
    const bool next = i + 1 < metadata.size();
    if ((c == 'e' || c == 'E') && i > 0 && IsDigit(metadata[i - 1])) return false;  // maybe an exponent
    if (c == '-' && next && metadata[i + 1] == '0') return false;                   // maybe -0.0
    if (c == '\\' && metadata.substr(i + 1, 5) == "u0000") return false;
  }
  return true;
}

}  // namespace vecferry::postgresql
