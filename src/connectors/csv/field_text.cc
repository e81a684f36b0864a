#include "connectors/csv/field_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/base64.h"
#include "base/text.h"

namespace vecferry::csv {
namespace {

using Kind = JsonMember::Kind;

struct Named {
  FieldType type;
  std::string_view name;
};
// The first name of each type is the one that is written.
constexpr Named kNames[] = {
    {FieldType::text, "text"}, {FieldType::text, "varchar"}, {FieldType::text, "character varying"}, {FieldType::text, "char"}, {FieldType::text, "character"},
    {FieldType::text, "bpchar"}, {FieldType::text, "name"}, {FieldType::text, "uuid"}, {FieldType::text, "citext"}, {FieldType::text, "string"},
    {FieldType::integer, "int8"}, {FieldType::integer, "bigint"}, {FieldType::integer, "int4"}, {FieldType::integer, "int"}, {FieldType::integer, "integer"},
    {FieldType::integer, "int2"}, {FieldType::integer, "smallint"}, {FieldType::integer, "serial"}, {FieldType::integer, "bigserial"}, {FieldType::integer, "oid"},
    {FieldType::real, "float8"}, {FieldType::real, "double precision"}, {FieldType::real, "double"}, {FieldType::real, "float4"}, {FieldType::real, "real"}, {FieldType::real, "float"},
    {FieldType::boolean, "bool"}, {FieldType::boolean, "boolean"}, {FieldType::json, "jsonb"}, {FieldType::json, "json"},
    {FieldType::decimal, "numeric"}, {FieldType::decimal, "decimal"}, {FieldType::date, "date"},
    {FieldType::datetime, "timestamptz"}, {FieldType::datetime, "timestamp"}, {FieldType::datetime, "datetime"},
    {FieldType::datetime, "timestamp with time zone"}, {FieldType::datetime, "timestamp without time zone"},
    {FieldType::time, "time"}, {FieldType::time, "timetz"}, {FieldType::bytes, "bytea"}, {FieldType::bytes, "bytes"},
};

Status BadValue(std::string_view text, std::string_view what) {
  return BadRecord("bad-value", fmt::format("'{}' is no {}", Printable(text, 60), what));
}

void AppendSpecial(std::string_view type, std::string_view text, std::string* out) {
  fmt::format_to(std::back_inserter(*out), "{{\"$vf\":\"{}\",\"v\":", type);
  AppendJsonString(text, out);
  *out += '}';
}

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

template <class T>
bool Parse(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

Status AppendInteger(std::string_view text, std::string* out) {
  if (!IsInteger(text) || text == "-0") return BadValue(text, "integer");
  int64_t narrow = 0;
  uint64_t wide = 0;
  if (Parse(text, &narrow) || Parse(text, &wide)) out->append(text);
  else AppendSpecial("bigint", text, out);
  return Status::OK();
}

Status AppendReal(std::string_view text, std::string* out) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return AppendSpecial("f64", text, out), Status::OK();
  double value = 0;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits[0] < '.' || digits[0] > '9' || !Parse(text, &value) || !std::isfinite(value)) return BadValue(text, "number");
  AppendJsonDouble(value, out);
  return Status::OK();
}

Status AppendBoolean(std::string_view text, std::string* out) {
  const std::string word = ToLower(text);
  const bool yes = word == "t" || word == "true", no = word == "f" || word == "false";
  if (!yes && !no) return BadValue(text, "boolean");
  *out += yes ? "true" : "false";
  return Status::OK();
}

/// PostgreSQL's "2024-05-06 07:08:09.5+00" as ISO 8601 has it; what is no such text stays.
std::string IsoTime(std::string_view text) {
  std::string iso(text);
  if (iso.size() > 11 && iso[10] == ' ') iso[10] = 'T';
  const size_t sign = iso.find_last_of("+-");
  if (sign == iso.npos || sign < 16) return iso;
  const std::string_view zone = std::string_view(iso).substr(sign);
  if (zone == "+00" || zone == "+00:00") return iso.substr(0, sign) + "Z";
  if (zone.size() == 3) iso += ":00";
  return iso;
}

Status AppendBytes(std::string_view text, std::string* out) {
  std::string bytes;
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return BadValue(text, "bytea in the form \\x00ff");
  for (size_t i = 2; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return BadValue(text, "bytea in the form \\x00ff");
    bytes += static_cast<char>(byte);
  }
  AppendSpecial("bytes", Base64(bytes), out);
  return Status::OK();
}

Status AppendNested(std::string_view text, JsonReader& reader, std::string* out) {
  std::string json;
  JsonWriter writer(&json);
  const Status status = reader.Visit(text, writer);
  if (!status.ok()) return BadRecord("bad-value", status.message());
  *out += json;
  return Status::OK();
}

}  // namespace

