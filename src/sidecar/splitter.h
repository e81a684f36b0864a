#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "record/json.h"
#include "sidecar/sidecar.h"

namespace vecferry::sidecar {

/// Takes the events of one entry's object apart into id, tenant, document and metadata. Begin before each.
class Splitter final : public JsonVisitor {
 public:
  enum class Shape {
    own,      ///< Vecferry's: {"id", "tenant", "document", "metadata"} and nothing else
    foreign,  ///< the same with other words for them, or one plain dict
  };
  Splitter(Shape shape, Fields fields) : shape_(shape), names_(std::move(fields)) {}
  void Begin();
  /// After the last event. Category::bad_content where it is no entry.
  Status End(Entry* entry);

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
  enum class Kind { null, text, integer, object, other };
  struct Field {
    std::string key, json, text;  ///< text: of a text or an integer, as it is spelled
    Kind kind = Kind::other;
  };
  Status Scalar(Kind kind, std::string text, Status written);
  Field& field() { return fields_[used_ - 1]; }
  const Field* Find(std::string_view key) const;
  const Field* FirstOf(std::initializer_list<std::string_view> keys, Kind kind) const;
  Status Own(Entry* entry) const;
  bool Structured(Entry* entry) const;
  Status Plain(Entry* entry) const;

  Shape shape_;
  Fields names_;
  std::vector<Field> fields_;
  size_t used_ = 0;
  std::string scratch_;
  JsonWriter writer_{&scratch_};
  int depth_ = 0;
};

}  // namespace vecferry::sidecar
