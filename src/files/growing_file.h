#pragma once
#include <string_view>

#include "files/file.h"

namespace vecferry::files {

/// A locked file that is written at its end and cut back to where it was durable. After a failed Append the same place is
/// written again.
class GrowingFile {
 public:
  GrowingFile() = default;
  /// Emptied where it exists.
  static Result<GrowingFile> Create(const fs::path& path);
  /// As it is, to go on at its end.
  static Result<GrowingFile> Reopen(const fs::path& path);

  Status Append(std::string_view bytes);
  int64_t size() const { return size_; }
  Status Sync() { return file_.Sync(); }
  /// Bytes of a write that failed half way may lie beyond the size.
  Status CutTo(int64_t size);
  Result<Stamp> Stat() const { return file_.Stat(); }
  bool is_open() const { return file_.is_open(); }
  const fs::path& path() const { return file_.path(); }
  const File& file() const { return file_; }
  void Close() { file_.Close(); }

 private:
  File file_;
  int64_t size_ = 0;
};

}  // namespace vecferry::files
