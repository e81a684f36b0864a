#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/json.h"

namespace vecferry {

/// Writes the object of a payload for a store whose metadata is flat. Each member's value is written as JSON text of ours first: only at its end
/// is it known whether the store holds it. One that it does not hold is refused, or with `encode` kept as a string of that text.
class FlatObject : public JsonVisitor {
 public:
  /// Appends one object to `out` from now on.
  void Begin(std::string* out);

  // Category::bad_content with the codes of Holds and NameOf, and "metadata-not-an-object".
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

 protected:
  enum class Kind { null, boolean, integer, unsigned_integer, real, string, special, object, array };
  struct Value {
    Kind kind;
    int depth = 1;              ///< 1 of a member's own value, 2 of an element of its array, and so on
    int64_t integer = 0;
    double real = 0;
    std::string_view special;   ///< its type, "datetime"
  };

  explicit FlatObject(bool encode) : encode_(encode) {}
  /// Whether the store gives that value back as it is; why not otherwise. What follows one that it does not is not asked for.
  virtual Status Holds(const Value& value) = 0;
  /// The same of a member's array, at its end.
  virtual Status HoldsArray() { return Status::OK(); }
  /// Whether a member's text has another place than the object.
  virtual bool TakesAside(std::string_view utf8) { return (void)utf8, false; }
  /// The name under which a member is written.
  virtual Result<std::string> NameOf(std::string_view key) = 0;
  /// A member was written, as what it is or as its text.
  virtual void Added(const std::string& name, bool as_text) { (void)name, (void)as_text; }
  /// Before the object's end: members of our own may be added.
  virtual void BeforeEnd() {}

  /// Of the member at hand.
  const std::string& key() const { return key_; }
  bool has_members() const { return any_; }
  void AddMember(std::string_view name, std::string_view json);

 private:
  Status Look(const Value& value);
  template <class Event>
  Status Scalar(const Value& value, Event event);
  Status EndMember();

  const bool encode_;
  std::string* out_ = nullptr;
  int depth_ = 0;
  bool any_ = false;
  std::string key_, value_;
  std::optional<JsonWriter> writer_;
  Status misfit_;
};

/// ["a","b"]
std::string JsonList(const std::vector<std::string>& texts);

}  // namespace vecferry
