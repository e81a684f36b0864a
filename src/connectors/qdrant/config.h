#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "record/schema.h"

/// A collection's parameters: the server's messages and the JSON of the REST API, which is what travels between stores of the family.
namespace vecferry::qdrant {
namespace pb {
class CollectionInfo;
class CreateCollection;
class CreateFieldIndex;
}  // namespace pb

/// CreateCollection as the REST API has it, of a collection that exists. Everything the server tells is in it, defaults that it
/// filled in as well.
Result<std::string> ConfigJsonOf(const pb::CollectionInfo& info);
/// Its payload indexes with their parameters: field -> {"type": ..., ...}.
Result<std::string> IndexesJsonOf(const pb::CollectionInfo& info);
/// The vectors of a collection that exists; `mixed` ids.
Result<RecordSchema> SchemaOf(const pb::CollectionInfo& info);

/// The request that makes a collection for records of a schema. `settings` is a CreateCollection of a source of the family, or
/// "": all that it says and that does not contradict the schema is taken over.
Result<pb::CreateCollection> CreateRequest(const std::string& collection, const RecordSchema& schema, std::string_view settings);
/// The requests that make the indexes of IndexesJsonOf. Category::usage for a text that is none.
Result<std::vector<pb::CreateFieldIndex>> IndexRequests(const std::string& collection, std::string_view indexes);

}  // namespace vecferry::qdrant
