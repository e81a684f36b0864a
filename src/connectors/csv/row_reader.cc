#include "connectors/csv/row_reader.h"

#include <algorithm>
#include <cstring>

namespace vecferry::csv {
namespace {

const char* Find(const char* from, const char* end, char what) {
  return from == end ? nullptr : static_cast<const char*>(std::memchr(from, what, static_cast<size_t>(end - from)));
}

int64_t CountLines(const char* from, const char* end) {
  int64_t lines = 0;
  while (const char* found = Find(from, end, '\n')) ++lines, from = found + 1;
  return lines;
}

}  // namespace

RowReader::RowReader(ReadBytes read, const Dialect& dialect, int64_t begin, int64_t end, size_t max_row)
    : read_(std::move(read)), dialect_(dialect), end_(end), max_row_(max_row), offset_(begin) {
  for (const char c : {dialect.delimiter, '\n', '\r', '"'}) stops_[static_cast<unsigned char>(c)] = true;
}

/// Keeps what is not yet given and reads on.
Status RowReader::Fill() {
  const auto space = buffer_.Space();
  ARROW_ASSIGN_OR_RAISE(const size_t got, read_(space.data(), space.size()));
  at_end_ = got == 0;
  buffer_.Add(got);
  return Status::OK();
}

void RowReader::Put(const char* from, const char* to, bool quoted, bool escaped) {
  if (fields_.size() >= kMaxColumns) row_.fault = Row::Fault::too_many;
  else fields_.push_back({{from, static_cast<size_t>(to - from)}, quoted, escaped});
}

/// A field that begins with a quote, up to what ends it. False where the buffer ends before that is known.
bool RowReader::ScanQuoted(const char*& at, bool keep) {
  const char* end = buffer_.end();
  const char* begin = ++at;
  bool escaped = false;
  while (true) {
    const char* quote = Find(at, end, '"');
    if (!quote || (quote + 1 == end && !at_end_)) {
      if (!at_end_) return false;
      row_.fault = Row::Fault::open_quote;
      at = end;
      return true;
    }
    if (quote + 1 < end && quote[1] == '"') {
      escaped = true;
      at = quote + 2;
      continue;
    }
    if (keep) Put(begin, quote, true, escaped);
    at = quote + 1;
    break;
  }
  if (at == end || *at == dialect_.delimiter || *at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n')) return true;
  if (*at == '\r' && at + 1 == end) return at_end_;
  row_.fault = Row::Fault::stray_quote;
  return ScanPlain(at, false);
}

bool RowReader::ScanPlain(const char*& at, bool keep) {
  const char* end = buffer_.end();
  const char* begin = at;
  while (true) {
    while (at != end && !stops_[static_cast<unsigned char>(*at)]) ++at;
    if (at == end) {
      if (!at_end_) return false;
      break;
    }
    if (*at == '"') {
      row_.fault = Row::Fault::stray_quote;
    } else if (*at == '\r') {
      if (at + 1 == end && !at_end_) return false;
      if (at + 1 != end && at[1] == '\n') break;
    } else {
      break;
    }
    ++at;
  }
  if (keep && row_.fault == Row::Fault::none) Put(begin, at, false, false);
  return true;
}

RowReader::Scan RowReader::ScanRow(bool keep) {
  const char* const begin = buffer_.data();
  const char* const end = buffer_.end();
  const char* at = begin;
  if (at == end) return at_end_ ? Scan::end : Scan::more;
  fields_.clear();
  row_ = {};
  while (true) {
    const bool whole = at != end && *at == '"' ? ScanQuoted(at, keep) : ScanPlain(at, keep);
    if (!whole) return Scan::more;
    if (at == end || *at != dialect_.delimiter) break;
    ++at;
    if (at == end && !at_end_) return Scan::more;
  }
  blank_ = at == begin && row_.fault == Row::Fault::none;
  if (at != end && *at == '\r') ++at;
  if (at != end && *at == '\n') ++at;
  length_ = static_cast<size_t>(at - begin);
  row_.begin = offset_;
  row_.line = lines_;
  lines_ += CountLines(begin, at);
  return Scan::row;
}

void RowReader::Unescape() {
  for (Field& field : fields_) {
    if (!field.escaped) continue;
    char* out = buffer_.data() + (field.text.data() - buffer_.data());
    const char* const begin = out;
    const char* from = field.text.data();
    const char* const end = from + field.text.size();
    while (const char* quote = Find(from, end, '"')) {
      const auto size = static_cast<size_t>(quote + 1 - from);
      std::memmove(out, from, size);
      out += size;
      from = quote + 2;
    }
    std::memmove(out, from, static_cast<size_t>(end - from));
    out += end - from;
    field.text = {begin, static_cast<size_t>(out - begin)};
  }
}

/// What does not fit is let go as it comes, up to the end of its row.
Result<std::optional<Row>> RowReader::PassOver() {
  Row row;
  row.begin = offset_;
  row.line = lines_;
  row.fault = Row::Fault::too_long;
  fields_.clear();
  row.fields = &fields_;
  enum { start, plain, quoted, closing } state = start;
  while (true) {
    while (!buffer_.empty()) {
      const char c = *buffer_.data();
      buffer_.Pass(1);
      ++offset_;
      lines_ += c == '\n';
      if (state == quoted) state = c == '"' ? closing : quoted;
      else if (c == '\n') return row;
      else if (c == '"' && (state == start || state == closing)) state = quoted;
      else state = c == dialect_.delimiter ? start : plain;
    }
    if (at_end_) return row;
    ARROW_RETURN_NOT_OK(Fill());
  }
}

Result<std::optional<Row>> RowReader::Next(bool keep) {
  while (offset_ < end_) {
    const Scan scan = ScanRow(keep);
    if (scan == Scan::end) break;
    if (scan == Scan::row) {
      buffer_.Pass(length_);
      offset_ += static_cast<int64_t>(length_);
      if (blank_) continue;
      Unescape();
      if (length_ > max_row_) row_.fault = Row::Fault::too_long;
      row_.fields = &fields_;
      return row_;
    }
    if (buffer_.size() > max_row_) return PassOver();
    ARROW_RETURN_NOT_OK(Fill());
  }
  return std::optional<Row>();
}

Status RowReader::SkipMark() {
  while (buffer_.size() < 3 && !at_end_) ARROW_RETURN_NOT_OK(Fill());
  const std::string_view start(buffer_.data(), std::min<size_t>(3, buffer_.size()));
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    return MakeError(Category::unsupported, "the file is UTF-16", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8");
  }
  if (start != "\xef\xbb\xbf") return Status::OK();
  buffer_.Pass(3);
  offset_ += 3;
  return Status::OK();
}

}  // namespace vecferry::csv
