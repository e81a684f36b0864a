#pragma once
#include <set>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "files/place.h"

namespace vecferry::files {

/// A folder of files that is made under a name of the run and appears at once. A local one is renamed; where a folder is
/// replaced, the two are exchanged. In a bucket finished files wait under "_vecferry-RUN/" in the folder and are moved by the server
/// at the end, one by one; readers of ours refuse a folder that holds such a prefix.
///
/// Failpoints: KIND.folder.sync.before, KIND.folder.rename.before, KIND.folder.rename.after, KIND.folder.publish.before.
class StagedFolder {
 public:
  StagedFolder(Place place, std::string kind) : place_(std::move(place)), kind_(std::move(kind)) {}

  /// Category::not_found or usage where no folder can stand at the place. For OpenSink.
  static Status CheckPlace(const Place& place);
  /// Category::refused for a folder of a bucket whose making has not ended.
  static Status CheckWhole(const Place& place);

  /// Makes or finds the staging folder. What is in it stays until KeepOnly.
  Status Begin(const SinkSpec& spec);
  /// Where files are written: a folder of this machine.
  const fs::path& root() const { return root_; }
  /// Removes every file that is not named, to go on where a state says.
  Status KeepOnly(const std::set<std::string>& relative);
  /// The parents of a file in the folder.
  Status MakeParents(const std::string& relative);
  /// A file is whole and synced, and will not be written again: in a bucket it is sent now and leaves this machine. Idempotent.
  Status Publish(const std::string& relative);
  /// Puts the folder in its place. `files` are all that it holds, in the order in which they shall appear where that is not at
  /// once. Idempotent.
  Status Finish(const std::vector<std::string>& files);
  void Close();
  /// Removes the staging folder, and of the folder that this run has put in its place (or where nothing was begun) every file with one of
  /// those endings and what is empty then. OK where all is gone.
  Status Drop(const std::vector<std::string>& endings);
  bool finished() const { return finished_; }
  /// An earlier process of this run has ended the work.
  bool finished_before() const { return finished_before_; }
  const Place& place() const { return place_; }
  Place Written() const { return finished_ || finished_before_ ? place_ : Place(root_); }

  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  ~StagedFolder() { Close(); }

 private:
  Status Lock();
  Status FinishLocal();
  Status FinishBucket(const std::vector<std::string>& files);
  Result<bool> FoundFinished();
  Status Hit(std::string_view point) const;
  Place Waiting() const { return place_ / ("_vecferry-" + run_id_); }

  Place place_;
  const std::string kind_;
  std::string run_id_;
  fs::path root_;
  IntentLog* intents_ = nullptr;
  int lock_ = -1;
  bool replaces_ = false, finished_ = false, finished_before_ = false;
};

}  // namespace vecferry::files
