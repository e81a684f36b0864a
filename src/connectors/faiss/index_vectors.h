#pragma once
#include <memory>

#include "connectors/faiss/shape.h"
#include "sidecar/vectors.h"

namespace vecferry::faiss_files {

/// The vectors of a walked index. Rows stand in the order of their ids inside FAISS: that of insertion. Flat, HNSW and IVF
/// indexes are read from the file as they are asked for (IVF: 16 bytes of memory a vector); quantised ones are loaded whole
/// by libfaiss at the first Read. `element` is that of the schema: bit for binary indexes, else f32, or f16 where Vecferry
/// wrote f16 vectors.
Result<std::shared_ptr<const sidecar::Vectors>> OpenVectors(std::shared_ptr<const files::File> file, const Shape& shape, Element element);

}  // namespace vecferry::faiss_files
