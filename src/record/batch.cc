#include "record/batch.h"

#include <algorithm>
#include <new>
#include <numeric>
#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

namespace vecferry {

/// Fills a view's raw pointers from a batch.
struct ViewMaker {
  RecordView& view;

  static RecordView::TextColumn TextOf(const arrow::Array& array) {
    const arrow::ArrayData& data = *array.data();
    RecordView::TextColumn column;
    static constexpr int32_t kNoOffsets[1] = {0};
    column.offsets = data.buffers[1] && data.buffers[1]->size() > 0
                         ? reinterpret_cast<const int32_t*>(data.buffers[1]->data()) + data.offset
                         : kNoOffsets;
    column.data = data.buffers[2] ? reinterpret_cast<const char*>(data.buffers[2]->data()) : "";
    if (array.null_count() > 0) column.validity = data.buffers[0]->data();
    column.validity_offset = data.offset;
    return column;
  }

  static const uint8_t* Raw(const arrow::ArrayData& data, int buffer, int64_t width) {
    return data.buffers[static_cast<size_t>(buffer)] ? data.buffers[static_cast<size_t>(buffer)]->data() + data.offset * width : nullptr;
  }

  static void Validity(const arrow::Array& array, VectorColumn& column) {
    if (array.null_count() == 0) return;
    column.validity = array.data()->buffers[0]->data();
    column.validity_offset = array.data()->offset;
  }

  static void Dense(const arrow::ArrayData& data, VectorColumn& column) {
    if (data.child_data.empty()) {
      column.data = Raw(data, 1, column.width);
    } else {
      const arrow::ArrayData& child = *data.child_data[0];
      const int64_t element = column.spec.dims == 0 ? 0 : column.width / column.spec.dims;
      column.data = Raw(child, 1, element);
      if (column.data) column.data += data.offset * column.width;
    }
  }

  static void Multi(const arrow::ArrayData& data, VectorColumn& column) {
    column.offsets = reinterpret_cast<const int32_t*>(Raw(data, 1, sizeof(int32_t)));
    Dense(*data.child_data[0], column);
  }

  static void Sparse(const arrow::ArrayData& data, VectorColumn& column) {
    const arrow::ArrayData& indices = *data.child_data[0];
    const arrow::ArrayData& values = *data.child_data[1];
    column.offsets = reinterpret_cast<const int32_t*>(Raw(indices, 1, sizeof(int32_t)));
    if (column.offsets) column.offsets += data.offset;
    column.indices = reinterpret_cast<const uint32_t*>(Raw(*indices.child_data[0], 1, sizeof(uint32_t)));
    column.values = reinterpret_cast<const float*>(Raw(*values.child_data[0], 1, sizeof(float)));
  }

  VectorColumn VectorOf(const VectorSpec& spec, const arrow::Array& array) const {
    VectorColumn column;
    column.spec = spec;
    column.width = spec.width();
    Validity(array, column);
    switch (spec.kind) {
      case VectorKind::dense: Dense(*array.data(), column); break;
      case VectorKind::sparse: Sparse(*array.data(), column); break;
      case VectorKind::multi: Multi(*array.data(), column); break;
    }
    return column;
  }

  template <typename Items, typename KeyOf>
  static std::vector<size_t> Sorted(const Items& items, KeyOf key_of) {
    std::vector<size_t> order(items.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key_of(items[a]) < key_of(items[b]); });
    return order;
  }

  Status Fill() {
    const arrow::RecordBatch& batch = *view.batch_;
    view.rows_ = batch.num_rows();
    const auto text = [&](const char* name, RecordView::TextColumn& out) {
      if (const auto array = batch.GetColumnByName(name)) out = TextOf(*array);
    };
    text("id", view.id_);
    text("tenant", view.tenant_);
    text("document", view.document_);
    text("metadata", view.metadata_);
    if (!view.id_.offsets || !view.metadata_.offsets) return MakeError(Category::internal, "a batch without id or metadata");
    for (const auto& spec : view.schema_->vectors) {
      view.vectors_.push_back(VectorOf(spec, *batch.GetColumnByName(spec.column())));
    }
    for (const auto& extra : view.schema_->extras) {
      view.extras_.push_back(TextOf(*batch.GetColumnByName("extra:" + extra)));
    }
    view.vector_order_ = Sorted(view.vectors_, [](const VectorColumn& column) { return column.spec.column(); });
    view.extra_order_ = Sorted(view.schema_->extras, [](const std::string& name) { return name; });
    view.bytes_ = arrow::util::TotalBufferSize(batch);
    return Status::OK();
  }

