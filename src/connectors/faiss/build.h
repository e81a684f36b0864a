#pragma once
#include "connectors/faiss/place.h"
#include "files/file.h"

namespace vecferry::faiss_files {

/// Plain vectors to build an index of.
struct Rows {
  const files::File* file = nullptr;
  int64_t at = 0, count = 0;
  int32_t dims = 0;
  int32_t metric = 1;                  ///< FAISS's number
  const files::File* ids = nullptr;  ///< i64 each, or nullptr: row numbers
};

/// Writes a header as FAISS has it. Counts that do not fit the kind of index are the caller's to check.
std::string IndexHead(const char (&code)[5], int32_t dims, int64_t count, int32_t metric);
std::string BinaryHead(const char (&code)[5], int32_t bits, int64_t count);

/// Category::refused where an index of that kind is not built of vectors of so many dimensions, or would not be read again.
Status CheckDims(const IndexKind& kind, int32_t dims);

/// Category::refused where there are too few vectors to train on; none at all are enough.
Status CheckRows(const IndexKind& kind, int64_t rows);

/// Builds hnsw, ivf and the quantised kinds through libfaiss and writes the file, synced. Training takes a sample of evenly
/// spread rows. The index is in memory as a whole until it is written. Category::refused where there are too few vectors.
Status BuildIndex(const IndexKind& kind, const Rows& rows, const fs::path& out);

}  // namespace vecferry::faiss_files
