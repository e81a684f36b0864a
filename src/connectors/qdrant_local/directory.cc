#include "connectors/qdrant_local/directory.h"

#include <cerrno>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"

namespace vecferry::qdrant_local {
namespace {

/// Whether `path` lies strictly below `base`, both canonical.
bool IsInside(const fs::path& base, const fs::path& path) {
  auto at = path.begin();
  for (const auto& part : base) {
    if (at == path.end() || *at != part) return false;
    ++at;
  }
  return at != path.end() && !at->empty();
}

/// As the client makes it; one that another process made in the meantime is left alone.
Status CreateLockFile(const fs::path& file) {
  constexpr std::string_view kText = "tmp lock file";
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return errno == EEXIST ? Status::OK() : ErrnoError(errno, "cannot create", file.string());
  const bool written = ::write(fd, kText.data(), kText.size()) == static_cast<ssize_t>(kText.size());
  const int error = errno;
  ::close(fd);
  return written ? Status::OK() : ErrnoError(error, "cannot write", file.string());
}

std::mutex g_locks_mutex;
std::map<std::string, std::weak_ptr<DirectoryLock>>& Locks() {
  static std::map<std::string, std::weak_ptr<DirectoryLock>> locks;
  return locks;
}

}  // namespace

Status FilesystemError(const std::error_code& ec, std::string_view what, const fs::path& path) {
  return ec ? ErrnoError(ec.value(), what, path.string()) : Status::OK();
}

Result<fs::path> CollectionPath(const fs::path& root, std::string_view collection) {
  const fs::path base = CanonicalPath(root / "collection");
  const bool nul = collection.find('\0') != collection.npos;
  if (collection.empty() || nul || !IsInside(base, CanonicalPath(base / fs::path(collection)))) {
    return MakeError(Category::refused,
                     fmt::format("the collection name '{}' points outside of the store", Printable(collection, 200)),
                     "name a collection that lies inside the folder");
  }
  return root / "collection" / fs::path(collection);
}

Status CheckNewName(std::string_view collection) {
  constexpr std::string_view kForbidden("<>:\"/\\|?*\0\x1f", 11);
  if (collection.empty() || collection.size() > 255 || collection == "." || collection == ".." ||
      collection.starts_with(".vecferry-") || collection.find_first_of(kForbidden) != collection.npos) {
    return MakeError(Category::refused, fmt::format("Qdrant takes no collection named '{}'", Printable(collection, 200)),
                     "choose a name of up to 255 bytes without < > : \" / \\ | ? *");
  }
  return Status::OK();
}

Status CheckNotLegacy(const fs::path& collection_path) {
  std::error_code ec;
  if (fs::exists(collection_path / kStorageFile, ec)) return Status::OK();
  for (const auto& entry : fs::directory_iterator(collection_path, ec)) {
    if (entry.path().filename().string().starts_with("storage.dbm")) {
      return MakeError(Category::unsupported,
                       fmt::format("{} holds the dbm files of qdrant-client before 1.1.7", collection_path.string()),
                       "open it once with qdrant-client 1.1.7 to 1.15, which converts it to SQLite");
    }
  }
  return Status::OK();
}

Status MakeDirs(const fs::path& dir) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  return FilesystemError(ec, "cannot create", dir);
}

Status RemoveTree(const fs::path& dir) {
  std::error_code ec;
  fs::remove_all(dir, ec);
  return FilesystemError(ec, "cannot remove", dir);
}

Status DirectoryLock::Take(FileLock::Mode mode) {
  lock_.reset();
  auto taken = FileLock::Acquire(file_, {.mode = mode, .create = false, .write_pid = false});
  if (!taken.ok()) {
    const bool was_shared = mode == FileLock::Mode::exclusive;
    if (auto back = FileLock::Acquire(file_, {.mode = FileLock::Mode::shared, .create = false}); was_shared && back.ok()) {
      lock_ = std::move(*back);
    }
    return taken.status();
  }
  lock_ = std::move(*taken);
  mode_ = mode;
  return Status::OK();
}

Result<std::shared_ptr<DirectoryLock>> DirectoryLock::Acquire(const fs::path& root, FileLock::Mode mode) {
  const fs::path file = CanonicalPath(root) / ".lock";
  std::lock_guard guard(g_locks_mutex);
  auto& slot = Locks()[file.string()];
  std::shared_ptr<DirectoryLock> lock = slot.lock();
  if (lock && (lock->mode_ == FileLock::Mode::exclusive || mode == FileLock::Mode::shared)) return lock;
  if (!lock) lock.reset(new DirectoryLock(file));
  ARROW_RETURN_NOT_OK(lock->Take(mode));
  slot = lock;
  return lock;
}

Result<std::shared_ptr<DirectoryLock>> DirectoryLock::Shared(const fs::path& root) {
  std::error_code ec;
  if (!fs::exists(root / ".lock", ec)) return nullptr;
  return Acquire(root, FileLock::Mode::shared);
}

Result<std::shared_ptr<DirectoryLock>> DirectoryLock::Exclusive(const fs::path& root) {
  std::error_code ec;
  if (!fs::exists(root / ".lock", ec)) {
    ARROW_RETURN_NOT_OK(MakeDirs(root));
    ARROW_RETURN_NOT_OK(CreateLockFile(root / ".lock"));
  }
  return Acquire(root, FileLock::Mode::exclusive);
}

}  // namespace vecferry::qdrant_local
