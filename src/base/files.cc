#include "base/files.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/fd.h"

namespace vecferry {
namespace {

Status WriteAll(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot write", file.string());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status::OK();
}

Status SyncPath(const fs::path& path, int flags) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoError(errno, "cannot open", path.string());
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return ErrnoError(errno, "cannot sync", path.string());
  return Status::OK();
}

}  // namespace

Status MakePrivateDirs(const fs::path& dir) {
  std::error_code ec;
  if (dir.empty() || fs::is_directory(dir, ec)) return Status::OK();
  if (dir.has_parent_path() && dir.parent_path() != dir) ARROW_RETURN_NOT_OK(MakePrivateDirs(dir.parent_path()));
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) return ErrnoError(errno, "cannot create", dir.string());
  return Status::OK();
}

Status SyncDir(const fs::path& dir) { return SyncPath(dir.empty() ? "." : dir, O_RDONLY | O_DIRECTORY); }
Status SyncFile(const fs::path& file) { return SyncPath(file, O_RDONLY); }

Status WriteFileAtomic(const fs::path& file, std::string_view bytes, int mode) {
  fs::path temporary = file;
  temporary += ".tmp";
  {
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (fd.get() < 0) return ErrnoError(errno, "cannot create", temporary.string());
    ARROW_RETURN_NOT_OK(WriteAll(fd.get(), bytes, temporary));
    VF_FAILPOINT("file.fsync.before");
    if (::fsync(fd.get()) != 0) return ErrnoError(errno, "cannot sync", temporary.string());
  }
  VF_FAILPOINT("file.rename.before");
  if (::rename(temporary.c_str(), file.c_str()) != 0) return ErrnoError(errno, "cannot rename", temporary.string());
  VF_FAILPOINT("file.rename.after");
  return SyncDir(file.parent_path());
}

Result<std::string> ReadFile(const fs::path& file, uint64_t limit) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return ErrnoError(errno ? errno : ENOENT, "cannot read", file.string());
  std::error_code ec;
  const auto size = fs::file_size(file, ec);
  if (ec) return ErrnoError(ec.value(), "cannot read", file.string());
  if (size > limit) {
    return MakeError(Category::corrupt, fmt::format("{} has {} bytes, more than the {} allowed", file.string(), size, limit));
  }
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

Result<uint64_t> FreeSpace(const fs::path& path) {
  fs::path at = CanonicalPath(path);
  std::error_code ec;
  while (!fs::exists(at, ec) && at.has_parent_path() && at.parent_path() != at) at = at.parent_path();
  struct statvfs stat{};
  if (::statvfs(at.c_str(), &stat) != 0) return ErrnoError(errno, "cannot read the free space of", at.string());
  return static_cast<uint64_t>(stat.f_bavail) * stat.f_frsize;
}

fs::path CanonicalPath(const fs::path& path) {
  std::error_code ec;
  fs::path result = fs::weakly_canonical(fs::absolute(path, ec), ec);
  return ec ? path : result;
}

Result<fs::path> StateDir() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/') return fs::path(state) / "vecferry";
  if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".local" / "state" / "vecferry";
  return MakeError(Category::usage, "neither XDG_STATE_HOME nor HOME is set",
                   "set XDG_STATE_HOME to a folder that stays, or pass --checkpoint FILE");
}

fs::path ExpandHome(std::string_view path) {
  const char* home = std::getenv("HOME");
  if (!home || path.empty() || path[0] != '~' || (path.size() > 1 && path[1] != '/')) return fs::path(path);
  return fs::path(std::string(home) + std::string(path.substr(1)));
}

uint64_t PeakMemoryBytes() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

Result<FileLock> FileLock::Acquire(const fs::path& file, Options options) {
  const int flags = O_RDWR | O_CLOEXEC | (options.create ? O_CREAT : 0);
  int fd = ::open(file.c_str(), flags, 0600);
  // flock needs no write permission: a reader of a read-only folder can still share the lock.
  if (fd < 0 && (errno == EACCES || errno == EROFS) && options.mode == Mode::shared) {
    fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (fd < 0) return ErrnoError(errno, "cannot open the lock", file.string());
  FileLock lock(fd);
  if (::flock(fd, (options.mode == Mode::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "cannot lock", file.string());
    const std::string holders = HoldersOf(file);
    return MakeError(Category::locked,
                     fmt::format("{} is held by another process{}", file.string(),
                                 holders.empty() ? std::string() : " (" + holders + ")"),
                     "stop that process, or wait for it, and run the same command again");
  }
  if (options.write_pid) {
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
      return ErrnoError(errno, "cannot write", file.string());
    }
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

std::string HoldersOf(const fs::path& file) {
  struct stat wanted{};
  if (::stat(file.c_str(), &wanted) != 0) return {};
  std::string holders;
  std::error_code ec;
  for (const auto& process : fs::directory_iterator("/proc", fs::directory_options::skip_permission_denied, ec)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos || pid == std::to_string(::getpid())) continue;
    std::error_code fd_ec;
    for (const auto& entry : fs::directory_iterator(process.path() / "fd", fd_ec)) {
      struct stat open{};
      if (::stat(entry.path().c_str(), &open) != 0 || open.st_ino != wanted.st_ino || open.st_dev != wanted.st_dev) continue;
      std::ifstream comm(process.path() / "comm");
      std::string name;
      std::getline(comm, name);
      holders += fmt::format("{}process {} {}", holders.empty() ? "" : ", ", pid, name);
      break;
    }
  }
  return holders;
}

}  // namespace vecferry
