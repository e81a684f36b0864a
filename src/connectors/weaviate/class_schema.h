#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "record/schema.h"

/// A class of the server: its properties, vectors and settings, read from and written as the REST API's JSON.
namespace vecferry::weaviate {

/// A property's type. A reference to other classes has base `reference`.
struct PropertyType {
  enum class Base { text, integer, number, boolean, date, uuid, blob, geo, phone, object, reference };
  Base base = Base::text;
  bool list = false;
  std::map<std::string, PropertyType, std::less<>> nested;  ///< of an object, by name
  std::string target;                                       ///< of a reference: its class, or the first of several
  bool several = false;                                     ///< of a reference: to more than one class
  /// "int[]"; the class's name of a reference.
  std::string Name() const;
  bool operator==(const PropertyType&) const = default;
};

struct VectorConfig {
  std::string name;      ///< as the server has it; "" is the unnamed
  Metric metric = Metric::cosine;
  bool multi = false;
  std::string index;     ///< "hnsw"
  std::string vectorizer;
};

struct ClassSchema {
  std::string name;
  bool multi_tenant = false;
  std::vector<VectorConfig> vectors;
  std::map<std::string, PropertyType, std::less<>> properties;
  std::string json;      ///< the whole definition

  const VectorConfig* FindVector(std::string_view name) const;
  bool HasBlobs() const;
  std::vector<std::string> References() const;
};

/// Category::transient for text that is no class's definition: another answered in the server's place.
Result<ClassSchema> ParseClass(std::string_view json);
/// The same of a parsed text.
Result<ClassSchema> ParseClassJson(const nlohmann::json& json);

/// The body that creates a property. Of our own properties none is searched but the id.
nlohmann::json PropertyBody(const std::string& name, const PropertyType& type);

/// What a class is made of.
struct ClassPlan {
  std::string create;                 ///< body of POST /v1/schema
  /// vectorConfig that has to be added afterwards, "" for none: a class with an unnamed vector takes named ones only then.
  std::string add_vectors;
};
/// `like` is the definition of a class that it shall be as, in all but its name, its vectors' names and metrics, and what is said of it here;
/// "" for none. `index` false: no search index is built.
Result<ClassPlan> PlanClass(const std::string& name, const RecordSchema& schema, bool multi_tenant, bool index, std::string_view like);

/// Of DatasetInfo::settings.
inline constexpr const char* kClassSetting = "weaviate.class";

std::string_view DistanceOf(Metric metric);
std::optional<Metric> MetricOf(std::string_view distance);

}  // namespace vecferry::weaviate
