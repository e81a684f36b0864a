#include "chroma_model/parameters.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "chroma_model/page.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// An empty object for a text that is empty or null.
Result<Json> Parse(std::string_view text, std::string_view what) {
  if (text.empty()) return Json::object();
  Json json = IsShallow(text) ? Json::parse(text, nullptr, false) : Json(Json::value_t::discarded);
  if (json.is_null()) return Json::object();
  if (json.is_object()) return json;
  return MakeError(Category::corrupt, fmt::format("the collection's {} is not one JSON object", what), "let Chroma open the collection and look");
}

const Json* Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(std::string(key));
  return at == object.end() || at->is_null() ? nullptr : &*at;
}
template <class... Keys>
const Json* Member(const Json& object, std::string_view key, Keys... more) {
  const Json* inner = Member(object, key);
  return inner ? Member(*inner, more...) : nullptr;
}
std::string TextOf(const Json* json) { return json && json->is_string() ? json->get<std::string>() : std::string(); }

Result<Metric> MetricOf(std::string_view space) {
  if (space == "l2") return Metric::l2;
  if (space == "cosine") return Metric::cosine;
  if (space == "ip") return Metric::dot;
  return MakeError(Category::unsupported, fmt::format("the space '{}' is not known", Printable(space, 100)), "update vecferry, or tell us of this space");
}

/// What `configuration` takes, and how the metadata of 0.4 and the configuration of 0.5 call it. The number of threads is the machine's.
struct HnswField {
  const char* name;
  const char* in_metadata;
  const char* in_0_5;
};
constexpr std::array<HnswField, 7> kHnswFields = {{{"space", "hnsw:space", "space"},
                                                   {"ef_construction", "hnsw:construction_ef", "ef_construction"},
                                                   {"ef_search", "hnsw:search_ef", "ef_search"},
                                                   {"max_neighbors", "hnsw:M", "M"},
                                                   {"resize_factor", "hnsw:resize_factor", "resize_factor"},
                                                   {"sync_threshold", "hnsw:sync_threshold", "sync_threshold"},
                                                   {"batch_size", "hnsw:batch_size", "batch_size"}}};

struct Sources {
  Json configuration, metadata;
  const Json* vector = nullptr;  ///< in the schema: config of the index of #embedding
};

std::string EffectiveSpace(const Sources& from) {
  const std::string schema = from.vector ? TextOf(Member(*from.vector, "space")) : "";
  if (!schema.empty()) return schema;
  std::string configured = TextOf(Member(from.configuration, "hnsw", "space"));
  if (configured.empty()) configured = TextOf(Member(from.configuration, "spann", "space"));
  if (!configured.empty() && configured != "l2") return configured;
  if (const std::string legacy = TextOf(Member(from.metadata, "hnsw:space")); !legacy.empty()) return legacy;
  if (!configured.empty()) return configured;
  const std::string old = TextOf(Member(from.configuration, "hnsw_configuration", "space"));
  return old.empty() ? "l2" : old;
}

/// Whichever of the places speaks of the graph first, in the order of the metric's.
const Json* HnswValue(const Sources& from, const HnswField& field) {
  const Json* found = from.vector ? Member(*from.vector, "hnsw", field.name) : nullptr;
  if (!found) found = Member(from.configuration, "hnsw", field.name);
  if (!found) found = Member(from.metadata, field.in_metadata);
  return found ? found : Member(from.configuration, "hnsw_configuration", field.in_0_5);
}

Json SpannOf(const Sources& from) {
  const Json* spann = from.vector ? Member(*from.vector, "spann") : nullptr;
  if (!spann) spann = Member(from.configuration, "spann");
  Json out = Json::object();
  if (!spann || !spann->is_object()) return out;
  for (const auto& [key, value] : spann->items()) {
    if (!value.is_null()) out[key] = value;
  }
  return out;
}

const Json* FunctionOf(const Sources& from) {
  const Json* function = from.vector ? Member(*from.vector, "embedding_function") : nullptr;
  if (!function) function = Member(from.configuration, "embedding_function");
  return function && function->is_object() ? function : nullptr;
}

Json ConfigurationOf(const Sources& from, const std::string& space) {
  Json configuration = Json::object();
  if (Json spann = SpannOf(from); !spann.empty()) {
    spann["space"] = space;
    configuration["spann"] = std::move(spann);
  } else {
    Json hnsw = {{"space", space}};
    for (const HnswField& field : kHnswFields) {
      const Json* value = HnswValue(from, field);
      if (value && value->is_number() && field.name != std::string_view("space")) hnsw[field.name] = *value;
    }
    configuration["hnsw"] = std::move(hnsw);
  }
  if (const Json* function = FunctionOf(from)) configuration["embedding_function"] = *function;
  return configuration;
}

