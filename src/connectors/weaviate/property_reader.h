#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "record/member_splitter.h"

namespace vecferry::weaviate {
namespace pb {
class Properties;
class Value;
}  // namespace pb

/// References of one object: property -> what it points to, as the server spells it.
using References = std::map<std::string, std::vector<std::string>>;

/// Reads an object's properties as the events of one payload. A date is a datetime, a blob bytes, coordinates "LATITUDE,LONGITUDE"; what
/// stands in the property _vecferry takes the place of what reads as another. Not for use by two threads at once; reuse it.
class PropertyReader {
 public:
  /// `nested_nulls`: a member of an object that is null was set to it, and does not stand for one that is not there.
  explicit PropertyReader(bool nested_nulls) : nested_nulls_(nested_nulls) {}
  /// Bad records: "too-deep", "corrupt-property".
  Status Visit(const pb::Properties& properties, const References* references, JsonVisitor& out);

 private:
  Status Field(const std::string& key, const pb::Value& value, JsonVisitor& out);
  const bool nested_nulls_;
  JsonReader json_;
  MemberSplitter splitter_;
  std::map<std::string, std::string, std::less<>> rest_;  ///< key -> JSON text
};

}  // namespace vecferry::weaviate