Result<FieldType> TypeOfName(std::string_view name) {
  const std::string lower = ToLower(name);
  std::string plain = lower.substr(0, lower.find('('));
  if (const size_t close = lower.find(')'); close != lower.npos) plain += lower.substr(close + 1);
  while (plain.ends_with(' ')) plain.pop_back();
  std::vector<std::string> known;
  for (const Named& each : kNames) {
    if (each.name == plain) return each.type;
    known.emplace_back(each.name);
  }
  if (plain.ends_with("[]")) return FieldType::text;
  return MakeError(Category::usage, fmt::format("'{}' is no type of a column{}", Printable(name, 60), Suggestion(plain, known)),
                   "text, int8, float8, bool, jsonb, numeric, date, timestamptz, time, bytea; for vectors vector(N), halfvec(N), sparsevec(N), bit(N)");
}

std::string_view NameOf(FieldType type) {
  const auto found = std::find_if(std::begin(kNames), std::end(kNames), [&](const Named& each) { return each.type == type; });
  return found->name;
}

Status AppendAsJson(FieldType type, std::string_view text, JsonReader& reader, std::string* out) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return BadRecord("invalid-utf8", "a field is not UTF-8");
  switch (type) {
    case FieldType::text: return AppendJsonString(text, out), Status::OK();
    case FieldType::integer: return AppendInteger(text, out);
    case FieldType::real: return AppendReal(text, out);
    case FieldType::boolean: return AppendBoolean(text, out);
    case FieldType::json: return AppendNested(text, reader, out);
    case FieldType::bytes: return AppendBytes(text, out);
    case FieldType::decimal:
    case FieldType::date:
    case FieldType::datetime:
    case FieldType::time: break;
  }
  if (text.empty()) return BadValue(text, NameOf(type));
  const std::string_view kind = type == FieldType::decimal ? "decimal" : type == FieldType::date ? "date" : type == FieldType::time ? "time" : "datetime";
  AppendSpecial(kind, type == FieldType::datetime ? IsoTime(text) : std::string(text), out);
  return Status::OK();
}

std::optional<std::string> TextOf(FieldType type, const JsonMember& value, JsonReader& reader) {
  if (type == FieldType::json) return value.json;
  if (type == FieldType::text) return value.kind == Kind::string ? std::optional(value.text) : std::nullopt;
  if (value.kind == Kind::string || value.kind == Kind::object || value.kind == Kind::array || value.kind == Kind::null) return std::nullopt;
  std::string text = value.text, back;
  if (type == FieldType::bytes) {
    const auto bytes = value.type == "bytes" ? ParseBase64(text) : std::nullopt;
    if (!bytes) return std::nullopt;
    text = "\\x" + ToHex(*bytes);
  }
  // Whatever the rules of a type are: what does not read back as this value has no text.
  if (!AppendAsJson(type, text, reader, &back).ok() || back != value.json) return std::nullopt;
  return text;
}

std::optional<FieldType> TypeFor(const JsonMember& value) {
  switch (value.kind) {
    case Kind::null: return std::nullopt;
    case Kind::boolean: return FieldType::boolean;
    case Kind::integer: return FieldType::integer;
    case Kind::real: return FieldType::real;
    case Kind::string: return FieldType::text;
    case Kind::object:
    case Kind::array: return FieldType::json;
    case Kind::special: break;
  }
  for (const auto& [name, type] : {std::pair<std::string_view, FieldType>{"f64", FieldType::real}, {"bigint", FieldType::integer}, {"decimal", FieldType::decimal},
                                   {"date", FieldType::date}, {"datetime", FieldType::datetime}, {"time", FieldType::time}, {"bytes", FieldType::bytes}}) {
    if (value.type == name) return type;
  }
  return FieldType::json;
}

}  // namespace vecferry::csv
