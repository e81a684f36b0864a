#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/csv/open_file.h"
#include "connectors/csv/rows.h"
#include "files/staged_file.h"

namespace vecferry::csv {
namespace {

constexpr size_t kMaxRejectText = size_t{1} << 20;  ///< a larger row is named and not repeated
constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

/// A stretch of whole rows of the file as it was when the plan was made.
struct Part {
  int64_t begin = 0, end = 0;
  files::Stamp stamp;
};

std::string ToText(const Part& part) { return fmt::format("{} {} {} {} {}", part.begin, part.end, part.stamp.size, part.stamp.mtime_ns, part.stamp.inode); }

template <class T>
bool Take(std::string_view* text, T* number) {
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, *number);
  if (error != std::errc() || (at != end && *at != ' ')) return false;
  text->remove_prefix(std::min(text->size(), static_cast<size_t>(at - text->data()) + 1));
  return true;
}

Result<Part> ParsePart(std::string_view text) {
  Part part;
  std::string_view rest = text;
  if (!Take(&rest, &part.begin) || !Take(&rest, &part.end) || !Take(&rest, &part.stamp.size) || !Take(&rest, &part.stamp.mtime_ns) || !Take(&rest, &part.stamp.inode) ||
      !rest.empty() || part.begin < 0 || part.begin > part.end) {
    return MakeError(Category::usage, fmt::format("'{}' is no split of a CSV file", Printable(text, 100)));
  }
  return part;
}

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<OpenFile> file, std::unique_ptr<RowReader> rows, const Part& part, const ReadOptions& options)
      : file_(std::move(file)), rows_(std::move(rows)), part_(part), from_(rows_->offset()), options_(options), parser_(file_->table(), file_->dialect()), builder_(file_->table().schema) {}

  Result<std::optional<SourceBatch>> Next() override {
    SourceBatch batch;
    ARROW_RETURN_NOT_OK(file_->CheckUnchanged(part_.stamp));
    bool any = false;
    while (HasRoom(batch)) {
      ARROW_ASSIGN_OR_RAISE(const auto row, rows_->Next());
      if (!row) break;
      any = true;
      const Status status = parser_.Parse(*row, builder_);
      if (!status.ok()) ARROW_RETURN_NOT_OK(AddReject(*row, status, &batch));
      else if (parser_.rounded()) batch.rounded.push_back(builder_.rows() - 1);
    }
    if (!any) return std::optional<SourceBatch>();
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = std::to_string(rows_->offset());
    return batch;
  }

 private:
  /// Always for a first record, whatever its size.
  bool HasRoom(const SourceBatch& batch) const {
    const auto rows = builder_.rows() + static_cast<int64_t>(batch.rejects.size());
    return rows < options_.batch_rows && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes);
  }

  Status AddReject(const Row& row, const Status& why, SourceBatch* batch) {
    if (!IsCategory(why, Category::bad_content)) return why;
    if (first_line_ == 0) {
      ARROW_ASSIGN_OR_RAISE(first_line_, file_->LineAt(from_));
    }
    batch->rejects.push_back({Printable(parser_.id()), Printable(parser_.tenant()), FactsOf(why).code, fmt::format("line {}: {}", first_line_ + row.line, why.message()), TextOf(row)});
    return Status::OK();
  }

  /// The row as it could be written again; nothing where it is broken or large.
  std::string TextOf(const Row& row) const {
    std::string text;
    if (row.fault != Row::Fault::none) return text;
    for (size_t i = 0; i < row.fields->size(); ++i) {
      const Field& field = (*row.fields)[i];
      if (text.size() + field.text.size() > kMaxRejectText || !IsValidUtf8(field.text)) return {};
      if (i > 0) text += file_->dialect().delimiter;
      if (row.IsNull(i, file_->dialect())) text += field.text;
      else AppendField(field.text, file_->dialect(), &text);
    }
    return text;
  }

  const std::shared_ptr<OpenFile> file_;
  const std::unique_ptr<RowReader> rows_;
  const Part part_;
  const int64_t from_;
  int64_t first_line_ = 0;  ///< of the stretch that is read; told only where a row is at fault
  const ReadOptions options_;
  RowParser parser_;
  BatchBuilder builder_;
};

