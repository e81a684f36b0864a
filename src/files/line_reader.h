#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "files/input.h"
#include "files/read_buffer.h"

namespace vecferry::files {

/// The lines of a stretch of a file, in a buffer that is used again. Memory is bounded by the longest line
/// or `max_line`, whichever is less.
class LineReader {
 public:
  /// An `end` beyond every file: kToTheEnd, for input of unknown size.
  static constexpr int64_t kToTheEnd = INT64_MAX;
  /// `padding` bytes are readable behind every line.
  LineReader(const Input& input, int64_t begin, int64_t end, size_t padding, size_t max_line);

  struct Line {
    std::string_view text;  ///< without its line break; lives until the next call
    int64_t begin = 0;      ///< offset in the file
    bool too_long = false;  ///< text is empty then
  };
  /// Nothing at the end. A last line without a line break is a line.
  Result<std::optional<Line>> Next();
  /// Where the next line begins.
  int64_t offset() const { return offset_; }

 private:
  Status Fill();
  const Input& input_;
  int64_t offset_;       ///< of the first byte not yet given
  int64_t end_;
  const size_t max_line_;
  ReadBuffer buffer_;
};

}  // namespace vecferry::files
