#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"

/// The folder of a local-mode store: its paths, the check of names and its lock.
namespace vecferry::qdrant_local {

inline constexpr const char* kStorageFile = "storage.sqlite";

/// root/collection/NAME, checked as the client does: symbolic links resolved, it lies strictly inside
/// root/collection. Category::refused for any that does not.
Result<fs::path> CollectionPath(const fs::path& root, std::string_view collection);
/// Whether a collection may be created under that name: no < > : " / \ | ? * NUL or 0x1f, not "." or "..".
Status CheckNewName(std::string_view collection);
/// Category::unsupported where the folder holds the dbm files of clients before 1.1.7 and no SQLite file.
Status CheckNotLegacy(const fs::path& collection_path);
/// Creates a folder and its parents as the client does: by the user's umask.
Status MakeDirs(const fs::path& dir);
/// Removes a folder and all it holds; links are removed, not followed. OK where there is none.
Status RemoveTree(const fs::path& dir);
/// Category::permission and the like for what std::filesystem reports.
Status FilesystemError(const std::error_code& ec, std::string_view what, const fs::path& path);

/// The flock of root/.lock that qdrant-client takes. Held once for the whole process, so that a source and a sink of
/// one run share it: exclusive as soon as one of its users writes, until the last user lets go.
class DirectoryLock {
 public:
  /// Creates no lock file and takes no lock where there is none: nothing then.
  static Result<std::shared_ptr<DirectoryLock>> Shared(const fs::path& root);
  static Result<std::shared_ptr<DirectoryLock>> Exclusive(const fs::path& root);

 private:
  explicit DirectoryLock(fs::path file) : file_(std::move(file)) {}
  static Result<std::shared_ptr<DirectoryLock>> Acquire(const fs::path& root, FileLock::Mode mode);
  Status Take(FileLock::Mode mode);

  fs::path file_;
  std::optional<FileLock> lock_;
  FileLock::Mode mode_ = FileLock::Mode::shared;
};

}  // namespace vecferry::qdrant_local
