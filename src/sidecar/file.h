#pragma once
#include <string>
#include <string_view>

#include "base/files.h"

namespace vecferry::sidecar {

/// What tells a file's content apart from what it was before, without reading it.
struct Stamp {
  int64_t size = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  bool operator==(const Stamp&) const = default;
};

/// An open file with positioned reads and writes. Thread-safe for reading.
class File {
 public:
  enum class Mode { read, write, create };  ///< create: emptied if it exists
  static Result<File> Open(const fs::path& path, Mode mode);
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Up to `size` bytes; fewer only at the end of the file.
  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const;
  Status WriteAt(int64_t offset, std::string_view bytes);
  Status Truncate(int64_t size);
  Status Sync();
  /// Category::locked where another process holds it.
  Status Lock();
  Result<Stamp> Stat() const;
  const fs::path& path() const { return path_; }
  bool is_open() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
  fs::path path_;
};

/// Renames; with `only_new` Category::refused where `to` exists.
Status Rename(const fs::path& from, const fs::path& to, bool only_new);

}  // namespace vecferry::sidecar
