#include <algorithm>
#include <charconv>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "connectors/jsonl/shapes.h"
#include "files/line_reader.h"
#include "files/staged_file.h"

namespace vecferry::jsonl {
namespace {

constexpr int64_t kLookedAtWhole = int64_t{4} << 30;  ///< of more bytes the records are estimated, and what they have is what the first have
constexpr size_t kMaxFiles = 100'000;
constexpr size_t kMaxRejectText = size_t{1} << 20;  ///< a larger record is named and not repeated
constexpr const char* kFolderSideCar = "collection.schema.json";

struct FileAt {
  files::Place place;
  std::string name;  ///< relative to what was named
  int64_t size = 0;
};

/// "batch_2" before "batch_10".
bool ComesBefore(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!a.empty() && !b.empty()) {
    if (digit(a[0]) && digit(b[0])) {
      const auto number = [&](std::string_view& text) {
        size_t end = 0;
        while (end < text.size() && digit(text[end])) ++end;
        std::string_view digits = text.substr(0, end);
        text.remove_prefix(end);
        while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
        return digits;
      };
      const std::string_view x = number(a), y = number(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

bool IsJsonName(std::string_view name) {
  const std::string lower = ToLower(name);
  return lower.find(".json") != lower.npos || lower.find(".ndjson") != lower.npos;
}

OpenInputs Opener(const files::Place& place) {
  return [place] { return files::OpenInput(place); };
}

Result<std::vector<FileAt>> FilesOf(const files::Place& place) {
  std::vector<FileAt> found;
  ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
  if (there && !there->folder) return std::vector<FileAt>{{place, "", there->size}};
  const bool glob = !there && place.is_local() && HasGlob(place.name());
  if (!there && !glob) return place.Missing();
  const files::Place folder = glob ? files::Place(place.local().has_parent_path() ? place.local().parent_path() : fs::path(".")) : place;
  ARROW_ASSIGN_OR_RAISE(const auto in, folder.Stat());
  if (!in || !in->folder) return place.Missing();
  ARROW_ASSIGN_OR_RAISE(const auto listed, folder.Files(kMaxFiles));
  for (const auto& each : listed) {
    const bool wanted = glob ? each.relative.find('/') == each.relative.npos && GlobMatch(place.name(), each.relative) : IsJsonName(each.relative);
    if (wanted && !each.relative.ends_with(".schema.json")) found.push_back({folder / each.relative, each.relative, each.entry.size});
  }
  std::sort(found.begin(), found.end(), [](const FileAt& a, const FileAt& b) { return ComesBefore(a.name, b.name); });
  if (found.empty() && glob) return place.Missing();
  return found;
}

/// One file as it was when the plan was made: "SIZE MTIME INODE NAME".
struct Part {
  files::Stamp stamp;
  std::string name;
};
std::string ToText(const Part& part) { return fmt::format("{} {} {} {}", part.stamp.size, part.stamp.mtime_ns, part.stamp.inode, part.name); }

Result<Part> ParsePart(std::string_view text) {
  Part part;
  const char* at = text.data();
  const char* end = at + text.size();
  bool good = true;
  const auto take = [&](auto* number) {
    const auto [next, error] = std::from_chars(at, end, *number);
    good = good && error == std::errc() && next != end && *next == ' ';
    at = good ? next + 1 : end;
  };
  take(&part.stamp.size);
  take(&part.stamp.mtime_ns);
  take(&part.stamp.inode);
  part.name.assign(at, end);
  if (!good) return MakeError(Category::usage, fmt::format("'{}' is no split of JSON files", Printable(text, 100)));
  return part;
}

Status CheckUnchanged(const files::Place& place, const files::Stamp& wanted) {
  ARROW_ASSIGN_OR_RAISE(const files::Stamp now, place.Changed());
  if (now == wanted) return Status::OK();
  return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", place.text()), "start again with --restart: a file that changes cannot be resumed");
}

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Wishes> wishes, std::shared_ptr<const RecordSchema> schema, std::unique_ptr<ItemStream> items, FileAt file, const files::Stamp& stamp, int64_t first,
         const ReadOptions& options)
      : wishes_(std::move(wishes)), schema_(std::move(schema)), items_(std::move(items)), file_(std::move(file)), stamp_(stamp), next_(first), options_(options),
        parser_(MakeParser(*wishes_, *schema_)), builder_(*schema_) {}

  Result<std::optional<SourceBatch>> Next() override {
    ARROW_RETURN_NOT_OK(CheckUnchanged(file_.place, stamp_));
    SourceBatch batch;
    const int64_t first = next_;
    while (HasRoom(batch)) {
      ARROW_ASSIGN_OR_RAISE(const auto item, items_->Next());
      if (!item) break;
      next_ = item->number + 1;
      ARROW_RETURN_NOT_OK(Take(*item, &batch));
    }
    if (next_ == first) return std::optional<SourceBatch>();
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = std::to_string(next_);
    return batch;
  }

 private:
  bool HasRoom(const SourceBatch& batch) const {
    const auto rows = builder_.rows() + static_cast<int64_t>(batch.rejects.size());
    return rows < options_.batch_rows && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes);
  }

  Status Take(const Item& item, SourceBatch* batch) {
    const int64_t rows = builder_.rows();
    const Status status = item.too_long ? BadRecord("record-too-long", "more bytes than a record may have") : parser_->Parse(item.text, builder_);
    if (status.ok()) {
      if (parser_->rounded() && builder_.rows() > rows) batch->rounded.push_back(rows);
      return Status::OK();
    }
    if (!IsCategory(status, Category::bad_content)) return status;
    Reject reject;
    if (!item.too_long) reject.id = Printable(parser_->id()), reject.tenant = Printable(parser_->tenant());
    if (item.text.size() <= kMaxRejectText && IsValidUtf8(item.text)) reject.record = item.text;
    reject.code = FactsOf(status).code;
    reject.message = fmt::format("{}record {}: {}", file_.name.empty() ? "" : Printable(file_.name, 200) + ", ", item.number + 1, status.message());
    batch->rejects.push_back(std::move(reject));
    return Status::OK();
  }

  const std::shared_ptr<const Wishes> wishes_;
  const std::shared_ptr<const RecordSchema> schema_;
  const std::unique_ptr<ItemStream> items_;
  const FileAt file_;
  const files::Stamp stamp_;
  int64_t next_;
  const ReadOptions options_;
  const std::unique_ptr<ItemParser> parser_;
  BatchBuilder builder_;
};

class ForeignSource final : public Source {
 public:
  ForeignSource(files::Place place, Wishes wishes, std::string identity) : place_(std::move(place)), wishes_(std::make_shared<const Wishes>(std::move(wishes))), identity_(std::move(identity)) {}

