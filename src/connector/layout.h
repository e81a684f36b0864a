#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/batch.h"
#include "record/json.h"

namespace vecferry {

/// How a field of metadata is compared where an application gives it a meaning of its own.
enum class FieldMeaning {
  plain,
  set,        ///< an array without order or repetition (tags)
  timestamp,  ///< seconds since the epoch; --time-tolerance applies
};

/// How an application keeps records in the rows of a relational table, as data. A column that is named here and that a table
/// lacks is simply not there; columns beside these are metadata fields of their own names.
struct TableLayout {
  enum class Role {
    id,         ///< the record's id
    document, tenant, vector,
    metadata,   ///< JSON whose keys are the metadata
    field,      ///< a metadata field of the column's name
    surrogate,  ///< a key that the database makes up and that says nothing: neither read nor written
    group,      ///< which of several datasets in one table it belongs to, see groups
  };
  struct Column {
    std::string name;
    Role role = Role::field;
    std::string type;          ///< of a table that is made anew; a vector's is made for its element and dimension
    bool primary_key = false, not_null = false;
    std::string default_sql;   ///< "" where there is none
    bool required = true;      ///< a table without it is not of this layout
  };
  std::vector<Column> columns; ///< in the order of a table that is made anew
  std::string fixed_table;     ///< the one name that the application gives it, "" where the user chooses
  std::string table_prefix;    ///< "data_": what the application puts before the user's name
  bool unique_ids = true;      ///< false: the application does not see to it
  /// Whether a table with further columns can be of this layout; they are fields then.
  bool more_columns = true;
  /// The table that names the datasets (collections) which share the one table.
  struct Groups {
    std::string table;         ///< "langchain_pg_collection"
    std::string key, name;     ///< its columns: what the group column holds, and the name that people use
    std::vector<Column> columns;  ///< of a table that is made anew
  };
  std::optional<Groups> groups;

  const Column* Find(Role role) const {
    for (const auto& column : columns) {
      if (column.role == role) return &column;
    }
    return nullptr;
  }
};

/// Where an application keeps id, document, tenant and metadata inside the payload of a store, as data.
/// A layout is injective: what Encode writes Decode gives back, key for key.
struct Layout {
  enum class IdRule {
    native_or_uuid5,  ///< an id that the store takes stays; others become UUIDv5 over (namespace, key)
    hash_prefix,      ///< the id is a hexadecimal hash; the point id is a UUID of its first 32 digits
  };
  std::string name;
  std::string title;           ///< one line for the documentation
  IdRule id_rule = IdRule::native_or_uuid5;
  std::string id_field = "_id";          ///< payload key of the original id
  bool id_field_always = false;          ///< written even where the id was not mapped
  std::string document_field = "document";
  bool document_required = false;        ///< a record without a document is refused
  std::string tenant_field = "tenant";   ///< "" where the application knows no tenants
  std::map<std::string, FieldMeaning> meanings;
  /// Metadata fields that are written with a value when the record lacks them, and dropped again when
  /// read with just that value. JSON text of a string, [] or {}.
  std::map<std::string, std::string> absent_as;
  /// The order in which the application writes its fields; others follow as they come.
  std::vector<std::string> field_order;

  /// A record of the application's own book-keeping: not the user's, skipped, not counted.
  struct Bookkeeping {
    std::string point_id;                 ///< its id as the store spells it, "1"
    std::vector<std::string> must_have;   ///< payload keys that identify it
  };
  std::optional<Bookkeeping> bookkeeping;
  /// Environment settings that switch the application over; {location}, {dataset} are replaced.
  std::vector<std::pair<std::string, std::string>> switch_over;
  /// The same for the way back, to the store the application used before.
  std::vector<std::pair<std::string, std::string>> switch_back;
  /// Payload indexes the application expects: field -> native type.
  std::map<std::string, std::string> payload_indexes;
  /// The same records in a relational table; nothing where the application knows none.
  std::optional<TableLayout> table;
};

/// What a store's payload was decoded into.
struct DecodedPayload {
  std::optional<std::string> original_id;  ///< of the layout's id field, where it maps to the point; else it is metadata
  std::optional<std::string> document, tenant;
  std::string metadata;                    ///< JSON text of an object
};

/// Writes a record's document, tenant and metadata as one payload object, the metadata's keys beside the layout's own.
/// A metadata key that would be read back as one of the layout's fields gets a backslash in front, and a key
/// of backslashes before a field's name gets one more; reading takes one off again. So what is encoded
/// decodes to the same record, whatever its keys. Not for use by two threads at once.
class PayloadEncoder {
 public:
  explicit PayloadEncoder(const Layout& layout);
  ~PayloadEncoder();
  /// `original_id` is given where the layout's id field must hold it: where the id was mapped, or always
  /// with id_field_always. Category::bad_content for a record that the layout has no place for.
  Status Encode(const RecordView& view, int64_t row, std::optional<std::string_view> original_id,
                JsonVisitor& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Takes the events of one payload object apart. Reuse: Begin() before each payload.
class PayloadDecoder final : public JsonVisitor {
 public:
  explicit PayloadDecoder(const Layout& layout);
  ~PayloadDecoder() override;
  void Begin();
  /// After the last event. The id field is taken for the record's own id only where that id maps to this
  /// point, spelled as the store spells it; else it is an ordinary field of the metadata.
  Result<DecodedPayload> End(std::string_view point_id);

  Status Null() override;
  Status Bool(bool value) override;
  Status Int(int64_t value) override;
  Status Uint(uint64_t value) override;
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// An id as a store that takes unsigned integers and UUIDs holds it.
struct MappedId {
  bool is_integer = false;
  uint64_t integer = 0;
  std::string uuid;        ///< canonical, when not an integer
  bool mapped = false;     ///< the original must be kept in the layout's id field
};

/// The id rule of a layout for a store with u64 and UUID ids. Only canonical spellings are native (digits without
/// leading zeros where the schema says ids are numbers; a UUID in lower case with hyphens), so that no two ids become one by
/// their spelling. Every other id becomes UUIDv5 in kIdNamespace over "i" ID, or "t" LENGTH ":" TENANT ID where
/// the record has a tenant, LENGTH being the tenant's bytes in decimal.
/// Category::bad_content with code "id-not-a-hash" for an id that hash_prefix cannot take.
Result<MappedId> MapId(const Layout& layout, IdKind kind, std::optional<std::string_view> tenant, std::string_view id);
/// Whether a point of that id is where MapId puts a mapped `original`.
bool IsOriginalOf(const Layout& layout, std::optional<std::string_view> tenant, std::string_view original,
                  std::string_view point_id);
/// The record's own id for a point: the original that the payload holds, else the point's id as it is spelled.
std::string UnmapId(const Layout& layout, std::string_view point_id, const DecodedPayload& payload);

}  // namespace vecferry