  static Result<RecordView> Make(std::shared_ptr<arrow::RecordBatch> batch, std::shared_ptr<const RecordSchema> schema) {
    RecordView view;
    view.batch_ = std::move(batch);
    view.schema_ = std::move(schema);
    ARROW_RETURN_NOT_OK(ViewMaker{view}.Fill());
    return view;
  }
};

Result<RecordView> RecordView::Make(std::shared_ptr<arrow::RecordBatch> batch) {
  ARROW_ASSIGN_OR_RAISE(RecordSchema schema, RecordSchema::FromArrow(*batch->schema()));
  ARROW_RETURN_NOT_OK(batch->Validate());
  return ViewMaker::Make(std::move(batch), std::make_shared<const RecordSchema>(std::move(schema)));
}

Result<RecordView> RecordView::Slice(int64_t first, int64_t count) const {
  ARROW_ASSIGN_OR_RAISE(RecordView view, ViewMaker::Make(batch_->Slice(first, count), schema_));
  view.bytes_ = rows_ == 0 ? 0 : bytes_ * view.rows_ / rows_;
  return view;
}

Result<RecordView> RecordView::WithoutTenant() const {
  const int column = batch_->schema()->GetFieldIndex("tenant");
  if (column < 0) return *this;
  ARROW_ASSIGN_OR_RAISE(auto rest, batch_->RemoveColumn(column));
  return Make(std::move(rest));
}

Result<RecordView> RecordView::Take(const std::vector<int64_t>& rows) const {
  BatchBuilder builder(*schema_);
  for (const int64_t row : rows) {
    builder.Id(id(row));
    if (const auto text = tenant(row)) builder.Tenant(*text);
    if (const auto text = document(row)) builder.Document(*text);
    if (const auto text = metadata(row)) builder.Metadata(*text);
    for (size_t i = 0; i < vectors_.size(); ++i) {
      const VectorColumn& column = vectors_[i];
      if (column.IsNull(row)) continue;
      if (column.spec.kind == VectorKind::dense) {
        builder.Vector(i, column.Dense(row));
        continue;
      }
      const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
      if (column.spec.kind == VectorKind::sparse) {
        builder.Sparse(i, column.indices + begin, column.values + begin, static_cast<size_t>(end - begin));
      } else {
        builder.Multi(i, {reinterpret_cast<const char*>(column.data) + begin * column.width, static_cast<size_t>((end - begin) * column.width)},
                      static_cast<size_t>(end - begin));
      }
    }
    for (size_t i = 0; i < extras_.size(); ++i) {
      if (const auto bytes = extra(i, row)) builder.Extra(i, *bytes);
    }
    builder.EndRow();
  }
  return builder.Finish();
}

namespace {

/// A bitmap that counts its zeros, and is none as long as it has none.
struct ValidityBits {
  std::vector<uint8_t> bits;
  int64_t length = 0;
  int64_t nulls = 0;

  void Push(bool valid) {
    if (!valid || nulls > 0) PushBit(valid);
    ++length;
  }
  void PushBit(bool valid) {
    if (nulls == 0) {
      bits.assign(static_cast<size_t>((length + 7) / 8), 0xFF);
      if (length % 8 != 0) bits.back() = static_cast<uint8_t>((1u << (length % 8)) - 1);
    }
    if (length % 8 == 0) bits.push_back(0);
    if (valid) bits.back() = static_cast<uint8_t>(bits.back() | (1u << (length % 8)));
    else ++nulls;
  }
  std::shared_ptr<arrow::Buffer> Finish() { return nulls == 0 ? nullptr : arrow::Buffer::FromVector(std::move(bits)); }
};

/// Leaves new elements as the memory was: a vector's bytes are about to be overwritten.
template <typename T>
struct Uninitialised : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = Uninitialised<U>;
  };
  template <typename U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
};

using Bytes = std::vector<uint8_t, Uninitialised<uint8_t>>;

class BytesBuffer final : public arrow::Buffer {
 public:
  explicit BytesBuffer(Bytes bytes) : arrow::Buffer(nullptr, 0), bytes_(std::move(bytes)) {
    data_ = bytes_.data();
    size_ = static_cast<int64_t>(bytes_.size());
    capacity_ = static_cast<int64_t>(bytes_.capacity());
  }

 private:
  Bytes bytes_;
};

struct TextBuilder {
  std::string data;
  std::vector<int32_t> offsets{0};
  ValidityBits validity;
  bool set = false;

