#include <algorithm>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "connectors/jsonl/jsonl.h"
#include "files/line_reader.h"
#include "files/staged_file.h"

namespace vecferry::jsonl {
namespace {

constexpr int64_t kCountedWhole = int64_t{4} << 30;  ///< a larger file's records are estimated
constexpr int64_t kSampled = int64_t{1} << 20;
constexpr int64_t kSmallestSplit = int64_t{1} << 20;

/// A stretch of whole lines of the file as it was when the plan was made.
struct Part {
  int64_t begin = 0, end = 0;
  files::Stamp stamp;
};

std::string ToText(const Part& part) {
  return fmt::format("{} {} {} {} {}", part.begin, part.end, part.stamp.size, part.stamp.mtime_ns, part.stamp.inode);
}

Result<Part> ParsePart(std::string_view text) {
  std::vector<int64_t> numbers;
  std::string_view rest = text;
  while (!rest.empty() && numbers.size() < 5) {
    const std::string_view item = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    ARROW_ASSIGN_OR_RAISE(numbers.emplace_back(), ParseInt(item));
  }
  if (numbers.size() != 5 || !rest.empty() || numbers[0] < 0 || numbers[0] > numbers[1] ||
      (numbers[1] > numbers[2] && numbers[1] != files::LineReader::kToTheEnd)) {
    return MakeError(Category::usage, fmt::format("'{}' is no split of a jsonl file", Printable(text, 100)));
  }
  return Part{numbers[0], numbers[1], {numbers[2], numbers[3], static_cast<uint64_t>(numbers[4])}};
}

bool IsBlank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

/// Line numbers are only told where a line is at fault, so they are counted only then.
class LineCounter {
 public:
  explicit LineCounter(std::shared_ptr<files::Input> input) : input_(std::move(input)) {}
  Result<int64_t> NumberAt(int64_t offset) {
    const std::lock_guard lock(mutex_);
    if (offset < known_offset_) known_offset_ = 0, known_number_ = 1;
    std::string chunk(1 << 20, '\0');
    while (known_offset_ < offset) {
      const auto want = static_cast<size_t>(std::min<int64_t>(offset - known_offset_, static_cast<int64_t>(chunk.size())));
      ARROW_ASSIGN_OR_RAISE(const size_t got, input_->ReadAt(known_offset_, chunk.data(), want));
      if (got == 0) break;
      known_number_ += std::count(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(got), '\n');
      known_offset_ += static_cast<int64_t>(got);
    }
    return known_number_;
  }

 private:
  const std::shared_ptr<files::Input> input_;
  std::mutex mutex_;
  int64_t known_offset_ = 0, known_number_ = 1;
};

/// What the readers of one file share. Kept alive by each of them.
struct Shared {
  Shared(files::Place where, std::shared_ptr<files::Input> opened, std::shared_ptr<files::Input> again)
      : place(std::move(where)), input(std::move(opened)), lines(std::move(again)) {}
  const files::Place place;
  const std::shared_ptr<files::Input> input;
  LineCounter lines;
  Header header;
  int64_t data_begin = 0;
  files::Stamp stamp;

  bool compressed() const { return input->size() < 0; }

  Status CheckUnchanged(const files::Stamp& wanted) const {
    ARROW_ASSIGN_OR_RAISE(const files::Stamp now, input->Stat());
    if (now == wanted) return Status::OK();
    return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", input->name()),
                     "start again with --restart: a file that changes cannot be resumed");
  }
};

class Reader final : public SplitReader {
 public:
  /// `input` is the reader's own where it is compressed.
  Reader(std::shared_ptr<Shared> shared, std::shared_ptr<files::Input> input, const Part& part, int64_t from, const ReadOptions& options)
      : shared_(std::move(shared)), input_(std::move(input)), part_(part), options_(options), lines_(*input_, from, part.end, LineParser::Padding(), kMaxLine),
        parser_(shared_->header.schema), builder_(shared_->header.schema) {}

  Result<std::optional<SourceBatch>> Next() override {
    SourceBatch batch;
    bool any = false;
    ARROW_RETURN_NOT_OK(shared_->CheckUnchanged(part_.stamp));
    while (HasRoom(batch)) {
      ARROW_ASSIGN_OR_RAISE(auto line, held_ ? Result(std::exchange(held_, std::nullopt)) : lines_.Next());
      if (!line) break;
      // A large record travels alone.
      if (any && static_cast<int64_t>(line->text.size()) > options_.batch_bytes) {
        held_ = line;
        break;
      }
      any = true;
      ARROW_RETURN_NOT_OK(Take(*line, &batch));
    }
    if (!any) return std::optional<SourceBatch>();
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = std::to_string(held_ ? held_->begin : lines_.offset());
    return batch;
  }

 private:
  /// Always for a first record, whatever its size.
  bool HasRoom(const SourceBatch& batch) const {
    const auto lines = builder_.rows() + static_cast<int64_t>(batch.rejects.size());
    return builder_.rows() == 0 ? lines < options_.batch_rows
                                : lines < options_.batch_rows && builder_.bytes() < options_.batch_bytes;
  }

  Status Take(const files::LineReader::Line& line, SourceBatch* batch) {
    if (line.too_long) return AddReject(line, BadRecord("line-too-long", fmt::format("a line of more than {} bytes", kMaxLine)), batch);
    if (IsBlank(line.text)) return Status::OK();
    const Status status = parser_.Parse(line.text, builder_);
    return status.ok() ? status : AddReject(line, status, batch);
  }

