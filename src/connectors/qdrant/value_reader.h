#pragma once
#include <string_view>
#include <vector>

#include "net/wire.h"
#include "record/json.h"

namespace vecferry::qdrant {

/// Reads the entries of a payload's `map<string, Value>` as the events of one object. Of a key that stands twice the last
/// counts; a Value of no kind is null. Bad records: "corrupt-point", "invalid-utf8", "too-deep", and "unsupported-value" for a
/// kind that is not known here. Not for use by two threads at once; reuse it.
class ValueReader {
 public:
  void Clear() { members_.clear(); }
  /// One entry, as it stands in the message. Its bytes are kept by the caller.
  Status Add(std::string_view entry);
  bool Has(std::string_view key) const;
  Status Visit(JsonVisitor& out);

 private:
  struct Member {
    std::string_view key, value;
  };
  Status Object(size_t first, int depth, JsonVisitor& out);
  void KeepLast(size_t first);
  Status Value(std::string_view message, int depth, JsonVisitor& out);
  Status Struct(std::string_view message, int depth, JsonVisitor& out);
  Status List(std::string_view message, int depth, JsonVisitor& out);

  std::vector<Member> members_;  ///< of every object that is open, the innermost last
  std::vector<size_t> order_;
};

}  // namespace vecferry::qdrant
