#pragma once
#include <string>
#include <string_view>

#include "base/error.h"
#include "record/schema.h"

/// The parameters of a Qdrant collection, as every store of that family tells them: CreateCollection of the REST API, JSON.
/// Facts: qdrant_client/http/models/models.py.
namespace vecferry::qdrant_model {

/// The setting that carries a collection's CreateCollection from one store of the family to another.
inline constexpr const char* kConfigSetting = "qdrant.create_collection";
/// Payload indexes: an object of field -> {"type": "keyword", ...}, as PUT /collections/NAME/index takes them.
inline constexpr const char* kIndexesSetting = "qdrant.payload_indexes";
/// Further names of the collection: an array of texts.
inline constexpr const char* kAliasesSetting = "qdrant.aliases";

/// The vectors of a CreateCollection. Its records' columns: named vectors sorted as they stand; `mixed` ids.
/// Category::unsupported for a distance or datatype that is not known, corrupt for a malformed one.
Result<RecordSchema> SchemaOfConfig(std::string_view config);
/// The CreateCollection for a schema; only keys that are set, so that every client version opens it.
/// What `settings` (a CreateCollection of the source, or "") says of the same vectors beyond size, distance and
/// datatype is taken over. Category::unsupported where the store cannot hold a vector column.
Result<std::string> ConfigOfSchema(const RecordSchema& schema, std::string_view settings);
/// Whether its vectors are one that has no name, so that points hold a list and not a dictionary.
bool IsUnnamed(std::string_view config);
/// A CreateCollection without the keys that are null, at any depth.
std::string WithoutNulls(std::string_view config);
/// "text: dense 384 x f32, cosine" for each vector column, for messages.
std::string DescribeVectors(const RecordSchema& schema);
/// OK where records of `wanted` can be written into a collection of `existing`; else Category::refused naming both.
Status CheckFits(const RecordSchema& existing, const RecordSchema& wanted);

}  // namespace vecferry::qdrant_model
