#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/milvus/columns.h"
#include "record/json.h"

namespace vecferry::milvus {

/// Takes the events of one record's payload: values of keys that are fields of the collection go to those, checked against their type; all
/// others are written as the JSON object of the dynamic field. A key there that is also a field's name, apart from backslashes in front,
/// gets one more: the server takes no key that is a field, and reading takes it off again. A null for a field is kept in this way too,
/// for the field's own null says that the record lacks the key.
class ValueRouter final : public JsonVisitor {
 public:
  ValueRouter(const Shape& shape, const Layout& layout);
  /// `dynamic` is where the object is written to, nullptr where the collection takes no further keys.
  void Begin(std::string* dynamic);
  /// Gives the value of a slot to its column; false where the record has none.
  bool Give(size_t slot, ColumnWriter& column) const;

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
  struct Value {
    enum class Kind { none, integer, real, bytes } kind = Kind::none;
    int64_t integer = 0;
    double real = 0;
    std::string bytes;
  };
  bool InField() const { return slot_ >= 0; }
  const Field& field() const { return shape_.slots[static_cast<size_t>(slot_)].field; }
  /// Where an event of a value goes on: the object, or the JSON of a field. nullptr: it is the field's own value.
  JsonVisitor* Onward();
  Status AfterValue();
  Status AfterJson();
  Status Keep(Value value);
  Status Refuse(std::string_view what) const;
  Status TakeReal(double value);
  Status TakeText(std::string_view text);
  Status ArrayElement(const Value& value);
  void FinishArray();

  const Shape& shape_;
  std::unordered_map<std::string, size_t> slots_;  ///< by field name, of those that take values
  std::unordered_map<std::string, bool> reserved_; ///< every field's name
  std::vector<Value> values_;
  std::vector<size_t> given_;
  std::string* dynamic_ = nullptr;
  std::optional<JsonWriter> writer_, json_;
  int depth_ = 0;        ///< containers around the event
  int slot_ = -1;        ///< the field that takes the value
  std::string document_key_, tenant_key_, key_, array_;
  std::vector<Value> elements_;
};

/// Takes the backslash off a key of the dynamic field that the router put there.
std::string_view Unrouted(const Shape& shape, std::string_view key);

}  // namespace vecferry::milvus
