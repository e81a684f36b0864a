#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "pickle/writer.h"

/// The classes of a pickled point. What a class needs beyond its fields is written for pydantic 1 and 2, so that clients of
/// both generations open it.
namespace vecferry::qdrant_local {

using namespace pickle;
using PayloadPickler = pickle::ValueWriter;

/// The fields of PointStruct stand between these: Begin, id, BeforeVector, vector, BeforePayload, payload, End.
void BeginPoint(std::string* out);
void BeforeVector(std::string* out);
void BeforePayload(std::string* out);
void EndPoint(std::string* out);
/// A SparseVector with its indices ascending.
void AppendSparse(const uint32_t* indices, const float* values, size_t n, std::string* out);

}  // namespace vecferry::qdrant_local
