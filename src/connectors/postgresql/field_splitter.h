#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/json.h"

namespace vecferry::postgresql {

/// JSON that jsonb keeps as it is. Numbers are numeric there: a double always has a fraction, and no exponent that would be lost;
/// -0.0, which numeric lacks, is {"$vf":"f64","v":"-0.0"}. Category::bad_content with code "nul-character" for text with NUL.
class JsonbWriter final : public JsonVisitor {
 public:
  explicit JsonbWriter(std::string* out) : out_(out), writer_(out) {}
  Status Null() override { return writer_.Null(); }
  Status Bool(bool value) override { return writer_.Bool(value); }
  Status Int(int64_t value) override { return writer_.Int(value); }
  Status Uint(uint64_t value) override { return writer_.Uint(value); }
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override { return writer_.Special(type, text); }
  Status BeginObject() override { return writer_.BeginObject(); }
  Status Key(std::string_view utf8) override;
  Status EndObject() override { return writer_.EndObject(); }
  Status BeginArray() override { return writer_.BeginArray(); }
  Status EndArray() override { return writer_.EndArray(); }

 private:
  std::string* out_;
  JsonWriter writer_;
};

/// Whether metadata text can stand in a jsonb value byte for byte. May say no where it could.
bool IsJsonbText(std::string_view metadata);

/// Category::bad_content, code "nul-character", for text that PostgreSQL cannot hold.
Status CheckText(std::string_view utf8);

/// A value of the metadata that has a column of its own.
struct FieldValue {
  enum class Kind { absent, boolean, integer, unsigned_integer, real, text, special, json, array, object };
  Kind kind = Kind::absent;
  bool boolean = false;
  int64_t integer = 0;
  uint64_t unsigned_integer = 0;
  double real = 0;
  std::string type;   ///< of a special
  std::string text;   ///< of text and special; JSON text where the column takes JSON; an array as PostgreSQL writes one
};

/// Takes the events of one metadata object apart: fields that have a column go into their slots, everything else into the rest. A null that has
/// a column goes into the rest as well: in the column it would be the same as no value.
class FieldSplitter final : public JsonVisitor {
 public:
  struct Field {
    std::string key;
    bool json = false;   ///< its column takes any JSON
  };
  explicit FieldSplitter(std::vector<Field> fields);
  /// Before each object. `rest` receives the object of what has no column.
  void Begin(std::string* rest);
  const std::vector<FieldValue>& values() const { return values_; }
  bool rest_is_empty() const { return !any_rest_; }

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
  /// Where the event goes: nullptr where it is a slot's own.
  JsonVisitor* Out();
  FieldValue* Scalar(FieldValue::Kind kind);
  Status ArrayItem(std::string_view text, bool quoted);
  void Ended();

  const std::vector<Field> fields_;
  std::map<std::string, size_t, std::less<>> at_;
  std::vector<FieldValue> values_;
  std::optional<JsonbWriter> rest_, json_;
  int depth_ = 0;
  int slot_ = -1;             ///< the field whose value comes
  int skip_ = 0;              ///< depth inside an object that no column takes
  bool any_rest_ = false;
  bool first_item_ = true;
};

}  // namespace vecferry::postgresql
