#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "net/wire.h"

/// Points on the wire: qdrant.PointStruct and RetrievedPoint as records and back, without a message object in between.
/// Facts: field numbers of the .proto files of qdrant-client 1.20; what older servers fill, the same of 1.7 to 1.12.
namespace vecferry::qdrant {

/// What depends on the server's version.
struct Dialect {
  bool vector_oneof = true;  ///< 1.13 and later: fields 101..103 of Vector; before it the trio 1..3
};

/// An id in the server's own order: numbers, then UUIDs by their bytes.
struct PointId {
  bool is_uuid = false;
  uint64_t number = 0;
  std::string uuid;  ///< canonical: lower case with hyphens

  static PointId Of(uint64_t number) { return {false, number, {}}; }
  static PointId Of(const MappedId& mapped) { return mapped.is_integer ? Of(mapped.integer) : PointId{true, 0, mapped.uuid}; }
  std::string Spelled() const { return is_uuid ? uuid : std::to_string(number); }
  bool operator==(const PointId&) const = default;
  bool operator<(const PointId& other) const {
    if (is_uuid != other.is_uuid) return other.is_uuid;
    return is_uuid ? uuid < other.uuid : number < other.number;
  }
};
/// Appends a PointId message as field `field` of the message that is being written.
void AppendPointId(uint32_t field, const PointId& id, std::string* out);

/// Objects within each other below one payload key beyond which the vendor's own clients no longer read what was written: a
/// reader of protobuf stops at 100 levels, of which an object takes three and a list two (so lists go down to 48).
inline constexpr int kMostObjects = 32;

/// Encodes rows of batches of one schema. Not for use by two threads at once; reuse it.
class PointEncoder {
 public:
  /// `kind` of the ids that the dataset's source has. Both references outlive it. Dense and multi columns of metric cosine and
  /// element f32 are written as UnitVector gives them: the server then keeps them bit by bit.
  PointEncoder(const RecordSchema& schema, const Layout& layout, Dialect dialect);
  ~PointEncoder();
  PointEncoder(PointEncoder&&) noexcept;
  /// Appends the row as field 3 (`points`) of UpsertPoints; or leaves `out` as it was and says why: codes of MapId and of
  /// PayloadEncoder, "payload-too-deep", "payload-value" (NaN, infinities, integers beyond i64 and what JSON lacks), "invalid-utf8",
  /// "empty-multivector", "empty-vector", "unsupported-vector" (elements that no vector has, a sparse index twice), and
  /// "unsupported-value" for metadata that is no JSON. Sparse vectors are written in order of index.
  /// `row` of the reject is that given. `id` gets the point's id.
  std::optional<RowReject> Append(const RecordView& view, int64_t row, std::string* out, PointId* id = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The answer to Scroll or Get, taken apart. The views point into the bytes that were given.
struct Page {
  std::vector<std::string_view> points;  ///< RetrievedPoint messages
  std::optional<PointId> next;           ///< of Scroll: the first id of the next page
  bool timed = false;                    ///< it says how long it took, as every answer of a server does
};
/// Category::corrupt for bytes that are no such message.
Result<Page> ParseScrollResponse(std::string_view bytes);
Result<Page> ParseGetResponse(std::string_view bytes);

struct PointFacts {
  PointId id;
  std::string record_id;     ///< the record's own id, after the layout's rule
  std::string tenant;
  std::string shard_key;     ///< as text; "" where there is none
  bool bookkeeping = false;  ///< the application's own point: no record was made
  bool rounded = false;      ///< some element was not exactly one of the column's type
  bool has_document = false, has_tenant = false;
};
/// Why a point is no record; an empty code where it is one.
struct Fault {
  std::string code, message;
  explicit operator bool() const { return !code.empty(); }
};

/// Decodes points. Not for use by two threads at once; reuse it. Reads the vectors of servers of every age.
class PointDecoder {
 public:
  /// Both outlive it.
  PointDecoder(const RecordSchema& schema, const Layout& layout);
  ~PointDecoder();
  PointDecoder(PointDecoder&&) noexcept;
  /// Only the id, cheaply: nothing else is looked into. Category::corrupt for bytes that are no such message.
  static Result<PointId> IdOf(std::string_view retrieved_point);
  /// Appends the record to the builder, unless it is book-keeping or at fault ("corrupt-point", "wrong-dimensions",
  /// "unknown-vector", "wrong-vector-kind", "unsupported-vector", "unsupported-value", "invalid-utf8", "ambiguous-key", codes of
  /// PayloadDecoder). Of a map's key or a vector's name that stands twice the last counts. The facts' id is known whenever it is readable.
  /// With `tenant_is_shard_key` the tenant is the point's shard key and the payload's own field of that name is metadata.
  Fault Append(std::string_view retrieved_point, BatchBuilder& builder, PointFacts* facts, bool tenant_is_shard_key = false);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A RetrievedPoint as field 3 of UpsertPoints with the same id, payload and vectors, in the dialect's form: what a before-image is
/// kept as. Category::corrupt, and `out` as it was, for bytes that are no such message.
Status AppendAsPoint(std::string_view retrieved_point, Dialect dialect, std::string* out);

}  // namespace vecferry::qdrant
