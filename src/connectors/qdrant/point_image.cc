#include <memory>

#include "connectors/qdrant/points.h"
#include "connectors/qdrant/wire_vector.h"

namespace vecferry::qdrant {
namespace {

/// A vector on its way from an answer to a request, with what it views.
struct Carried {
  VectorReader reader;
  NamedWireVector named;
};

/// The vectors of a VectorsOutput as field 4 of PointStruct.
Status Carry(std::string_view vectors_output, Dialect dialect, std::string* out) {
  std::vector<std::unique_ptr<Carried>> carried;
  bool unnamed = false;
  ARROW_RETURN_NOT_OK(EachVector(vectors_output, [&](std::string_view name, std::string_view message, bool is_unnamed) {
    Carried& last = *carried.emplace_back(std::make_unique<Carried>());
    unnamed = is_unnamed;
    last.named.name = name;
    return last.reader.Read(message, &last.named.vector);
  }));
  std::vector<NamedWireVector> vectors;
  for (const auto& vector : carried) vectors.push_back(vector->named);
  AppendVectors(vectors, unnamed, dialect, out);
  return Status::OK();
}

Status Append(std::string_view retrieved_point, Dialect dialect, std::string* out) {
  ARROW_ASSIGN_OR_RAISE(const PointId id, PointDecoder::IdOf(retrieved_point));
  const OpenMessage point = BeginMessage(3, retrieved_point.size() + 8, out);
  AppendPointId(1, id, out);
  std::string_view vectors;
  WireReader reader(retrieved_point);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(2, WireType::length)) AppendBytesField(3, field.bytes, out);
    if (field.is(4, WireType::length)) vectors = field.bytes;
  }
  if (!reader.ok()) return BadRecord("corrupt-point", "the point is not what its format allows");
  ARROW_RETURN_NOT_OK(Carry(vectors, dialect, out));
  EndMessage(point, out);
  return Status::OK();
}

}  // namespace

Status AppendAsPoint(std::string_view retrieved_point, Dialect dialect, std::string* out) {
  const size_t before = out->size();
  const Status status = Append(retrieved_point, dialect, out);
  if (status.ok()) return status;
  out->resize(before);
  return MakeError(Category::corrupt, status.message());
}

}  // namespace vecferry::qdrant
