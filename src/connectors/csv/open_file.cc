#include "connectors/csv/open_file.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/csv/vector_text.h"

namespace vecferry::csv {
namespace {

constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kCountedWhole = int64_t{4} << 30;  ///< a larger file's rows are estimated
constexpr int64_t kSampled = int64_t{16} << 20;
constexpr int64_t kApart = int64_t{1} << 20;
constexpr int64_t kMaxSideCar = int64_t{64} << 20;
/// Rows that are looked at for a vector that says what its column holds.
constexpr int64_t kLookedAt = 100'000;

ReadBytes BytesOf(std::shared_ptr<files::Input> input, int64_t offset) {
  return [input = std::move(input), at = offset](char* out, size_t size) mutable -> Result<size_t> {
    ARROW_ASSIGN_OR_RAISE(const size_t got, input->ReadAt(at, out, size));
    at += static_cast<int64_t>(got);
    return got;
  };
}

Result<std::string> ReadAll(const files::Place& place, int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(const auto input, files::OpenInput(place));
  std::string bytes;
  while (static_cast<int64_t>(bytes.size()) <= limit) {
    const size_t before = bytes.size();
    bytes.resize(before + (1 << 16));
    ARROW_ASSIGN_OR_RAISE(const size_t got, input->ReadAt(static_cast<int64_t>(before), bytes.data() + before, 1 << 16));
    bytes.resize(before + got);
    if (got < (1 << 16)) return bytes;
  }
  return MakeError(Category::too_large, fmt::format("{} has more than {} bytes", place.text(), limit));
}

}  // namespace

Result<std::shared_ptr<OpenFile>> OpenFile::Open(const Dataset& dataset, const std::optional<Table>& written) {
  auto file = std::make_shared<OpenFile>();
  file->dataset_ = dataset;
  ARROW_ASSIGN_OR_RAISE(file->input_, files::OpenInput(dataset.place));
  ARROW_ASSIGN_OR_RAISE(file->stamp_, file->input_->Stat());
  const Status read = file->ReadHeader(written);
  if (!read.ok()) return Prefixed(file->name(), read);
  return file;
}

Result<std::unique_ptr<RowReader>> OpenFile::RowsFrom(int64_t offset, int64_t end) const {
  auto input = input_;
  if (compressed()) {
    ARROW_ASSIGN_OR_RAISE(input, files::OpenInput(dataset_.place));
  }
  return std::make_unique<RowReader>(BytesOf(std::move(input), offset), dialect(), offset, end);
}

Status OpenFile::CheckUnchanged(const files::Stamp& wanted) const {
  ARROW_ASSIGN_OR_RAISE(const files::Stamp now, input_->Stat());
  if (now == wanted) return Status::OK();
  return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", name()), "start again with --restart: a file that changes cannot be resumed");
}

Status OpenFile::ReadSideCar(std::optional<Table>* described) const {
  const files::Place place = dataset_.side_car();
  ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
  if (!there || there->folder) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const std::string json, ReadAll(place, kMaxSideCar));
  auto table = ParseSideCar(json);
  if (!table.ok()) return Prefixed(place.text(), table.status());
  *described = std::move(*table);
  return Status::OK();
}

Status OpenFile::ReadHeader(std::optional<Table> described) {
  const bool written = described.has_value();
  if (!written) ARROW_RETURN_NOT_OK(ReadSideCar(&described));
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsFrom(0, kNoEnd));
  ARROW_RETURN_NOT_OK(rows->SkipMark());
  std::vector<std::string> names = dataset_.wishes.columns;
  if (dialect().header) {
    ARROW_ASSIGN_OR_RAISE(const auto header, rows->Next());
    if (!header) return MakeError(Category::corrupt, "the file is empty: it has not even a header", "say header=false for one without");
    if (header->fault != Row::Fault::none) return MakeError(Category::corrupt, "the first row is no row of CSV", "say delimiter= where it is no comma");
    names.clear();
    for (const Field& field : *header->fields) {
      if (!simdjson::validate_utf8(field.text.data(), field.text.size())) return MakeError(Category::unsupported, "the header is not UTF-8", "convert the file to UTF-8 with iconv");
      names.emplace_back(field.text);
    }
  } else if (names.empty() && described) {
    for (const Column& column : described->columns) names.push_back(column.name);
  }
  if (names.empty()) return MakeError(Category::usage, "a file without a header does not name its columns", "name them in their order: columns=id,content,embedding");
  data_begin_ = rows->offset();
  data_lines_ = rows->lines();
  if (written) {
    table_ = *described;
    table_.described = true;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(table_, TableOf(names, dataset_.wishes, described));
  if (described && !table_.described) notes_.push_back({"side-car-unused", "the side-car describes other columns than the file has, or options name them: it is not used", -1, true});
  for (const Column& column : table_.columns) {
    if (column.role == Column::Role::ignored) notes_.push_back({"not-carried", "a column without a name is left out", 1, true});
  }
  return FindVectors();
}

