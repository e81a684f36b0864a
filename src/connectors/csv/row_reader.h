#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "files/read_buffer.h"

namespace vecferry::csv {

/// How a file is written. Quotes are '"', doubled inside quotes (RFC 4180).
struct Dialect {
  char delimiter = ',';
  std::string null;     ///< an unquoted field of this text is NULL
  bool header = true;   ///< the first row names the columns
};

/// A longer row is a reject: memory stays bounded whatever the file holds.
inline constexpr size_t kMaxRow = size_t{256} << 20;
inline constexpr size_t kMaxColumns = 20'000;

/// The next bytes of the file, fewer than asked for or 0 only at its end.
using ReadBytes = std::function<Result<size_t>(char* out, size_t size)>;

struct Field {
  std::string_view text;  ///< without quotes
  bool quoted = false;
  bool escaped = false;   ///< had doubled quotes; of use to the reader alone
};

/// One row. The views live until the next call.
struct Row {
  enum class Fault { none, stray_quote, open_quote, too_long, too_many };
  Fault fault = Fault::none;
  int64_t begin = 0;        ///< offset in the file
  int64_t line = 0;         ///< lines of the stretch before it; a quoted field may hold several
  const std::vector<Field>* fields = nullptr;  ///< those before the fault
  bool IsNull(size_t i, const Dialect& dialect) const { return !(*fields)[i].quoted && (*fields)[i].text == dialect.null; }
};

/// The rows of a stretch of a file, in a buffer that is used again. Line ends are LF or CRLF; a bare CR is text. Rows
/// without any text are passed over. A quote inside an unquoted field, or text behind a closing quote, is a fault of that
/// row; a quote that is never closed takes the rest of the file with it.
class RowReader {
 public:
  /// `read` gives the bytes from `begin` on, which is the beginning of a row; rows that begin at `end` or later are not given.
  RowReader(ReadBytes read, const Dialect& dialect, int64_t begin, int64_t end, size_t max_row = kMaxRow);
  /// Without `keep` the fields are not taken apart: only `begin` and `line` are set.
  Result<std::optional<Row>> Next(bool keep = true);
  /// Where the next row begins, and the lines before it.
  int64_t offset() const { return offset_; }
  int64_t lines() const { return lines_; }
  /// A byte order mark of UTF-8 at the beginning of a file. Category::unsupported for UTF-16.
  Status SkipMark();

 private:
  enum class Scan { row, more, end };
  Status Fill();
  Scan ScanRow(bool keep);
  bool ScanQuoted(const char*& at, bool keep);
  bool ScanPlain(const char*& at, bool keep);
  void Put(const char* from, const char* to, bool quoted, bool escaped);
  Result<std::optional<Row>> PassOver();
  void Unescape();

  const ReadBytes read_;
  const Dialect dialect_;
  const int64_t end_;
  const size_t max_row_;
  std::array<bool, 256> stops_{};
  files::ReadBuffer buffer_;
  bool at_end_ = false;
  int64_t offset_, lines_ = 0;
  std::vector<Field> fields_;
  Row row_;
  size_t length_ = 0;   ///< of the row that was scanned, with its line end
  bool blank_ = false;
};

}  // namespace vecferry::csv