/// An index that is enabled though it usually is not, or the other way round.
bool Differs(const Json& types, std::string_view type, std::string_view index, bool usual) {
  const Json* enabled = Member(types, type, index, "enabled");
  return enabled && enabled->is_boolean() && enabled->get<bool>() != usual;
}

/// Whether somebody chose what is indexed: the configuration cannot say that.
bool IsChosen(const Json& schema) {
  const Json none = Json::object();
  const Json* defaults = Member(schema, "defaults");
  const Json* keys = Member(schema, "keys");
  const Json& usual = defaults ? *defaults : none;
  if (Differs(usual, "string", "fts_index", false) || Differs(usual, "string", "string_inverted_index", true) ||
      Differs(usual, "sparse_vector", "sparse_vector_index", false) || Differs(usual, "int", "int_inverted_index", true) ||
      Differs(usual, "float", "float_inverted_index", true) || Differs(usual, "bool", "bool_inverted_index", true)) {
    return true;
  }
  if (!keys || !keys->is_object()) return false;
  for (const auto& [key, types] : keys->items()) {
    if (key != "#document" && key != "#embedding") return true;
  }
  const Json* document = Member(*keys, "#document");
  return document && (Differs(*document, "string", "fts_index", true) || Differs(*document, "string", "string_inverted_index", false));
}

/// Sets the space wherever the schema names one.
void SetSpace(Json* schema, const char* space) {
  for (const char* place : {"/defaults/float_list/vector_index/config", "/keys/#embedding/float_list/vector_index/config"}) {
    const Json::json_pointer at(place);
    if (schema->contains(at) && schema->at(at).is_object()) (*schema)[at]["space"] = space;
  }
}

std::string Setting(const std::map<std::string, std::string>& settings, const char* name) {
  const auto at = settings.find(name);
  return at == settings.end() ? std::string() : at->second;
}

/// The metadata of a collection that is made: values that the server takes, and the space in agreement with the index's.
Json MetadataFor(const std::string& text, const char* space) {
  const Json told = Json::parse(text.empty() ? "{}" : text, nullptr, false);
  Json metadata = Json::object();
  if (!told.is_object()) return metadata;
  for (const auto& [key, value] : told.items()) {
    // An array ends the server's connection without an answer (1.5.9).
    if (value.is_string() || value.is_boolean() || value.is_number()) metadata[key] = value;
  }
  if (metadata.contains("hnsw:space")) metadata["hnsw:space"] = space;
  return metadata;
}

std::string DescribeVectors(const RecordSchema& schema) {
  std::string text;
  for (const auto& spec : schema.vectors) {
    text += fmt::format("{}{}{}{} x {}, {}", text.empty() ? "" : "; ", Printable(spec.name, 100), spec.name.empty() ? "" : ": ", spec.dims, Name(spec.element),
                        Name(spec.metric));
  }
  return text.empty() ? "no vectors" : text;
}

bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsIpv4(std::string_view name) {
  int dots = 0, digits = 0, number = 0;
  for (const char c : name) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots, digits = number = 0;
    } else if (c >= '0' && c <= '9' && digits < 3) {
      ++digits, number = number * 10 + (c - '0');
      if (number > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

}  // namespace

const char* SpaceOf(Metric metric) {
  switch (metric) {
    case Metric::l2: return "l2";
    case Metric::cosine: return "cosine";
    case Metric::dot: return "ip";
    default: return nullptr;
  }
}

Result<Parameters> ParametersOf(const Kept& kept) {
  Sources from;
  ARROW_ASSIGN_OR_RAISE(from.configuration, Parse(kept.configuration, "configuration"));
  ARROW_ASSIGN_OR_RAISE(const Json schema, Parse(kept.schema, "schema"));
  ARROW_ASSIGN_OR_RAISE(from.metadata, Parse(kept.metadata, "metadata"));
  from.vector = Member(schema, "keys", "#embedding", "float_list", "vector_index", "config");
  Parameters parameters;
  const std::string space = EffectiveSpace(from);
  ARROW_ASSIGN_OR_RAISE(parameters.metric, MetricOf(space));
  parameters.configuration = Dump(ConfigurationOf(from, space));
  if (!from.metadata.empty()) parameters.metadata = Dump(from.metadata);
  if (IsChosen(schema)) parameters.schema = Dump(schema);
  if (const Json* function = FunctionOf(from)) {
    parameters.function = TextOf(Member(*function, "name"));
    parameters.model = TextOf(Member(*function, "config", "model_name"));
    if (parameters.model.empty()) parameters.model = TextOf(Member(*function, "config", "model"));
  }
  return parameters;
}

std::map<std::string, std::string> SettingsOf(const Parameters& parameters) {
  std::map<std::string, std::string> settings = {{kConfigurationSetting, parameters.configuration}};
  if (!parameters.metadata.empty()) settings[kMetadataSetting] = parameters.metadata;
  if (!parameters.schema.empty()) settings[kSchemaSetting] = parameters.schema;
  return settings;
}

RecordSchema SchemaOf(const Parameters& parameters, int32_t dims) {
  RecordSchema schema;
  schema.id_kind = IdKind::string;
  if (dims > 0) schema.vectors.push_back({"", VectorKind::dense, Element::f32, dims, parameters.metric, parameters.model});
  return schema;
}

Result<Creation> CreationOf(std::string_view name, const RecordSchema& schema, const std::map<std::string, std::string>& settings) {
  const VectorSpec* vector = schema.vectors.empty() ? nullptr : &schema.vectors.front();
  const char* space = SpaceOf(vector ? vector->metric : Metric::l2);
  if (!space) {
    return MakeError(Category::unsupported, fmt::format("the metric is {}, and Chroma needs cosine, dot or l2", Name(vector->metric)),
                     "say the metric that the vectors were made for with --metric");
  }
  Json body = {{"name", std::string(name)}};
  const Json metadata = MetadataFor(Setting(settings, kMetadataSetting), space);
  Creation creation;
  if (Json chosen = Json::parse(Setting(settings, kSchemaSetting), nullptr, false); chosen.is_object()) {
    SetSpace(&chosen, space);
    body["schema"] = std::move(chosen);
    if (!metadata.empty()) creation.put_metadata = Dump(metadata);
  } else {
    Json configuration = Json::parse(Setting(settings, kConfigurationSetting), nullptr, false);
    if (!configuration.is_object()) configuration = Json::object();
    const char* index = configuration.contains("spann") && configuration["spann"].is_object() ? "spann" : "hnsw";
    if (!configuration[index].is_object()) configuration[index] = Json::object();
    configuration[index]["space"] = space;
    body["configuration"] = std::move(configuration);
    if (!metadata.empty()) body["metadata"] = metadata;
  }
  creation.body = Dump(body);
  return creation;
}

std::string RenameBody(std::string_view new_name) { return Dump(Json{{"new_name", std::string(new_name)}}); }

std::string MetadataBody(std::string_view metadata) {
  const Json json = Json::parse(metadata, nullptr, false);
  return Dump(Json{{"new_metadata", json.is_object() ? json : Json::object()}});
}

Status CheckCollectionName(std::string_view name) {
  std::string_view why;
  const auto allowed = [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; };
  if (name.size() < 3 || name.size() > 512) why = "has not 3 to 512 characters";
  else if (!std::all_of(name.begin(), name.end(), allowed)) why = "holds others than letters, digits, '.', '_' and '-'";
  else if (!IsAlnum(name.front()) || !IsAlnum(name.back())) why = "does not begin and end with a letter or a digit";
  else if (name.find("..") != name.npos) why = "holds two points side by side";
  else if (IsIpv4(name)) why = "is an IP address";
  if (why.empty()) return Status::OK();
  return MakeError(Category::usage, fmt::format("the collection's name '{}' {}, which Chroma refuses", Printable(name, 300), why), "name another after the #");
}

Status CheckFits(const RecordSchema& existing, const RecordSchema& wanted) {
  if (existing.vectors.empty() || wanted.vectors.empty()) return Status::OK();
  const VectorSpec &held = existing.vectors.front(), &comes = wanted.vectors.front();
  if (held.metric == comes.metric && (held.dims == 0 || held.dims == comes.dims)) return Status::OK();
  return MakeError(Category::refused, fmt::format("the vectors differ: the collection has [{}], the records have [{}]", DescribeVectors(existing), DescribeVectors(wanted)),
                   "name another collection, or use --on-exists replace");
}

}  // namespace vecferry::chroma_model
