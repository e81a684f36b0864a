#include "connectors/qdrant/wire_vector.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::qdrant {
namespace {

// Fields of Vector and VectorOutput: the trio of servers before 1.13, and the oneof of later ones.
constexpr uint32_t kData = 1, kIndices = 2, kVectorsCount = 3, kDense = 101, kSparse = 102, kMulti = 103;
constexpr size_t kTagOfOneof = 2;  ///< bytes of the tags of fields 101 to 103

size_t PackedSize(size_t bytes) { return bytes == 0 ? 0 : LengthFieldSize(bytes); }
void AppendPacked(uint32_t field, std::string_view bytes, std::string* out) {
  if (!bytes.empty()) AppendBytesField(field, bytes, out);
}

size_t IndexBytes(std::span<const uint32_t> indices) {
  size_t bytes = 0;
  for (const uint32_t index : indices) bytes += VarintSize(index);
  return bytes;
}
void AppendIndices(uint32_t field, std::span<const uint32_t> indices, std::string* out) {
  if (indices.empty()) return;
  AppendHead(field, IndexBytes(indices), out);
  for (const uint32_t index : indices) AppendVarint(index, out);
}

size_t RowBytes(const WireVector& vector) { return vector.rows == 0 ? 0 : vector.floats.size() / vector.rows; }

/// Bytes of the message in field 101, 102 or 103.
size_t OneofSize(const WireVector& vector) {
  switch (vector.kind) {
    case VectorKind::sparse: return PackedSize(vector.floats.size()) + PackedSize(IndexBytes(vector.indices));
    case VectorKind::multi: return vector.rows * LengthFieldSize(PackedSize(RowBytes(vector)));
    default: return PackedSize(vector.floats.size());
  }
}

size_t TrioSize(const WireVector& vector) {
  const size_t data = PackedSize(vector.floats.size());
  if (vector.kind == VectorKind::sparse) return data + LengthFieldSize(PackedSize(IndexBytes(vector.indices)));
  return vector.kind == VectorKind::multi ? data + 1 + VarintSize(vector.rows) : data;
}

size_t VectorSize(const WireVector& vector, Dialect dialect) {
  return dialect.vector_oneof ? LengthFieldSize(OneofSize(vector), kTagOfOneof) : TrioSize(vector);
}

void AppendOneof(const WireVector& vector, std::string* out) {
  const uint32_t field = vector.kind == VectorKind::sparse ? kSparse : vector.kind == VectorKind::multi ? kMulti : kDense;
  AppendHead(field, OneofSize(vector), out);
  if (vector.kind == VectorKind::multi) {
    const size_t bytes = RowBytes(vector);
    for (size_t row = 0; row < vector.rows; ++row) {
      AppendHead(1, PackedSize(bytes), out);
      AppendPacked(1, vector.floats.substr(row * bytes, bytes), out);
    }
    return;
  }
  AppendPacked(1, vector.floats, out);
  if (vector.kind == VectorKind::sparse) AppendIndices(2, vector.indices, out);
}

void AppendTrio(const WireVector& vector, std::string* out) {
  AppendPacked(kData, vector.floats, out);
  if (vector.kind == VectorKind::sparse) {
    AppendHead(kIndices, PackedSize(IndexBytes(vector.indices)), out);
    AppendIndices(1, vector.indices, out);
  } else if (vector.kind == VectorKind::multi) {
    AppendUintField(kVectorsCount, vector.rows, out);
  }
}

void AppendVector(uint32_t field, const WireVector& vector, Dialect dialect, std::string* out) {
  AppendHead(field, VectorSize(vector, dialect), out);
  dialect.vector_oneof ? AppendOneof(vector, out) : AppendTrio(vector, out);
}

size_t EntrySize(const NamedWireVector& named, Dialect dialect) {
  return LengthFieldSize(named.name.size()) + LengthFieldSize(VectorSize(named.vector, dialect));
}

size_t NamesSize(std::span<const NamedWireVector> vectors, Dialect dialect) {
  size_t size = 0;
  for (const auto& named : vectors) size += LengthFieldSize(EntrySize(named, dialect));
  return size;
}

bool IsUnnamed(std::span<const NamedWireVector> vectors, bool unnamed) { return unnamed && vectors.size() == 1; }

size_t ContentSize(std::span<const NamedWireVector> vectors, bool unnamed, Dialect dialect) {
  return LengthFieldSize(IsUnnamed(vectors, unnamed) ? VectorSize(vectors[0].vector, dialect) : NamesSize(vectors, dialect));
}

}  // namespace

Status CorruptVectors() { return BadRecord("corrupt-point", "the vectors are not what their format allows"); }

size_t VectorsSize(std::span<const NamedWireVector> vectors, bool unnamed, Dialect dialect) {
  return LengthFieldSize(ContentSize(vectors, unnamed, dialect));
}

void AppendVectors(std::span<const NamedWireVector> vectors, bool unnamed, Dialect dialect, std::string* out) {
  AppendHead(4, ContentSize(vectors, unnamed, dialect), out);
  if (IsUnnamed(vectors, unnamed)) return AppendVector(1, vectors[0].vector, dialect, out);
  AppendHead(2, NamesSize(vectors, dialect), out);
  for (const auto& named : vectors) {
    AppendHead(1, EntrySize(named, dialect), out);
    AppendBytesField(1, named.name, out);
    AppendVector(2, named.vector, dialect, out);
  }
}

void VectorReader::Floats::Gather(std::string_view more) {
  if (bytes.data() != gathered.data() || bytes.empty()) gathered.assign(bytes);
  gathered.append(more);
  bytes = gathered;
}

