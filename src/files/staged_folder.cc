#include "files/staged_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "files/staged_file.h"

namespace vecferry::files {
namespace {

constexpr const char* kCreateIntent = "create-folder";
constexpr const char* kRenameIntent = "rename-folder";
constexpr size_t kMost = 1000000;
constexpr std::string_view kWaiting = "_vecferry-";

Status RemoveTree(const fs::path& path) {
  std::error_code ec;
  fs::remove_all(path, ec);
  return ec ? ErrnoError(ec.value(), "cannot remove", path.string()) : Status::OK();
}

/// Every folder below, so that the names of the files in them are durable.
Status SyncTree(const fs::path& root) {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory()) ARROW_RETURN_NOT_OK(SyncDir(it->path()));
  }
  if (ec) return ErrnoError(ec.value(), "cannot list", root.string());
  return SyncDir(root);
}

/// Of a folder; 0 where there is none.
uint64_t InodeOf(const fs::path& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

fs::path Clean(const Place& place) { return place.local().has_filename() ? place.local() : place.local().parent_path(); }

/// Empty folders, from the deepest upwards, the root among them.
Status RemoveEmpty(const fs::path& root) {
  std::vector<fs::path> folders = {root};
  std::error_code ec;
  for (fs::recursive_directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory()) folders.push_back(it->path());
  }
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    if (fs::is_empty(*it, ec)) fs::remove(*it, ec);
  }
  return SyncDir(root.parent_path());
}

bool IsEmptyFolder(const fs::path& path) {
  std::error_code ec;
  return fs::is_directory(path, ec) && fs::is_empty(path, ec);
}

}  // namespace

Status StagedFolder::CheckPlace(const Place& place) {
  if (!place.is_local()) return Status::OK();
  std::error_code ec;
  const fs::path path = place.local().has_filename() ? place.local() : place.local().parent_path();
  if (fs::exists(path, ec) && !fs::is_directory(path, ec)) return MakeError(Category::usage, fmt::format("{} is a file", path.string()), "name a folder");
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", parent.string()), "create it first");
  return Status::OK();
}

Status StagedFolder::CheckWhole(const Place& place) {
  if (place.is_local()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto files, place.Files(100000, true));
  for (const auto& file : files) {
    if (!file.relative.starts_with(kWaiting)) continue;
    return MakeError(Category::refused, fmt::format("{} is not whole: a run has left {} in it", place.text(), file.relative.substr(0, file.relative.find('/'))),
                     "end that run, or roll it back");
  }
  return Status::OK();
}

Status StagedFolder::Hit(std::string_view point) const { return failpoint::Hit(fmt::format("{}.folder.{}", kind_, point)); }

Status StagedFolder::Begin(const SinkSpec& spec) {
  run_id_ = spec.run_id.empty() ? "run" : spec.run_id;
  intents_ = spec.intents;
  replaces_ = spec.on_exists == OnExists::replace;
  ARROW_ASSIGN_OR_RAISE(root_, StagingPath(place_, run_id_));
  std::error_code ec;
  ARROW_ASSIGN_OR_RAISE(finished_before_, FoundFinished());
  if (spec.resumed && finished_before_) return Status::OK();
  const bool there = fs::is_directory(root_, ec);
  if (!there) {
    if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kCreateIntent, root_.string()));
    if (::mkdir(root_.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoError(errno, "cannot create", root_.string());
  }
  ARROW_RETURN_NOT_OK(Lock());
  return there && !spec.resumed ? KeepOnly({}) : Status::OK();
}

/// Whether an earlier process of this run has put the folder in its place. One that was killed just after an exchange has left
/// the old folder under the run's name.
Result<bool> StagedFolder::FoundFinished() {
  if (!intents_) return false;
  ARROW_ASSIGN_OR_RAISE(const auto renamed, intents_->Find(kRenameIntent));
  if (!renamed) return false;
  std::error_code ec;
  if (!place_.is_local()) return !fs::is_directory(root_, ec);
  const auto inode = ParseInt(std::string_view(*renamed).substr(renamed->rfind('\n') + 1));
  if (!inode.ok() || InodeOf(Clean(place_)) != static_cast<uint64_t>(*inode)) return false;
  ARROW_RETURN_NOT_OK(RemoveTree(root_));
  return true;
}

Status StagedFolder::Lock() {
  Close();
  lock_ = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) return ErrnoError(errno, "cannot open", root_.string());
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return Status::OK();
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "cannot lock", root_.string());
  return MakeError(Category::locked, fmt::format("{} is being written by another process", root_.string()), "wait for that process, or stop it, and run the same command again");
}

Status StagedFolder::KeepOnly(const std::set<std::string>& relative) {
  ARROW_ASSIGN_OR_RAISE(const auto files, Place(root_).Files(kMost, true));
  for (const auto& file : files) {
    if (!relative.contains(file.relative)) ARROW_RETURN_NOT_OK(Place(root_ / file.relative).Remove());
  }
  if (place_.is_local()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto sent, Waiting().Files(kMost, true));
  for (const auto& file : sent) {
    if (!relative.contains(file.relative)) ARROW_RETURN_NOT_OK((Waiting() / file.relative).Remove());
  }
  return Status::OK();
}

