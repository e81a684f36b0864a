#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connectors/postgresql/codec.h"
#include "connectors/postgresql/datetime.h"
#include "connectors/postgresql/jsonb_writer.h"

namespace vecferry::postgresql {
namespace {

Status Misfit(const Type& type, std::string_view what) {
  return BadRecord("value-type", fmt::format("a column of type {} cannot hold {}", type.name.empty() ? std::string(Name(type.kind)) : type.name, what));
}
Status OutOfRange(const Type& type, std::string_view text) {
  return BadRecord("value-out-of-range", fmt::format("a column of type {} cannot hold {}", type.name.empty() ? std::string(Name(type.kind)) : type.name, Printable(text, 60)));
}

template <typename T>
void AppendSized(T value, std::string* out) {
  AppendBig(static_cast<int32_t>(sizeof value), out);
  AppendBig(value, out);
}

Status AppendInt(const Type& type, int64_t value, std::string* out) {
  const auto fits = [&](auto limit) { return value >= std::numeric_limits<decltype(limit)>::min() && value <= std::numeric_limits<decltype(limit)>::max(); };
  if (type.kind == Kind::int8) return AppendSized(value, out), Status::OK();
  if (type.kind == Kind::int4 && fits(int32_t{})) return AppendSized(static_cast<int32_t>(value), out), Status::OK();
  if (type.kind == Kind::int2 && fits(int16_t{})) return AppendSized(static_cast<int16_t>(value), out), Status::OK();
  return OutOfRange(type, std::to_string(value));
}

void AppendReal(const Type& type, double value, std::string* out) {
  if (type.kind == Kind::float4) AppendSized(std::bit_cast<uint32_t>(static_cast<float>(value)), out);
  else AppendSized(std::bit_cast<uint64_t>(value), out);
}

std::optional<double> ParseReal(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

Status AppendNumeric(const Type& type, std::string_view text, std::string* out) {
  const auto bytes = NumericBytes(text);
  if (!bytes) return OutOfRange(type, text);
  return AppendField(*bytes, out), Status::OK();
}

Status AppendBytea(const Type& type, std::string_view text, std::string* out) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return OutOfRange(type, text);
  std::string bytes;
  for (size_t i = 2; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto end = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (end.ptr != text.data() + i + 2) return OutOfRange(type, text);
    bytes += static_cast<char>(value);
  }
  return AppendField(bytes, out), Status::OK();
}

Status AppendBits(const Type& type, std::string_view text, std::string* out) {
  std::string bits((text.size() + 7) / 8, '\0');
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '0' && text[i] != '1') return OutOfRange(type, text);
    if (text[i] == '1') bits[i / 8] = static_cast<char>(static_cast<uint8_t>(bits[i / 8]) | 0x80u >> (i % 8));
  }
  AppendBig(static_cast<int32_t>(4 + bits.size()), out);
  AppendBig(static_cast<int32_t>(text.size()), out);
  out->append(bits);
  return Status::OK();
}

Status AppendDateTime(const Type& type, std::string_view text, std::string* out) {
  switch (type.kind) {
    case Kind::date:
      if (const auto days = ParseDate(text)) return AppendSized(*days, out), Status::OK();
      break;
    case Kind::time:
      if (const auto time = ParseTime(text)) return AppendSized(*time, out), Status::OK();
      break;
    case Kind::timetz:
      if (const auto time = ParseZonedTime(text)) {
        AppendBig<int32_t>(12, out);
        AppendBig(time->microseconds, out);
        AppendBig(-time->seconds_east, out);
        return Status::OK();
      }
      break;
    case Kind::timestamp:
    case Kind::timestamptz: {
      bool offset = false;
      const auto time = ParseTimestamp(text, &offset);
      // A timestamp keeps no offset: one that has it would come back without.
      if (time && !(type.kind == Kind::timestamp && offset && !text.ends_with("infinity"))) return AppendSized(*time, out), Status::OK();
      break;
    }
    default:
      if (const auto interval = ParseInterval(text)) {
        AppendBig<int32_t>(16, out);
        AppendBig(interval->microseconds, out);
        AppendBig(interval->days, out);
        AppendBig(interval->months, out);
        return Status::OK();
      }
  }
  return OutOfRange(type, text);
}

