#include "connectors/weaviate/property_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>

#include "base/base64.h"
#include "base/uuid.h"

namespace vecferry::weaviate {
namespace {

using Base = PropertyType::Base;
using google::protobuf::Value;

/// Members of a phone number that the server makes itself.
constexpr int kMadeOfPhone = 5;
constexpr int64_t kExact = int64_t{1} << 53;

bool IsCanonicalUuid(std::string_view text) {
  const auto uuid = text.size() == 36 ? ParseUuid(text) : std::nullopt;
  return uuid && FormatUuid(*uuid) == text;
}

bool Digits(std::string_view text, size_t at, size_t n) {
  return text.size() >= at + n && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(at + n), [](char c) { return c >= '0' && c <= '9'; });
}
int Number(std::string_view text, size_t at, size_t n) {
  int number = 0;
  for (size_t i = at; i < at + n; ++i) number = number * 10 + (text[i] - '0');
  return number;
}

int DaysOf(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

bool IsExactDate(std::string_view text) {
  if (text.size() < 20 || !Digits(text, 0, 4) || !Digits(text, 5, 2) || !Digits(text, 8, 2) || !Digits(text, 11, 2) || !Digits(text, 14, 2) || !Digits(text, 17, 2)) return false;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return false;
  const int month = Number(text, 5, 2), day = Number(text, 8, 2);
  if (month < 1 || month > 12 || day < 1 || day > DaysOf(Number(text, 0, 4), month)) return false;
  if (Number(text, 11, 2) > 23 || Number(text, 14, 2) > 59 || Number(text, 17, 2) > 59) return false;
  size_t at = 19;
  if (text[at] == '.') {
    const size_t end = text.find_first_not_of("0123456789", at + 1);
    // A digit 0 at the end would not come back.
    if (end == text.npos || end == at + 1 || end > at + 10 || text[end - 1] == '0') return false;
    at = end;
  }
  const std::string_view zone = text.substr(at);
  if (zone == "Z") return true;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !Digits(zone, 1, 2) || !Digits(zone, 4, 2)) return false;
  return Number(zone, 1, 2) <= 23 && Number(zone, 4, 2) <= 59 && zone.substr(1) != "00:00";
}

bool ParseGeo(std::string_view text, float* latitude, float* longitude) {
  const size_t comma = text.find(',');
  if (comma == text.npos) return false;
  const auto one = std::from_chars(text.data(), text.data() + comma, *latitude);
  const auto two = std::from_chars(text.data() + comma + 1, text.data() + text.size(), *longitude);
  return one.ec == std::errc() && two.ec == std::errc() && one.ptr == text.data() + comma && two.ptr == text.data() + text.size() && std::isfinite(*latitude) && std::isfinite(*longitude);
}

std::string FormatGeo(float latitude, float longitude) { return fmt::format("{},{}", latitude, longitude); }

void PropertyWriter::Begin(google::protobuf::Struct* out) {
  out_ = out;
  rest_.clear();
  levels_.clear();
  depth_ = 0;
  skipped_ = ignored_ = false;
  member_ = nullptr;
  met_unknown_ = false;
}

/// The value of this key is not what its property holds: nothing of it is written there.
Status PropertyWriter::Unfit() {
  if (skipped_ || depth_ == 0) return Status::OK();
  if (ignored_) return ignored_ = false, Status::OK();
  return Skip();
}

Status PropertyWriter::Skip() {
  if (skipped_ || depth_ == 0) return Status::OK();
  if (!name_.empty()) out_->mutable_fields()->erase(name_);
  Inexact();
  levels_.clear();
  skipped_ = true;
  return Status::OK();
}

void PropertyWriter::Inexact() {
  if (rest_.empty() || rest_.back() != key_) rest_.push_back(key_);
}

const PropertyType* PropertyWriter::Expected() const {
  if (skipped_) return nullptr;
  return !levels_.empty() && levels_.back().list ? levels_.back().type : member_;
}

Value* PropertyWriter::Place(Base base) {
  const PropertyType* expected = Expected();
  const bool in_list = !levels_.empty() && levels_.back().list;
  if (!expected || expected->base != base || (expected->list && !in_list)) return nullptr;
  if (in_list) return levels_.back().value->mutable_list_value()->add_values();
  if (levels_.empty()) return &(*out_->mutable_fields())[name_];
  return &(*levels_.back().value->mutable_struct_value()->mutable_fields())[member_name_];
}

Status PropertyWriter::Bool(bool value) {
  Value* place = Place(Base::boolean);
  if (!place) return Unfit();
  place->set_bool_value(value);
  return Status::OK();
}

Status PropertyWriter::Int(int64_t value) {
  if (value > kExact || value < -kExact) return Unfit();
  Value* place = Place(Base::integer);
  if (!place && (place = Place(Base::number))) Inexact();
  if (!place) return Unfit();
  place->set_number_value(static_cast<double>(value));
  return Status::OK();
}

Status PropertyWriter::Double(double value) {
  Value* place = Place(Base::number);
  if (!place && value == std::floor(value) && std::abs(value) <= static_cast<double>(kExact) && (place = Place(Base::integer))) Inexact();
  if (!place) return Unfit();
  place->set_number_value(value);
  return Status::OK();
}

Status PropertyWriter::String(std::string_view utf8) {
  Value* place = Place(Base::text);
  if (!place && IsCanonicalUuid(utf8)) place = Place(Base::uuid);
  // A date reads as a date, not as the text it was.
  if (!place && IsExactDate(utf8) && (place = Place(Base::date))) Inexact();
  if (!place) return Unfit();
  place->set_string_value(std::string(utf8));
  return Status::OK();
}

Status PropertyWriter::Special(std::string_view type, std::string_view text) {
  Value* place = nullptr;
  if (type == "datetime" && IsExactDate(text)) place = Place(Base::date);
  else if (type == "bytes" && !text.empty() && ParseBase64(text)) place = Place(Base::blob);
  float latitude = 0, longitude = 0;
  if (type == "geo" && ParseGeo(text, &latitude, &longitude) && (place = Place(Base::geo))) {
    if (FormatGeo(latitude, longitude) != text) Inexact();
    auto& fields = *place->mutable_struct_value()->mutable_fields();
    fields["latitude"].set_number_value(static_cast<double>(latitude));
    fields["longitude"].set_number_value(static_cast<double>(longitude));
    return Status::OK();
  }
  if (!place) return Unfit();
  place->set_string_value(std::string(text));
  return Status::OK();
}

Status PropertyWriter::Key(std::string_view utf8) {
  if (depth_ == 1) {
    levels_.clear();
    skipped_ = ignored_ = false;
    key_ = utf8;
    const Property* property = table_.Find(utf8);
    member_ = property ? &property->type : nullptr;
    name_ = property ? property->name : std::string();
    met_unknown_ = met_unknown_ || !property;
    return Status::OK();
  }
  if (skipped_) return Status::OK();
  const PropertyType& object = *levels_.back().type;
  if (object.base == Base::phone) {
    // The server makes the rest of a number itself.
    static const PropertyType kText;
    ignored_ = utf8 != "input" && utf8 != "defaultCountry";
    made_ += ignored_;
    member_ = ignored_ ? nullptr : &kText;
    member_name_ = utf8;
    return Status::OK();
  }
  const auto at = object.nested.find(utf8);
  if (at == object.nested.end()) return Unfit();
  member_ = &at->second;
  member_name_ = utf8;
  return Status::OK();
}

Status PropertyWriter::BeginObject() {
  if (depth_++ == 0) return Status::OK();
  const PropertyType* expected = Expected();
  Value* place = Place(Base::object);
  if (!place) place = Place(Base::phone);
  if (!place) return Skip();
  place->mutable_struct_value();
  levels_.push_back({place, expected, false});
  return Status::OK();
}

Status PropertyWriter::EndObject() {
  --depth_;
  if (!skipped_ && !levels_.empty() && levels_.back().type->base == Base::phone && std::exchange(made_, 0) != kMadeOfPhone) Inexact();
  if (!skipped_ && !levels_.empty()) levels_.pop_back();
  return Status::OK();
}

Status PropertyWriter::BeginArray() {
  ++depth_;
  const bool in_list = !levels_.empty() && levels_.back().list;
  const PropertyType* expected = Expected();
  if (!expected || !expected->list || in_list || expected->base == Base::reference) return Skip();
  Value* place = levels_.empty() ? &(*out_->mutable_fields())[name_] : &(*levels_.back().value->mutable_struct_value()->mutable_fields())[member_name_];
  place->mutable_list_value();
  levels_.push_back({place, expected, true});
  return Status::OK();
}

Status PropertyWriter::EndArray() {
  --depth_;
  if (!skipped_ && !levels_.empty()) levels_.pop_back();
  return Status::OK();
}

Status RestWriter::Key(std::string_view utf8) {
  if (depth_ == 1) on_ = std::find(wanted_.begin(), wanted_.end(), utf8) != wanted_.end();
  return on_ ? writer_.Key(utf8) : Status::OK();
}

}  // namespace vecferry::weaviate
