#include "qdrant_model/collection_config.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry::qdrant_model {
namespace {

using Json = nlohmann::ordered_json;

Status Corrupt(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("the collection's parameters: {}", what), "let qdrant-client open the collection and look");
}

Metric MetricOf(std::string_view distance) {
  if (distance == "Cosine") return Metric::cosine;
  if (distance == "Dot") return Metric::dot;
  if (distance == "Euclid") return Metric::l2;
  if (distance == "Manhattan") return Metric::l1;
  return Metric::unknown;
}
const char* DistanceOf(Metric metric) {
  switch (metric) {
    case Metric::cosine: return "Cosine";
    case Metric::dot: return "Dot";
    case Metric::l2: return "Euclid";
    case Metric::l1: return "Manhattan";
    default: return nullptr;
  }
}

const Json* Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(std::string(key));
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

Result<VectorSpec> SpecOf(const std::string& name, const Json& params) {
  const Json* size = Member(params, "size");
  const Json* distance = Member(params, "distance");
  VectorSpec spec;
  spec.name = name;
  if (!size || !size->is_number_integer() || !distance || !distance->is_string()) {
    return Corrupt(fmt::format("the vector '{}' has no size or distance", Printable(name, 100)));
  }
  const auto dims = size->get<int64_t>();
  if (dims < 1 || dims > (1 << 20)) return Corrupt(fmt::format("the vector '{}' has size {}", Printable(name, 100), dims));
  spec.dims = static_cast<int32_t>(dims);
  spec.metric = MetricOf(distance->get_ref<const std::string&>());
  if (spec.metric == Metric::unknown) {
    return MakeError(Category::unsupported, fmt::format("the distance {} is not known", Printable(distance->dump(), 100)),
                     "update vecferry, or tell us of this distance");
  }
  if (Member(params, "multivector_config")) {
    spec.kind = VectorKind::multi;
    return spec;
  }
  const Json* datatype = Member(params, "datatype");
  if (!datatype || *datatype == "float32") return spec;
  if (*datatype == "float16") spec.element = Element::f16;
  else if (*datatype == "uint8") spec.element = Element::u8;
  else return MakeError(Category::unsupported, fmt::format("the datatype {} is not known", Printable(datatype->dump(), 100)),
                        "update vecferry, or tell us of this datatype");
  return spec;
}

/// VectorParams itself, in contrast to an object of named ones.
bool IsVectorParams(const Json& vectors) {
  const Json* size = Member(vectors, "size");
  return size && size->is_number_integer();
}

Json Pruned(const Json& value) {
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (!member.is_null()) out[key] = Pruned(member);
  }
  return out;
}

/// What the settings say of a vector of that name, {} if nothing.
Json ParamsIn(const Json& settings, const std::string& name, bool sparse) {
  const Json* all = Member(settings, sparse ? "sparse_vectors" : "vectors");
  if (!all) return Json::object();
  if (!sparse && IsVectorParams(*all)) return name.empty() ? Pruned(*all) : Json::object();
  const Json* params = Member(*all, name);
  return params && params->is_object() ? Pruned(*params) : Json::object();
}

Result<Json> ParamsOf(const VectorSpec& spec, const Json& settings) {
  const char* distance = DistanceOf(spec.metric);
  if (!distance) {
    return MakeError(Category::unsupported,
                     fmt::format("the vector '{}' has the metric {}, and Qdrant needs cosine, dot, l2 or l1",
                                 Printable(spec.name, 100), Name(spec.metric)),
                     "say the metric that it was made for with --metric");
  }
  Json params = Json::object();
  params["size"] = spec.dims;
  params["distance"] = distance;
  const Json told = ParamsIn(settings, spec.name, false);
  for (const auto& [key, value] : told.items()) {
    if (key != "size" && key != "distance" && key != "datatype" && key != "multivector_config") params[key] = value;
  }
  const Json* datatype = Member(told, "datatype");
  if (spec.kind == VectorKind::multi) {
    params["multivector_config"] = Json{{"comparator", "max_sim"}};
    if (datatype) params["datatype"] = *datatype;  // the rows are f32, whatever the store keeps them as
    return params;
  }
  if (datatype && *datatype == "float32") params["datatype"] = *datatype;  // said, though it need not be
  switch (spec.element) {
    case Element::f32: break;
    case Element::f16: params["datatype"] = "float16"; break;
    case Element::u8: params["datatype"] = "uint8"; break;
    default:
      return MakeError(Category::unsupported,
                       fmt::format("the vector '{}' has elements of type {}, which Qdrant does not hold",
                                   Printable(spec.name, 100), Name(spec.element)),
                       "convert the vector to f32, f16 or u8");
  }
  return params;
}

}  // namespace

