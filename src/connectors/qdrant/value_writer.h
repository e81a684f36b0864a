#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "net/wire.h"
#include "record/json.h"

namespace vecferry::qdrant {

/// The events of one payload as the entries of a `map<string, Value>`. Refuses, naming the top-level field, what no payload
/// holds ("payload-value"), what the vendor's clients would not read back ("payload-too-deep") and text that is not UTF-8
/// ("invalid-utf8"); the output then ends in the middle of an entry. Not for use by two threads at once; reuse it.
class ValueWriter final : public JsonVisitor {
 public:
  /// Before each payload: entries become fields `field` of the message that ends `out`.
  void Begin(uint32_t field, std::string* out);
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
  struct Level {
    bool object;
    OpenMessage value, container;  ///< the Value, and the Struct or ListValue in it; not of the payload itself
    OpenMessage entry;             ///< of an object: the member that is being written
  };
  void Head(size_t size);
  Status Begin(bool object);
  Status End();
  Status Refuse(std::string_view code, std::string_view what) const;

  std::string* out_ = nullptr;
  uint32_t field_ = 0;
  std::vector<Level> levels_;
  int nesting_ = 0;   ///< protobuf levels of the containers that are open below the payload
  std::string name_;  ///< of the top-level field
};

}  // namespace vecferry::qdrant
