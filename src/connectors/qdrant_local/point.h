#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "pickle/reader.h"
#include "connectors/qdrant_local/point_id.h"

/// Rows of the table `points` as records, and records as rows.
namespace vecferry::qdrant_local {

using namespace pickle;

/// What a row turned out to be, beside the record that it gave.
struct PointFacts {
  PointId id{PointId::Kind::other_text, 0, {}};  ///< "" where it is not known
  std::string record_id;     ///< the record's own id, after the layout's rule
  std::string tenant;
  bool key_canonical = true; ///< the key is the one the client gives today
  bool bookkeeping = false;  ///< the application's own point: no record was made
  bool rounded = false;      ///< some vector element was not exactly one of the column's type
  bool has_document = false, has_tenant = false;
};

/// Reads points. Not for use by two threads at once; reuse it.
class PointReader {
 public:
  /// Both outlive the reader.
  PointReader(const RecordSchema& schema, const Layout& layout);

  /// The id of a point, its place in the file checked: what must be known before it is decided whether the row counts.
  Fault Open(std::string_view key, std::string_view blob, PointFacts* facts);
  /// After Open: appends the record to the builder, unless it is book-keeping.
  Fault Append(BatchBuilder& builder, PointFacts* facts);

 private:
  Fault CheckState(const PyValue& point, const PyValue** fields);
  Fault CheckFieldsSet(const PyValue& state, std::string_view key, const std::vector<std::string_view>& allowed);
  Fault ReadPayload(PointFacts* facts, DecodedPayload* payload);
  Fault AppendVectors(BatchBuilder& builder, PointFacts* facts);
  Fault AppendVector(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts);
  Fault AppendDense(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts);
  Fault AppendMulti(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts);
  Fault AppendSparseVector(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts);
  Fault ReadFloats(const PyValue& list, const VectorSpec& spec, uint8_t* out, bool* rounded);
  bool IsBookkeeping(const PointFacts& facts) const;

  const RecordSchema& schema_;
  const Layout& layout_;
  PickleReader pickle_, key_pickle_;
  PayloadDecoder payload_;
  std::string key_buffer_, canonical_;
  const PyValue* vector_ = nullptr;
  const PyValue* payload_value_ = nullptr;
  std::vector<uint8_t> multi_;
  std::vector<std::pair<uint32_t, float>> sparse_;
  std::vector<uint32_t> indices_;
  std::vector<float> values_;
};

/// The rows of one batch, encoded: keys and blobs side by side in one buffer.
struct EncodedBatch {
  struct Row {
    size_t key, blob, end;  ///< offsets into `bytes`
    PointId id;
  };
  std::string bytes;
  std::vector<Row> rows;
  std::vector<RowReject> rejects;
  std::string_view Key(const Row& row) const { return std::string_view(bytes).substr(row.key, row.blob - row.key); }
  std::string_view Blob(const Row& row) const { return std::string_view(bytes).substr(row.blob, row.end - row.blob); }
};

/// Encodes every row that the store can hold; the others become rejects. `unnamed`: the collection has one unnamed
/// dense or multi vector, and nothing else but sparse ones. Thread-safe.
Result<EncodedBatch> EncodeBatch(const RecordView& batch, const Layout& layout, IdKind kind, bool unnamed);
/// The id of a point for a record's.
Result<PointId> PointIdOf(const Layout& layout, IdKind kind, std::optional<std::string_view> tenant, std::string_view id,
                          bool* keep_original);

}  // namespace vecferry::qdrant_local
