#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant_local/point_pickle.h"
#include "connectors/qdrant_local/point.h"
#include "record/elements.h"

namespace vecferry::qdrant_local {
namespace {

class RowEncoder {
 public:
  RowEncoder(const RecordView& view, const Layout& layout, IdKind kind, bool unnamed, EncodedBatch& out)
      : view_(view), layout_(layout), kind_(kind), out_(out), payload_(layout), pickler_(&out.bytes) {
    for (const auto& column : view.vectors()) {
      std::string name;
      AppendText(column.spec.name, &name);
      names_.push_back(std::move(name));
      if (unnamed && column.spec.name.empty()) unnamed_ = &column;
      sparse_ |= column.spec.kind == VectorKind::sparse;
    }
  }

  /// Appends the row, or leaves the batch as it was and says why.
  Fault Encode(int64_t row) {
    EncodedBatch::Row encoded{.key = out_.bytes.size()};
    bool keep_original = false;
    auto id = PointIdOf(layout_, kind_, view_.tenant(row), view_.id(row), &keep_original);
    if (!id.ok()) return FaultOf(id.status());
    encoded.id = std::move(*id);
    AppendKey(encoded.id, &out_.bytes);
    encoded.blob = out_.bytes.size();
    BeginPoint(&out_.bytes);
    if (encoded.id.kind == PointId::Kind::u64) AppendUnsigned(encoded.id.integer, &out_.bytes);
    else AppendText(encoded.id.text, &out_.bytes);
    BeforeVector(&out_.bytes);
    Fault fault = EncodeVectors(row);
    if (!fault) fault = EncodePayload(row, keep_original);
    if (fault) {
      out_.bytes.resize(encoded.key);
      return fault;
    }
    EndPoint(&out_.bytes);
    encoded.end = out_.bytes.size();
    out_.rows.push_back(std::move(encoded));
    return {};
  }

 private:
  Fault EncodePayload(int64_t row, bool keep_original) {
    BeforePayload(&out_.bytes);
    pickler_.Begin();
    const auto original = keep_original ? std::optional(view_.id(row)) : std::nullopt;
    const Status status = payload_.Encode(view_, row, original, pickler_);
    return FaultOf(status);
  }

  Fault EncodeVectors(int64_t row) {
    if (unnamed_ && !sparse_ && !unnamed_->IsNull(row)) return EncodeVector(*unnamed_, row);
    out_.bytes += "}(";
    for (size_t i = 0; i < view_.vectors().size(); ++i) {
      if (view_.vectors()[i].IsNull(row)) continue;
      out_.bytes += names_[i];
      if (Fault fault = EncodeVector(view_.vectors()[i], row)) return fault;
    }
    out_.bytes += 'u';
    return {};
  }

  Fault EncodeVector(const VectorColumn& column, int64_t row) {
    const auto dims = static_cast<size_t>(column.spec.dims);
    if (column.spec.kind == VectorKind::dense) {
      AppendFloats(AsFloats(column.spec.element, column.Dense(row), dims, scratch_), dims, &out_.bytes);
      return {};
    }
    const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
    if (column.spec.kind == VectorKind::sparse) {
      const auto n = static_cast<size_t>(end - begin);
      AppendSparse(column.indices + begin, column.values + begin, n, &out_.bytes);
      return {};
    }
    if (begin == end) {
      return {"empty-multivector", fmt::format("the vector '{}' has no rows", Printable(column.spec.name, 100))};
    }
    out_.bytes += "](";
    for (int32_t i = begin; i < end; ++i) {
      const std::string_view bytes(reinterpret_cast<const char*>(column.data) + i * column.width,
                                   static_cast<size_t>(column.width));
      AppendFloats(AsFloats(column.spec.element, bytes, dims, scratch_), dims, &out_.bytes);
    }
    out_.bytes += 'e';
    return {};
  }

  const RecordView& view_;
  const Layout& layout_;
  IdKind kind_;
  EncodedBatch& out_;
  PayloadEncoder payload_;
  PayloadPickler pickler_;
  std::vector<std::string> names_;
  const VectorColumn* unnamed_ = nullptr;
  bool sparse_ = false;
  std::vector<float> scratch_;
};

}  // namespace

Result<PointId> PointIdOf(const Layout& layout, IdKind kind, std::optional<std::string_view> tenant, std::string_view id,
                          bool* keep_original) {
  ARROW_ASSIGN_OR_RAISE(MappedId mapped, MapId(layout, kind, tenant, id));
  *keep_original = mapped.mapped || layout.id_field_always;
  return mapped.is_integer ? PointId::Of(mapped.integer) : PointId{PointId::Kind::uuid, 0, std::move(mapped.uuid)};
}

Result<EncodedBatch> EncodeBatch(const RecordView& batch, const Layout& layout, IdKind kind, bool unnamed) {
  EncodedBatch out;
  out.bytes.reserve(static_cast<size_t>(batch.bytes()) * 5 / 2 + static_cast<size_t>(batch.rows()) * 512);
  out.rows.reserve(static_cast<size_t>(batch.rows()));
  RowEncoder encoder(batch, layout, kind, unnamed, out);
  for (int64_t row = 0; row < batch.rows(); ++row) {
    if (Fault fault = encoder.Encode(row)) out.rejects.push_back({row, std::move(fault.code), std::move(fault.message)});
  }
  return out;
}

}  // namespace vecferry::qdrant_local
