#include "connectors/qdrant/config.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/qdrant/points.h"
#include "connectors/qdrant/value_reader.h"
#include "connectors/qdrant/value_writer.h"
#include "qdrant_model/collection_config.h"
#include "qdrant_pb/collections.pb.h"
#include "qdrant_pb/points.pb.h"
#include "record/json.h"

namespace vecferry::qdrant {
namespace {

using Json = nlohmann::ordered_json;
namespace util = google::protobuf::util;

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool IsNumber(const std::string& text) { return !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789") == text.npos; }

/// Whether the strings below a key are a user's own, so that digits in them are no number.
bool HoldsText(std::string_view key) { return key == "stopwords" || key == "nested" || key == "stemmer"; }

Json ToRest(const Json& value);

/// Wrappers that the messages have and the REST API has not.
Json MemberToRest(const std::string& key, const Json& value) {
  if (HoldsText(key) && key != "stemmer") return value;
  if (key == "max_optimization_threads") return value.contains("value") ? ToRest(value["value"]) : Json("auto");
  if (key == "query_encoding") return value.value("setting", "default");
  if ((key == "multivector_config" || key == "sparse_config") && value.contains(key)) return ToRest(value[key]);
  if (key == "stemmer") {
    if (!value.contains("snowball")) return Json{{"type", "none"}};
    return Json{{"type", "snowball"}, {"language", value["snowball"].value("language", "")}};
  }
  Json out = ToRest(value);
  // Values of 0 are left out of a message's JSON.
  if (key == "multivector_config" && out.empty()) out["comparator"] = "max_sim";
  if (key == "product" && !out.contains("compression")) out["compression"] = "x4";
  return out;
}

/// 64-bit integers are texts in a message's JSON.
Json ToRest(const Json& value) {
  if (value.is_string() && IsNumber(value.get_ref<const std::string&>())) return Json(std::stoull(value.get_ref<const std::string&>()));
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) out[key] = MemberToRest(key, member);
  return out;
}

Json FromRest(const Json& value, const std::string& parent);

Json MemberFromRest(const std::string& key, const Json& value, const std::string& parent) {
  if (HoldsText(key) && key != "stemmer") return value;
  if (key == "max_optimization_threads") return value.is_number() ? Json{{"value", value}} : Json{{"setting", "auto"}};
  if (key == "query_encoding" && value.is_string()) return Json{{"setting", value}};
  if (parent == "strict_mode_config" && (key == "multivector_config" || key == "sparse_config")) return Json{{key, FromRest(value, key)}};
  if (key == "stemmer" && value.is_object()) {
    if (value.value("type", "") != "snowball") return Json{{"disabled", Json::object()}};
    return Json{{"snowball", {{"language", value.value("language", "")}}}};
  }
  return FromRest(value, key);
}

Json FromRest(const Json& value, const std::string& parent) {
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (!member.is_null()) out[key] = MemberFromRest(key, member, parent);
  }
  return out;
}

template <class Message>
Result<Json> JsonOf(const Message& message) {
  util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!util::MessageToJsonString(message, &text, options).ok()) return MakeError(Category::corrupt, "the collection's parameters cannot be read");
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? std::move(json) : Json::object();
}

template <class Message>
Status ParseInto(const Json& json, Message* message) {
  util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = util::JsonStringToMessage(Text(json), message, options);
  if (status.ok()) return Status::OK();
  return MakeError(Category::unsupported, fmt::format("the carried parameters are none of a Qdrant collection: {}", Printable(std::string(status.message()), 300)),
                   "create the collection first, and copy with --on-exists append");
}

// ---- metadata, whose values are payload values ----

Result<Json> MetadataJson(const google::protobuf::Map<std::string, std::string>& metadata) {
  ValueReader reader;
  std::vector<std::string> entries;
  entries.reserve(metadata.size());
  for (const auto& [key, value] : metadata) {
    std::string& entry = entries.emplace_back();
    AppendBytesField(1, key, &entry);
    AppendBytesField(2, value, &entry);
  }
  for (const auto& entry : entries) ARROW_RETURN_NOT_OK(reader.Add(entry));
  std::string text;
  JsonWriter writer(&text);
  ARROW_RETURN_NOT_OK(reader.Visit(writer));
  return Json::parse(text, nullptr, false);
}

