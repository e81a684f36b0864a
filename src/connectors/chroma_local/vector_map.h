#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "connectors/chroma_local/catalog.h"
#include "connectors/chroma_local/hnsw.h"
#include "sqlite/db.h"

namespace vecferry::chroma_local {

/// Where the vector of a record stands.
struct Place {
  enum class In { nowhere, file, queue } in = In::nowhere;
  int64_t at = 0;  ///< position of the element, or seq_id of the row of embeddings_queue
};

/// The hash of an id, in place of the id itself: of 2^48 ids two would share one.
struct IdHash {
  uint64_t low = 0;
  uint32_t high = 0;
  static IdHash Of(std::string_view id);
  auto operator<=>(const IdHash&) const = default;
};

/// The vectors in the files of a segment by id: 16 bytes for each, and 4 where their norms are kept apart. Immutable; thread-safe.
class FileVectors {
 public:
  /// Reads the labels and one word of each element. A segment without files, or whose files hold none, has none.
  static Result<std::shared_ptr<const FileVectors>> Load(const fs::path& segment, bool norms, int32_t dims, const CancelToken* cancel);
  std::optional<uint32_t> Find(const IdHash& id) const;
  Status Read(uint32_t position, uint8_t* out) const { return file_->ReadVector(position, out); }

  SegmentStamps stamps;
  std::optional<HnswHeader> header;  ///< nothing where there are no files
  LabelFacts labels;
  int64_t deleted = 0;               ///< elements with the mark of deletion
  int64_t lost = 0;                  ///< ids whose label no element has
  bool damaged = false;              ///< what the files hold is not known

 private:
  struct Entry {
    uint64_t low;
    uint32_t high, position;
  };
  Status Join(std::string_view pickle, const CancelToken* cancel);
  std::optional<HnswFile> file_;
  std::vector<Entry> entries_;  ///< sorted
};

/// The rows of the write-ahead queue that the files do not have yet, played over them in order.
class VectorMap {
 public:
  static Result<std::shared_ptr<const VectorMap>> Load(sqlite::Db& db, const Collection& collection, std::shared_ptr<const FileVectors> files,
                                                       const CancelToken* cancel);
  Place Find(std::string_view id) const;
  const FileVectors& files() const { return *files_; }
  int64_t watermark() const { return watermark_; }  ///< seq_id up to which the files hold the queue
  int64_t queued() const { return queued_; }        ///< rows of the queue beyond it

 private:
  struct Hasher {
    size_t operator()(const IdHash& id) const { return id.low; }
  };
  Status Play(int64_t operation, std::string_view id, int64_t seq, bool has_vector);
  std::shared_ptr<const FileVectors> files_;
  std::unordered_map<IdHash, int64_t, Hasher> queue_;  ///< seq_id, or kDeleted
  int64_t watermark_ = 0, queued_ = 0;
};

}  // namespace vecferry::chroma_local
