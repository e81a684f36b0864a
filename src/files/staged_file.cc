#include "files/staged_file.h"

#include <charconv>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/sha256.h"
#include "base/text.h"

namespace vecferry::files {
namespace {

constexpr const char* kCreateIntent = "create-file";
constexpr const char* kRenameIntent = "rename-file";

/// "SIZE INODE" of the file that is being written: how much of it is durable, and which one it was.
struct State {
  int64_t size = 0;
  uint64_t inode = 0;
};

Result<State> ParseState(std::string_view text, std::string_view kind) {
  State state;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, state.size);
  const bool space = first.ec == std::errc() && first.ptr != end && *first.ptr == ' ';
  const auto second = space ? std::from_chars(first.ptr + 1, end, state.inode) : first;
  if (!space || second.ec != std::errc() || second.ptr != end || state.size < 0) {
    return MakeError(Category::corrupt, fmt::format("'{}' is no state of a {} file", Printable(text, 100), kind));
  }
  return state;
}

Status NotOurs(const std::string& path) {
  return MakeError(Category::corrupt, fmt::format("{} is not the file that this run wrote", path), "start again with --restart");
}

}  // namespace

Status CheckMayWrite(const SinkSpec& spec, const TargetInfo& there, const Place& place) {
  if (spec.resumed || spec.on_exists == OnExists::replace || !there.exists || there.count == 0) return Status::OK();
  const bool adds = spec.on_exists == OnExists::append || spec.on_exists == OnExists::upsert;
  return MakeError(Category::refused, fmt::format("{} {}: it has {} records", place.text(), adds ? "cannot be added to" : "holds records", there.count),
                   "name another place, or use --on-exists replace");
}

std::string IdentityOf(std::string_view kind, const Place& place) { return fmt::format("{}:{}", kind, place.identity()); }

Result<fs::path> StagingPath(const Place& place, const std::string& run_id) {
  const std::string suffix = fmt::format(".{}.vecferry-part", run_id.empty() ? "run" : run_id);
  if (place.is_local()) {
    fs::path path = place.local().has_filename() ? place.local() : place.local().parent_path();
    path += suffix;
    return path;
  }
  ARROW_ASSIGN_OR_RAISE(const fs::path state, StateDir());
  ARROW_RETURN_NOT_OK(MakePrivateDirs(state / "staging"));
  return state / "staging" / (Sha256::Of(place.identity()).substr(0, 16) + suffix);
}

Status StagedFile::CheckPlace(const Place& place) {
  if (!place.is_local()) return Status::OK();
  std::error_code ec;
  const fs::path& path = place.local();
  if (fs::is_directory(path, ec)) return MakeError(Category::usage, fmt::format("{} is a folder", path.string()), "name a file in it");
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", parent.string()), "create it first");
  return Status::OK();
}

Status StagedFile::Hit(std::string_view point) const { return failpoint::Hit(fmt::format("{}.{}", kind_, point)); }

Status StagedFile::Begin(const SinkSpec& spec, std::string prefix) {
  prefix_ = std::move(prefix);
  intents_ = spec.intents;
  ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
  only_new_ = spec.on_exists != OnExists::replace && !there;
  ARROW_ASSIGN_OR_RAISE(part_path_, StagingPath(place_, spec.run_id));
  std::error_code ec;
  const bool part_there = fs::exists(part_path_, ec);
  ARROW_RETURN_NOT_OK(FindWhatIsOurs(part_there));
  if (spec.resumed && part_there) return OpenPart();
  if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kCreateIntent, part_path_.string()));
  ARROW_ASSIGN_OR_RAISE(part_, GrowingFile::Create(part_path_));
  return Restart();
}

Status StagedFile::Append(std::string_view bytes) {
  if (!part_.is_open()) return MakeError(Category::internal, "a write before Prepare or after Finish");
  ARROW_RETURN_NOT_OK(Hit("write.before"));
  return part_.Append(bytes);
}

Result<std::string> StagedFile::Flush() {
  ARROW_RETURN_NOT_OK(Hit("flush.before"));
  ARROW_RETURN_NOT_OK(part_.Sync());
  ARROW_ASSIGN_OR_RAISE(const Stamp stamp, part_.Stat());
  return fmt::format("{} {}", part_.size(), stamp.inode);
}

