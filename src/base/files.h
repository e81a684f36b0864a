#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry {

namespace fs = std::filesystem;

/// Creates a folder and its parents, mode 0700 for those that were missing.
Status MakePrivateDirs(const fs::path& dir);
/// fsync of a folder, so that a rename or a new name in it is durable.
Status SyncDir(const fs::path& dir);
Status SyncFile(const fs::path& file);
/// Writes FILE.tmp, syncs it, renames it over FILE and syncs the folder: whole or not at all.
Status WriteFileAtomic(const fs::path& file, std::string_view bytes, int mode = 0600);
/// The whole file; refuses one larger than `limit` bytes.
Result<std::string> ReadFile(const fs::path& file, uint64_t limit = 256u << 20);
/// Free bytes for this user on the file system of the path or of its nearest existing parent.
Result<uint64_t> FreeSpace(const fs::path& path);
/// Absolute, with symbolic links resolved as far as the path exists.
fs::path CanonicalPath(const fs::path& path);
/// $XDG_STATE_HOME/vecferry, or ~/.local/state/vecferry.
Result<fs::path> StateDir();
/// Replaces a leading ~ by $HOME.
fs::path ExpandHome(std::string_view path);
/// Resident set high-water mark of this process, bytes.
uint64_t PeakMemoryBytes();

/// An advisory flock(2) on a file, released on destruction. The holder's process id is written
/// into the file when `write_pid` is set.
class FileLock {
 public:
  enum class Mode { shared, exclusive };
  struct Options {
    Mode mode = Mode::exclusive;
    bool create = true;
    bool write_pid = false;
  };
  /// Never waits: Category::locked, naming the holder where it can be found, if it is taken.
  static Result<FileLock> Acquire(const fs::path& file, Options options);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Process ids that hold a flock on or have the file open, from /proc; empty where unknown.
std::string HoldersOf(const fs::path& file);

}  // namespace vecferry
