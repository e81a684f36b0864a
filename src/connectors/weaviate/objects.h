#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "connectors/weaviate/class_schema.h"
#include "connectors/weaviate/property_reader.h"
#include "connectors/weaviate/property_table.h"
#include "connectors/weaviate/target.h"

/// Records as objects of a class and back.
namespace vecferry::weaviate {
namespace pb {
class BatchObject;
class SearchRequest;
class SearchResult;
}  // namespace pb

/// How the records of a dataset lie in its class.
struct Shape {
  RecordSchema schema;
  bool multi_tenant = false;   ///< a record's tenant is a tenant of the class
  std::string only_tenant;     ///< the one that is meant; records then have none of their own
};

/// The id of a record's object, a UUID in lower case. Bad record where the layout has none for it.
struct ObjectId {
  std::string uuid;
  bool mapped = false;         ///< the record's own is kept in a property
};
Result<ObjectId> ObjectIdOf(const Layout& layout, const Shape& shape, std::optional<std::string_view> tenant, std::string_view id);
/// The tenant of the class that a record's is, "" where the class keeps none apart.
Result<std::string> ClassTenantOf(const Shape& shape, std::optional<std::string_view> tenant);

/// Writes records. Not for use by two threads at once; reuse it.
class ObjectEncoder {
 public:
  ObjectEncoder(const Shape& shape, const Layout& layout, const Capabilities& can);
  ~ObjectEncoder();
  /// Properties are those of the table. `unknown` is set where the record has a key without one.
  std::optional<RowReject> Encode(const RecordView& view, int64_t row, const std::string& name, const PropertyTable& table, pb::BatchObject* out, bool* unknown);
  /// Looks at the values of a record's keys.
  Status Scout(const RecordView& view, int64_t row, TypeScout* scout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What was seen of one object.
struct ObjectFacts {
  std::string uuid;
  std::string record_id, tenant;
  bool has_document = false, has_tenant = false, mapped = false;
};

/// Reads objects of one class. Not for use by two threads at once; reuse it.
class ObjectDecoder {
 public:
  /// `nested_nulls` as in PropertyReader. The layout outlives it.
  ObjectDecoder(const Shape& shape, const Layout& layout, bool nested_nulls);
  ~ObjectDecoder();
  /// One row more, or why there is none. `tenant` is that of the class, "" where it has none. Fails only for what is no object at all.
  Result<std::optional<Reject>> Append(const pb::SearchResult& object, const std::string& tenant, const References* references, BatchBuilder& builder, ObjectFacts* facts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What is asked of each object: everything, or its id and key alone.
void SetWanted(const ClassSchema& schema, const Shape& shape, const Layout& layout, bool keys_only, pb::SearchRequest* request);

/// Whether an answer to such a request shows nulls only where they were set.
inline bool ShowsNestedNulls(const ClassSchema& schema) { return !schema.HasBlobs(); }

/// The id of an object as the server has it, 36 characters in lower case; false for anything else.
bool IsObjectId(std::string_view id);

}  // namespace vecferry::weaviate
