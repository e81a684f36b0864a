#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "connector/connector.h"
#include "connectors/chroma_local/catalog.h"
#include "connectors/chroma_local/queue.h"
#include "connectors/chroma_local/vector_map.h"
#include "sqlite/snapshot.h"

namespace vecferry::chroma_local {

/// How a user wants a folder to be opened, from the options of a URI.
struct OpenWishes {
  fs::path folder;
  std::string tenant = "default_tenant", database = "default_database", collection;
  sqlite::Snapshot::How how = sqlite::Snapshot::How::copy;
  bool damaged_is_missing = false;  ///< vectors of damaged HNSW files count as missing
};

/// What readers need of one moment of a live folder, or for good of a frozen one.
struct State {
  std::shared_ptr<const VectorMap> vectors;
  Pending pending;
};

/// One collection of a folder: the database and the files of its HNSW segment, as they are or copied once as of one moment. Thread-safe.
class Directory {
 public:
  /// The folder is never created, changed or locked out. Category::not_found for a folder that is none, or a collection that does not exist.
  static Result<std::shared_ptr<Directory>> Open(const OpenWishes& wishes, const OpenContext& context);

  Result<sqlite::Db> Connect() const { return snapshot_->Connect(); }
  bool frozen() const { return snapshot_->frozen(); }
  /// The state inside the read transaction of `db`. Of a live folder it is looked whether anything has changed.
  Result<std::shared_ptr<const State>> Current(sqlite::Db& db);
  /// Whether the HNSW files are still those of a state; always, where they are frozen.
  bool Unchanged(const State& state) const;

  const Collection& collection() const { return collection_; }
  const Tables& tables() const { return tables_; }
  const RecordSchema& schema() const { return schema_; }
  Metric metric() const { return metric_; }
  const fs::path& folder() const { return folder_; }
  const std::string& identity() const { return identity_; }
  const fs::path& segment() const { return segment_; }
  int64_t bytes() const;
  const CancelToken* cancel() const { return cancel_; }
  const Layout& layout() const { return *layout_; }
  const std::map<std::string, std::string>& settings() const { return settings_; }
  const std::string& function() const { return function_; }
  /// What is wrong with the HNSW files, where they are damaged and their vectors count as missing; else "".
  std::string damage() const;

 private:
  Status OpenDatabase(const OpenWishes& wishes, const OpenContext& context);
  /// Copies database and files as of one moment into the folder of the run, or finds them there.
  Status Freeze(const OpenWishes& wishes, const OpenContext& context);
  Status Understand(const OpenWishes& wishes);
  /// Whether some record has a text under the key; in the tables, or the queue.
  Result<bool> HasField(sqlite::Db& db, std::string_view key) const;
  Result<std::shared_ptr<const FileVectors>> LoadFiles();
  /// OK where live files that cannot be read stand still, and so are what they are; else a failure that passes.
  Status Believe(const SegmentStamps& stamps);
  /// Category::not_found where the collection is gone from a live folder.
  Status CheckStillThere(sqlite::Db& db) const;

  fs::path folder_, segment_;
  std::shared_ptr<const sqlite::Snapshot> snapshot_;
  Tables tables_;
  Collection collection_;
  RecordSchema schema_;
  Metric metric_ = Metric::l2;
  std::map<std::string, std::string> settings_;
  std::string function_, identity_;
  const CancelToken* cancel_ = nullptr;
  const Layout* layout_ = nullptr;
  bool damaged_is_missing_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<const State> state_;
  std::string state_key_, damage_;
  std::optional<std::pair<SegmentStamps, std::chrono::steady_clock::time_point>> suspect_;  ///< files that could not be read, and since when they are so
};

/// The same for the same collection however its folder was spelled.
std::string IdentityOf(const OpenWishes& wishes);

/// FOLDER/chroma.sqlite3. Category::not_found where it does not exist.
Result<fs::path> DatabaseOf(const fs::path& folder);

}  // namespace vecferry::chroma_local
