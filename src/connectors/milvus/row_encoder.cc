#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "base/iso_time.h"
#include "base/text.h"
#include "connectors/milvus/columns.h"
#include "connectors/milvus/value_router.h"
#include "net/wire.h"
#include "record/finite.h"

namespace vecferry::milvus {

struct RowEncoder::Impl {
  Impl(const Shape& of, const Layout& by) : shape(of), layout(by), payload(by), router(shape, by) {
    for (const Slot& slot : shape.slots) columns.emplace_back(slot.field);
    if (shape.dynamic) {
      Field field;
      field.name = "$meta";
      field.type = DataType::json;
      field.dynamic = true;
      meta.emplace(field);
    }
  }

  const Shape shape;
  const Layout& layout;
  PayloadEncoder payload;
  ValueRouter router;
  std::vector<ColumnWriter> columns;   ///< one for each slot
  std::optional<ColumnWriter> meta;
  std::vector<ColumnWriter::Mark> marks;
  std::vector<std::pair<uint32_t, float>> pairs;
  std::string scratch;
  int64_t taken = 0;

  Status Append(const RecordView& batch, int64_t row) {
    ARROW_ASSIGN_OR_RAISE(const Key key, KeyOf(shape, batch.tenant(row), batch.id(row)));
    router.Begin(meta ? &scratch : nullptr);
    scratch.clear();
    ARROW_RETURN_NOT_OK(payload.Encode(batch, row, std::nullopt, router));
    for (size_t i = 0; i < columns.size(); ++i) {
      const Slot& slot = shape.slots[i];
      switch (slot.role) {
        case Role::key:
          if (key.is_number) columns[i].Integer(key.number);
          else columns[i].Bytes(key.text);
          break;
        case Role::vector: ARROW_RETURN_NOT_OK(AppendVector(batch.vectors()[slot.column], row, columns[i])); break;
        case Role::skipped:
          if (!slot.field.function_output) columns[i].Null();
          break;
        default: ARROW_RETURN_NOT_OK(AppendScalar(slot, i, columns[i]));
      }
    }
    if (meta) meta->Bytes(scratch);
    return Status::OK();
  }

  Status AppendScalar(const Slot& slot, size_t i, ColumnWriter& column) {
    if (router.Give(i, column)) return Status::OK();
    // A partition key may not be null: no tenant is the empty one.
    if (slot.role == Role::tenant && !slot.field.nullable) return column.Bytes(""), Status::OK();
    if (slot.field.nullable || !slot.field.default_value.empty()) return column.Null(), Status::OK();
    return BadRecord("missing-field", fmt::format("the collection's field '{}' may not be null, and the record has no value for it", Printable(slot.field.name, 200)));
  }

  Status AppendVector(const VectorColumn& vectors, int64_t row, ColumnWriter& column) {
    if (vectors.IsNull(row)) {
      if (column.field().nullable) return column.Null(), Status::OK();
      return BadRecord("missing-vector", fmt::format("the collection's vector '{}' may not be null", Printable(column.field().name, 200)));
    }
    ARROW_RETURN_NOT_OK(CheckFinite(vectors, row));
    if (vectors.spec.kind == VectorKind::dense) return column.Bytes(vectors.Dense(row)), Status::OK();
    return AppendSparse(vectors, row, column);
  }

  /// Pairs of index and value, sorted, as servers want them.
  Status AppendSparse(const VectorColumn& vectors, int64_t row, ColumnWriter& column) {
    pairs.clear();
    for (int32_t at = vectors.offsets[row]; at < vectors.offsets[row + 1]; ++at) pairs.emplace_back(vectors.indices[at], vectors.values[at]);
    std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string bytes(pairs.size() * 8, '\0');
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0 && pairs[i].first == pairs[i - 1].first) return BadRecord("duplicate-index", "a sparse vector has the same index twice");
      if (pairs[i].first == UINT32_MAX) return BadRecord("sparse-index", "the largest index of a sparse vector in Milvus is 4294967294");
      std::memcpy(bytes.data() + i * 8, &pairs[i].first, 4);
      std::memcpy(bytes.data() + i * 8 + 4, &pairs[i].second, 4);
    }
    return column.Bytes(bytes), Status::OK();
  }
};

RowEncoder::RowEncoder(const Shape& shape, const Layout& layout) : impl_(std::make_unique<Impl>(shape, layout)) {}
RowEncoder::~RowEncoder() = default;
RowEncoder::RowEncoder(RowEncoder&&) noexcept = default;

void RowEncoder::Begin() {
  for (auto& column : impl_->columns) column.Truncate({0, 0, 0});
  if (impl_->meta) impl_->meta->Truncate({0, 0, 0});
  impl_->taken = 0;
}

std::optional<RowReject> RowEncoder::Append(const RecordView& batch, int64_t row) {
  Impl& impl = *impl_;
  impl.marks.clear();
  for (const auto& column : impl.columns) impl.marks.push_back(column.mark());
  const Status status = impl.Append(batch, row);
  if (status.ok()) return ++impl.taken, std::nullopt;
  for (size_t i = 0; i < impl.columns.size(); ++i) impl.columns[i].Truncate(impl.marks[i]);
  const std::string code = FactsOf(status).code;
  return RowReject{row, code.empty() ? "unsupported-value" : code, status.message()};
}

int64_t RowEncoder::rows() const { return impl_->taken; }

std::string RowEncoder::Finish(std::string head, std::string_view partition) {
  std::string request = std::move(head);
  if (!partition.empty()) AppendBytesField(4, partition, &request);
  for (size_t i = 0; i < impl_->columns.size(); ++i) {
    if (!impl_->shape.slots[i].field.function_output) impl_->columns[i].Finish(&request);
  }
  if (impl_->meta) impl_->meta->Finish(&request);
  AppendUintField(7, static_cast<uint64_t>(impl_->taken), &request);
  return request;
}

}  // namespace vecferry::milvus
