#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "files/file.h"

/// What an index file holds, found by walking over its bytes with every length checked against the file, before libfaiss
/// sees any of it. Facts: docs/formats/faiss.md.
namespace vecferry::faiss_files {

/// Metrics as FAISS numbers them.
enum FaissMetric : int32_t { kInnerProduct = 0, kL2 = 1, kL1 = 2 };

/// One inverted list: `count` vectors and as many ids.
struct List {
  int64_t codes_at = 0, ids_at = 0, count = 0;
};

struct Shape {
  std::string words;             ///< "IDMap2,HNSW,Flat"
  bool binary = false;
  int32_t dims = 0;              ///< of binary indexes: bits
  int64_t count = 0;
  int32_t metric = kL2;
  bool trained = true;
  bool lossy = false;            ///< vectors are kept quantised: what is read are reconstructions
  enum class Storage {
    rows,     ///< one after the other from rows_at on
    lists,    ///< inverted lists
    library,  ///< only libfaiss decodes them
  };
  Storage storage = Storage::rows;
  int64_t rows_at = 0;
  std::vector<List> lists;
  std::optional<int64_t> ids_at; ///< i64 ids of an IDMap, one for each of the rows below it
  /// Bytes of a stored vector, where it is not quantised.
  int64_t width() const { return binary ? dims / 8 : int64_t{4} * dims; }
};

/// Category::unsupported, saying which, for a kind of index that is not read; corrupt for bytes that are not what the format
/// allows. Memory: eight bytes a list at most.
Result<Shape> Walk(const files::File& file);

/// Whether a product quantizer of so many parts and bits a part is read: its tables are bounded. bits: 1 to 16.
bool IsReadProduct(uint64_t parts, uint64_t bits);

/// Whether bytes begin as an index file does.
bool LooksLikeIndex(std::string_view start);

}  // namespace vecferry::faiss_files
