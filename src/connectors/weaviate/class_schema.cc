#include "connectors/weaviate/class_schema.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/weaviate/names.h"
#include "net/http.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;
using Base = PropertyType::Base;

constexpr int kDeepest = 32;  ///< of nested properties
constexpr std::pair<std::string_view, Base> kBases[] = {
    {"text", Base::text}, {"string", Base::text}, {"int", Base::integer}, {"number", Base::number}, {"boolean", Base::boolean}, {"date", Base::date},
    {"uuid", Base::uuid}, {"blob", Base::blob}, {"geoCoordinates", Base::geo}, {"phoneNumber", Base::phone}, {"object", Base::object}};
constexpr std::pair<Metric, std::string_view> kDistances[] = {
    {Metric::cosine, "cosine"}, {Metric::dot, "dot"}, {Metric::l2, "l2-squared"}, {Metric::hamming, "hamming"}, {Metric::l1, "manhattan"}};

Status Odd(std::string_view why) { return BadHttpAnswer("looking at the class", why); }

std::string TextOf(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string TextAt(const Json& json, const char* key) {
  const auto at = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}
const Json& At(const Json& json, const char* key) {
  static const Json kNone;
  if (!json.is_object()) return kNone;
  const auto at = json.find(key);
  return at == json.end() ? kNone : *at;
}
bool FlagAt(const Json& json, const char* key) {
  const Json& value = At(json, key);
  return value.is_boolean() && value.get<bool>();
}

Result<std::map<std::string, PropertyType, std::less<>>> ParseProperties(const Json& list, int depth);

Result<PropertyType> ParseType(const Json& property, int depth) {
  const Json& types = At(property, "dataType");
  if (!types.is_array() || types.empty() || !types[0].is_string()) return Odd("a property has no type");
  PropertyType type;
  std::string_view name = types[0].get_ref<const std::string&>();
  std::string_view plain = name;
  if (plain.ends_with("[]")) plain.remove_suffix(2), type.list = true;
  const auto* base = std::find_if(std::begin(kBases), std::end(kBases), [&](const auto& each) { return each.first == plain; });
  if (base == std::end(kBases)) {
    type.base = Base::reference;
    type.list = true;
    type.target = name;
    type.several = types.size() > 1;
    return type;
  }
  type.base = base->second;
  if (type.base == Base::object) {
    ARROW_ASSIGN_OR_RAISE(type.nested, ParseProperties(At(property, "nestedProperties"), depth + 1));
  }
  return type;
}

Result<std::map<std::string, PropertyType, std::less<>>> ParseProperties(const Json& list, int depth) {
  std::map<std::string, PropertyType, std::less<>> properties;
  if (list.is_null()) return properties;
  if (!list.is_array() || depth > kDeepest) return Odd("its properties cannot be read");
  for (const Json& property : list) {
    const std::string name = TextAt(property, "name");
    if (name.empty()) return Odd("a property has no name");
    ARROW_ASSIGN_OR_RAISE(properties[name], ParseType(property, depth));
  }
  return properties;
}

Result<VectorConfig> ParseVector(const std::string& name, const Json& config) {
  VectorConfig vector;
  vector.name = name;
  vector.index = TextAt(config, "vectorIndexType");
  const Json& index = At(config, "vectorIndexConfig");
  const Json& vectorizer = At(config, "vectorizer");
  if (vectorizer.is_string()) vector.vectorizer = vectorizer.get<std::string>();
  else if (vectorizer.is_object() && !vectorizer.empty()) vector.vectorizer = vectorizer.begin().key();
  std::string distance = TextAt(index, "distance");
  // A dynamic index has a configuration for each size, and its own distance beside.
  if (distance.empty()) distance = TextAt(At(index, "hnsw"), "distance");
  const auto metric = MetricOf(distance.empty() ? "cosine" : distance);
  vector.metric = metric.value_or(Metric::unknown);
  vector.multi = FlagAt(At(index, "multivector"), "enabled");
  return vector;
}

/// The parts of an index's configuration that are carried, or what a new one has.
Json IndexConfig(const Json& like, const VectorSpec& spec, bool index) {
  Json config = like.is_object() ? like : Json::object();
  config["distance"] = DistanceOf(spec.metric);
  if (spec.kind == VectorKind::multi) config["multivector"]["enabled"] = true;
  else config.erase("multivector");
  if (!index) config["skip"] = true;
  return config;
}

Json VectorBody(const Json& like, const VectorSpec& spec, bool index, bool named) {
  Json body = Json::object();
  const std::string type = TextAt(like, "vectorIndexType");
  body["vectorIndexType"] = type.empty() || (!index && type != "hnsw") ? "hnsw" : type;
  body["vectorIndexConfig"] = IndexConfig(type.empty() || body["vectorIndexType"] != type ? Json() : At(like, "vectorIndexConfig"), spec, index);
  if (named) body["vectorizer"] = Json{{"none", Json::object()}};
  else body["vectorizer"] = "none";
  return body;
}

/// A property of a class to be like. References become texts: what they point to need not be there.
std::optional<Json> PropertyLike(const Json& property) {
  const auto type = ParseType(property, 0);
  if (!type.ok()) return std::nullopt;
  Json body = Json::object();
  if (type->base == Base::reference) return PropertyBody(TextAt(property, "name"), {Base::text, true, {}, "", false});
  for (const char* key : {"name", "dataType", "description", "indexFilterable", "indexSearchable", "indexRangeFilters", "tokenization", "nestedProperties"}) {
    if (property.contains(key) && !property[key].is_null()) body[key] = property[key];
  }
  return body;
}

void TakeOver(const Json& like, Json* body) {
  for (const char* key : {"description", "invertedIndexConfig"}) {
    if (like.contains(key) && !like[key].is_null()) (*body)[key] = like[key];
  }
  if (const Json& factor = At(At(like, "replicationConfig"), "factor"); factor.is_number_integer()) (*body)["replicationConfig"]["factor"] = factor;
  if (const Json& list = At(like, "properties"); list.is_array()) {
    for (const Json& property : list) {
      if (auto made = PropertyLike(property)) (*body)["properties"].push_back(std::move(*made));
    }
  }
}

}  // namespace

