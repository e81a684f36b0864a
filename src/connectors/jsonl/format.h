#pragma once
#include <string>
#include <string_view>

#include "record/batch.h"

namespace vecferry::jsonl {

inline constexpr std::string_view kHeaderStart = "{\"vecferry\":";
/// A longer line is a reject: memory stays bounded whatever the file holds.
inline constexpr size_t kMaxLine = size_t{256} << 20;

/// The first line of a file, with its newline.
std::string HeaderOf(const RecordSchema& schema);
/// Category::unsupported for a line that is no header or of a later version, corrupt for a bad schema.
Result<RecordSchema> ParseHeader(std::string_view line);

/// Appends one record as a line, with its newline. Category::bad_content for text that is not UTF-8;
/// `out` is then as it was. The metadata is trusted to be JSON.
Status AppendLine(const RecordView& view, int64_t row, std::string* out);

/// Reads lines into a builder of the schema. Not for use by two threads at once; reuse it.
class LineParser {
 public:
  explicit LineParser(const RecordSchema& schema);
  ~LineParser();
  /// Bytes that must be readable beyond a line's end.
  static size_t Padding();
  /// One row, or Category::bad_content with a code and the builder as it was. `id` and `tenant` are set as
  /// far as they were read.
  Status Parse(std::string_view line, BatchBuilder& builder);
  const std::string& id() const;
  const std::string& tenant() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::jsonl