  void Set(std::string_view text) {
    data.append(text);
    set = true;
  }
  void End() {
    validity.Push(set);
    offsets.push_back(static_cast<int32_t>(data.size()));
    set = false;
  }
  void Drop() {
    data.resize(static_cast<size_t>(offsets.back()));
    set = false;
  }
  int64_t bytes() const { return static_cast<int64_t>(data.size() + offsets.size() * 4); }
  std::shared_ptr<arrow::Array> Finish(const std::shared_ptr<arrow::DataType>& type, int64_t rows) {
    const int64_t nulls = validity.nulls;
    const size_t bytes = data.size();
    auto bitmap = validity.Finish();
    auto array = arrow::MakeArray(arrow::ArrayData::Make(
        type, rows, {std::move(bitmap), arrow::Buffer::FromVector(std::move(offsets)), arrow::Buffer::FromString(std::move(data))}, nulls));
    // The next batch is most often as large: growing anew would copy it twice.
    TextBuilder fresh;
    fresh.data.reserve(bytes);
    fresh.offsets.reserve(static_cast<size_t>(rows) + 1);
    *this = std::move(fresh);
    return array;
  }
};

struct VectorBuilder {
  VectorSpec spec;
  int64_t width = 0;
  Bytes data;
  std::vector<int32_t> offsets{0};  ///< not of a dense vector
  std::vector<uint32_t> indices;
  std::vector<float> values;
  ValidityBits validity;
  bool set = false;
  size_t committed = 0;

  size_t Length() const {
    return spec.kind == VectorKind::sparse ? indices.size() : width == 0 ? 0 : data.size() / static_cast<size_t>(width);
  }
  void End() {
    if (spec.kind != VectorKind::dense) offsets.push_back(static_cast<int32_t>(Length()));
    else if (!set) data.resize(data.size() + static_cast<size_t>(width), uint8_t{0});
    validity.Push(set);
    committed = data.size();
    set = false;
  }
  void Drop() {
    data.resize(committed);
    indices.resize(spec.kind == VectorKind::sparse ? static_cast<size_t>(offsets.back()) : 0);
    values.resize(indices.size());
    set = false;
  }
  int64_t bytes() const { return static_cast<int64_t>(data.size() + 8 * indices.size()) + 4 * (validity.length + 1); }

  std::shared_ptr<arrow::ArrayData> FinishDense(const std::shared_ptr<arrow::DataType>& type, int64_t rows,
                                                std::shared_ptr<arrow::Buffer> bitmap, int64_t nulls) {
    std::shared_ptr<arrow::Buffer> buffer = std::make_shared<BytesBuffer>(std::move(data));
    if (type->id() == arrow::Type::FIXED_SIZE_BINARY) return arrow::ArrayData::Make(type, rows, {std::move(bitmap), std::move(buffer)}, nulls);
    auto child = arrow::ArrayData::Make(type->field(0)->type(), rows * spec.dims, {nullptr, std::move(buffer)}, 0);
    return arrow::ArrayData::Make(type, rows, {std::move(bitmap)}, {std::move(child)}, nulls);
  }

  std::shared_ptr<arrow::ArrayData> FinishSparse(const std::shared_ptr<arrow::DataType>& type, int64_t rows) {
    const auto length = static_cast<int64_t>(indices.size());
    std::shared_ptr<arrow::Buffer> shared_offsets = arrow::Buffer::FromVector(std::move(offsets));
    auto list = [&](int field, std::shared_ptr<arrow::Buffer> buffer) {
      const auto& list_type = type->field(field)->type();
      auto child = arrow::ArrayData::Make(list_type->field(0)->type(), length, {nullptr, std::move(buffer)}, 0);
      return arrow::ArrayData::Make(list_type, rows, {nullptr, shared_offsets}, {std::move(child)}, 0);
    };
    auto index_list = list(0, arrow::Buffer::FromVector(std::move(indices)));
    auto value_list = list(1, arrow::Buffer::FromVector(std::move(values)));
    const int64_t nulls = validity.nulls;
    return arrow::ArrayData::Make(type, rows, {validity.Finish()}, {std::move(index_list), std::move(value_list)}, nulls);
  }