Result<RecordSchema> SchemaOfConfig(std::string_view config) {
  const Json json = Json::parse(config, nullptr, false);
  RecordSchema schema;
  schema.id_kind = IdKind::mixed;
  if (const Json* vectors = Member(json, "vectors")) {
    if (IsVectorParams(*vectors)) {
      ARROW_ASSIGN_OR_RAISE(auto spec, SpecOf("", *vectors));
      schema.vectors.push_back(std::move(spec));
    } else {
      for (const auto& [name, params] : vectors->items()) {
        ARROW_ASSIGN_OR_RAISE(auto spec, SpecOf(name, params));
        schema.vectors.push_back(std::move(spec));
      }
    }
  }
  if (const Json* sparse = Member(json, "sparse_vectors")) {
    for (const auto& [name, params] : sparse->items()) {
      VectorSpec spec;
      spec.name = name;
      spec.kind = VectorKind::sparse;
      spec.metric = Metric::dot;
      schema.vectors.push_back(std::move(spec));
    }
  }
  return schema;
}

Result<std::string> ConfigOfSchema(const RecordSchema& schema, std::string_view settings_text) {
  Json settings = Json::parse(settings_text.empty() ? "{}" : settings_text, nullptr, false);
  if (!settings.is_object()) settings = Json::object();
  Json vectors = Json::object(), sparse = Json::object();
  size_t dense = 0;
  bool unnamed = false;
  for (const auto& spec : schema.vectors) {
    if (spec.kind == VectorKind::sparse) {
      sparse[spec.name] = ParamsIn(settings, spec.name, true);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(vectors[spec.name], ParamsOf(spec, settings));
    ++dense;
    unnamed |= spec.name.empty();
  }
  Json config = Json::object();
  if (dense == 1 && unnamed) config["vectors"] = Json(vectors[""]);
  else config["vectors"] = std::move(vectors);
  if (!sparse.empty()) config["sparse_vectors"] = std::move(sparse);
  if (const Json* metadata = Member(settings, "metadata")) config["metadata"] = *metadata;
  return config.dump(-1, ' ', true, Json::error_handler_t::replace);
}

bool IsUnnamed(std::string_view config) {
  const Json json = Json::parse(config, nullptr, false);
  const Json* vectors = Member(json, "vectors");
  return vectors && IsVectorParams(*vectors);
}

std::string WithoutNulls(std::string_view config) {
  const Json json = Json::parse(config, nullptr, false);
  return json.is_object() ? Pruned(json).dump(-1, ' ', true, Json::error_handler_t::replace) : std::string("{}");
}

std::string DescribeVectors(const RecordSchema& schema) {
  std::string text;
  for (const auto& spec : schema.vectors) {
    text += fmt::format("{}{}{}{} ", text.empty() ? "" : "; ", Printable(spec.name, 100), spec.name.empty() ? "" : ": ",
                        Name(spec.kind));
    if (spec.kind == VectorKind::sparse) text.pop_back();
    else text += fmt::format("{} x {}, {}", spec.dims, Name(spec.element), Name(spec.metric));
  }
  return text.empty() ? "no vectors" : text;
}

Status CheckFits(const RecordSchema& existing, const RecordSchema& wanted) {
  for (const auto& spec : wanted.vectors) {
    const VectorSpec* held = existing.FindVector(spec.name);
    const bool fits = held && held->kind == spec.kind &&
                      (spec.kind == VectorKind::sparse ||
                       (held->dims == spec.dims && held->metric == spec.metric && held->element == spec.element));
    if (!fits) {
      return MakeError(Category::refused,
                       fmt::format("the vectors differ: the collection has [{}], the records have [{}]",
                                   DescribeVectors(existing), DescribeVectors(wanted)),
                       "name another collection, map the vector to one that fits, or use --on-exists replace");
    }
  }
  return Status::OK();
}

}  // namespace vecferry::qdrant_model