/// A column of vectors is what its first vector is.
Status OpenFile::FindVectors() {
  const auto unknown = [&](const Column& column) {
    if (column.role != Column::Role::vector) return false;
    const VectorSpec& spec = table_.schema.vectors[column.index];
    return spec.dims == 0 && !(spec.kind == VectorKind::sparse && (dataset_.wishes.types.contains(column.name) || column.name.starts_with("sparse:")));
  };
  const auto left = [&] { return !table_.described && std::any_of(table_.columns.begin(), table_.columns.end(), unknown); };
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsFrom(data_begin_, kNoEnd));
  std::vector<bool> found(table_.columns.size(), false);
  for (int64_t n = 0; n < kLookedAt && left(); ++n) {
    ARROW_ASSIGN_OR_RAISE(const auto row, rows->Next());
    if (!row) break;
    if (row->fault != Row::Fault::none || row->fields->size() != table_.columns.size()) continue;
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      const Column& column = table_.columns[i];
      if (found[i] || !unknown(column) || row->IsNull(i, dialect())) continue;
      const auto guess = GuessVector((*row->fields)[i].text);
      VectorSpec& spec = table_.schema.vectors[column.index];
      const bool typed = dataset_.wishes.types.contains(column.name) || spec.kind != VectorKind::dense;
      if (!guess || (typed && guess->kind != spec.kind)) continue;
      found[i] = true;
      if (!typed) spec.kind = guess->kind, spec.element = guess->element;
      spec.dims = guess->dims;
      if (spec.kind == VectorKind::sparse) table_.columns[i].size = 0;
    }
    if (std::all_of(table_.columns.begin(), table_.columns.end(), [&](const Column& column) { return !unknown(column) || found[static_cast<size_t>(&column - table_.columns.data())]; })) break;
  }
  for (const Column& column : table_.columns) {
    if (!unknown(column) || table_.described || found[static_cast<size_t>(&column - table_.columns.data())]) continue;
    return MakeError(Category::usage, fmt::format("the first rows have no vector in the column '{}'", Printable(column.name, 100)),
                     "say what it holds: types=" + Printable(column.name, 100) + ":vector(768); or name another column with vector=");
  }
  return Status::OK();
}

Result<int64_t> CountRows(const Dataset& dataset) {
  ARROW_ASSIGN_OR_RAISE(auto input, files::OpenInput(dataset.place));
  RowReader rows(BytesOf(std::move(input), 0), dataset.wishes.dialect, 0, kNoEnd);
  int64_t count = dataset.wishes.dialect.header ? -1 : 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto row, rows.Next(false));
    if (!row) return std::max<int64_t>(count, 0);
    ++count;
  }
}

Status OpenFile::Scan(int64_t end) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsFrom(data_begin_, end));
  marks_ = {{data_begin_, data_lines_, 0}};
  int64_t count = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto row, rows->Next(false));
    if (!row) break;
    if (row->begin >= marks_.back().offset + kApart) marks_.push_back({row->begin, data_lines_ + row->line, count});
    ++count;
  }
  marks_.push_back({rows->offset(), data_lines_ + rows->lines(), count});
  return Status::OK();
}

Result<OpenFile::Count> OpenFile::CountRows() {
  const std::lock_guard lock(mutex_);
  const bool whole = stamp_.size <= (compressed() ? kCountedWhole / 8 : kCountedWhole);
  if (!whole && compressed()) return Count{};
  if (!scanned_) ARROW_RETURN_NOT_OK(Scan(whole ? kNoEnd : data_begin_ + kSampled));
  scanned_ = scanned_ || whole;
  const int64_t read = marks_.back().offset - data_begin_;
  if (scanned_ || read == 0) return Count{marks_.back().rows, scanned_};
  return Count{static_cast<int64_t>(static_cast<double>(marks_.back().rows) * static_cast<double>(stamp_.size - data_begin_) / static_cast<double>(read)), false};
}

Result<std::vector<Mark>> OpenFile::Marks() {
  const std::lock_guard lock(mutex_);
  if (!scanned_) ARROW_RETURN_NOT_OK(Scan(kNoEnd));
  scanned_ = true;
  return marks_;
}

/// Told only where a row is at fault.
Result<int64_t> OpenFile::LineAt(int64_t offset) {
  ARROW_ASSIGN_OR_RAISE(const auto marks, Marks());
  auto mark = std::upper_bound(marks.begin(), marks.end(), offset, [](int64_t at, const Mark& each) { return at < each.offset; });
  const Mark from = mark == marks.begin() ? Mark{data_begin_, data_lines_, 0} : *std::prev(mark);
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsFrom(from.offset, offset));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto row, rows->Next(false));
    if (!row) return from.lines + rows->lines() + 1;
  }
}

}  // namespace vecferry::csv