Status ReadMetadata(const Json& json, pb::CreateCollection* request) {
  JsonReader reader;
  ValueWriter writer;
  std::string bytes;
  writer.Begin(18, &bytes);  // as the field stands in CreateCollection
  ARROW_RETURN_NOT_OK(reader.Visit(Text(json), writer));
  pb::CreateCollection parsed;
  if (!parsed.ParseFromString(bytes)) return MakeError(Category::internal, "the collection's metadata cannot be written");
  *request->mutable_metadata() = parsed.metadata();
  return Status::OK();
}

// ---- the collection ----

/// Parameters by the names of vectors, which are no keys of ours whatever they are.
Json NamedToRest(const Json& map) {
  Json out = Json::object();
  for (const auto& [name, params] : map.items()) out[name] = ToRest(params);
  return out;
}
Json NamedFromRest(const Json& map) {
  Json out = Json::object();
  for (const auto& [name, params] : map.items()) out[name] = FromRest(params, "");
  return out;
}

/// {"params": P} or {"params_map": {"map": M}} to P or M.
Json VectorsToRest(const Json& config) {
  if (config.contains("params")) return ToRest(config["params"]);
  if (config.contains("params_map")) return NamedToRest(config["params_map"].value("map", Json::object()));
  return Json::object();
}

Json VectorsFromRest(const Json& vectors) {
  const bool unnamed = vectors.contains("size") && vectors["size"].is_number();
  if (unnamed) return Json{{"params", FromRest(vectors, "")}};
  return Json{{"params_map", {{"map", NamedFromRest(vectors)}}}};
}

/// All of `json` that is understood, as a request.
Result<pb::CreateCollection> RequestOf(const std::string& collection, Json json) {
  pb::CreateCollection request;
  const Json vectors = json.value("vectors", Json::object()), sparse = json.value("sparse_vectors", Json::object());
  const Json metadata = json.value("metadata", Json::object());
  for (const char* key : {"vectors", "sparse_vectors", "metadata", "init_from"}) json.erase(key);
  Json message = FromRest(json, "");
  if (!vectors.empty()) message["vectors_config"] = VectorsFromRest(vectors);
  if (!sparse.empty()) message["sparse_vectors_config"] = Json{{"map", NamedFromRest(sparse)}};
  ARROW_RETURN_NOT_OK(ParseInto(message, &request));
  if (request.optimizers_config().max_optimization_threads().has_value()) {
    auto& optimizers = *request.mutable_optimizers_config();
    optimizers.set_deprecated_max_optimization_threads(optimizers.max_optimization_threads().value());  // for servers before 1.13
  }
  if (metadata.is_object() && !metadata.empty()) ARROW_RETURN_NOT_OK(ReadMetadata(metadata, &request));
  if (!request.has_vectors_config()) request.mutable_vectors_config()->mutable_params_map();
  request.set_collection_name(collection);
  return request;
}

Result<Json> ConfigOf(const pb::CollectionInfo& info) {
  const auto& config = info.config();
  const auto& params = config.params();
  pb::CreateCollection request;
  *request.mutable_hnsw_config() = config.hnsw_config();
  *request.mutable_wal_config() = config.wal_config();
  pb::OptimizersConfig& optimizers = *request.mutable_optimizers_config() = config.optimizer_config();
  if (optimizers.has_deprecated_max_optimization_threads() && !optimizers.has_max_optimization_threads()) {
    optimizers.mutable_max_optimization_threads()->set_value(optimizers.deprecated_max_optimization_threads());
  }
  optimizers.clear_deprecated_max_optimization_threads();
  if (params.shard_number() > 0) request.set_shard_number(params.shard_number());
  request.set_on_disk_payload(params.on_disk_payload());
  if (params.has_replication_factor()) request.set_replication_factor(params.replication_factor());
  if (params.has_write_consistency_factor()) request.set_write_consistency_factor(params.write_consistency_factor());
  if (config.has_quantization_config()) *request.mutable_quantization_config() = config.quantization_config();
  if (params.has_sharding_method()) request.set_sharding_method(params.sharding_method());
  if (config.has_strict_mode_config()) *request.mutable_strict_mode_config() = config.strict_mode_config();
  if (params.has_payload()) *request.mutable_payload() = params.payload();
  if (params.has_id_tracker()) *request.mutable_id_tracker() = params.id_tracker();
  ARROW_ASSIGN_OR_RAISE(Json rest, JsonOf(request));
  Json out = {{"vectors", Json::object()}};
  if (params.has_vectors_config()) {
    ARROW_ASSIGN_OR_RAISE(const Json vectors, JsonOf(params.vectors_config()));
    out["vectors"] = VectorsToRest(vectors);
  }
  if (params.has_sparse_vectors_config()) {
    ARROW_ASSIGN_OR_RAISE(const Json sparse, JsonOf(params.sparse_vectors_config()));
    if (sparse.contains("map")) out["sparse_vectors"] = NamedToRest(sparse["map"]);
  }
  const Json others = ToRest(rest);
  for (const auto& [key, value] : others.items()) {
    if (key != "collection_name") out[key] = value;
  }
  if (!config.metadata().empty()) {
    ARROW_ASSIGN_OR_RAISE(out["metadata"], MetadataJson(config.metadata()));
  }
  return out;
}

