#include "connectors/weaviate/property_reader.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/property_writer.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they stand in memory");

/// Where in the value it is, and whether a member that is null was set to it: asked for by name, those that are not there are null too.
struct Depth {
  int levels;
  bool nulls;
  Depth deeper() const { return {levels + 1, nulls}; }
};

Status Real(double value, JsonVisitor& out) {
  if (std::isfinite(value)) return out.Double(value);
  return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/// Packed numbers of eight bytes each.
template <class T, class Event>
Status Packed(const std::string& bytes, Event event) {
  if (bytes.size() % sizeof(T) != 0) return BadRecord("corrupt-property", "a list of numbers is cut off");
  for (size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T number;
    std::memcpy(&number, bytes.data() + at, sizeof(T));
    ARROW_RETURN_NOT_OK(event(number));
  }
  return Status::OK();
}

Status Object(const pb::Properties& properties, Depth depth, JsonVisitor& out);
Status Visit(const pb::Value& value, Depth depth, JsonVisitor& out);

Status List(const pb::ListValue& list, Depth depth, JsonVisitor& out) {
  using Kind = pb::ListValue;
  ARROW_RETURN_NOT_OK(out.BeginArray());
  switch (list.kind_case()) {
    case Kind::kNumberValues: ARROW_RETURN_NOT_OK(Packed<double>(list.number_values().values(), [&](double each) { return Real(each, out); })); break;
    case Kind::kIntValues: ARROW_RETURN_NOT_OK(Packed<int64_t>(list.int_values().values(), [&](int64_t each) { return out.Int(each); })); break;
    case Kind::kBoolValues:
      for (const bool each : list.bool_values().values()) ARROW_RETURN_NOT_OK(out.Bool(each));
      break;
    case Kind::kObjectValues:
      for (const auto& each : list.object_values().values()) ARROW_RETURN_NOT_OK(Object(each, depth.deeper(), out));
      break;
    case Kind::kDateValues:
      for (const auto& each : list.date_values().values()) ARROW_RETURN_NOT_OK(out.Special("datetime", each));
      break;
    case Kind::kUuidValues:
      for (const auto& each : list.uuid_values().values()) ARROW_RETURN_NOT_OK(out.String(each));
      break;
    case Kind::kTextValues:
      for (const auto& each : list.text_values().values()) ARROW_RETURN_NOT_OK(out.String(each));
      break;
    case Kind::KIND_NOT_SET: break;
  }
  return out.EndArray();
}

Status Phone(const pb::PhoneNumber& phone, JsonVisitor& out) {
  ARROW_RETURN_NOT_OK(out.BeginObject());
  const auto text = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(out.Key(key));
    return out.String(value);
  };
  const auto number = [&](std::string_view key, uint64_t value) {
    ARROW_RETURN_NOT_OK(out.Key(key));
    return value > INT64_MAX ? out.Uint(value) : out.Int(static_cast<int64_t>(value));
  };
  ARROW_RETURN_NOT_OK(text("input", phone.input()));
  ARROW_RETURN_NOT_OK(text("defaultCountry", phone.default_country()));
  ARROW_RETURN_NOT_OK(text("internationalFormatted", phone.international_formatted()));
  ARROW_RETURN_NOT_OK(text("nationalFormatted", phone.national_formatted()));
  ARROW_RETURN_NOT_OK(number("countryCode", phone.country_code()));
  ARROW_RETURN_NOT_OK(number("national", phone.national()));
  ARROW_RETURN_NOT_OK(out.Key("valid"));
  ARROW_RETURN_NOT_OK(out.Bool(phone.valid()));
  return out.EndObject();
}

Status Date(const std::string& text, JsonVisitor& out) { return text.empty() ? out.String(text) : out.Special("datetime", text); }

Status Visit(const pb::Value& value, Depth depth, JsonVisitor& out) {
  using Kind = pb::Value;
  if (depth.levels >= kMaxJsonDepth) return BadRecord("too-deep", fmt::format("the properties nest deeper than {} levels", kMaxJsonDepth));
  switch (value.kind_case()) {
    case Kind::kNumberValue: return Real(value.number_value(), out);
    case Kind::kBoolValue: return out.Bool(value.bool_value());
    case Kind::kObjectValue: return Object(value.object_value(), depth.deeper(), out);
    case Kind::kListValue: return List(value.list_value(), depth.deeper(), out);
    case Kind::kDateValue: return Date(value.date_value(), out);
    case Kind::kUuidValue: return out.String(value.uuid_value());
    case Kind::kIntValue: return out.Int(value.int_value());
    case Kind::kGeoValue: return out.Special("geo", FormatGeo(value.geo_value().latitude(), value.geo_value().longitude()));
    case Kind::kBlobValue: return out.Special("bytes", value.blob_value());
    case Kind::kPhoneValue: return Phone(value.phone_value(), out);
    case Kind::kTextValue: return out.String(value.text_value());
    case Kind::kNullValue:
    case Kind::KIND_NOT_SET: return out.Null();
  }
  return out.Null();
}

