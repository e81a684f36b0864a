#pragma once
#include <string>
#include <string_view>

#include "connector/connector.h"
#include "files/growing_file.h"
#include "files/place.h"

namespace vecferry::files {

/// What on-exists says of a target that is written as a whole: Category::refused where it holds records and is not to be replaced.
Status CheckMayWrite(const SinkSpec& spec, const TargetInfo& there, const Place& place);
/// The identity of a file or folder of that kind of store, for DatasetInfo and TargetInfo.
std::string IdentityOf(std::string_view kind, const Place& place);
/// Where bytes for `place` wait until they are whole: beside a local place, under the state folder for a bucket. The name
/// bears the run.
Result<fs::path> StagingPath(const Place& place, const std::string& run_id);

/// A file that grows beside its place under a name of the run and is put there when it is whole: the place never holds half
/// of it. An object of a bucket grows on this machine and is sent at the end, as one.
///
/// Failpoints: KIND.write.before, KIND.flush.before, KIND.fsync.before, KIND.rename.before, KIND.rename.after.
class StagedFile {
 public:
  StagedFile(Place place, std::string kind) : place_(std::move(place)), kind_(std::move(kind)) {}

  /// Category::not_found or usage where no file can stand at the place. For OpenSink.
  static Status CheckPlace(const Place& place);

  /// Makes or finds the part. `prefix` is what every part begins with; a part that does not is begun anew.
  Status Begin(const SinkSpec& spec, std::string prefix);
  Status Append(std::string_view bytes);
  /// Syncs; the state to journal.
  Result<std::string> Flush();
  /// Cuts back to a state of Flush; "" is the beginning. Where an earlier process has put the file in its place already, it
  /// is finished. Category::corrupt where what is there is not what the state tells of.
  Status Resume(const std::string& state);
  /// Adds `tail`, syncs and puts the file in its place. Idempotent.
  Status Finish(std::string_view tail = {});
  /// Lets go of the file; the part stays for a resume.
  void Close() { part_.Close(); }
  /// Removes the part, and the file where this run has put it there or nothing was begun. OK where all is gone.
  Status Drop();

  bool is_open() const { return part_.is_open(); }
  bool finished() const { return finished_; }
  /// Bytes so far, the prefix included.
  int64_t size() const { return part_.size(); }
  /// For a writer that cuts off again what it wrote; without the failpoint of Append.
  GrowingFile& part() { return part_; }
  const fs::path& part_path() const { return part_path_; }
  const Place& place() const { return place_; }
  /// Where what was written stands now: what OpenReadBack reads.
  Place Written() const { return finished_ || renamed_before_ ? place_ : Place(part_path_); }

 private:
  Status Restart();
  Status OpenPart();
  Status FindWhatIsOurs(bool part_there);
  Status ResumeFinished(int64_t size, uint64_t inode);
  Status Put();
  Status Hit(std::string_view point) const;

  Place place_;
  const std::string kind_;
  fs::path part_path_;
  std::string prefix_;
  GrowingFile part_;
  IntentLog* intents_ = nullptr;
  int64_t final_size_ = -1;      ///< as an earlier process of this run put it in its place
  bool only_new_ = false, finished_ = false;
  bool renamed_before_ = false;  ///< an earlier process of this run has put the file in its place
};

}  // namespace vecferry::files
