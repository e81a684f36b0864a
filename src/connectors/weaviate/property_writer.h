#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connectors/weaviate/property_table.h"
#include "record/json.h"

namespace google::protobuf {
class Struct;
class Value;
}
namespace vecferry::weaviate {

/// Writes one payload, the events of one object, as a batch's properties. A value goes to the property of its key where that holds it; the keys of
/// what is not held exactly are told, to be kept elsewhere. Not for use by two threads at once; reuse it.
class PropertyWriter final : public JsonVisitor {
 public:
  explicit PropertyWriter(const PropertyTable& table) : table_(table) {}
  void Begin(google::protobuf::Struct* out);
  /// Top-level keys whose value is not there, or is there and reads as another: 1.0 in a property of integers.
  const std::vector<std::string>& rest() const { return rest_; }
  /// Whether a key has no property at all.
  bool met_unknown() const { return met_unknown_; }

  Status Null() override { return Unfit(); }
  Status Bool(bool value) override;
  Status Int(int64_t value) override;
  Status Uint(uint64_t) override { return Unfit(); }
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  struct Level {
    google::protobuf::Value* value = nullptr;  ///< the container
    const PropertyType* type = nullptr;        ///< of its elements, or the object's own
    bool list = false;
  };
  /// Where the next value goes, and what it has to be; nullptr where it is not written.
  google::protobuf::Value* Place(PropertyType::Base base);
  const PropertyType* Expected() const;
  Status Unfit();
  Status Skip();
  void Inexact();

  const PropertyTable& table_;
  google::protobuf::Struct* out_ = nullptr;
  std::vector<std::string> rest_;
  std::vector<Level> levels_;
  std::string key_;                     ///< at the top
  std::string name_;                    ///< of its property
  const PropertyType* member_ = nullptr;  ///< of the key that was last told
  std::string member_name_;
  int depth_ = 0;
  bool skipped_ = false;                ///< nothing more of this key is written
  bool ignored_ = false;                ///< the value that comes says nothing: the server makes it itself
  int made_ = 0;                        ///< members of a phone number so far that the server makes itself
  bool met_unknown_ = false;
};

/// Writes the top-level keys that are wanted, and no others, as one JSON object.
class RestWriter final : public JsonVisitor {
 public:
  RestWriter(const std::vector<std::string>& wanted, std::string* out) : wanted_(wanted), writer_(out) {}

  Status Null() override { return on_ ? writer_.Null() : Status::OK(); }
  Status Bool(bool value) override { return on_ ? writer_.Bool(value) : Status::OK(); }
  Status Int(int64_t value) override { return on_ ? writer_.Int(value) : Status::OK(); }
  Status Uint(uint64_t value) override { return on_ ? writer_.Uint(value) : Status::OK(); }
  Status Double(double value) override { return on_ ? writer_.Double(value) : Status::OK(); }
  Status String(std::string_view utf8) override { return on_ ? writer_.String(utf8) : Status::OK(); }
  Status Special(std::string_view type, std::string_view text) override { return on_ ? writer_.Special(type, text) : Status::OK(); }
  Status BeginObject() override { return depth_++ == 0 || on_ ? writer_.BeginObject() : Status::OK(); }
  Status EndObject() override { return --depth_ == 0 || on_ ? writer_.EndObject() : Status::OK(); }
  Status BeginArray() override { return ++depth_, on_ ? writer_.BeginArray() : Status::OK(); }
  Status EndArray() override { return --depth_, on_ ? writer_.EndArray() : Status::OK(); }
  Status Key(std::string_view utf8) override;

 private:
  const std::vector<std::string>& wanted_;
  JsonWriter writer_;
  bool on_ = false;
  int depth_ = 0;
};

/// Whether the server gives back a date exactly as it is written here: RFC 3339 with a T, in the fewest digits, Z for UTC.
bool IsExactDate(std::string_view text);
/// "LATITUDE,LONGITUDE" of two numbers; false where it is none.
bool ParseGeo(std::string_view text, float* latitude, float* longitude);
std::string FormatGeo(float latitude, float longitude);

}  // namespace vecferry::weaviate