Status AppendString(const Type& type, std::string_view text, std::string* out) {
  if (text.find('\0') != std::string_view::npos) return OutOfRange(type, "the character U+0000");
  // varchar(n) and char(n): the server refuses what is longer, but for spaces, which it would cut off without a word, and pads a char(n).
  constexpr int32_t kHeader = 4;
  if (type.kind == Kind::text && type.typmod >= kHeader && (type.pads() || static_cast<int64_t>(text.size()) > type.typmod - kHeader)) {
    const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
    if (characters > type.typmod - kHeader) return OutOfRange(type, text);
    if (type.pads() && characters < type.typmod - kHeader) {
      return BadRecord("value-out-of-range", fmt::format("a column of type {} would pad {} with spaces", type.name, Printable(text, 60)));
    }
  }
  return AppendField(text, out), Status::OK();
}

std::string TextOfDouble(double value) {
  char text[48];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end.ptr);
}

}  // namespace

Status AppendTextField(const Type& type, std::string_view text, std::string* out) {
  switch (type.kind) {
    case Kind::boolean:
      if (text != "true" && text != "false" && text != "t" && text != "f") return OutOfRange(type, text);
      return AppendField(std::string_view(text[0] == 't' ? "\1" : "\0", 1), out), Status::OK();
    case Kind::int2:
    case Kind::int4:
    case Kind::int8: {
      int64_t value = 0;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
      if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size()) return OutOfRange(type, text);
      return AppendInt(type, value, out);
    }
    case Kind::float4:
    case Kind::float8: {
      const auto value = ParseReal(text);
      if (!value) return OutOfRange(type, text);
      return AppendReal(type, *value, out), Status::OK();
    }
    case Kind::numeric: return AppendNumeric(type, text, out);
    case Kind::uuid: {
      const auto uuid = ParseUuid(text);
      if (!uuid) return OutOfRange(type, text);
      return AppendField({reinterpret_cast<const char*>(uuid->data()), 16}, out), Status::OK();
    }
    case Kind::bytea: return AppendBytea(type, text, out);
    case Kind::bit: return AppendBits(type, text, out);
    case Kind::text:
    case Kind::json:
    case Kind::other: return AppendString(type, text, out);
    case Kind::jsonb: {
      AppendBig(static_cast<int32_t>(text.size() + 1), out);
      out->append(1, '\1').append(text);
      return Status::OK();
    }
    case Kind::vector:
    case Kind::halfvec:
    case Kind::sparsevec: return Misfit(type, "a text");
    default: return AppendDateTime(type, text, out);
  }
}

ValueEncoder::ValueEncoder(const Type& type, std::string* out) : type_(type), out_(out), began_(out->size()) {
  if (type_.array && !type_.as_text()) return;
  if (type_.kind == Kind::json) writer_ = std::make_unique<JsonWriter>(&json_);
  if (type_.kind == Kind::jsonb) writer_ = std::make_unique<JsonbWriter>(&json_);
}

Status ValueEncoder::Wrong(std::string_view what) const { return Misfit(type_, what); }

Status ValueEncoder::Scalar(const std::function<Status()>& append) {
  if (!type_.array) {
    done_ = true;
    return append();
  }
  if (depth_ == 0) return Wrong("a value that is no array");
  if (deepest_ == 0) deepest_ = depth_;
  if (depth_ != deepest_) return Wrong("arrays of different depth");
  ++counts_[depth_ - 1];
  ++elements_;
  return append();
}

Status ValueEncoder::Null() {
  if (writer_) return depth_ == 0 ? (done_ = true, AppendNull(out_), Status::OK()) : writer_->Null();
  if (depth_ == 0) return AppendNull(out_), Status::OK();
  has_null_ = true;
  return Scalar([&] { return AppendNull(out_), Status::OK(); });
}
Status ValueEncoder::Bool(bool value) {
  if (writer_) return writer_->Bool(value);
  if (type_.kind != Kind::boolean) return Wrong("a boolean");
  return Scalar([&] { return AppendField(std::string_view(value ? "\1" : "\0", 1), out_), Status::OK(); });
}
Status ValueEncoder::Int(int64_t value) {
  if (writer_) return writer_->Int(value);
  if (type_.kind == Kind::int2 || type_.kind == Kind::int4 || type_.kind == Kind::int8) return Scalar([&] { return AppendInt(type_, value, out_); });
  return Wrong("an integer");
}
Status ValueEncoder::Uint(uint64_t value) {
  if (writer_) return writer_->Uint(value);
  return Wrong(fmt::format("the integer {}", value));
}
Status ValueEncoder::Double(double value) {
  if (writer_) return writer_->Double(value);
  if (type_.kind != Kind::float8 && type_.kind != Kind::float4) return Wrong("a real number");
  if (type_.kind == Kind::float4) {
    // A float4 comes back as the double that its shortest spelling says.
    char text[48];
    const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(value));
    double back = 0;
    std::from_chars(text, end.ptr, back);
    if (back != value) return OutOfRange(type_, TextOfDouble(value));
  }
  return Scalar([&] { return AppendReal(type_, value, out_), Status::OK(); });
}
Status ValueEncoder::String(std::string_view utf8) {
  if (writer_) return writer_->String(utf8);
  if (type_.kind == Kind::text || type_.kind == Kind::other || type_.kind == Kind::interval || type_.kind == Kind::bit) {
    return Scalar([&] { return AppendTextField(type_, utf8, out_); });
  }
  if (type_.kind != Kind::uuid) return Wrong("a text");
  const auto uuid = ParseUuid(utf8);
  if (!uuid || FormatUuid(*uuid) != utf8) return OutOfRange(type_, utf8);
  return Scalar([&] { return AppendTextField(type_, utf8, out_); });
}