Status StagedFolder::MakeParents(const std::string& relative) {
  std::error_code ec;
  const fs::path parent = (root_ / relative).parent_path();
  fs::create_directories(parent, ec);
  return ec ? ErrnoError(ec.value(), "cannot create", parent.string()) : Status::OK();
}

Status StagedFolder::Publish(const std::string& relative) {
  ARROW_RETURN_NOT_OK(Hit("publish.before"));
  if (place_.is_local()) return Status::OK();
  const Place waits(root_ / relative);
  ARROW_ASSIGN_OR_RAISE(const auto there, waits.Stat());
  if (!there) return Status::OK();
  ARROW_RETURN_NOT_OK((Waiting() / relative).Upload(waits.local()));
  return waits.Remove();
}

Status StagedFolder::Finish(const std::vector<std::string>& files) {
  if (finished_ || finished_before_) return Status::OK();
  ARROW_RETURN_NOT_OK(Hit("sync.before"));
  if (place_.is_local()) ARROW_RETURN_NOT_OK(SyncTree(root_));
  if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kRenameIntent, fmt::format("{}\n{}", place_.text(), InodeOf(root_))));
  ARROW_RETURN_NOT_OK(Hit("rename.before"));
  ARROW_RETURN_NOT_OK(place_.is_local() ? FinishLocal() : FinishBucket(files));
  finished_ = true;
  Close();
  return Hit("rename.after");
}

Status StagedFolder::FinishLocal() {
  const fs::path to = Clean(place_);
  std::error_code ec;
  const bool taken = fs::exists(to, ec) && !IsEmptyFolder(to);
  if (taken && !replaces_) return MakeError(Category::refused, fmt::format("{} exists: it was made while this ran", to.string()), "move it away, or use --on-exists replace");
  if (!taken) {
    if (::rename(root_.c_str(), to.c_str()) != 0) return ErrnoError(errno, "cannot rename to", to.string());
    return SyncDir(to.parent_path());
  }
  fs::path old = root_;
  old += "-old";
  ARROW_RETURN_NOT_OK(RemoveTree(old));
#ifdef RENAME_EXCHANGE
  // At no moment is there nothing at the place.
  if (::renameat2(AT_FDCWD, root_.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    if (::rename(root_.c_str(), old.c_str()) != 0) return ErrnoError(errno, "cannot rename", root_.string());
    ARROW_RETURN_NOT_OK(SyncDir(to.parent_path()));
    return RemoveTree(old);
  }
#endif
  if (::rename(to.c_str(), old.c_str()) != 0) return ErrnoError(errno, "cannot rename", to.string());
  if (::rename(root_.c_str(), to.c_str()) != 0) return ErrnoError(errno, "cannot rename to", to.string());
  ARROW_RETURN_NOT_OK(SyncDir(to.parent_path()));
  return RemoveTree(old);
}

Status StagedFolder::FinishBucket(const std::vector<std::string>& files) {
  for (const auto& file : files) ARROW_RETURN_NOT_OK(Publish(file));
  // What an earlier process moved waits no longer.
  std::set<std::string> waiting;
  ARROW_ASSIGN_OR_RAISE(const auto sent, Waiting().Files(kMost, true));
  for (const auto& file : sent) waiting.insert(file.relative);
  if (replaces_) {
    ARROW_ASSIGN_OR_RAISE(const auto before, place_.Files(kMost));
    for (const auto& file : before) {
      if (std::find(files.begin(), files.end(), file.relative) == files.end()) ARROW_RETURN_NOT_OK((place_ / file.relative).Remove());
    }
  }
  for (const auto& file : files) {
    if (waiting.contains(file)) ARROW_RETURN_NOT_OK((Waiting() / file).MoveTo(place_ / file));
  }
  return RemoveTree(root_);
}

void StagedFolder::Close() {
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

Status StagedFolder::Drop(const std::vector<std::string>& endings) {
  Close();
  const bool ours = root_.empty() || finished_ || finished_before_;
  if (!root_.empty()) ARROW_RETURN_NOT_OK(RemoveTree(root_));
  if (!root_.empty() && !place_.is_local()) {
    ARROW_ASSIGN_OR_RAISE(const auto sent, Waiting().Files(kMost, true));
    for (const auto& file : sent) ARROW_RETURN_NOT_OK((Waiting() / file.relative).Remove());
  }
  ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
  if (!ours || !there || !there->folder) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto files, place_.Files(kMost));
  const auto is_ours = [&endings](const std::string& name) {
    return std::any_of(endings.begin(), endings.end(), [&name](const std::string& ending) { return name.ends_with(ending); });
  };
  for (const auto& file : files) {
    if (is_ours(file.relative)) ARROW_RETURN_NOT_OK((place_ / file.relative).Remove());
  }
  return place_.is_local() ? RemoveEmpty(Clean(place_)) : Status::OK();
}

}  // namespace vecferry::files
