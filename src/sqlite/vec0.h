#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sqlite/db.h"
#include "sqlite/vec0_parser.h"

/// Reads sqlite-vec's vec0 virtual tables from their shadow tables, with plain SQLite and no extension.
///
/// Facts (observed on sqlite-vec 0.1.1 to 0.1.10a4): a chunk has `chunk_size` slots. T_chunks holds its validity
/// bitmap (bit o = byte o>>3, LSB first) and the int64 rowid of each slot; T_vector_chunksNN the vectors of column
/// NN, slot after slot; T_metadatachunksNN the metadata likewise; T_rowids maps a rowid to (chunk_id, chunk_offset) and
/// to the text key. Only validity tells whether a slot is live: old versions leave the rowid and the bytes of deleted rows.
namespace vecferry::sqlite {

/// A scalar of a row. Text and blob views live until the next call on the reader that gave them.
struct Vec0Value {
  Type type = Type::null;
  bool boolean = false;      ///< the integer is a declared boolean
  int64_t integer = 0;
  double real = 0;
  std::string_view bytes;    ///< text or blob
};

/// Where T_rowids says a row is.
struct Vec0Place {
  bool found = false;
  bool placed = false;       ///< chunk and slot are known (they are NULL in diskann tables)
  int64_t chunk = 0;
  int64_t slot = 0;
  std::string_view key;      ///< of text keys; lives until the next Find
};

/// One chunk, its small blobs loaded.
struct Vec0Chunk {
  int64_t id = 0;
  std::string problem;       ///< why nothing in it can be trusted, "" if it can
  std::string validity, rowids;
  std::vector<std::string> metadata;          ///< blob per metadata column, in wanted ones
  std::vector<Vec0Value> partitions;
  std::vector<std::string> partition_bytes;   ///< what the texts of `partitions` refer to
  struct Window {
    std::string bytes;                        ///< neighbouring vectors, read at once
    int64_t first = 0, end = 0;               ///< their slots
    int64_t expected = -1;                    ///< the slot that makes the reads sequential
  };
  std::vector<std::optional<BlobReader>> vectors;
  std::vector<Window> windows;                ///< per vector column
  std::vector<std::string> vector_problems;   ///< per vector column, "" if it can be read
  uint64_t used = 0;

  bool Live(int64_t slot) const { return (static_cast<uint8_t>(validity[static_cast<size_t>(slot >> 3)]) >> (slot & 7)) & 1; }
  int64_t RowId(int64_t slot) const;
  int64_t LiveCount() const;
};

/// Names of the vec0 tables of a database, sorted.
Result<std::vector<std::string>> ListVec0(Db& db);
/// Category::not_found, with the nearest names or a word that there are none, where it does not exist.
Result<Vec0Table> FindVec0(Db& db, std::string_view name);

/// Random access to the rows of one vec0 table over one connection, which must outlive it. Not for use by two
/// threads at once. Damage is told per row: a Status of Category::corrupt from ReadVector and ReadScalar is about that row
/// alone, and Vec0Chunk::problem about the rows of that chunk. Any other failure is one of the database.
class Vec0Reader {
 public:
  struct Options {
    bool scalars = true;     ///< whether metadata, partitions and auxiliary columns will be read
    size_t open_chunks = 8;  ///< chunks kept loaded: validity, rowids and metadata, not vectors
  };
  static Result<Vec0Reader> Open(Db& db, const Vec0Table& table, Options options);
  Vec0Reader(Vec0Reader&&) noexcept;
  Vec0Reader& operator=(Vec0Reader&&) noexcept;
  ~Vec0Reader();

  /// The chunk; kept for the next calls. The pointer lives until the next call of Chunk or Release. A chunk that
  /// is not there is one with a problem.
  Result<Vec0Chunk*> Chunk(int64_t id);
  /// The first chunk id that is not below `from`.
  Result<std::optional<int64_t>> NextChunk(int64_t from);
  Result<Vec0Place> Find(int64_t rowid);

  /// OK if the row that T_rowids places there is live in that slot, else Category::corrupt with what disagrees.
  Status CheckPlace(const Vec0Chunk& chunk, int64_t slot, int64_t rowid) const;
  /// The vector of vector column `column`, exactly width() bytes. `chunk` may be nullptr for indexed columns.
  Status ReadVector(size_t column, Vec0Chunk* chunk, int64_t slot, int64_t rowid, uint8_t* out);
  /// A metadata, partition or auxiliary column, by its kind's index.
  Result<Vec0Value> ReadScalar(const Vec0Column& column, const Vec0Chunk* chunk, int64_t slot, int64_t rowid);

  /// Lets go of every read position, so that the connection holds no state of the database between transactions.
  void Release();
  const Vec0Table& table() const;

 private:
  struct Impl;
  explicit Vec0Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Rows that T_rowids lists.
Result<int64_t> CountRows(Db& db, const Vec0Table& table);
/// Live slots over all chunks, from the validity bitmaps; -1 where the table has no chunks by design (diskann).
Result<int64_t> CountLiveSlots(Db& db, const Vec0Table& table);

}  // namespace vecferry::sqlite
