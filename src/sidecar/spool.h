#pragma once
#include <optional>
#include <string>

#include "files/file.h"

namespace vecferry::sidecar {

using files::File;

/// What is durable of a spool, as it stands in a journal.
struct SpoolState {
  int64_t rows = 0, lines = 0;  ///< vectors; bytes of side-car lines
  uint64_t inode = 0;           ///< of the file of vectors
  std::string ToText() const;
  static Result<SpoolState> Parse(std::string_view text);
};

/// The growing files of a run: vectors, ids where there are any, and side-car lines.
class Spool {
 public:
  struct Paths {
    fs::path vectors, lines, ids, built_vectors, built_side;
  };
  Spool(Paths paths, int64_t head, int64_t width, bool with_ids, std::string header);
  /// Opens what an earlier process left, or begins anew.
  Status Open(bool resume);
  Status Restart();
  /// After an error the same place is written again.
  Status Append(std::string_view vectors, std::string_view ids, std::string_view lines, int64_t rows);
  Result<std::string> Flush();
  /// Category::corrupt where the files are not those that the state tells of.
  Status Cut(const SpoolState& state);
  /// Cuts what a write that failed half way left behind the end.
  Status CutToSize();
  bool is_open() const { return vectors_.is_open(); }
  void Close();
  Status Remove();

  File& vectors() { return vectors_; }
  const File* ids() const { return with_ids_ ? &ids_ : nullptr; }
  int64_t rows() const { return rows_; }
  int64_t lines_size() const { return lines_size_; }
  const Paths& paths() const { return paths_; }

 private:
  Paths paths_;
  const int64_t head_, width_;
  const bool with_ids_;
  const std::string header_;
  File vectors_, lines_, ids_;
  int64_t rows_ = 0, lines_size_ = 0;
};

}  // namespace vecferry::sidecar
