#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sqlite_vec/mapping.h"
#include "record/json.h"

namespace vecferry::sqlite_vec {

/// A metadata field's value as its column takes it.
struct FieldValue {
  enum class Kind { missing, null, integer, real, text, blob };
  Kind kind = Kind::missing;
  int64_t integer = 0;
  double real = 0;
  std::string bytes;
};

/// Takes the metadata of a record apart: the fields that have columns of their own, and the others as one JSON object. Reuse it.
class FieldSplit final : public JsonVisitor {
 public:
  explicit FieldSplit(const Mapping& mapping);

  /// Category::bad_content, with the code of the reject, for a value that its column cannot hold and for a field that has no place.
  Status Take(std::string_view metadata);
  /// By position in Mapping::fields.
  const FieldValue& value(size_t field) const { return values_[field]; }
  /// The other fields; "{}" where there are none.
  const std::string& rest() const { return rest_; }

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
  /// The field that the next value is for, nothing where it goes to the rest.
  FieldValue* Target();
  Status Misfit(std::string_view kind) const;
  Status Check() const;

  const Mapping& mapping_;
  std::map<std::string, size_t, std::less<>> columns_;  ///< metadata fields that have one
  std::vector<FieldValue> values_;
  JsonReader reader_;
  std::string rest_;
  std::optional<JsonWriter> writer_;
  int depth_ = 0;
  bool in_column_ = false;
  size_t current_ = 0;
};

}  // namespace vecferry::sqlite_vec
