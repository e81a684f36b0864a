#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/milvus/shape.h"

namespace vecferry::milvus {
namespace {

using nlohmann::json;

constexpr const char* kLongest = "65535";  ///< bytes of a VARCHAR
constexpr int32_t kMostDims = 262'144;      ///< of bits; servers take fewer of other elements, by their configuration

Field TextField(std::string name, bool nullable) {
  Field field;
  field.name = std::move(name);
  field.type = DataType::varchar;
  field.params = {{"max_length", kLongest}};
  field.nullable = nullable;
  return field;
}

std::vector<std::string> NamesOf(const CollectionSchema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  return names;
}

Result<Field> VectorField(const VectorSpec& spec, const NewCollection& wishes, const std::vector<std::string>& taken) {
  Field field;
  ARROW_ASSIGN_OR_RAISE(field.type, VectorTypeOf(spec));
  field.name = FieldNameFor(spec.name.empty() ? "vector" : spec.name, taken);
  // A name that no field may have, and whether the vector has one, stand in the description.
  field.description = "vecferry: vector=" + spec.name;
  field.nullable = wishes.missing_vectors;
  if (spec.kind == VectorKind::dense) {
    if (spec.element == Element::bit && spec.dims % 8 != 0) {
      return MakeError(Category::unsupported, fmt::format("Milvus has no vectors of {} bits: their number is divisible by 8", spec.dims));
    }
    if (spec.dims < wishes.least_dims || spec.dims > kMostDims) {
      return MakeError(Category::unsupported, fmt::format("the server has no vectors of {} dimensions: it takes {} to {}", spec.dims, wishes.least_dims, kMostDims));
    }
    field.params = {{"dim", std::to_string(spec.dims)}};
  }
  return field;
}

Field KeyField(const std::string& name, const RecordSchema& schema, const NewCollection& wishes, bool qualified) {
  const bool integers = !qualified && (schema.id_kind == IdKind::i64 || (wishes.integer_keys && schema.id_kind == IdKind::u64));
  Field field = TextField(name, false);
  field.key = true;
  if (integers) {
    field.type = DataType::int64;
    field.params.clear();
    return field;
  }
  if (schema.id_kind != IdKind::string) field.description = fmt::format("ids={}", Name(schema.id_kind));
  if (qualified) field.description += std::string(field.description.empty() ? "" : "; ") + "keys=tenant/id";
  if (!field.description.empty()) field.description.insert(0, "vecferry: ");
  return field;
}

/// The source's own fields of metadata, and what it says of its tenant and document. Those of vectors are of the records that come.
void TakeOver(const Collection& like, const RecordSchema& schema, const Field& tenant, const Field& document, const NewCollection& wishes, CollectionSchema* out) {
  for (const Field& given : like.schema.fields) {
    Field field = given;
    field.id = 0;
    field.auto_id = false;
    if (field.key || (IsVector(field.type) && !field.function_output)) continue;
    if (!wishes.nullable_scalars) field.nullable = false;
    const bool is_tenant = schema.has_tenant && !wishes.partition_tenants && field.name == tenant.name;
    if (is_tenant || (schema.has_document && field.name == document.name) || field.function_output || schema.field_types.contains(field.name)) {
      const auto at = std::find_if(out->fields.begin(), out->fields.end(), [&](const Field& made) { return made.name == field.name; });
      if (at == out->fields.end()) out->fields.push_back(std::move(field));
      else *at = std::move(field);
    }
  }
  out->description = like.schema.description;
  // Functions name fields that they read and fill; where one is gone they go as a whole.
  out->rest = like.schema.has_structs ? "" : like.schema.rest;
}

}  // namespace

Result<Collection> Design(const std::string& name, const RecordSchema& schema, const NewCollection& wishes) {
  Collection made;
  made.name = made.schema.name = name;
  made.schema.dynamic = true;
  made.consistency = 2;
  const Layout& layout = *wishes.layout;
  std::vector<Field>& fields = made.schema.fields;
  const bool tenants = schema.has_tenant && !wishes.partition_tenants;
  const Field* like_key = nullptr;
  if (wishes.like) {
    const auto& all = wishes.like->schema.fields;
    const auto at = std::find_if(all.begin(), all.end(), [](const Field& field) { return field.key; });
    if (at != all.end()) like_key = &*at;
  }
  // Keys of a Milvus collection are unique over its tenants; others' are made so.
  const bool qualified = tenants && (!like_key || like_key->description.find("keys=tenant/id") != std::string::npos);
  fields.push_back(KeyField(like_key ? FieldNameFor(like_key->name, {}) : "id", schema, wishes, qualified));
  Field tenant = TextField(wishes.tenant_field.empty() || wishes.tenant_field == "none" ? FieldNameFor(layout.tenant_field, NamesOf(made.schema)) : wishes.tenant_field, false);
  tenant.partition_key = true;
  if (tenants) fields.push_back(tenant);
  Field document = TextField(wishes.document_field.empty() ? FieldNameFor(layout.document_field, NamesOf(made.schema)) : wishes.document_field, true);
  // Without null values a document stands beside the metadata, where it may lack.
  if (schema.has_document && wishes.nullable_scalars) fields.push_back(document);
  if (wishes.like) {
    TakeOver(*wishes.like, schema, tenant, document, wishes, &made.schema);
    made.consistency = wishes.like->consistency;
    made.shards = wishes.like->shards;
    made.properties = wishes.like->properties;
    made.partitions = wishes.like->partitions;
  }
  if (std::none_of(fields.begin(), fields.end(), [](const Field& field) { return field.partition_key; })) made.partitions = 0;
  for (const VectorSpec& spec : schema.vectors) {
    VectorSpec named = spec;
    if (wishes.like && spec.name.empty()) {
      // The only dense vector of a collection has a name there.
      for (const Field& field : wishes.like->schema.fields) {
        if (IsVector(field.type) && !field.function_output && field.type != DataType::sparse_vector && spec.kind == VectorKind::dense) named.name = field.name;
      }
    }
    ARROW_ASSIGN_OR_RAISE(Field field, VectorField(named, wishes, NamesOf(made.schema)));
    field.description = "vecferry: vector=" + spec.name;
    if (const Field* given = wishes.like ? wishes.like->schema.Find(field.name) : nullptr) field.nullable = field.nullable && given->nullable;
    fields.push_back(std::move(field));
  }
  return made;
}

std::string SettingOf(const Collection& collection, const std::vector<Index>& indexes, const std::vector<std::string>& partitions) {
  const auto pairs = [](const Pairs& from) {
    json object = json::object();
    for (const auto& [key, value] : from) object[key] = value;
    return object;
  };
  json list = json::array();
  for (const Index& index : indexes) list.push_back({{"name", index.name}, {"field", index.field}, {"params", pairs(index.params)}});
  const json out = {{"schema", Base64(Encode(collection.schema))}, {"consistency", collection.consistency}, {"shards", collection.shards},
                    {"partition_count", collection.partitions}, {"properties", pairs(collection.properties)}, {"indexes", list}, {"partitions", partitions}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Setting> ParseSetting(const std::string& text) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains("schema") || !root["schema"].is_string()) return std::nullopt;
  const auto bytes = ParseBase64(root["schema"].get<std::string>());
  auto schema = bytes ? ParseSchema(*bytes) : Result<CollectionSchema>(MakeError(Category::corrupt, "no schema"));
  if (!schema.ok()) return std::nullopt;
  const auto number = [&](const char* key, int64_t otherwise) {
    return root.contains(key) && root[key].is_number_integer() ? root[key].get<int64_t>() : otherwise;
  };
  const auto pairs = [](const json& from) {
    Pairs out;
    if (!from.is_object()) return out;
    for (const auto& [key, value] : from.items()) {
      if (value.is_string()) out.emplace_back(key, value.get<std::string>());
    }
    return out;
  };
  Setting setting;
  setting.collection.schema = std::move(*schema);
  setting.collection.consistency = static_cast<int>(std::clamp<int64_t>(number("consistency", 2), 0, 3));
  setting.collection.shards = std::clamp<int64_t>(number("shards", 1), 1, 16);
  setting.collection.partitions = std::clamp<int64_t>(number("partition_count", 0), 0, 1024);
  if (root.contains("properties")) setting.collection.properties = pairs(root["properties"]);
  for (const auto& each : root.value("indexes", json::array())) {
    if (!each.is_object() || !each.value("field", json()).is_string()) continue;
    Index index;
    index.field = each["field"].get<std::string>();
    index.name = each.value("name", json()).is_string() ? each["name"].get<std::string>() : "";
    index.params = pairs(each.value("params", json::object()));
    setting.indexes.push_back(std::move(index));
  }
  return setting;
}

}  // namespace vecferry::milvus
