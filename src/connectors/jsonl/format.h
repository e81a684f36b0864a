#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "record/batch.h"

namespace vecferry::jsonl {

inline constexpr std::string_view kHeaderStart = "{\"vecferry\":";
/// A longer line is a reject: memory stays bounded whatever the file holds.
inline constexpr size_t kMaxLine = size_t{256} << 20;

/// What the first line says of the dataset.
struct Header {
  RecordSchema schema;
  std::string layout;                           ///< "" if none is known
  std::map<std::string, std::string> settings;  ///< DatasetInfo::settings of the source, text for text
};
/// Of all settings together, names and texts.
inline constexpr size_t kMaxSettings = size_t{16} << 20;

/// The first line of a file, with its newline. Settings must be UTF-8.
std::string HeaderOf(const RecordSchema& schema, const std::string& layout = {}, const std::map<std::string, std::string>& settings = {});
/// Category::unsupported for a line that is no header or of a later version, corrupt for a bad schema or bad settings.
Result<Header> ParseHeader(std::string_view line);

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
