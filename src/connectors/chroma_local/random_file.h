#pragma once
#include <array>
#include <cstdint>
#include <string>

#include <sys/types.h>

#include "base/error.h"
#include "base/files.h"

namespace vecferry::chroma_local {

/// A file read by offset. Mapped files are not for those that another program may cut off meanwhile. Thread-safe.
class RandomFile {
 public:
  RandomFile() = default;
  static Result<RandomFile> Open(const fs::path& file);
  RandomFile(RandomFile&& other) noexcept;
  RandomFile& operator=(RandomFile&& other) noexcept;
  ~RandomFile();

  explicit operator bool() const { return fd_ >= 0; }
  int64_t size() const { return size_; }
  /// Category::corrupt where the file ends before.
  Status Read(int64_t offset, int64_t bytes, void* out) const;

 private:
  int fd_ = -1;
  int64_t size_ = 0;
  std::string name_;
};

/// What changes when a file is written to: where all are the same before and after, what was read in between is of one state.
struct FileStamp {
  int64_t size = -1;  ///< -1: it does not exist
  int64_t seconds = 0, nanoseconds = 0;
  uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp StampOf(const fs::path& file);

}  // namespace vecferry::chroma_local