  std::shared_ptr<arrow::Array> Finish(const std::shared_ptr<arrow::DataType>& type, int64_t rows) {
    std::shared_ptr<arrow::ArrayData> result;
    const auto total = static_cast<int64_t>(Length());
    const size_t bytes = data.size();
    const int64_t nulls = validity.nulls;
    switch (spec.kind) {
      case VectorKind::dense: result = FinishDense(type, rows, validity.Finish(), nulls); break;
      case VectorKind::sparse: result = FinishSparse(type, rows); break;
      case VectorKind::multi: {
        auto child = FinishDense(type->field(0)->type(), total, nullptr, 0);
        result = arrow::ArrayData::Make(type, rows, {validity.Finish(), arrow::Buffer::FromVector(std::move(offsets))}, {std::move(child)}, nulls);
        break;
      }
    }
    VectorBuilder fresh;
    fresh.spec = spec;
    fresh.width = width;
    fresh.data.reserve(bytes);
    *this = std::move(fresh);
    return arrow::MakeArray(std::move(result));
  }
};

}  // namespace

struct BatchBuilder::Impl {
  std::shared_ptr<const RecordSchema> schema;
  std::shared_ptr<arrow::Schema> arrow_schema;
  int64_t rows = 0;
  TextBuilder id, tenant, document, metadata;
  std::vector<VectorBuilder> vectors;
  std::vector<TextBuilder> extras;

  template <typename Function>
  void Each(Function function) {
    function(id);
    if (schema->has_tenant) function(tenant);
    if (schema->has_document) function(document);
    function(metadata);
    for (auto& vector : vectors) function(vector);
    for (auto& extra : extras) function(extra);
  }
};

BatchBuilder::BatchBuilder(const RecordSchema& schema) : impl_(std::make_unique<Impl>()) {
  impl_->schema = std::make_shared<const RecordSchema>(schema);
  impl_->arrow_schema = schema.ToArrow();
  for (const auto& spec : schema.vectors) {
    VectorBuilder builder;
    builder.spec = spec;
    builder.width = spec.width();
    impl_->vectors.push_back(std::move(builder));
  }
  impl_->extras.resize(schema.extras.size());
}
BatchBuilder::~BatchBuilder() = default;
BatchBuilder::BatchBuilder(BatchBuilder&&) noexcept = default;
BatchBuilder& BatchBuilder::operator=(BatchBuilder&&) noexcept = default;

void BatchBuilder::Id(std::string_view id) { impl_->id.Set(id); }
void BatchBuilder::Tenant(std::string_view tenant) { impl_->tenant.Set(tenant); }
void BatchBuilder::Document(std::string_view text) { impl_->document.Set(text); }
void BatchBuilder::Metadata(std::string_view json) { impl_->metadata.Set(json); }

void BatchBuilder::Vector(size_t column, std::string_view bytes) {
  VectorBuilder& builder = impl_->vectors[column];
  builder.data.insert(builder.data.end(), bytes.begin(), bytes.end());
  builder.set = true;
}

uint8_t* BatchBuilder::VectorSpace(size_t column) {
  VectorBuilder& builder = impl_->vectors[column];
  builder.data.resize(builder.data.size() + static_cast<size_t>(builder.width));
  builder.set = true;
  return builder.data.data() + builder.data.size() - builder.width;
}

void BatchBuilder::Sparse(size_t column, const uint32_t* indices, const float* values, size_t n) {
  VectorBuilder& builder = impl_->vectors[column];
  builder.indices.insert(builder.indices.end(), indices, indices + n);
  builder.values.insert(builder.values.end(), values, values + n);
  builder.set = true;
}

void BatchBuilder::Multi(size_t column, std::string_view bytes, size_t) { Vector(column, bytes); }

void BatchBuilder::Extra(size_t column, std::string_view bytes) { impl_->extras[column].Set(bytes); }

void BatchBuilder::EndRow() {
  impl_->Each([](auto& column) { column.End(); });
  ++impl_->rows;
}

void BatchBuilder::DropRow() {
  impl_->Each([](auto& column) { column.Drop(); });
}

int64_t BatchBuilder::rows() const { return impl_->rows; }

int64_t BatchBuilder::bytes() const {
  int64_t total = 0;
  impl_->Each([&](auto& column) { total += column.bytes(); });
  return total;
}

Result<RecordView> BatchBuilder::Finish() {
  arrow::ArrayVector arrays;
  const int64_t rows = impl_->rows;
  const auto& fields = impl_->arrow_schema->fields();
  impl_->Each([&](auto& column) {
    const auto& type = fields[arrays.size()]->type();
    arrays.push_back(column.Finish(type, rows));
  });
  impl_->rows = 0;
  return ViewMaker::Make(arrow::RecordBatch::Make(impl_->arrow_schema, rows, std::move(arrays)), impl_->schema);
}

}  // namespace vecferry
