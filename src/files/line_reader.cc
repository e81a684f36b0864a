#include "files/line_reader.h"

#include <algorithm>
#include <cstring>

namespace vecferry::files {

LineReader::LineReader(const Input& input, int64_t begin, int64_t end, size_t padding, size_t max_line)
    : input_(input), offset_(begin), end_(end), max_line_(max_line), buffer_(padding) {}

/// Keeps what is not yet given and reads on.
Status LineReader::Fill() {
  const int64_t from = offset_ + static_cast<int64_t>(buffer_.size());
  const auto space = buffer_.Space();
  const auto want = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(space.size()), end_ - from));
  ARROW_ASSIGN_OR_RAISE(const size_t got, input_.ReadAt(from, space.data(), want));
  if (got < want && end_ == kToTheEnd) end_ = from + static_cast<int64_t>(got);
  else if (got < want) return MakeError(Category::corrupt, input_.name() + " became shorter while it was read", "let nobody write to it, and run again");
  buffer_.Add(got);
  return Status::OK();
}

Result<std::optional<LineReader::Line>> LineReader::Next() {
  size_t searched = 0;
  bool too_long = false;
  const int64_t begin = offset_;
  while (true) {
    const char* start = buffer_.data();
    const auto* found = buffer_.size() > searched ? static_cast<const char*>(std::memchr(start + searched, '\n', buffer_.size() - searched)) : nullptr;
    const bool at_end = offset_ + static_cast<int64_t>(buffer_.size()) >= end_;
    if (found || (at_end && (!buffer_.empty() || too_long))) {
      const size_t length = found ? static_cast<size_t>(found - start) : buffer_.size();
      Line line = {{start, length}, begin, too_long || length > max_line_};
      if (line.too_long) line.text = {};
      if (line.text.ends_with('\r')) line.text.remove_suffix(1);
      buffer_.Pass(length + (found ? 1 : 0));
      offset_ += static_cast<int64_t>(length) + (found ? 1 : 0);
      return line;
    }
    if (at_end) return std::optional<Line>();
    searched = buffer_.size();
    if (searched > max_line_) {
      // What does not fit is let go as it comes.
      too_long = true;
      offset_ += static_cast<int64_t>(searched);
      buffer_.Pass(searched);
      searched = 0;
    }
    ARROW_RETURN_NOT_OK(Fill());
  }
}

}  // namespace vecferry::files
