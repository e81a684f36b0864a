#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "connector/connector.h"
#include "connectors/qdrant_local/directory.h"
#include "connectors/qdrant_local/point.h"
#include "qdrant_model/collection_config.h"
#include "sqlite/snapshot.h"

/// One collection on disk, and what its readers and writers share.
namespace vecferry::qdrant_local {

inline constexpr const char* kScheme = "qdrant-local";
using namespace qdrant_model;  // a collection's parameters, in the vendor's own words

/// Where a collection is and what is known of it without opening it.
struct Dataset {
  fs::path root;
  fs::path directory;      ///< of the collection
  std::string name;
  std::string config;      ///< CreateCollection, JSON text
  std::vector<std::string> aliases;
  std::shared_ptr<DirectoryLock> lock;  ///< nothing where the store has no lock file
  fs::path storage() const { return directory / kStorageFile; }
};

/// How the table is read; null where there is no file yet or one of no bytes, which the client would fill. A write that its
/// program did not live to end is rolled back in a copy: what is read is never changed.
Result<std::shared_ptr<const sqlite::Snapshot>> OpenForReading(const Dataset& dataset);
/// Opens or creates the table for writing. The journal mode is `delete`, as the client leaves it; each
/// commit is synced.
Result<sqlite::Db> OpenForWriting(const fs::path& directory);

/// What the key column tells of a collection. Keys that are not those the client gives today can stand beside others of the
/// same point: clients before 1.16 wrote a row per spelling of a UUID. The row of the highest rowid is the point.
class KeyIndex {
 public:
  /// One pass over the keys.
  static Result<KeyIndex> Build(sqlite::Db& db);

  int64_t rows = 0;
  int64_t outdated = 0;  ///< rows that are not the latest of their point
  bool integers = false, uuids = false, others = false;
  bool derived = false;  ///< some UUID is of version 5: it may stand for a mapped id

  /// Whether the row is not the latest of its point. False for points whose only key is the canonical one.
  bool IsOutdated(const PointId& id, int64_t rowid) const {
    if (points_.empty()) return false;
    const auto at = points_.find(id.Identity());
    return at != points_.end() && at->second.latest != rowid;
  }
  /// The rows of a point beside that of its canonical key.
  const std::vector<int64_t>& OtherRows(const PointId& id) const;
  bool AllCanonical() const { return points_.empty(); }
  /// After a write or removal of the point: its other rows are gone.
  void Forget(const PointId& id) { points_.erase(id.Identity()); }
  void Remember(const PointId& id, int64_t rowid) { Add(id, rowid); }

 private:
  struct Rows {
    int64_t latest = 0;
    std::vector<int64_t> others;
  };
  void Add(const PointId& id, int64_t rowid);
  std::unordered_map<std::string, Rows> points_;  ///< by identity; only points with a key that is not canonical
};

/// A source on a dataset. `known` is the schema of the records that were written there, where it is known: it tells
/// what columns they have. The layout outlives the source.
std::unique_ptr<Source> MakeSource(Dataset dataset, const Layout* layout, std::optional<RecordSchema> known,
                                   const CancelToken* cancel);
/// A sink on a collection that may or may not exist. `dataset.config` is empty where it is not listed; `can`
/// outlives the sink.
std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can);

}  // namespace vecferry::qdrant_local