bool VectorReader::Floats::Add(const WireField& field) {
  if (field.type == WireType::length && field.bytes.size() % 4 == 0) {
    if (bytes.empty()) bytes = field.bytes;
    else Gather(field.bytes);
    return true;
  }
  char unpacked[4];
  std::memcpy(unpacked, &field.value, 4);
  if (field.type == WireType::fixed32) Gather({unpacked, 4});
  return field.type == WireType::fixed32;
}

bool VectorReader::AddIndices(const WireField& field) {
  uint64_t index = field.value;
  if (field.type == WireType::varint) {
    if (index > UINT32_MAX) return false;
    return indices_.push_back(static_cast<uint32_t>(index)), true;
  }
  if (field.type != WireType::length) return false;
  const char* at = field.bytes.data();
  const char* const end = at + field.bytes.size();
  while (at < end) {
    if (!ReadVarint(at, end, &index) || index > UINT32_MAX) return false;
    indices_.push_back(static_cast<uint32_t>(index));
  }
  return true;
}

/// DenseVector, or SparseVector, whose values have the same number.
Status VectorReader::ReadRepeated(std::string_view message, Floats* floats, bool with_indices) {
  floats->bytes = {};
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.number == 1 && !floats->Add(field)) return CorruptVectors();
    if (field.number == 2 && with_indices && !AddIndices(field)) return CorruptVectors();
  }
  return reader.ok() ? Status::OK() : CorruptVectors();
}

Status VectorReader::ReadMulti(std::string_view message, WireVector* vector) {
  floats_.bytes = {};
  vector->rows = 0;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (!field.is(1, WireType::length)) continue;
    ARROW_RETURN_NOT_OK(ReadRepeated(field.bytes, &row_, false));
    if (row_.bytes.size() * vector->rows != floats_.bytes.size()) {
      return BadRecord("wrong-dimensions", "the rows of a multi-vector are of different length");
    }
    ++vector->rows;
    floats_.Gather(row_.bytes);
  }
  return reader.ok() ? Status::OK() : CorruptVectors();
}

Status VectorReader::ReadOneof(const WireField& form, WireVector* vector) {
  if (form.number > kMulti) return BadRecord("unsupported-vector", fmt::format("a vector of the unknown form {}", form.number));
  if (form.type != WireType::length) return CorruptVectors();
  if (form.number == kMulti) {
    vector->kind = VectorKind::multi;
    return ReadMulti(form.bytes, vector);
  }
  const bool sparse = form.number == kSparse;
  if (sparse) vector->kind = VectorKind::sparse;
  return ReadRepeated(form.bytes, &floats_, sparse);
}

Status VectorReader::ReadTrio(const WireField& indices, const WireField& count, WireVector* vector) {
  if (indices.number != 0) {
    vector->kind = VectorKind::sparse;
    return indices.type == WireType::length ? ReadRepeatedIndices(indices.bytes) : CorruptVectors();
  }
  if (count.number == 0) return Status::OK();
  vector->kind = VectorKind::multi;
  vector->rows = count.value;
  const size_t elements = floats_.bytes.size() / 4;
  const bool even = elements == 0 ? count.value == 0 : count.value != 0 && elements % count.value == 0;
  return even && count.type == WireType::varint ? Status::OK() : CorruptVectors();
}

Status VectorReader::ReadRepeatedIndices(std::string_view message) {
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.number == 1 && !AddIndices(field)) return CorruptVectors();
  }
  return reader.ok() ? Status::OK() : CorruptVectors();
}

Status VectorReader::Read(std::string_view message, WireVector* vector) {
  *vector = WireVector{};
  floats_.bytes = {};
  indices_.clear();
  WireReader reader(message);
  WireField field, form, indices, count;
  while (reader.Next(&field)) {
    if (field.number == kData) {
      if (!floats_.Add(field)) return CorruptVectors();
    } else if (field.number <= kVectorsCount || field.number >= kDense) {
      WireField& place = field.number == kIndices ? indices : field.number == kVectorsCount ? count : form;
      if (place.number != 0) return CorruptVectors();
      place = field;
    }
  }
  if (!reader.ok()) return CorruptVectors();
  ARROW_RETURN_NOT_OK(form.number != 0 ? ReadOneof(form, vector) : ReadTrio(indices, count, vector));
  vector->floats = floats_.bytes;
  vector->indices = indices_;
  if (vector->kind == VectorKind::sparse && indices_.size() != vector->floats.size() / 4) {
    return BadRecord("corrupt-point", "a sparse vector whose indices and values do not match");
  }
  return Status::OK();
}

Status SparseSorter::Sort(std::string_view name, WireVector* vector) {
  const auto& given = vector->indices;
  if (std::adjacent_find(given.begin(), given.end(), std::greater_equal<>()) == given.end()) return Status::OK();
  pairs_.resize(given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    pairs_[i].first = given[i];
    std::memcpy(&pairs_[i].second, vector->floats.data() + 4 * i, 4);
  }
  std::sort(pairs_.begin(), pairs_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  indices_.clear();
  values_.clear();
  for (const auto& [index, value] : pairs_) {
    if (!indices_.empty() && indices_.back() == index) {
      return BadRecord("unsupported-vector", fmt::format("the index {} stands twice in the sparse vector '{}'", index, Printable(name, 100)));
    }
    indices_.push_back(index);
    values_.push_back(value);
  }
  vector->indices = indices_;
  vector->floats = {reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(float)};
  return Status::OK();
}

Status SplitNamed(std::string_view entry, std::string_view* name, std::string_view* vector) {
  WireReader reader(entry);
  WireField field;
  *vector = entry.substr(0, 0);
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) *name = field.bytes;
    if (field.is(2, WireType::length)) *vector = field.bytes;
  }
  return reader.ok() ? Status::OK() : CorruptVectors();
}

}  // namespace vecferry::qdrant
