#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgresql/codec.h"
#include "record/json.h"

namespace vecferry::postgresql {

/// Takes the events of one metadata object apart: fields that have a column become whole fields of a row, everything else the rest. A null that has
/// a column goes into the rest: in the column it would be the same as no value.
class FieldSplitter final : public JsonVisitor {
 public:
  struct Column {
    std::string key;
    Type type;               ///< of the value as it is sent
    bool timestamp = false;  ///< a moment: text in ISO 8601 and seconds since the epoch are taken too
  };
  enum class Rest { jsonb, json, none };
  /// What the rest is for: a jsonb column, a json column, which keeps texts as they are, or none: then a null that has a column is no value.
  /// A key of the rest that is the name of one of the columns, or `metadata_column`, apart from backslashes in front, gets one more (see Mapping).
  FieldSplitter(std::vector<Column> columns, Rest rest, std::string metadata_column);
  /// Before each object. `rest` receives the object of what has no column.
  void Begin(std::string* rest);
  /// Whole fields, length and bytes; "" where the record has no value.
  const std::vector<std::string>& fields() const { return fields_; }
  /// Whether anything but the braces is in the rest.
  bool has_rest() const { return has_rest_; }

  Status Null() override;
  Status Bool(bool value) override;
  Status Int(int64_t value) override;
  Status Uint(uint64_t value) override;
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  JsonVisitor& Out() { return encoder_ ? static_cast<JsonVisitor&>(*encoder_) : *rest_; }
  Status RestKey(std::string_view key);
  bool AtMoment() const { return encoder_ && depth_ == 1 && columns_[slot_].timestamp; }
  Status Moment(int64_t microseconds);
  /// After each value.
  Status Ended(const Status& status);

  const std::vector<Column> columns_;
  const Rest for_;
  const std::string metadata_column_;
  std::map<std::string, size_t, std::less<>> at_;
  std::vector<std::string> fields_;
  std::unique_ptr<JsonVisitor> rest_;
  std::optional<ValueEncoder> encoder_;  ///< of the field whose value comes
  size_t slot_ = 0;
  int depth_ = 0;
  bool has_rest_ = false;
};

}  // namespace vecferry::postgresql
