#include "sidecar/spool.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "files/file.h"

namespace vecferry::sidecar {

using files::File;
using files::Stamp;

std::string SpoolState::ToText() const { return fmt::format("{} {} {}", rows, lines, inode); }

Result<SpoolState> SpoolState::Parse(std::string_view text) {
  SpoolState state;
  const char* at = text.data();
  const char* end = at + text.size();
  const auto take = [&](auto* number) {
    const auto [next, error] = std::from_chars(at, end, *number);
    if (error != std::errc()) return false;
    at = next != end && *next == ' ' ? next + 1 : next;
    return true;
  };
  if (take(&state.rows) && take(&state.lines) && take(&state.inode) && at == end && state.rows >= 0 && state.lines >= 0) return state;
  return MakeError(Category::corrupt, fmt::format("'{}' is no state of such a file", Printable(text, 100)));
}

Spool::Spool(Paths paths, int64_t head, int64_t width, bool with_ids, std::string header)
    : paths_(std::move(paths)), head_(head), width_(width), with_ids_(with_ids), header_(std::move(header)) {}

Status Spool::Open(bool resume) {
  std::error_code ec;
  const bool there = resume && fs::exists(paths_.vectors, ec) && fs::exists(paths_.lines, ec) && (!with_ids_ || fs::exists(paths_.ids, ec));
  const auto mode = there ? File::Mode::write : File::Mode::create;
  ARROW_ASSIGN_OR_RAISE(vectors_, File::Open(paths_.vectors, mode));
  ARROW_RETURN_NOT_OK(vectors_.Lock());
  ARROW_ASSIGN_OR_RAISE(lines_, File::Open(paths_.lines, mode));
  if (with_ids_) {
    ARROW_ASSIGN_OR_RAISE(ids_, File::Open(paths_.ids, mode));
  }
  std::string start(header_.size(), '\0');
  ARROW_ASSIGN_OR_RAISE(const size_t got, lines_.ReadAt(0, start.data(), start.size()));
  // A crash may have left less than a header.
  if (!there || got != header_.size() || start != header_) return Restart();
  return Status::OK();
}

Status Spool::Restart() {
  rows_ = 0;
  lines_size_ = static_cast<int64_t>(header_.size());
  ARROW_RETURN_NOT_OK(vectors_.Truncate(head_));
  if (with_ids_) ARROW_RETURN_NOT_OK(ids_.Truncate(0));
  ARROW_RETURN_NOT_OK(lines_.Truncate(0));
  return lines_.WriteAt(0, header_);
}

Status Spool::Append(std::string_view vectors, std::string_view ids, std::string_view lines, int64_t rows) {
  ARROW_RETURN_NOT_OK(vectors_.WriteAt(head_ + rows_ * width_, vectors));
  if (with_ids_) ARROW_RETURN_NOT_OK(ids_.WriteAt(8 * rows_, ids));
  ARROW_RETURN_NOT_OK(lines_.WriteAt(lines_size_, lines));
  rows_ += rows;
  lines_size_ += static_cast<int64_t>(lines.size());
  return Status::OK();
}

Result<std::string> Spool::Flush() {
  ARROW_RETURN_NOT_OK(vectors_.Sync());
  if (with_ids_) ARROW_RETURN_NOT_OK(ids_.Sync());
  ARROW_RETURN_NOT_OK(lines_.Sync());
  ARROW_ASSIGN_OR_RAISE(const Stamp stamp, vectors_.Stat());
  return SpoolState{rows_, lines_size_, stamp.inode}.ToText();
}

Status Spool::Cut(const SpoolState& state) {
  ARROW_ASSIGN_OR_RAISE(const Stamp vectors, vectors_.Stat());
  ARROW_ASSIGN_OR_RAISE(const Stamp lines, lines_.Stat());
  int64_t ids = 8 * state.rows;
  if (with_ids_) {
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, ids_.Stat());
    ids = stamp.size;
  }
  if (vectors.inode != state.inode || (vectors.size - head_) / width_ < state.rows || lines.size < state.lines || ids < 8 * state.rows ||
      state.lines < static_cast<int64_t>(header_.size())) {
    return MakeError(Category::corrupt, fmt::format("{} is not the file that this run wrote", paths_.vectors.string()), "start again with --restart");
  }
  rows_ = state.rows;
  lines_size_ = state.lines;
  return CutToSize();
}

Status Spool::CutToSize() {
  ARROW_RETURN_NOT_OK(vectors_.Truncate(head_ + rows_ * width_));
  if (with_ids_) ARROW_RETURN_NOT_OK(ids_.Truncate(8 * rows_));
  return lines_.Truncate(lines_size_);
}

void Spool::Close() {
  vectors_.Close();
  lines_.Close();
  ids_.Close();
}

Status Spool::Remove() {
  Close();
  for (const fs::path& path : {paths_.vectors, paths_.lines, paths_.ids, paths_.built_vectors, paths_.built_side}) {
    std::error_code ec;
    fs::remove(path, ec);
    if (ec) return ErrnoError(ec.value(), "cannot remove", path.string());
  }
  return Status::OK();
}

}  // namespace vecferry::sidecar