  Status AddReject(const files::LineReader::Line& line, const Status& why, SourceBatch* batch) {
    ARROW_ASSIGN_OR_RAISE(const int64_t number, shared_->lines.NumberAt(line.begin));
    Reject reject;
    if (!line.too_long) {
      reject.id = parser_.id();
      reject.tenant = parser_.tenant();
    }
    reject.code = FactsOf(why).code;
    reject.message = fmt::format("line {}: {}", number, why.message());
    if (IsValidUtf8(line.text)) reject.record = line.text;
    batch->rejects.push_back(std::move(reject));
    return Status::OK();
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<files::Input> input_;
  Part part_;
  ReadOptions options_;
  files::LineReader lines_;
  LineParser parser_;
  BatchBuilder builder_;
  std::optional<files::LineReader::Line> held_;  ///< read, and too large for the batch it was read for
};

class JsonlSource final : public Source {
 public:
  explicit JsonlSource(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.store = "jsonl";
    info.dataset = shared_->place.name();
    info.identity = files::IdentityOf("jsonl", shared_->place);
    info.schema = shared_->header.schema;
    info.layout = shared_->header.layout;
    info.settings = shared_->header.settings;
    info.bytes = shared_->stamp.size;
    info.consistency = Consistency::frozen;
    if (shared_->compressed()) info.facts["compression"] = files::Name(shared_->input->compression());
    info.count_exact = shared_->stamp.size <= kCountedWhole;
    ARROW_ASSIGN_OR_RAISE(info.count, Count(info.count_exact));
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    if (shared_->compressed()) {
      return std::vector<Split>{{ToText({shared_->data_begin, files::LineReader::kToTheEnd, shared_->stamp}), "the whole file", -1, shared_->stamp.size}};
    }
    const int64_t begin = shared_->data_begin, total = shared_->stamp.size - begin;
    const int64_t parts = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(total / kSmallestSplit, 1));
    std::vector<Split> splits;
    int64_t from = begin;
    for (int64_t i = 1; i <= parts && from < shared_->stamp.size; ++i) {
      ARROW_ASSIGN_OR_RAISE(const int64_t to, i == parts ? Result<int64_t>(shared_->stamp.size) : NextLine(begin + total / parts * i));
      if (to <= from) continue;
      splits.push_back({ToText({from, to, shared_->stamp}), fmt::format("bytes {}..{}", from, to), -1, to - from});
      from = to;
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(const Part part, ParsePart(split.payload));
    ARROW_RETURN_NOT_OK(shared_->CheckUnchanged(part.stamp));
    int64_t offset = part.begin;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(offset, ParseInt(from));
      if (offset < part.begin || offset > part.end) return MakeError(Category::usage, "a cursor outside its split");
    }
    std::shared_ptr<files::Input> input = shared_->input;
    if (shared_->compressed()) {
      ARROW_ASSIGN_OR_RAISE(input, files::OpenInput(shared_->place));
    }
    return std::make_unique<Reader>(shared_, std::move(input), part, offset, options);
  }

 private:
  /// The beginning of the first line at or after `offset`.
  Result<int64_t> NextLine(int64_t offset) const {
    std::string chunk(1 << 16, '\0');
    for (int64_t at = offset - 1;;) {
      ARROW_ASSIGN_OR_RAISE(const size_t got, shared_->input->ReadAt(at, chunk.data(), chunk.size()));
      if (got == 0) return shared_->stamp.size;
      const size_t found = std::string_view(chunk.data(), got).find('\n');
      if (found != std::string_view::npos) return at + static_cast<int64_t>(found) + 1;
      at += static_cast<int64_t>(got);
    }
  }

  Result<int64_t> Count(bool exact) const {
    const int64_t begin = shared_->data_begin, size = shared_->stamp.size;
    // How much a compressed file holds cannot be told from a part of it.
    if (shared_->compressed() && !exact) return int64_t{-1};
    const int64_t end = shared_->compressed() ? files::LineReader::kToTheEnd : exact ? size : std::min(size, begin + kSampled);
    files::LineReader lines(*shared_->input, begin, end, 0, kMaxLine);
    int64_t count = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto line, lines.Next());
      if (!line) break;
      if (line->too_long || !IsBlank(line->text)) ++count;
    }
    return exact ? count : static_cast<int64_t>(static_cast<double>(count) * static_cast<double>(size - begin) / static_cast<double>(end - begin));
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place) {
  ARROW_ASSIGN_OR_RAISE(auto input, files::OpenInput(place));
  ARROW_ASSIGN_OR_RAISE(auto again, input->size() < 0 ? files::OpenInput(place) : Result<std::shared_ptr<files::Input>>(input));
  auto shared = std::make_shared<Shared>(place, std::move(input), std::move(again));
  ARROW_ASSIGN_OR_RAISE(shared->stamp, shared->input->Stat());
  const int64_t end = shared->compressed() ? files::LineReader::kToTheEnd : shared->stamp.size;
  files::LineReader lines(*shared->input, 0, end, LineParser::Padding(), kMaxLine);
  ARROW_ASSIGN_OR_RAISE(const auto header, lines.Next());
  ARROW_ASSIGN_OR_RAISE(shared->header, ParseHeader(header ? header->text : ""));
  shared->data_begin = lines.offset();
  return std::make_unique<JsonlSource>(std::move(shared));
}

bool HasHeader(const fs::path& path) {
  const auto input = files::OpenInput(files::Place(path));
  char start[kHeaderStart.size()];
  const auto got = input.ok() ? (*input)->ReadAt(0, start, sizeof(start)) : Result<size_t>(size_t{0});
  return got.ok() && std::string_view(start, *got) == kHeaderStart;
}

}  // namespace vecferry::jsonl
