#include <algorithm>
#include <cmath>

#include "connector/fit.h"

namespace vecferry {
namespace {

using Feature = JsonFeature;
constexpr int64_t kExact = int64_t{1} << 53;

Feature OfSpecial(std::string_view type) {
  if (type == "f64") return Feature::non_finite;
  for (const Feature feature : {Feature::bigint, Feature::decimal, Feature::bytes, Feature::date, Feature::datetime, Feature::time}) {
    if (type == Name(feature)) return feature;
  }
  return Feature::geo;
}

bool IsPlainKey(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

class Scanner final : public JsonVisitor {
 public:
  explicit Scanner(std::set<Feature>* features) : features_(features) {}
  Status Null() override { return Value(Kind::null, Feature::null); }
  Status Bool(bool) override { return Value(Kind::boolean, Feature::boolean); }
  Status Int(int64_t value) override {
    if (value <= kExact && value >= -kExact) return Value(Kind::number);
    return Value(Kind::number, Feature::int64);
  }
  Status Uint(uint64_t) override { return Value(Kind::number, Feature::uint64); }
  Status Double(double value) override {
    return value == std::floor(value) ? Value(Kind::number, Feature::real) : Value(Kind::number);
  }
  Status String(std::string_view) override { return Value(Kind::string); }
  Status Special(std::string_view type, std::string_view) override { return Value(Kind::special, OfSpecial(type)); }
  Status Key(std::string_view key) override {
    if (key.empty()) features_->insert(Feature::empty_key);
    if (!IsPlainKey(key)) features_->insert(Feature::any_key);
    return Status::OK();
  }
  Status BeginObject() override {
    if (!levels_.empty()) ARROW_RETURN_NOT_OK(Value(Kind::object, Feature::nested_object));
    levels_.push_back({false, Kind::none});
    return Status::OK();
  }
  Status BeginArray() override {
    const bool in_array = !levels_.empty() && levels_.back().array;
    ARROW_RETURN_NOT_OK(Value(Kind::array, in_array ? Feature::nested_array : Feature::array));
    levels_.push_back({true, Kind::none});
    return Status::OK();
  }
  Status EndObject() override { return levels_.pop_back(), Status::OK(); }
  Status EndArray() override { return levels_.pop_back(), Status::OK(); }

 private:
  enum class Kind { none, null, boolean, number, string, special, object, array };
  struct Level {
    bool array;
    Kind first;  ///< of an array's elements so far
  };
  Status Value(Kind kind) {
    if (levels_.empty()) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
    Level& level = levels_.back();
    if (!level.array) return Status::OK();
    if (level.first != Kind::none && level.first != kind) features_->insert(Feature::mixed_array);
    level.first = kind;
    return Status::OK();
  }
  Status Value(Kind kind, Feature feature) {
    features_->insert(feature);
    return Value(kind);
  }
  std::set<Feature>* features_;
  std::vector<Level> levels_;
};

}  // namespace

Status ScanFeatures(JsonReader& reader, std::string_view metadata, std::set<JsonFeature>* features) {
  Scanner scanner(features);
  return reader.Visit(metadata, scanner);
}

}  // namespace vecferry