Status ValueEncoder::Special(std::string_view type, std::string_view text) {
  if (writer_) return writer_->Special(type, text);
  const bool fits = (type == "decimal" && type_.kind == Kind::numeric) || (type == "f64" && (type_.kind == Kind::float4 || type_.kind == Kind::float8)) ||
                    (type == "date" && type_.kind == Kind::date) || (type == "time" && (type_.kind == Kind::time || type_.kind == Kind::timetz)) ||
                    (type == "datetime" && (type_.kind == Kind::timestamp || type_.kind == Kind::timestamptz));
  if (fits) return Scalar([&] { return AppendTextField(type_, text, out_); });
  if (type != "bytes" || type_.kind != Kind::bytea) return Wrong(fmt::format("a {}", type));
  const auto bytes = ParseBase64(text);
  if (!bytes) return OutOfRange(type_, text);
  return Scalar([&] { return AppendField(*bytes, out_), Status::OK(); });
}

Status ValueEncoder::BeginObject() {
  if (!writer_) return Wrong("an object");
  ++depth_;
  return writer_->BeginObject();
}
Status ValueEncoder::Key(std::string_view utf8) { return writer_ ? writer_->Key(utf8) : Wrong("an object"); }
Status ValueEncoder::EndObject() {
  if (!writer_) return Wrong("an object");
  --depth_;
  return writer_->EndObject();
}

Status ValueEncoder::BeginArray() {
  if (writer_) {
    ++depth_;
    return writer_->BeginArray();
  }
  if (!type_.array || type_.as_text()) return Wrong("an array");
  if (depth_ == 0) {
    // Length, and the head of at most six dimensions, are filled in at the end.
    if (done_) return Wrong("two values");
    done_ = true;
  } else {
    ++counts_[depth_ - 1];
  }
  if (depth_ >= 6) return Wrong("arrays of more than six dimensions");
  if (deepest_ != 0 && depth_ >= deepest_) return Wrong("arrays of different depth");
  ++depth_;
  counts_.resize(depth_);
  counts_.back() = 0;
  return Status::OK();
}

Status ValueEncoder::EndArray() {
  if (writer_) {
    --depth_;
    return writer_->EndArray();
  }
  if (lengths_.size() < depth_) lengths_.resize(depth_, -1);
  int32_t& length = lengths_[depth_ - 1];
  if (length >= 0 && length != counts_[depth_ - 1]) return Wrong("arrays of different length");
  length = counts_[depth_ - 1];
  counts_.pop_back();
  --depth_;
  return Status::OK();
}

Status ValueEncoder::End() {
  if (writer_) {
    if (out_->size() != began_) return Status::OK();  // NULL
    return AppendTextField(type_, json_, out_);
  }
  if (!type_.array || lengths_.empty()) return Status::OK();
  // An empty array has no dimensions; one of empty ones cannot be told from it.
  if (elements_ == 0 && lengths_.size() > 1) return Wrong("an array of empty arrays");
  const std::string elements = out_->substr(began_);
  out_->resize(began_);
  const auto dimensions = static_cast<int32_t>(elements_ == 0 ? 0 : lengths_.size());
  AppendBig(static_cast<int32_t>(12 + 8 * dimensions + static_cast<int32_t>(elements.size())), out_);
  AppendBig(dimensions, out_);
  AppendBig<int32_t>(has_null_ ? 1 : 0, out_);
  AppendBig(type_.element_oid, out_);
  for (int32_t i = 0; i < dimensions; ++i) {
    AppendBig(lengths_[static_cast<size_t>(i)], out_);
    AppendBig<int32_t>(1, out_);
  }
  out_->append(elements);
  return Status::OK();
}

}  // namespace vecferry::postgresql
