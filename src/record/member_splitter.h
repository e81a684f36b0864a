#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "record/json.h"

namespace vecferry {

/// A member of an object that was taken apart.
struct JsonMember {
  enum class Kind { null, boolean, integer, real, string, special, object, array };
  Kind kind = Kind::null;
  std::string key;
  std::string type;  ///< of a special value: "decimal"
  std::string text;  ///< of a scalar: the string itself, the number as it is spelled, what a special value says
  std::string json;  ///< the whole value as JSON text
};

/// Takes objects apart into their members. Reuse it, its buffers are kept.
class MemberSplitter : public JsonVisitor {
 public:
  MemberSplitter() : MemberSplitter(BadRecord("metadata-not-an-object", "the metadata is not a JSON object")) {}
  /// `otherwise` is what is returned where it is no object.
  explicit MemberSplitter(Status otherwise) : otherwise_(std::move(otherwise)) {}
  /// Before each object.
  void Begin() { used_ = 0, depth_ = 0; }
  /// In the order in which they stood.
  std::span<const JsonMember> members() const { return {members_.data(), used_}; }

  Status Null() final;
  Status Bool(bool value) final;
  Status Int(int64_t value) final;
  Status Uint(uint64_t value) final;
  Status Double(double value) final;
  Status String(std::string_view utf8) final;
  Status Special(std::string_view type, std::string_view text) final;
  Status BeginObject() final;
  Status Key(std::string_view utf8) final;
  Status EndObject() final;
  Status BeginArray() final;
  Status EndArray() final;

 private:
  using Kind = JsonMember::Kind;
  JsonMember& member() { return members_[used_ - 1]; }
  template <class Text, class Event>
  Status Scalar(Kind kind, Text text, Event event);
  template <class Event>
  Status Open(Kind kind, Event event);
  template <class Event>
  Status Close(Event event);

  const Status otherwise_;
  std::vector<JsonMember> members_;  ///< the first `used_` are of this object
  size_t used_ = 0;
  std::optional<JsonWriter> writer_;
  int depth_ = 0;
};

}  // namespace vecferry
