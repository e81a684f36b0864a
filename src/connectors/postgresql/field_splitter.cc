#include "connectors/postgresql/field_splitter.h"

#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/datetime.h"
#include "connectors/postgresql/jsonb_writer.h"
#include "connectors/postgresql/mapping.h"

namespace vecferry::postgresql {
namespace {

constexpr int64_t kEpochOf2000 = 946684800;  ///< 2000-01-01 in seconds since 1970
constexpr double kLatest = 4e11;             ///< seconds, well within what a timestamp holds

}  // namespace

FieldSplitter::FieldSplitter(std::vector<Column> columns, Rest rest, std::string metadata_column)
    : columns_(std::move(columns)), for_(rest), metadata_column_(std::move(metadata_column)), fields_(columns_.size()) {
  for (size_t i = 0; i < columns_.size(); ++i) at_.emplace(columns_[i].key, i);
}

void FieldSplitter::Begin(std::string* rest) {
  for (auto& field : fields_) field.clear();
  if (for_ == Rest::json) rest_ = std::make_unique<JsonWriter>(rest);
  else rest_ = std::make_unique<JsonbWriter>(rest);
  encoder_.reset();
  depth_ = 0;
  has_rest_ = false;
}

Status FieldSplitter::Ended(const Status& status) {
  if (!encoder_ || depth_ != 1) return status;
  const Status ended = status.ok() ? encoder_->End() : status;
  encoder_.reset();
  if (ended.ok()) return ended;
  return Prefixed(fmt::format("the field '{}' for a column of type {}", Printable(columns_[slot_].key, 100), columns_[slot_].type.name), ended);
}

Status FieldSplitter::Moment(int64_t microseconds) {
  std::string text;
  AppendTimestamp(microseconds, columns_[slot_].type.kind == Kind::timestamptz, &text);
  return Ended(encoder_->Special("datetime", text));
}

Status FieldSplitter::RestKey(std::string_view key) {
  const std::string_view name = key.substr(std::min(key.find_first_not_of('\\'), key.size()));
  if (at_.contains(name) || (!name.empty() && name == metadata_column_)) return rest_->Key(EscapedKey(key));
  return rest_->Key(key);
}

Status FieldSplitter::Null() {
  if (encoder_ && depth_ == 1) {
    encoder_.reset();
    if (for_ == Rest::none) return Status::OK();
    has_rest_ = true;
    ARROW_RETURN_NOT_OK(RestKey(columns_[slot_].key));
    return rest_->Null();
  }
  return Out().Null();
}

Status FieldSplitter::Bool(bool value) { return Ended(Out().Bool(value)); }

Status FieldSplitter::Int(int64_t value) {
  if (AtMoment() && std::abs(static_cast<double>(value)) < kLatest) return Moment((value - kEpochOf2000) * 1000000);
  return Ended(Out().Int(value));
}

Status FieldSplitter::Uint(uint64_t value) { return Ended(Out().Uint(value)); }

Status FieldSplitter::Double(double value) {
  if (AtMoment() && std::abs(value) < kLatest) return Moment(std::llround((value - static_cast<double>(kEpochOf2000)) * 1e6));
  return Ended(Out().Double(value));
}

Status FieldSplitter::String(std::string_view utf8) {
  if (AtMoment()) {
    if (const auto moment = ParseTimestamp(utf8)) return Moment(*moment);
  }
  ARROW_RETURN_NOT_OK(CheckText(utf8));
  return Ended(Out().String(utf8));
}

Status FieldSplitter::Special(std::string_view type, std::string_view text) { return Ended(Out().Special(type, text)); }

Status FieldSplitter::BeginObject() {
  ++depth_;
  return Out().BeginObject();
}

Status FieldSplitter::Key(std::string_view utf8) {
  if (depth_ > 1) return Out().Key(utf8);
  const auto found = at_.find(utf8);
  if (found == at_.end()) {
    has_rest_ = true;
    return RestKey(utf8);
  }
  slot_ = found->second;
  fields_[slot_].clear();
  encoder_.emplace(columns_[slot_].type, &fields_[slot_]);
  return Status::OK();
}

Status FieldSplitter::EndObject() {
  --depth_;
  return Ended(Out().EndObject());
}

Status FieldSplitter::BeginArray() {
  ++depth_;
  return Out().BeginArray();
}

Status FieldSplitter::EndArray() {
  --depth_;
  return Ended(Out().EndArray());
}

}  // namespace vecferry::postgresql