class CsvSource final : public Source {
 public:
  CsvSource(std::shared_ptr<OpenFile> file, std::string identity) : file_(std::move(file)), identity_(std::move(identity)) {}

  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.store = "csv";
    info.dataset = file_->dataset().place.name();
    info.identity = identity_;
    info.schema = file_->table().schema;
    info.layout = file_->table().layout;
    info.settings = file_->table().settings;
    info.bytes = file_->stamp().size;
    info.consistency = Consistency::frozen;
    ARROW_ASSIGN_OR_RAISE(const auto count, file_->CountRows());
    info.count = count.rows;
    info.count_exact = count.exact;
    info.notes = file_->notes();
    std::vector<std::string> names;
    for (const Column& column : file_->table().columns) names.push_back(Printable(column.name, 60));
    info.facts["columns"] = fmt::format("{}", fmt::join(names, ", "));
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    // One reader of a compressed file would only wait for another.
    if (wanted <= 1 || file_->compressed()) return Whole();
    ARROW_ASSIGN_OR_RAISE(const auto marks, file_->Marks());
    if (marks.back().rows == 0) return std::vector<Split>();
    const size_t stretches = marks.size() - 1, parts = std::min<size_t>(static_cast<size_t>(wanted), stretches);
    std::vector<Split> splits;
    for (size_t i = 0; i < parts; ++i) {
      const Mark &from = marks[stretches * i / parts], &to = marks[stretches * (i + 1) / parts];
      splits.push_back({ToText({from.offset, to.offset, file_->stamp()}), fmt::format("bytes {}..{}", from.offset, to.offset), to.rows - from.rows, to.offset - from.offset});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(const Part part, ParsePart(split.payload));
    ARROW_RETURN_NOT_OK(file_->CheckUnchanged(part.stamp));
    int64_t offset = part.begin;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(offset, ParseInt(from));
      if (offset < part.begin || offset > part.end) return MakeError(Category::usage, "a cursor outside its split");
    }
    ARROW_ASSIGN_OR_RAISE(auto rows, file_->RowsFrom(offset, part.end));
    return std::make_unique<Reader>(file_, std::move(rows), part, options);
  }

 private:
  Result<std::vector<Split>> Whole() {
    ARROW_ASSIGN_OR_RAISE(const auto count, file_->CountRows());
    if (count.exact && count.rows == 0) return std::vector<Split>();
    return std::vector<Split>{{ToText({file_->data_begin(), kNoEnd, file_->stamp()}), "the file", count.rows, file_->stamp().size}};
  }

  const std::shared_ptr<OpenFile> file_;
  const std::string identity_;
};

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const Dataset& dataset) {
  ARROW_ASSIGN_OR_RAISE(auto file, OpenFile::Open(dataset));
  return std::make_unique<CsvSource>(std::move(file), files::IdentityOf("csv", dataset.place));
}

Result<std::unique_ptr<Source>> OpenSource(const Dataset& dataset, const Table& written, const std::string& identity) {
  ARROW_ASSIGN_OR_RAISE(auto file, OpenFile::Open(dataset, written));
  return std::make_unique<CsvSource>(std::move(file), identity);
}

bool LooksLikeCsv(const fs::path& path) {
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return false;
  Dataset dataset;
  dataset.place = files::Place(path);
  const auto input = files::OpenInput(dataset.place);
  std::string start(1 << 16, '\0');
  const auto got = input.ok() ? (*input)->ReadAt(0, start.data(), start.size()) : Result<size_t>(size_t{0});
  if (!got.ok()) return false;
  start.resize(*got);
  // What is no text, or has no first row of a sensible length, is not looked into further.
  if (start.find('\0') != start.npos || start.find('\n') == start.npos) return false;
  const auto file = OpenFile::Open(dataset);
  return file.ok() && !(*file)->table().schema.vectors.empty();
}

}  // namespace vecferry::csv
