#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/milvus/client.h"
#include "connectors/milvus/query.h"

/// Which field of a collection is what of a record.
namespace vecferry::milvus {

enum class Role {
  key, tenant, document,
  vector,    ///< a column of the record
  scalar,    ///< a metadata field of its own
  skipped,   ///< what a function of the server computes, and types that are not known
};

struct Slot {
  Field field;
  Role role = Role::scalar;
  size_t column = 0;      ///< of a vector: of the record's schema
};

struct Shape {
  RecordSchema schema;
  std::vector<Slot> slots;
  size_t key = 0;                    ///< positions in slots
  std::optional<size_t> tenant, document;
  bool dynamic = false;              ///< metadata may have further keys
  bool partition_tenants = false;    ///< a record's tenant is the partition that it is in
  bool qualified_keys = false;       ///< the key is made of tenant and id, see KeyOf
  std::map<std::string, Index> indexes;   ///< by field

  const Field& key_field() const { return slots[key].field; }
  bool integer_keys() const { return key_field().type == DataType::int64; }
  /// Names of the fields that a record is read from.
  std::vector<std::string> FieldNames(bool keys_only) const;
  const Slot* FindVector(std::string_view name) const;
};

/// What a user says of a collection beside its schema.
struct Wishes {
  const Layout* layout = nullptr;
  std::string tenant_field, document_field;   ///< see Target
  bool has_partitions = false;                ///< some beside the server's default, and no partition key
};

/// The records that a collection holds, as its schema tells. Category::unsupported where it has no key that can be read.
Result<Shape> ShapeOf(const Collection& collection, const std::vector<Index>& indexes, const Wishes& wishes);
/// The same for records of that schema, which others described: its vectors are found in the collection by name, or where either side has only one.
/// Category::refused, with what differs, where the collection has no place for a part of the records.
Result<Shape> BindShape(Shape shape, const RecordSchema& schema, bool create);

/// A new collection for records of that schema. `fields` says which are nullable.
struct NewCollection {
  const Layout* layout = nullptr;
  std::string tenant_field, document_field;
  bool integer_keys = false;
  bool nullable_scalars = true;      ///< the server knows null values
  bool missing_vectors = false;      ///< records may lack a vector
  bool partition_tenants = false;
  int32_t least_dims = 2;            ///< of a dense vector
  const Collection* like = nullptr;  ///< the collection that the records come from, where that was one
};
Result<Collection> Design(const std::string& name, const RecordSchema& schema, const NewCollection& wishes);

/// The key of a record. Category::bad_content for an id that the collection cannot hold.
Result<Key> KeyOf(const Shape& shape, std::optional<std::string_view> tenant, std::string_view id);
/// The id of a row with that key.
std::string IdOf(const Shape& shape, const Key& key);

/// COSINE, IP, L2, HAMMING, JACCARD; unknown for others.
Metric MetricOf(std::string_view name);
Result<std::string> MetricName(const VectorSpec& spec);

/// What a collection of another server is made from: DatasetInfo::settings.
inline constexpr const char* kCollectionSetting = "milvus.collection";
std::string SettingOf(const Collection& collection, const std::vector<Index>& indexes, const std::vector<std::string>& partitions);
struct Setting {
  Collection collection;
  std::vector<Index> indexes;
};
/// Nothing for a text that is none.
std::optional<Setting> ParseSetting(const std::string& text);

}  // namespace vecferry::milvus