  Status Open(std::optional<RecordSchema> known) {
    ARROW_ASSIGN_OR_RAISE(files_, FilesOf(place_));
    known_ = std::move(known);
    return known_ ? Status::OK() : ReadSideCar();
  }

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Look());
    DatasetInfo info;
    info.store = "jsonl";
    info.dataset = place_.name();
    info.identity = identity_;
    info.schema = *schema_;
    if (wishes_->shape == Shape::scroll) info.layout = wishes_->layout.name;
    info.settings = settings_;
    info.bytes = bytes_;
    info.count = count_;
    info.count_exact = exact_;
    info.consistency = Consistency::frozen;
    if (files_.size() > 1 || (files_.size() == 1 && !files_[0].name.empty())) info.facts["files"] = std::to_string(files_.size());
    info.facts["shape"] = wishes_->shape == Shape::scroll ? "qdrant-scroll" : wishes_->shape == Shape::columns ? "columns" : "lines";
    return info;
  }

  /// A file each: where the records of one begin is not known before it was read.
  Result<std::vector<Split>> Splits(int) override {
    std::vector<Split> splits;
    for (const FileAt& file : files_) {
      ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file.place.Changed());
      splits.push_back({ToText({stamp, file.name}), file.name.empty() ? "the file" : file.name, -1, file.size});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look());
    ARROW_ASSIGN_OR_RAISE(const Part part, ParsePart(split.payload));
    const auto file = std::find_if(files_.begin(), files_.end(), [&](const FileAt& each) { return each.name == part.name; });
    if (file == files_.end()) return MakeError(Category::refused, fmt::format("{} is gone since the plan was made", Printable(part.name, 200)), "put it back, or start again with --restart");
    ARROW_RETURN_NOT_OK(CheckUnchanged(file->place, part.stamp));
    int64_t first = 0;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(first, ParseInt(from));
      if (first < 0) return MakeError(Category::usage, "a cursor that is none");
    }
    ARROW_ASSIGN_OR_RAISE(auto items, OpenItems(Opener(file->place), *wishes_, first));
    return std::make_unique<Reader>(wishes_, schema_, std::move(items), *file, part.stamp, first, options);
  }

 private:
  Status ReadSideCar() {
    const bool folder = files_.size() != 1 || !files_[0].name.empty();
    const files::Place side_car = SideCarOf(place_, folder);
    ARROW_ASSIGN_OR_RAISE(const auto there, side_car.Stat());
    if (!there || there->folder) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto input, files::OpenInput(side_car));
    files::LineReader lines(*input, 0, files::LineReader::kToTheEnd, LineParser::Padding(), kMaxLine);
    ARROW_ASSIGN_OR_RAISE(const auto line, lines.Next());
    auto header = ParseHeader(line ? line->text : std::string_view());
    if (!header.ok()) return Prefixed(side_car.text(), header.status());
    known_ = std::move(header->schema);
    settings_ = std::move(header->settings);
    return Status::OK();
  }

  /// Once: what records there are and what they have.
  Status Look() {
    const std::lock_guard lock(mutex_);
    if (schema_) return Status::OK();
    Facts facts;
    const RecordSchema none;
    const auto parser = MakeParser(*wishes_, none);
    int64_t looked = 0, items = 0;
    exact_ = true;
    bytes_ = 0;
    for (const FileAt& file : files_) {
      bytes_ += file.size;
      if (looked >= kLookedAtWhole) exact_ = false;
      if (!exact_) continue;
      ARROW_ASSIGN_OR_RAISE(const auto stream, OpenItems(Opener(file.place), *wishes_, 0));
      while (true) {
        ARROW_ASSIGN_OR_RAISE(const auto item, stream->Next());
        if (!item) break;
        ++items;
        if (!known_ && !item->too_long) parser->LookAt(item->text, &facts);
      }
      looked += file.size;
    }
    count_ = exact_ || looked == 0 ? items : static_cast<int64_t>(static_cast<double>(items) * static_cast<double>(bytes_) / static_cast<double>(looked));
    schema_ = std::make_shared<const RecordSchema>(known_ ? *known_ : SchemaOf(std::move(facts)));
    return Status::OK();
  }

  RecordSchema SchemaOf(Facts facts) const {
    RecordSchema schema;
    schema.id_kind = wishes_->id_kind.value_or(facts.kind());
    if (wishes_->shape == Shape::scroll && !wishes_->id_kind && wishes_->layout.id_rule == Layout::IdRule::hash_prefix) schema.id_kind = IdKind::string;
    schema.has_document = facts.document;
    schema.has_tenant = facts.tenant;
    schema.vectors = std::move(facts.vectors);
    std::sort(schema.vectors.begin(), schema.vectors.end(), [](const VectorSpec& a, const VectorSpec& b) { return a.column() < b.column(); });
    return schema;
  }

  const files::Place place_;
  const std::shared_ptr<const Wishes> wishes_;
  const std::string identity_;
  std::vector<FileAt> files_;
  std::optional<RecordSchema> known_;
  std::map<std::string, std::string> settings_;
  std::mutex mutex_;
  std::shared_ptr<const RecordSchema> schema_;
  int64_t count_ = 0, bytes_ = 0;
  bool exact_ = true;
};

Result<std::unique_ptr<Source>> Make(const files::Place& place, const Wishes& wishes, std::optional<RecordSchema> schema, const std::string& identity) {
  auto source = std::make_unique<ForeignSource>(place, wishes, identity);
  ARROW_RETURN_NOT_OK(source->Open(std::move(schema)));
  return source;
}

}  // namespace

files::Place SideCarOf(const files::Place& place, bool folder) { return folder ? place / kFolderSideCar : place.Sibling(place.name() + ".schema.json"); }

Result<std::unique_ptr<Source>> OpenForeign(const files::Place& place, const Wishes& wishes) {
  return Make(place, wishes, std::nullopt, files::IdentityOf("jsonl", place));
}

Result<std::unique_ptr<Source>> OpenForeign(const files::Place& place, const Wishes& wishes, const RecordSchema& schema, const std::string& identity) {
  return Make(place, wishes, schema, identity);
}

}  // namespace vecferry::jsonl
