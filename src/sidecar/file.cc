#include "sidecar/file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vecferry::sidecar {

Result<File> File::Open(const fs::path& path, Mode mode) {
  const int flags = mode == Mode::read ? O_RDONLY : mode == Mode::write ? O_RDWR : O_RDWR | O_CREAT | O_TRUNC;
  File file;
  file.path_ = path;
  file.fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return ErrnoError(errno, mode == Mode::create ? "cannot create" : "cannot open", path.string());
  struct stat facts{};
  if (::fstat(file.fd_, &facts) != 0) return ErrnoError(errno, "cannot open", path.string());
  if (!S_ISREG(facts.st_mode)) return MakeError(Category::unsupported, fmt::format("{} is not a plain file", path.string()), "name a file");
  return file;
}

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}
File::~File() { Close(); }

void File::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<size_t> File::ReadAt(int64_t offset, char* out, size_t size) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_, out + done, size - done, offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot read", path_.string());
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Status File::WriteAt(int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot write", path_.string());
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return Status::OK();
}

Status File::Truncate(int64_t size) {
  return ::ftruncate(fd_, size) == 0 ? Status::OK() : ErrnoError(errno, "cannot shorten", path_.string());
}

Status File::Sync() { return ::fsync(fd_) == 0 ? Status::OK() : ErrnoError(errno, "cannot sync", path_.string()); }

Status File::Lock() {
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return Status::OK();
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "cannot lock", path_.string());
  return MakeError(Category::locked, fmt::format("{} is being written by another process", path_.string()),
                   "wait for that process, or stop it, and run the same command again");
}

Result<Stamp> File::Stat() const {
  struct stat facts{};
  if (::fstat(fd_, &facts) != 0) return ErrnoError(errno, "cannot read", path_.string());
  return Stamp{facts.st_size, int64_t{facts.st_mtim.tv_sec} * 1000000000 + facts.st_mtim.tv_nsec, facts.st_ino};
}

Status Rename(const fs::path& from, const fs::path& to, bool only_new) {
  if (only_new) {
    // link fails where the name is taken; rename would replace what another process put there meanwhile.
    if (::link(from.c_str(), to.c_str()) == 0) {
      return ::unlink(from.c_str()) == 0 ? Status::OK() : ErrnoError(errno, "cannot remove", from.string());
    }
    if (errno == EEXIST) {
      return MakeError(Category::refused, fmt::format("{} exists: it was made while this ran", to.string()), "move it away, or use --on-exists replace");
    }
    std::error_code ec;
    if (fs::exists(to, ec)) return MakeError(Category::refused, fmt::format("{} exists", to.string()), "move it away, or use --on-exists replace");
  }
  return ::rename(from.c_str(), to.c_str()) == 0 ? Status::OK() : ErrnoError(errno, "cannot rename to", to.string());
}

}  // namespace vecferry::sidecar