Status StagedFile::Resume(const std::string& text) {
  if (text.empty()) return Restart();
  ARROW_ASSIGN_OR_RAISE(const State state, ParseState(text, kind_));
  if (!part_.is_open()) return NotOurs(part_path_.string());
  ARROW_ASSIGN_OR_RAISE(const Stamp stamp, part_.Stat());
  if (stamp.inode != state.inode) return ResumeFinished(state.size, state.inode);
  if (stamp.size < state.size || state.size < static_cast<int64_t>(prefix_.size())) return NotOurs(part_path_.string());
  return part_.CutTo(state.size);
}

Status StagedFile::Finish(std::string_view tail) {
  if (finished_) return Status::OK();
  // Bytes of a write that failed half way lie beyond the end.
  const int64_t data_end = part_.size();
  ARROW_RETURN_NOT_OK(part_.CutTo(data_end));
  if (!tail.empty()) ARROW_RETURN_NOT_OK(part_.Append(tail));
  const Status status = Put();
  // Finish may be called again, with the same tail.
  if (!status.ok() && part_.is_open()) (void)part_.CutTo(data_end);
  return status;
}

Status StagedFile::Put() {
  ARROW_RETURN_NOT_OK(Hit("fsync.before"));
  ARROW_RETURN_NOT_OK(part_.Sync());
  if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kRenameIntent, fmt::format("{}\n{}", place_.text(), part_.size())));
  ARROW_RETURN_NOT_OK(Hit("rename.before"));
  if (place_.is_local()) {
    ARROW_RETURN_NOT_OK(Rename(part_path_, place_.local(), only_new_));
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto there, only_new_ ? place_.Stat() : Result<std::optional<Entry>>(std::nullopt));
    if (there) return MakeError(Category::refused, fmt::format("{} exists: it was made while this ran", place_.text()), "move it away, or use --on-exists replace");
    ARROW_RETURN_NOT_OK(place_.Upload(part_path_));
  }
  finished_ = true;
  part_.Close();
  ARROW_RETURN_NOT_OK(Hit("rename.after"));
  if (place_.is_local()) return SyncDir(place_.local().parent_path());
  return Place(part_path_).Remove();
}

Status StagedFile::Drop() {
  part_.Close();
  const bool ours = part_path_.empty() || finished_ || renamed_before_;
  if (!part_path_.empty()) ARROW_RETURN_NOT_OK(Place(part_path_).Remove());
  if (ours) ARROW_RETURN_NOT_OK(place_.Remove());
  return place_.is_local() ? SyncDir(place_.local().parent_path()) : Status::OK();
}

Status StagedFile::FindWhatIsOurs(bool part_there) {
  if (!intents_) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto renamed, intents_->Find(kRenameIntent));
  renamed_before_ = renamed && !part_there;
  if (!renamed_before_) return Status::OK();
  const auto line = renamed->rfind('\n');
  if (line != std::string::npos) final_size_ = ParseInt(std::string_view(*renamed).substr(line + 1)).ValueOr(-1);
  return Status::OK();
}

Status StagedFile::OpenPart() {
  ARROW_ASSIGN_OR_RAISE(part_, GrowingFile::Reopen(part_path_));
  std::string start(prefix_.size(), '\0');
  ARROW_ASSIGN_OR_RAISE(const size_t got, part_.file().ReadAt(0, start.data(), start.size()));
  // A crash may have left less than the prefix.
  return got == prefix_.size() && start == prefix_ ? Status::OK() : Restart();
}

Status StagedFile::Restart() {
  if (!part_.is_open()) return Status::OK();
  ARROW_RETURN_NOT_OK(part_.CutTo(0));
  return part_.Append(prefix_);
}

/// The part that the state tells of is gone: it was put in its place, if what stands there is that very file.
Status StagedFile::ResumeFinished(int64_t size, uint64_t inode) {
  const int64_t wanted = final_size_ >= 0 ? final_size_ : size;
  if (place_.is_local()) {
    auto file = File::Open(place_.local(), File::Mode::read);
    if (!file.ok()) return NotOurs(part_path_.string());
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, file->Stat());
    if (stamp.inode != inode || stamp.size != wanted) return NotOurs(place_.text());
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
    if (final_size_ < 0 || !there || there->size != wanted) return NotOurs(place_.text());
  }
  finished_ = true;
  part_.Close();
  return Place(part_path_).Remove();
}

}  // namespace vecferry::files