std::string PropertyType::Name() const {
  if (base == Base::reference) return target;
  for (const auto& [name, each] : kBases) {
    if (each == base) return std::string(name) + (list ? "[]" : "");
  }
  return "text";
}

const VectorConfig* ClassSchema::FindVector(std::string_view wanted) const {
  const auto at = std::find_if(vectors.begin(), vectors.end(), [&](const auto& each) { return each.name == wanted; });
  return at == vectors.end() ? nullptr : &*at;
}

namespace {
bool HoldsBlob(const std::map<std::string, PropertyType, std::less<>>& properties) {
  return std::any_of(properties.begin(), properties.end(), [](const auto& each) { return each.second.base == Base::blob || HoldsBlob(each.second.nested); });
}
}  // namespace

bool ClassSchema::HasBlobs() const { return HoldsBlob(properties); }

std::vector<std::string> ClassSchema::References() const {
  std::vector<std::string> names;
  for (const auto& [property, type] : properties) {
    if (type.base == Base::reference) names.push_back(property);
  }
  return names;
}

Result<ClassSchema> ParseClass(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Odd("the answer is no JSON object");
  return ParseClassJson(json);
}

Result<ClassSchema> ParseClassJson(const Json& json) {
  ClassSchema out;
  out.name = TextAt(json, "class");
  if (out.name.empty()) return Odd("the answer names no class");
  out.json = TextOf(json);
  out.multi_tenant = FlagAt(At(json, "multiTenancyConfig"), "enabled");
  ARROW_ASSIGN_OR_RAISE(out.properties, ParseProperties(At(json, "properties"), 0));
  const Json& named = At(json, "vectorConfig");
  const bool has_named = named.is_object() && !named.empty();
  // A class with named vectors alone has no index of its own; a server before 1.24 knows no other.
  if (!TextAt(json, "vectorIndexType").empty() || !has_named) {
    ARROW_ASSIGN_OR_RAISE(VectorConfig vector, ParseVector("", json));
    out.vectors.push_back(std::move(vector));
  }
  if (has_named) {
    for (const auto& [name, config] : named.items()) {
      ARROW_ASSIGN_OR_RAISE(VectorConfig vector, ParseVector(name, config));
      out.vectors.push_back(std::move(vector));
    }
  }
  return out;
}

Json PropertyBody(const std::string& name, const PropertyType& type) {
  Json body = {{"name", name}, {"dataType", {type.Name()}}};
  if (type.base == Base::object) {
    body["nestedProperties"] = Json::array();
    for (const auto& [nested, nested_type] : type.nested) body["nestedProperties"].push_back(PropertyBody(nested, nested_type));
  }
  if (name == kIdProperty) body["tokenization"] = "field";
  if (name == kRestProperty) body["indexFilterable"] = body["indexSearchable"] = false;
  return body;
}

Result<ClassPlan> PlanClass(const std::string& name, const RecordSchema& schema, bool multi_tenant, bool index, std::string_view like_text) {
  const Json like = like_text.empty() ? Json::object() : Json::parse(like_text, nullptr, false);
  Json create = {{"class", name}, {"properties", Json::array()}, {"multiTenancyConfig", {{"enabled", multi_tenant}}}};
  if (like.is_object()) TakeOver(like, &create);
  const auto body_of = [&](const std::string& property) {
    const auto& list = create["properties"];
    return std::any_of(list.begin(), list.end(), [&](const Json& each) { return TextAt(each, "name") == property; });
  };
  if (!body_of(std::string(kRestProperty))) create["properties"].push_back(PropertyBody(std::string(kRestProperty), {}));
  Json named = Json::object();
  bool unnamed = schema.vectors.empty();
  for (const VectorSpec& spec : schema.vectors) {
    if (spec.name.empty()) {
      unnamed = true;
      create.update(VectorBody(like, spec, index, false));
      continue;
    }
    const auto vector = VectorName(spec.name);
    if (!vector) return MakeError(Category::unsupported, fmt::format("the name of the vector '{}' is too long for the server", Printable(spec.name, 300)), "give it another with --map");
    named[*vector] = VectorBody(At(At(like, "vectorConfig"), vector->c_str()), spec, index, true);
  }
  if (schema.vectors.empty()) create.update(Json{{"vectorizer", "none"}});
  ClassPlan plan;
  if (!named.empty() && !unnamed) create["vectorConfig"] = named;
  if (!named.empty() && unnamed) plan.add_vectors = TextOf(named);
  plan.create = TextOf(create);
  return plan;
}

std::string_view DistanceOf(Metric metric) {
  for (const auto& [each, name] : kDistances) {
    if (each == metric) return name;
  }
  return "cosine";
}

std::optional<Metric> MetricOf(std::string_view distance) {
  for (const auto& [metric, name] : kDistances) {
    if (name == distance) return metric;
  }
  return std::nullopt;
}

}  // namespace vecferry::weaviate
