#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry::sqlite {

enum class Vec0Kind { vector, partition, metadata, auxiliary };
enum class Vec0Element { f32, i8, bit };
enum class Vec0Type { integer, real, boolean, text, blob };
/// How a vector column is indexed, which decides where its full vectors are (0.1.10 and later).
enum class Vec0Index { none, rescore, diskann };

/// One column of a vec0 table. `index` counts per kind, in declaration order: the NN of its shadow tables.
struct Vec0Column {
  std::string name;
  Vec0Kind kind = Vec0Kind::metadata;
  int index = 0;
  Vec0Type type = Vec0Type::text;           ///< of scalars
  std::string declared;                     ///< the type as it was written
  Vec0Element element = Vec0Element::f32;   ///< of vectors
  int32_t dims = 0;
  std::string metric;                       ///< "l2", "cosine", "l1"; "hamming" for bit
  Vec0Index indexed = Vec0Index::none;
  /// Bytes of one vector, or of one slot of metadata (0 for booleans, which are bits).
  int64_t width() const;
};

/// A vec0 table as its CREATE VIRTUAL TABLE text declares it: the only place where dimensions, element types,
/// metrics, names and chunk size are recorded.
struct Vec0Table {
  std::string name;
  std::string key;           ///< name of the primary key column, "" where none was declared
  bool text_key = false;     ///< ids are T_rowids.id, else the rowid
  int32_t chunk_size = 1024; ///< slots of a chunk
  std::vector<Vec0Column> columns;  ///< without the key

  /// The columns of one kind, by index.
  std::vector<const Vec0Column*> Of(Vec0Kind kind) const;
  /// Whether some vector column is indexed: its rows are then read by rowid, not by chunk.
  bool indexed() const;
  /// T_SUFFIX or T_SUFFIXnn.
  std::string Shadow(std::string_view suffix) const;
  std::string Shadow(std::string_view suffix, int index) const;
};

/// Whether a CREATE VIRTUAL TABLE text is of the vec0 module.
bool IsVec0Sql(std::string_view sql);
/// Understands what sqlite-vec 0.1.0 to 0.1.10 accept. Category::unsupported, naming the column, for what it
/// does not know or what cannot be carried (bit vectors of dims not divisible by 8).
Result<Vec0Table> ParseVec0(std::string_view table, std::string_view sql);

}  // namespace vecferry::sqlite
