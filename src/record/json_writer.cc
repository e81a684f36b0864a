#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "record/json.h"
#include "record/json_special.h"

namespace vecferry {
namespace {

constexpr std::string_view kWrap = "{\"$vf\":\"object\",\"v\":";

/// Whether a byte stands in a JSON string as it is.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 256; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr double kMillion = 1e6;
constexpr double kFineTo = 8589934592.0;  ///< 2^33: below it two multiples of a millionth are two doubles

/// A number of whole millionths, as nearly every time is, from `buffer` to the end that is returned; nullptr where the
/// general way is to be taken. The shortest text of such a number is the one with its millionths: doubles are dense enough
/// that no other multiple of a millionth, and so no shorter text, is nearest to the same double.
char* WriteMillionths(double value, char* buffer, char* end) {
  if (!(value >= 1 && value < kFineTo)) return nullptr;
  const auto millionths = static_cast<uint64_t>(value * kMillion + 0.5);
  if (static_cast<double>(millionths) / kMillion != value) return nullptr;
  auto fraction = static_cast<uint32_t>(millionths % 1000000);
  if (fraction == 0) return nullptr;
  char* at = std::to_chars(buffer, end, millionths / 1000000).ptr;
  *at++ = '.';
  for (uint32_t unit = 100000; fraction != 0; unit /= 10) {
    *at++ = static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
  return at;
}

}  // namespace

void JsonWriter::Separate() {
  if (levels_.empty() || levels_.back().object) return;
  if (!levels_.back().first) *out_ += ',';
  levels_.back().first = false;
}

Status JsonWriter::Null() {
  Separate();
  *out_ += "null";
  return Status::OK();
}

Status JsonWriter::Bool(bool value) {
  Separate();
  *out_ += value ? "true" : "false";
  return Status::OK();
}

Status JsonWriter::Int(int64_t value) {
  Separate();
  fmt::format_to(std::back_inserter(*out_), "{}", value);
  return Status::OK();
}

Status JsonWriter::Uint(uint64_t value) {
  Separate();
  fmt::format_to(std::back_inserter(*out_), "{}", value);
  return Status::OK();
}

Status JsonWriter::Double(double value) {
  Separate();
  AppendJsonDouble(value, out_);
  return Status::OK();
}

Status JsonWriter::String(std::string_view utf8) {
  Separate();
  AppendJsonString(utf8, out_);
  return Status::OK();
}

Status JsonWriter::Special(std::string_view type, std::string_view text) {
  ARROW_RETURN_NOT_OK(CheckSpecial(type, text));
  Separate();
  *out_ += "{\"$vf\":";
  AppendJsonString(type, out_);
  *out_ += ",\"v\":";
  AppendJsonString(text, out_);
  *out_ += '}';
  return Status::OK();
}

Status JsonWriter::BeginObject() {
  Separate();
  levels_.push_back({true, true, out_->size(), false});
  *out_ += '{';
  return Status::OK();
}

Status JsonWriter::Key(std::string_view utf8) {
  Level& level = levels_.back();
  if (utf8 == kSpecialKey && !level.wrapped) {
    out_->insert(level.begin, kWrap);
    level.wrapped = true;
  }
  if (!level.first) *out_ += ',';
  level.first = false;
  AppendJsonString(utf8, out_);
  *out_ += ':';
  return Status::OK();
}

Status JsonWriter::EndObject() {
  *out_ += levels_.back().wrapped ? "}}" : "}";
  levels_.pop_back();
  return Status::OK();
}

Status JsonWriter::BeginArray() {
  Separate();
  levels_.push_back({false, true, out_->size(), false});
  *out_ += '[';
  return Status::OK();
}

Status JsonWriter::EndArray() {
  *out_ += ']';
  levels_.pop_back();
  return Status::OK();
}

void AppendJsonString(std::string_view utf8, std::string* out) {
  out->push_back('"');
  size_t done = 0;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (kPlain[c]) continue;
    out->append(utf8, done, i - done);
    done = i + 1;
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      default: fmt::format_to(std::back_inserter(*out), "\\u{:04x}", c);
    }
  }
  out->append(utf8, done);
  out->push_back('"');
}

void AppendJsonDouble(double value, std::string* out) {
  char buffer[32];
  if (const char* const end = WriteMillionths(value, buffer, buffer + sizeof buffer)) {
    out->append(buffer, static_cast<size_t>(end - buffer));
    return;
  }
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  *out += text;
  if (text.find_first_of(".e") == text.npos) *out += ".0";
}

}  // namespace vecferry
