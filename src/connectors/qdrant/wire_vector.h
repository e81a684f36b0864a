#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/qdrant/points.h"
#include "net/wire.h"
#include "record/schema.h"

/// qdrant.Vector, VectorOutput and the messages that hold them, of servers of every age.
namespace vecferry::qdrant {

/// One vector, of either form. The views are the caller's.
struct WireVector {
  VectorKind kind = VectorKind::dense;
  std::string_view floats;            ///< packed: elements; of a sparse vector its values; of a multi-vector row after row
  std::span<const uint32_t> indices;  ///< of a sparse vector
  size_t rows = 1;                    ///< of a multi-vector; its rows are equally long
};
struct NamedWireVector {
  std::string_view name;
  WireVector vector;
};

/// Appends `vectors` as field 4 of PointStruct: as Vectors.vector where the only one is `unnamed`, else as a map of names.
/// Indices of a sparse vector stand as given.
void AppendVectors(std::span<const NamedWireVector> vectors, bool unnamed, Dialect dialect, std::string* out);
/// Bytes that it appends.
size_t VectorsSize(std::span<const NamedWireVector> vectors, bool unnamed, Dialect dialect);

/// Reads VectorOutput, which has Vector's field numbers. Reuse it; what was read is good until the next call.
class VectorReader {
 public:
  /// Bad records: "corrupt-point", "unsupported-vector" for a form that is not known here, "wrong-dimensions" for rows of
  /// different length.
  Status Read(std::string_view message, WireVector* vector);

 private:
  /// A repeated float, packed or not: where it stands in one piece a view of it, else gathered.
  struct Floats {
    std::string_view bytes;
    std::string gathered;
    bool Add(const WireField& field);
    void Gather(std::string_view more);
  };
  Status ReadOneof(const WireField& form, WireVector* vector);
  Status ReadTrio(const WireField& indices, const WireField& count, WireVector* vector);
  Status ReadRepeated(std::string_view message, Floats* floats, bool with_indices);
  Status ReadRepeatedIndices(std::string_view message);
  Status ReadMulti(std::string_view message, WireVector* vector);
  bool AddIndices(const WireField& field);

  Floats floats_, row_;
  std::vector<uint32_t> indices_;
};

/// Puts the elements of sparse vectors in order of their indices. Reuse it, one for each vector that is held at once.
class SparseSorter {
 public:
  /// What `vector` views is then this sorter's where it was not in order. Bad record: "unsupported-vector" for an index that stands twice.
  Status Sort(std::string_view name, WireVector* vector);

 private:
  std::vector<std::pair<uint32_t, float>> pairs_;
  std::vector<uint32_t> indices_;
  std::vector<float> values_;
};

/// The vectors of a point as VectorsOutput holds them: for each name that has one the message, as it stands.
/// `each(name, message, unnamed)` gives a Status. Bad record: "corrupt-point".
template <class Each>
Status EachVector(std::string_view vectors_output, Each each);

/// Splits one entry of `map<string, VectorOutput>`.
Status SplitNamed(std::string_view entry, std::string_view* name, std::string_view* vector);
Status CorruptVectors();

template <class Each>
Status EachVector(std::string_view vectors_output, Each each) {
  WireReader reader(vectors_output);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) ARROW_RETURN_NOT_OK(each(std::string_view(), field.bytes, true));
    if (!field.is(2, WireType::length)) continue;
    WireReader names(field.bytes);
    WireField entry;
    while (names.Next(&entry)) {
      if (!entry.is(1, WireType::length)) continue;
      std::string_view name, vector;
      ARROW_RETURN_NOT_OK(SplitNamed(entry.bytes, &name, &vector));
      ARROW_RETURN_NOT_OK(each(name, vector, false));
    }
    if (!names.ok()) return CorruptVectors();
  }
  return reader.ok() ? Status::OK() : CorruptVectors();
}

}  // namespace vecferry::qdrant
