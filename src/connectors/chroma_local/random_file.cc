#include "connectors/chroma_local/random_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vecferry::chroma_local {

Result<RandomFile> RandomFile::Open(const fs::path& file) {
  RandomFile opened;
  opened.name_ = file.string();
  opened.fd_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened.fd_ < 0) return ErrnoError(errno, "cannot read", opened.name_);
  struct stat st{};
  if (::fstat(opened.fd_, &st) != 0) return ErrnoError(errno, "cannot read", opened.name_);
  if (!S_ISREG(st.st_mode)) return MakeError(Category::corrupt, fmt::format("{} is no file", opened.name_));
  opened.size_ = st.st_size;
  return opened;
}

RandomFile::RandomFile(RandomFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_), name_(std::move(other.name_)) {}

RandomFile& RandomFile::operator=(RandomFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  return *this;
}

RandomFile::~RandomFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status RandomFile::Read(int64_t offset, int64_t bytes, void* out) const {
  auto* at = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd_, at, static_cast<size_t>(bytes), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot read", name_);
    if (n == 0) {
      return MakeError(Category::corrupt, fmt::format("{} is cut off: {} bytes are missing at {}", name_, bytes, offset),
                       "restore the folder from a backup, or read what is left with ?damaged=missing");
    }
    at += n;
    offset += n;
    bytes -= n;
  }
  return Status::OK();
}

FileStamp StampOf(const fs::path& file) {
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) return {};
  return {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ino};
}

}  // namespace vecferry::chroma_local
