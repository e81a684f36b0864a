#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant/points.h"
#include "connectors/qdrant/value_writer.h"
#include "connectors/qdrant/wire_vector.h"
#include "record/elements.h"
#include "record/unit.h"

namespace vecferry::qdrant {
namespace {

constexpr uint32_t kPoints = 3;  ///< of UpsertPoints
constexpr uint32_t kPayload = 3;  ///< of PointStruct

/// What becomes of one column's vectors on their way to the wire.
struct ColumnScratch {
  std::vector<float> floats;
  SparseSorter sorter;
};

/// The rows of a dense or multi vector as floats: where they stand, or in `scratch`.
std::string_view Floats(const VectorColumn& column, std::string_view bytes, size_t rows, std::vector<float>& scratch) {
  const auto dims = static_cast<size_t>(column.spec.dims);
  const float* floats = AsFloats(column.spec.element, bytes, rows * dims, scratch);
  if (column.spec.metric == Metric::cosine && column.spec.element == Element::f32) {
    scratch.resize(rows * dims);
    for (size_t row = 0; row < rows; ++row) UnitVector(floats + row * dims, dims, scratch.data() + row * dims);
    floats = scratch.data();
  }
  return {reinterpret_cast<const char*>(floats), rows * dims * sizeof(float)};
}

Status DenseOf(const VectorColumn& column, int64_t row, ColumnScratch& scratch, WireVector* out) {
  const auto& spec = column.spec;
  if (spec.dims <= 0) return BadRecord("empty-vector", fmt::format("the vector '{}' has no elements", Printable(spec.name, 100)));
  if (spec.element != Element::f32 && spec.element != Element::f16 && spec.element != Element::u8) {
    return BadRecord("unsupported-vector", fmt::format("the vector '{}' is of type {}", Printable(spec.name, 100), Name(spec.element)));
  }
  out->kind = spec.kind;
  if (spec.kind == VectorKind::dense) {
    out->floats = Floats(column, column.Dense(row), 1, scratch.floats);
    return Status::OK();
  }
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  if (begin == end) return BadRecord("empty-multivector", fmt::format("the vector '{}' has no rows", Printable(spec.name, 100)));
  out->rows = static_cast<size_t>(end - begin);
  const char* const data = reinterpret_cast<const char*>(column.data) + begin * column.width;
  out->floats = Floats(column, {data, out->rows * static_cast<size_t>(column.width)}, out->rows, scratch.floats);
  return Status::OK();
}

Status SparseOf(const VectorColumn& column, int64_t row, ColumnScratch& scratch, WireVector* out) {
  const int32_t begin = column.offsets[row];
  const auto n = static_cast<size_t>(column.offsets[row + 1] - begin);
  out->kind = VectorKind::sparse;
  out->floats = {reinterpret_cast<const char*>(column.values + begin), n * sizeof(float)};
  out->indices = {column.indices + begin, n};
  return scratch.sorter.Sort(column.spec.name, out);
}

}  // namespace

struct PointEncoder::Impl {
  Impl(const RecordSchema& of, const Layout& by, Dialect as) : schema(of), layout(by), dialect(as), payload(by), scratch(of.vectors.size()) {
    unnamed = of.vectors.size() == 1 && of.vectors[0].name.empty() && of.vectors[0].kind != VectorKind::sparse;
  }

  const RecordSchema& schema;
  const Layout& layout;
  Dialect dialect;
  PayloadEncoder payload;
  ValueWriter values;
  std::vector<ColumnScratch> scratch;  ///< one for each column
  std::vector<NamedWireVector> vectors;
  bool unnamed = false;       ///< the collection has one vector, without a name
  size_t last_payload = 100;  ///< bytes of the payload before: the next is most often about as long

  Status Vectors(const RecordView& view, int64_t row) {
    vectors.clear();
    for (size_t i = 0; i < view.vectors().size(); ++i) {
      const VectorColumn& column = view.vectors()[i];
      if (column.IsNull(row)) continue;
      NamedWireVector& named = vectors.emplace_back(NamedWireVector{column.spec.name, {}});
      const bool sparse = column.spec.kind == VectorKind::sparse;
      ARROW_RETURN_NOT_OK(sparse ? SparseOf(column, row, scratch[i], &named.vector) : DenseOf(column, row, scratch[i], &named.vector));
    }
    return Status::OK();
  }

  Status Append(const RecordView& view, int64_t row, std::string* out, PointId* id) {
    ARROW_ASSIGN_OR_RAISE(const MappedId mapped, MapId(layout, schema.id_kind, view.tenant(row), view.id(row)));
    ARROW_RETURN_NOT_OK(Vectors(view, row));
    *id = PointId::Of(mapped);
    const size_t size = VectorsSize(vectors, unnamed, dialect);
    const OpenMessage point = BeginMessage(kPoints, 40 + last_payload + size, out);
    AppendPointId(1, *id, out);
    const size_t before = out->size();
    values.Begin(kPayload, out);
    const bool keep_original = mapped.mapped || layout.id_field_always;
    ARROW_RETURN_NOT_OK(payload.Encode(view, row, keep_original ? std::optional(view.id(row)) : std::nullopt, values));
    last_payload = out->size() - before;
    AppendVectors(vectors, unnamed, dialect, out);
    EndMessage(point, out);
    return Status::OK();
  }
};

PointEncoder::PointEncoder(const RecordSchema& schema, const Layout& layout, Dialect dialect)
    : impl_(std::make_unique<Impl>(schema, layout, dialect)) {}
PointEncoder::~PointEncoder() = default;
PointEncoder::PointEncoder(PointEncoder&&) noexcept = default;

std::optional<RowReject> PointEncoder::Append(const RecordView& view, int64_t row, std::string* out, PointId* id) {
  const size_t before = out->size();
  PointId unused;
  const Status status = impl_->Append(view, row, out, id ? id : &unused);
  if (status.ok()) return std::nullopt;
  out->resize(before);
  const std::string code = FactsOf(status).code;
  return RowReject{row, code.empty() ? "unsupported-value" : code, status.message()};
}

void AppendPointId(uint32_t field, const PointId& id, std::string* out) {
  if (id.is_uuid) {
    AppendHead(field, LengthFieldSize(id.uuid.size()), out);
    return AppendBytesField(2, id.uuid, out);
  }
  AppendHead(field, 1 + VarintSize(id.number), out);
  AppendUintField(1, id.number, out);
}

}  // namespace vecferry::qdrant
