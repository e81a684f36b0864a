#include "files/line_reader.h"

#include <algorithm>
#include <cstring>

namespace vecferry::files {
namespace {
constexpr size_t kChunk = size_t{1} << 20;
}  // namespace

LineReader::LineReader(const Input& input, int64_t begin, int64_t end, size_t padding, size_t max_line)
    : input_(input), offset_(begin), end_(end), padding_(padding), max_line_(max_line) {}

/// Keeps what is not yet given and reads on, into a larger buffer where a line needs it.
Status LineReader::Fill() {
  const size_t kept = filled_ - at_;
  if (kept + kChunk > capacity_) {
    const size_t larger = std::max(2 * capacity_, kept + kChunk);
    auto buffer = std::make_unique<char[]>(larger + padding_);
    if (kept > 0) std::memcpy(buffer.get(), buffer_.get() + at_, kept);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  } else if (at_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + at_, kept);
  }
  at_ = 0;
  filled_ = kept;
  const int64_t from = offset_ + static_cast<int64_t>(kept);
  const auto want = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(capacity_ - kept), end_ - from));
  ARROW_ASSIGN_OR_RAISE(const size_t got, input_.ReadAt(from, buffer_.get() + kept, want));
  if (got < want && end_ == kToTheEnd) end_ = from + static_cast<int64_t>(got);
  else if (got < want) return MakeError(Category::corrupt, input_.name() + " became shorter while it was read", "let nobody write to it, and run again");
  filled_ += got;
  return Status::OK();
}

Result<std::optional<LineReader::Line>> LineReader::Next() {
  size_t searched = 0;
  bool too_long = false;
  const int64_t begin = offset_;
  while (true) {
    const char* start = buffer_.get() + at_;
    const auto* found = filled_ - at_ > searched ? static_cast<const char*>(std::memchr(start + searched, '\n', filled_ - at_ - searched)) : nullptr;
    const bool at_end = offset_ + static_cast<int64_t>(filled_ - at_) >= end_;
    if (found || (at_end && (filled_ > at_ || too_long))) {
      const size_t length = found ? static_cast<size_t>(found - start) : filled_ - at_;
      Line line = {{start, length}, begin, too_long || length > max_line_};
      if (line.too_long) line.text = {};
      if (line.text.ends_with('\r')) line.text.remove_suffix(1);
      at_ += length + (found ? 1 : 0);
      offset_ += static_cast<int64_t>(length) + (found ? 1 : 0);
      return line;
    }
    if (at_end) return std::optional<Line>();
    searched = filled_ - at_;
    if (searched > max_line_) {
      // What does not fit is let go as it comes.
      too_long = true;
      offset_ += static_cast<int64_t>(searched);
      at_ = filled_;
      searched = 0;
    }
    ARROW_RETURN_NOT_OK(Fill());
  }
}

}  // namespace vecferry::files
