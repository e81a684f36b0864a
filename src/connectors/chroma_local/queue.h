#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "connectors/chroma_local/catalog.h"
#include "sqlite/db.h"

/// The write-ahead queue, embeddings_queue: each write of a client as a row, kept until all segments have it. Facts: chromadb's
/// migrations/embeddings_queue and db/mixins/embeddings_queue.py of 0.4 and 0.5; rows written by 1.5.9.
namespace vecferry::chroma_local {

enum QueueOperation : int64_t { kAdd = 0, kUpdate = 1, kUpsert = 2, kDelete = 3 };

struct QueuedRow {
  int64_t seq = 0;
  int64_t operation = 0;
  std::string_view id;
  bool has_vector = false;
};

/// The seq_id up to which a segment has the queue; 0 where it has nothing. Integers, and of 0.4 and 0.5 eight big-endian bytes.
Result<int64_t> Watermark(sqlite::Db& db, const std::string& segment);
/// A seq_id as max_seq_id holds it; nothing where it is neither.
std::optional<int64_t> SeqOf(const sqlite::Stmt& row, int column);

/// The rows of a collection's topic beyond a seq_id, in order.
Status EachQueued(sqlite::Db& db, const Collection& collection, int64_t beyond, const CancelToken* cancel,
                  const std::function<Status(const QueuedRow&)>& on_row);

/// The vector of a row: `dims` floats of which INT32 are made too. Category::bad_content with its code where it is of another size or encoding.
Status DecodeQueuedVector(std::string_view bytes, std::string_view encoding, int32_t dims, uint8_t* out, bool* rounded);

/// What the queue says of documents and metadata that the tables do not say yet, by id. Small: Chroma plays them at once, but a
/// process that ended in between leaves some.
struct Pending {
  struct Change {
    bool drops_row = false;         ///< the row of `embeddings` is no more
    bool adds = false;              ///< a record that has no row
    std::vector<int64_t> rows;      ///< seq_ids of what is written over it, in order
  };
  std::map<std::string, Change, std::less<>> changes;
  std::vector<std::pair<int64_t, std::string>> added;  ///< seq_id of its first row, and id, in order
  int64_t dropped = 0;
  static Result<Pending> Load(sqlite::Db& db, const Collection& collection, const CancelToken* cancel);
};

}  // namespace vecferry::chroma_local