std::string NameOfType(pb::PayloadSchemaInfo::Type type) { return pb::PayloadSchemaInfo::Type_Name(type); }

}  // namespace

Result<std::string> ConfigJsonOf(const pb::CollectionInfo& info) { return ConfigOf(info).Map([](const Json& json) { return Text(json); }); }

Result<std::string> IndexesJsonOf(const pb::CollectionInfo& info) {
  std::vector<std::string> fields;
  for (const auto& [field, schema] : info.payload_schema()) fields.push_back(field);
  std::sort(fields.begin(), fields.end());
  Json out = Json::object();
  for (const auto& field : fields) {
    const auto& schema = info.payload_schema().at(field);
    const std::string type = NameOfType(schema.data_type());
    if (type.empty() || schema.data_type() == pb::PayloadSchemaInfo::unknown) continue;
    Json index = {{"type", type}};
    if (schema.has_params()) {
      ARROW_ASSIGN_OR_RAISE(const Json params, JsonOf(schema.params()));
      if (params.contains(type)) {
        const Json rest = ToRest(params[type]);
        for (const auto& [key, value] : rest.items()) index[key] = value;
      }
      index["params"] = true;  // parameters were given, be they none
    }
    out[field] = std::move(index);
  }
  return Text(out);
}

Result<RecordSchema> SchemaOf(const pb::CollectionInfo& info) {
  ARROW_ASSIGN_OR_RAISE(const Json config, ConfigOf(info));
  ARROW_ASSIGN_OR_RAISE(RecordSchema schema, qdrant_model::SchemaOfConfig(Text(config)));
  std::sort(schema.vectors.begin(), schema.vectors.end(), [](const VectorSpec& a, const VectorSpec& b) { return std::pair(a.kind, a.name) < std::pair(b.kind, b.name); });
  return schema;
}

Result<pb::CreateCollection> CreateRequest(const std::string& collection, const RecordSchema& schema, std::string_view settings) {
  ARROW_ASSIGN_OR_RAISE(const std::string vectors, qdrant_model::ConfigOfSchema(schema, settings));
  Json config = Json::parse(vectors, nullptr, false);
  const Json told = Json::parse(settings.empty() ? "{}" : settings, nullptr, false);
  if (told.is_object()) {
    for (const auto& [key, value] : told.items()) {
      if (!config.contains(key) && key != "sparse_vectors" && !value.is_null()) config[key] = value;
    }
  }
  return RequestOf(collection, std::move(config));
}

Result<std::vector<pb::CreateFieldIndex>> IndexRequests(const std::string& collection, std::string_view indexes) {
  std::vector<pb::CreateFieldIndex> requests;
  const Json json = Json::parse(indexes.empty() ? "{}" : indexes, nullptr, false);
  if (!json.is_object()) return MakeError(Category::usage, "the carried payload indexes are no JSON object");
  for (const auto& [field, index] : json.items()) {
    const std::string type = index.is_object() ? index.value("type", "") : "";
    pb::CreateFieldIndex request;
    pb::CreateFieldIndex::Type value;
    if (!pb::CreateFieldIndex::Type_Parse(type, &value)) continue;  // of a newer server
    request.set_collection_name(collection);
    request.set_wait(true);
    request.set_field_name(field);
    request.set_field_type(value);
    Json params = index;
    params.erase("type"), params.erase("params");
    if (!params.empty() || index.contains("params")) {
      ARROW_RETURN_NOT_OK(ParseInto(Json{{type, FromRest(params, "")}}, request.mutable_field_index_params()));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace vecferry::qdrant
