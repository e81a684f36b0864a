#pragma once
#include <functional>
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
  bool document_required = false;        ///< absent documents are written as ""
  std::string tenant_field = "tenant";   ///< "" where the application knows no tenants
  std::map<std::string, FieldMeaning> meanings;
  /// Metadata fields that are written with a value when the record lacks them, and dropped again when
  /// read with just that value. JSON text.
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
  /// Payload indexes the application expects: field -> native type.
  std::map<std::string, std::string> payload_indexes;
};

/// What a store's payload was decoded into.
struct DecodedPayload {
  std::optional<std::string> original_id;  ///< the layout's id field, where the payload has it as a string
  std::optional<std::string> document, tenant;
  std::string metadata;                    ///< JSON text of an object
};

/// Writes a record's document, tenant and metadata as one payload object. A metadata key that the layout
/// reserves is written with a backslash before it, and read back without.
class PayloadEncoder {
 public:
  explicit PayloadEncoder(const Layout& layout) : layout_(layout) {}
  /// `original_id` is given where the layout's id field must hold it.
  Status Encode(const RecordView& view, int64_t row, std::optional<std::string_view> original_id,
                JsonVisitor& out);

 private:
  const Layout& layout_;
  JsonReader json_;
};

/// Takes the events of one payload object apart. Reuse: Begin() before each payload.
class PayloadDecoder final : public JsonVisitor {
 public:
  explicit PayloadDecoder(const Layout& layout);
  ~PayloadDecoder() override;
  void Begin();
  /// After the last event. The views live until the next Begin.
  Result<DecodedPayload> End();

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

/// The id rule of a layout for a store with u64 and UUID ids. Digit strings become numbers only where the
/// schema says they are numbers. Category::bad_content for an id the rule cannot take (not hexadecimal, too short).
Result<MappedId> MapId(const Layout& layout, IdKind kind, std::optional<std::string_view> tenant, std::string_view id);
/// The record's own id for a point: the original where it was kept and maps to this point, else the
/// point's id as it is spelled. `tenant` is the decoded one.
std::string UnmapId(const Layout& layout, std::string_view point_id, const DecodedPayload& payload);

}  // namespace vecferry