Status Object(const pb::Properties& properties, Depth depth, JsonVisitor& out) {
  if (depth.levels >= kMaxJsonDepth) return BadRecord("too-deep", fmt::format("the properties nest deeper than {} levels", kMaxJsonDepth));
  ARROW_RETURN_NOT_OK(out.BeginObject());
  for (const auto& [name, value] : properties.fields()) {
    if (value.kind_case() == pb::Value::kNullValue && !depth.nulls) continue;
    ARROW_RETURN_NOT_OK(out.Key(name));
    ARROW_RETURN_NOT_OK(Visit(value, depth, out));
  }
  return out.EndObject();
}

bool IsThere(const pb::Value& value) { return value.kind_case() != pb::Value::kNullValue && value.kind_case() != pb::Value::KIND_NOT_SET; }

/// Whether a text of JSON says the same as the property, but for what kind of value it is; else somebody has set the property since.
bool SaysTheSame(const pb::Value& value, const std::string& text) {
  switch (value.kind_case()) {
    case pb::Value::kNumberValue: return std::strtod(text.c_str(), nullptr) == value.number_value();
    case pb::Value::kIntValue: return std::strtod(text.c_str(), nullptr) == static_cast<double>(value.int_value());
    case pb::Value::kDateValue: {
      std::string quoted;
      AppendJsonString(value.date_value(), &quoted);
      return text == quoted;
    }
    case pb::Value::kPhoneValue:
    case pb::Value::kGeoValue:
    case pb::Value::kObjectValue:
    case pb::Value::kListValue: return true;
    default: return false;
  }
}

}  // namespace

Status PropertyReader::Field(const std::string& key, const pb::Value& value, JsonVisitor& out) {
  if (const auto at = rest_.find(key); at != rest_.end()) {
    if (SaysTheSame(value, at->second)) return Status::OK();
    rest_.erase(at);
  }
  ARROW_RETURN_NOT_OK(out.Key(key));
  return weaviate::Visit(value, {1, nested_nulls_}, out);
}

Status PropertyReader::Visit(const pb::Properties& properties, const References* references, JsonVisitor& out) {
  const auto& fields = properties.fields();
  rest_.clear();
  const auto rest = fields.find(std::string(kRestProperty));
  bool split = false;
  if (rest != fields.end() && rest->second.kind_case() == pb::Value::kTextValue) {
    splitter_.Begin();
    split = json_.Visit(rest->second.text_value(), splitter_).ok();
    if (split) {
      for (const auto& member : splitter_.members()) rest_.emplace(member.key, member.json);
    }
  }
  ARROW_RETURN_NOT_OK(out.BeginObject());
  for (const auto& [name, value] : fields) {
    if (!IsThere(value) || (split && name == kRestProperty)) continue;
    std::string key = KeyOfProperty(name);
    if (key != name) {
      // A plain property of the same key counts: this one is then somebody else's.
      const auto plain = fields.find(key);
      if (plain != fields.end() && IsThere(plain->second)) key = name;
    }
    ARROW_RETURN_NOT_OK(Field(key, value, out));
  }
  for (const auto& [key, text] : rest_) {
    ARROW_RETURN_NOT_OK(out.Key(key));
    ARROW_RETURN_NOT_OK(json_.Visit(text, out));
  }
  if (references) {
    for (const auto& [key, beacons] : *references) {
      if (rest_.contains(key)) continue;
      ARROW_RETURN_NOT_OK(out.Key(key));
      ARROW_RETURN_NOT_OK(out.BeginArray());
      for (const auto& beacon : beacons) ARROW_RETURN_NOT_OK(out.String(beacon));
      ARROW_RETURN_NOT_OK(out.EndArray());
    }
  }
  return out.EndObject();
}

}  // namespace vecferry::weaviate
