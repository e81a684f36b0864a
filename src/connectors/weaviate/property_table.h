#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/weaviate/class_schema.h"
#include "record/json.h"

/// Which property of a class holds which key of a record's metadata.
namespace vecferry::weaviate {

struct Property {
  std::string name;    ///< as the server has it
  PropertyType type;
};

/// Immutable once it is shared.
class PropertyTable {
 public:
  explicit PropertyTable(const ClassSchema& schema);
  /// nullptr where no property holds the key.
  const Property* Find(std::string_view key) const;
  /// Whether there is the property that holds what no other does.
  bool has_rest() const { return has_rest_; }
  void SetRest() { has_rest_ = true; }
  size_t size() const { return by_key_.size(); }
  /// The name that a new property for the key would have: the key itself where it can be one, else encoded. Nothing where there is none.
  std::optional<std::string> NameFor(std::string_view key) const;
  void Add(const std::string& key, Property property);

 private:
  std::map<std::string, Property, std::less<>> by_key_;
  std::set<std::string> names_;  ///< in lower case: the server takes no two that differ in case alone
  bool has_rest_ = false;
};

/// What values of keys without a property are of, over many records: a stream of payloads, one object each. The first value of a key decides;
/// integers and reals are numbers. Lists are what their elements are.
class TypeScout final : public JsonVisitor {
 public:
  explicit TypeScout(const PropertyTable& table) : table_(table) {}
  /// The keys that can be properties, with the types of what was seen.
  std::map<std::string, PropertyType> Types() const;

  Status Null() override { return Scalar(Kind::none); }
  Status Bool(bool) override { return Scalar(Kind::boolean); }
  Status Int(int64_t) override { return Scalar(Kind::integer); }
  Status Uint(uint64_t) override { return Scalar(Kind::none); }
  Status Double(double) override { return Scalar(Kind::number); }
  Status String(std::string_view) override { return Scalar(Kind::text); }
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  enum class Kind { none, boolean, integer, number, text, date, blob, geo, object };
  struct Seen {
    Kind kind = Kind::none;
    bool list = false, unfit = false;
    std::map<std::string, Seen> nested;
  };
  static bool Fits(const Seen& seen);
  static PropertyType TypeOf(const Seen& seen);
  Status Scalar(Kind kind);
  void Observe(Kind kind);

  const PropertyTable& table_;
  std::map<std::string, Seen> seen_;
  std::vector<Seen*> open_;     ///< of each object that is open, the value it is; nullptr where nothing is learned from it
  std::vector<bool> in_list_;   ///< for each container that is open
  Seen* at_ = nullptr;          ///< of the value that comes
  int lists_ = 0;               ///< that stand around it since the last key
};

}  // namespace vecferry::weaviate
