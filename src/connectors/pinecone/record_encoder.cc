#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/records.h"
#include "record/number_writer.h"

namespace vecferry::pinecone {
namespace {

template <class T>
T Load(const void* from, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(from) + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

Status Missing(const VectorSpec& spec) {
  return BadRecord("missing-vector", fmt::format("the record has no {}, which every record of the index has", Printable(spec.column(), 200)));
}

/// Finite, and with something in it where that is asked for. Without a branch a number.
Status CheckNumbers(const VectorSpec& spec, const void* numbers, int64_t n, bool dense) {
  constexpr uint32_t kSign = 0x80000000u, kInfinity = 0x7f800000u;
  uint32_t some = 0, odd = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t magnitude = Load<uint32_t>(numbers, i) & ~kSign;
    some |= magnitude;
    odd |= static_cast<uint32_t>(magnitude >= kInfinity);
  }
  if (odd) return BadRecord("non-finite-vector", fmt::format("{} has a number that is not finite", Printable(spec.column(), 200)));
  if (dense && !some) return BadRecord("zero-vector", fmt::format("{} has zeros alone, which Pinecone refuses", Printable(spec.column(), 200)));
  return Status::OK();
}

}  // namespace

Result<Columns> Columns::Of(const RecordSchema& schema) {
  Columns columns;
  for (size_t i = 0; i < schema.vectors.size(); ++i) {
    const VectorSpec& spec = schema.vectors[i];
    int* const place = spec.kind == VectorKind::dense ? &columns.dense : spec.kind == VectorKind::sparse ? &columns.sparse : nullptr;
    const bool fits = place && *place < 0 && (spec.kind != VectorKind::dense || spec.element == Element::f32);
    if (!fits) {
      return MakeError(Category::unsupported, fmt::format("{}: an index holds one dense vector of f32 and one sparse one a record", Printable(spec.column(), 200)),
                       "see what the source holds with `vecferry inspect`; a store with named vectors holds several");
    }
    *place = static_cast<int>(i);
  }
  if (columns.dense < 0 && columns.sparse < 0) return MakeError(Category::unsupported, "a dataset without vectors is not held");
  return columns;
}

Layout RecordForm::LayoutFor(Layout layout, bool namespaces) {
  layout.id_rule = Layout::IdRule::native_or_uuid5;
  layout.id_field_always = false;
  if (namespaces) layout.tenant_field.clear();
  return layout;
}

struct RecordEncoder::Impl {
  explicit Impl(const RecordForm& of) : form(of), columns(Columns::Of(of.schema).ValueOr(Columns{})), payload(form.layout), metadata(form.metadata) {}

  const RecordForm form;
  const Columns columns;
  PayloadEncoder payload;
  MetadataWriter metadata;
  std::vector<uint32_t> sorted;

  Status Dense(const VectorColumn& column, int64_t row, std::string* out) {
    if (column.IsNull(row)) return Missing(column.spec);
    const std::string_view bytes = column.Dense(row);
    ARROW_RETURN_NOT_OK(CheckNumbers(column.spec, bytes.data(), column.spec.dims, true));
    *out += ",\"values\":";
    AppendNumbers<float>(bytes.data(), column.spec.dims, out);
    return Status::OK();
  }

  Status Sparse(const VectorColumn& column, int64_t row, std::string* out) {
    if (column.IsNull(row)) return columns.dense < 0 ? Missing(column.spec) : Status::OK();
    const int64_t begin = column.offsets[row], n = column.offsets[row + 1] - begin;
    if (n == 0) return BadRecord("empty-vector", fmt::format("{} holds no value, and Pinecone keeps none of these", Printable(column.spec.column(), 200)));
    if (static_cast<size_t>(n) > kMostSparse) {
      return BadRecord("sparse-too-long", fmt::format("{} holds {} values, and {} is the most", Printable(column.spec.column(), 200), n, kMostSparse));
    }
    ARROW_RETURN_NOT_OK(CheckNumbers(column.spec, column.values + begin, n, false));
    sorted.assign(column.indices + begin, column.indices + begin + n);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return BadRecord("bad-vector", "a sparse vector has an index twice");
    *out += ",\"sparseValues\":{\"indices\":";
    AppendNumbers<uint32_t>(column.indices + begin, n, out);
    *out += ",\"values\":";
    AppendNumbers<float>(column.values + begin, n, out);
    *out += '}';
    return Status::OK();
  }

  Status Append(const RecordView& view, int64_t row, std::string* out) {
    bool mapped = false;
    const std::string id = VectorIdOf(form.layout, form.TenantInId(view.tenant(row)), view.id(row), &mapped);
    *out += "{\"id\":";
    AppendJsonString(id, out);
    if (columns.dense >= 0) ARROW_RETURN_NOT_OK(Dense(view.vectors()[static_cast<size_t>(columns.dense)], row, out));
    if (columns.sparse >= 0) ARROW_RETURN_NOT_OK(Sparse(view.vectors()[static_cast<size_t>(columns.sparse)], row, out));
    const size_t before = out->size();
    *out += ",\"metadata\":";
    ARROW_RETURN_NOT_OK(payload.Encode(view, row, mapped ? std::optional(view.id(row)) : std::nullopt, metadata.Begin(out)));
    ARROW_ASSIGN_OR_RAISE(const bool some, metadata.End());
    if (!some) out->resize(before);
    *out += '}';
    return Status::OK();
  }
};

RecordEncoder::RecordEncoder(const RecordForm& form) : impl_(std::make_unique<Impl>(form)) {}
RecordEncoder::~RecordEncoder() = default;

std::optional<RowReject> RecordEncoder::Append(const RecordView& view, int64_t row, std::string* out) {
  const size_t before = out->size();
  const Status status = impl_->Append(view, row, out);
  if (status.ok()) return std::nullopt;
  out->resize(before);
  const std::string code = FactsOf(status).code;
  return RowReject{row, code.empty() ? "unsupported-value" : code, status.message()};
}

}  // namespace vecferry::pinecone
