#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connectors/postgresql/codec.h"
#include "connectors/postgresql/datetime.h"

namespace vecferry::postgresql {
namespace {

Status Corrupt(const Type& type) {
  return MakeError(Category::corrupt, fmt::format("the server's {} cannot be read", type.name.empty() ? std::string(Name(type.kind)) : type.name), "see what stands between here and the server");
}

/// Bytes of kinds with a fixed width; 0 for the others.
size_t WidthOf(Kind kind) {
  switch (kind) {
    case Kind::boolean: return 1;
    case Kind::int2: return 2;
    case Kind::int4:
    case Kind::float4:
    case Kind::date: return 4;
    case Kind::int8:
    case Kind::float8:
    case Kind::time:
    case Kind::timestamp:
    case Kind::timestamptz: return 8;
    case Kind::timetz: return 12;
    case Kind::uuid:
    case Kind::interval: return 16;
    default: return 0;
  }
}

int64_t IntOf(Kind kind, std::string_view bytes) {
  if (kind == Kind::int2) return FromBig<int16_t>(bytes.data());
  return kind == Kind::int4 ? FromBig<int32_t>(bytes.data()) : FromBig<int64_t>(bytes.data());
}

/// The double that is nearest to the shortest spelling of a float4, which is the one that people wrote.
double Widened(float value) {
  if (!std::isfinite(value)) return value;
  char text[48];
  const auto end = std::to_chars(text, text + sizeof text, value);
  double wide = 0;
  std::from_chars(text, end.ptr, wide);
  return wide;
}

double RealOf(Kind kind, std::string_view bytes) {
  if (kind == Kind::float4) return Widened(std::bit_cast<float>(FromBig<uint32_t>(bytes.data())));
  return std::bit_cast<double>(FromBig<uint64_t>(bytes.data()));
}

std::string_view NonFinite(double value) { return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"; }

/// Texts of the kinds that JSON has no form for, and of UUIDs and intervals.
Status AppendTextual(const Type& type, std::string_view bytes, std::string* out) {
  switch (type.kind) {
    case Kind::date: AppendDate(FromBig<int32_t>(bytes.data()), out); break;
    case Kind::time: AppendTime(FromBig<int64_t>(bytes.data()), out); break;
    case Kind::timetz:
      AppendTime(FromBig<int64_t>(bytes.data()), out);
      AppendOffset(-int64_t{FromBig<int32_t>(bytes.data() + 8)}, out);  // the least has no opposite in 32 bits
      break;
    case Kind::timestamp: AppendTimestamp(FromBig<int64_t>(bytes.data()), false, out); break;
    case Kind::timestamptz: AppendTimestamp(FromBig<int64_t>(bytes.data()), true, out); break;
    case Kind::interval: AppendInterval(FromBig<int32_t>(bytes.data() + 12), FromBig<int32_t>(bytes.data() + 8), FromBig<int64_t>(bytes.data()), out); break;
    case Kind::uuid: {
      Uuid uuid;
      std::memcpy(uuid.data(), bytes.data(), 16);
      *out += FormatUuid(uuid);
      break;
    }
    case Kind::numeric: {
      const auto text = NumericText(bytes);
      if (!text) return Corrupt(type);
      *out += *text;
      break;
    }
    case Kind::bit: {
      const int64_t bits = DimensionOf(type, bytes);
      if (bits < 0) return Corrupt(type);
      for (int64_t i = 0; i < bits; ++i) *out += (static_cast<uint8_t>(bytes[4 + static_cast<size_t>(i / 8)]) >> (7 - i % 8)) & 1 ? '1' : '0';
      break;
    }
    default: return Corrupt(type);
  }
  return Status::OK();
}

bool SizeIsWrong(const Type& type, std::string_view bytes) {
  const size_t width = WidthOf(type.kind);
  return width != 0 && bytes.size() != width;
}

Result<std::string_view> JsonText(const Type& type, std::string_view bytes) {
  if (type.kind == Kind::json) return bytes;
  if (bytes.empty() || bytes[0] != 1) return Corrupt(type);
  return bytes.substr(1);
}

/// Events of JSON from the database. What looks like one of our own marks and is none is an ordinary object.
Status VisitJson(std::string_view text, JsonReader& json, JsonVisitor& out) {
  std::string probe;
  JsonWriter writer(&probe);
  const bool marks = text.find("\"$vf\"") != std::string_view::npos;
  const JsonReader::Options plain{.big_integers = true, .plain = true}, ours{.big_integers = true};
  if (marks && json.Visit(text, writer, ours).ok()) return json.Visit(text, out, ours);
  return json.Visit(text, out, plain);
}

Status VisitTextual(const Type& type, std::string_view bytes, std::string_view special, JsonVisitor& out) {
  std::string text;
  ARROW_RETURN_NOT_OK(AppendTextual(type, bytes, &text));
  return special.empty() ? out.String(text) : out.Special(special, text);
}

Status VisitScalar(const Type& type, std::string_view bytes, JsonReader& json, JsonVisitor& out) {
  if (SizeIsWrong(type, bytes)) return Corrupt(type);
  switch (type.kind) {
    case Kind::boolean: return out.Bool(bytes[0] != 0);
    case Kind::int2:
    case Kind::int4:
    case Kind::int8: return out.Int(IntOf(type.kind, bytes));
    case Kind::float4:
    case Kind::float8: {
      const double value = RealOf(type.kind, bytes);
      return std::isfinite(value) ? out.Double(value) : out.Special("f64", NonFinite(value));
    }
    case Kind::numeric: return VisitTextual(type, bytes, "decimal", out);
    case Kind::date: return VisitTextual(type, bytes, "date", out);
    case Kind::time:
    case Kind::timetz: return VisitTextual(type, bytes, "time", out);
    case Kind::timestamp:
    case Kind::timestamptz: return VisitTextual(type, bytes, "datetime", out);
    case Kind::bytea: return out.Special("bytes", Base64(bytes));
    case Kind::json:
    case Kind::jsonb: {
      ARROW_ASSIGN_OR_RAISE(const std::string_view text, JsonText(type, bytes));
      return VisitJson(text, json, out);
    }
    case Kind::uuid:
    case Kind::interval:
    case Kind::bit: return VisitTextual(type, bytes, "", out);
    case Kind::vector:
    case Kind::halfvec:
    case Kind::sparsevec: return Corrupt(type);  // not without an oddity of the caller's
    case Kind::text:
    case Kind::other: return IsValidUtf8(bytes) ? out.String(bytes) : BadRecord("invalid-utf8", "a text is not valid UTF-8");
  }
  return Corrupt(type);
}

/// array_send: i32 dimensions, i32 whether there are NULLs, u32 type of the elements, for each dimension i32 length and i32 lower bound; the elements,
/// the last dimension fastest, each with its length.
class ArrayWalk {
 public:
  ArrayWalk(const Type& type, std::string_view bytes, JsonReader& json, JsonVisitor& out) : element_(type), bytes_(bytes), json_(json), out_(out) { element_.array = false; }

  Status Run() {
    if (bytes_.size() < 12) return Corrupt(element_);
    const auto dimensions = FromBig<int32_t>(bytes_.data());
    // PostgreSQL's own limit, MAXDIM.
    if (dimensions < 0 || dimensions > 6 || bytes_.size() < 12 + 8 * static_cast<size_t>(dimensions)) return Corrupt(element_);
    int64_t total = 1;
    for (int32_t i = 0; i < dimensions; ++i) {
      lengths_.push_back(FromBig<int32_t>(bytes_.data() + 12 + 8 * i));
      if (lengths_.back() <= 0 || lengths_.back() > (1 << 28)) return Corrupt(element_);
      total *= lengths_.back();
      if (total > static_cast<int64_t>(bytes_.size())) return Corrupt(element_);
    }
    at_ = 12 + 8 * static_cast<size_t>(dimensions);
    if (dimensions == 0) {
      ARROW_RETURN_NOT_OK(out_.BeginArray());
      ARROW_RETURN_NOT_OK(out_.EndArray());
    } else {
      ARROW_RETURN_NOT_OK(Level(0));
    }
    return at_ == bytes_.size() ? Status::OK() : Corrupt(element_);
  }

 private:
  Status Level(size_t depth) {
    ARROW_RETURN_NOT_OK(out_.BeginArray());
    for (int32_t i = 0; i < lengths_[depth]; ++i) {
      ARROW_RETURN_NOT_OK(depth + 1 < lengths_.size() ? Level(depth + 1) : Element());
    }
    return out_.EndArray();
  }
  Status Element() {
    if (bytes_.size() - at_ < 4) return Corrupt(element_);
    const auto size = FromBig<int32_t>(bytes_.data() + at_);
    at_ += 4;
    if (size == -1) return out_.Null();
    if (size < 0 || bytes_.size() - at_ < static_cast<size_t>(size)) return Corrupt(element_);
    const std::string_view value = bytes_.substr(at_, static_cast<size_t>(size));
    at_ += value.size();
    return VisitScalar(element_, value, json_, out_);
  }

  Type element_;
  std::string_view bytes_;
  JsonReader& json_;
  JsonVisitor& out_;
  std::vector<int32_t> lengths_;
  size_t at_ = 0;
};

void AppendReal(double value, Kind kind, std::string* out) {
  if (!std::isfinite(value)) {
    *out += NonFinite(value);
    return;
  }
  char text[48];
  const auto end = kind == Kind::float4 ? std::to_chars(text, text + sizeof text, static_cast<float>(value)) : std::to_chars(text, text + sizeof text, value);
  out->append(text, static_cast<size_t>(end.ptr - text));
}

}  // namespace

Status DecodeValue(const Type& type, std::string_view bytes, JsonReader& json, JsonVisitor& out) {
  return type.array && !type.as_text() ? ArrayWalk(type, bytes, json, out).Run() : VisitScalar(type, bytes, json, out);
}

Status DecodeText(const Type& type, std::string_view bytes, std::string* out) {
  if (type.array && !type.as_text()) {
    JsonReader json;
    JsonWriter writer(out);
    return DecodeValue(type, bytes, json, writer);
  }
  if (SizeIsWrong(type, bytes)) return Corrupt(type);
  switch (type.kind) {
    case Kind::boolean: *out += bytes[0] != 0 ? "true" : "false"; return Status::OK();
    case Kind::int2:
    case Kind::int4:
    case Kind::int8: *out += std::to_string(IntOf(type.kind, bytes)); return Status::OK();
    case Kind::float4:
    case Kind::float8: AppendReal(RealOf(type.kind, bytes), type.kind, out); return Status::OK();
    case Kind::bytea: *out += "\\x" + ToHex(bytes); return Status::OK();
    case Kind::json:
    case Kind::jsonb: {
      ARROW_ASSIGN_OR_RAISE(const std::string_view text, JsonText(type, bytes));
      out->append(text);
      return Status::OK();
    }
    case Kind::text:
    case Kind::other:
      if (!IsValidUtf8(bytes)) return BadRecord("invalid-utf8", "a text is not valid UTF-8");
      out->append(bytes);
      return Status::OK();
    default: return AppendTextual(type, bytes, out);
  }
}

}  // namespace vecferry::postgresql
