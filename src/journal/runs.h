#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/journal.h"

namespace vecferry {

/// A run's folder: journal.sqlite, run.lock, snapshots and the rejects file.
struct RunFolder {
  fs::path dir;
  fs::path journal() const { return journal_file.empty() ? dir / "journal.sqlite" : journal_file; }
  fs::path journal_file;  ///< where --checkpoint put it elsewhere
};

/// The folders of all runs, under StateDir()/runs.
class RunStore {
 public:
  static Result<RunStore> Default();
  explicit RunStore(fs::path root) : root_(std::move(root)) {}

  /// Newest first. Journals that cannot be read are listed with state "damaged" and, where it is known, their pair.
  Result<std::vector<std::pair<RunFolder, RunHeader>>> List() const;
  /// The newest run of that pair of datasets that has not been rolled back.
  Result<std::optional<RunFolder>> FindPair(const std::string& pair) const;
  /// By id or a prefix of it; "last" is the newest. Category::not_found with the nearest ids, refused if ambiguous.
  Result<RunFolder> Find(const std::string& id) const;
  /// A new folder with an id of its own, mode 0700.
  Result<std::pair<RunFolder, std::string>> Create() const;
  Status Remove(const RunFolder& run) const;
  /// Keeps the pair beside the journal, by which a run is found whose journal cannot be read.
  static Status WritePair(const RunFolder& run, std::string_view pair);
  /// Held by the process that executes the run. Category::locked names it.
  static Result<FileLock> Lock(const RunFolder& run);
  /// The run's process is alive and holds it.
  static bool IsHeld(const RunFolder& run);

  const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

}  // namespace vecferry
