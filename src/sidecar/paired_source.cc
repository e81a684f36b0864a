#include "sidecar/paired_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "files/file.h"

namespace vecferry::sidecar {

using files::File;
using files::Stamp;

namespace {

constexpr int64_t kSmallestSplit = 4096;  ///< rows
constexpr int64_t kChunkBytes = int64_t{1} << 20;

Result<std::string> StampsOf(const std::vector<fs::path>& files) {
  std::string all;
  for (const auto& path : files) {
    ARROW_ASSIGN_OR_RAISE(const File file, File::Open(path, File::Mode::read));
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, file.Stat());
    all += fmt::format(" {}:{}:{}", stamp.size, stamp.mtime_ns, stamp.inode);
  }
  return all;
}

/// "BEGIN END STAMPS": rows of the files as they were when the plan was made.
struct Part {
  int64_t begin = 0, end = 0;
  std::string stamps;
};

Result<Part> ParsePart(std::string_view text, int64_t count) {
  const size_t first = text.find(' '), second = first == text.npos ? text.npos : text.find(' ', first + 1);
  Part part;
  if (second != text.npos) {
    ARROW_ASSIGN_OR_RAISE(part.begin, ParseInt(text.substr(0, first)));
    ARROW_ASSIGN_OR_RAISE(part.end, ParseInt(text.substr(first + 1, second - first - 1)));
    part.stamps = text.substr(second);
    if (part.begin >= 0 && part.begin <= part.end && part.end <= count) return part;
  }
  return MakeError(Category::usage, fmt::format("'{}' is no split of such a dataset", Printable(text, 100)));
}

struct Shared {
  Pair pair;
  RecordSchema schema;
  std::string stamps;
  bool side_ids = false;

  Status CheckUnchanged(const std::string& wanted) const {
    ARROW_ASSIGN_OR_RAISE(const std::string now, StampsOf(pair.files));
    if (now == wanted) return Status::OK();
    return MakeError(Category::refused, fmt::format("{} or its side-car was changed since the plan was made", pair.files.at(0).string()),
                     "start again with --restart: a file that changes cannot be resumed");
  }
};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, Part part, int64_t from, const ReadOptions& options)
      : shared_(std::move(shared)), part_(std::move(part)), options_(options), at_(from), width_(shared_->pair.vector.width()), builder_(shared_->schema) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (at_ >= part_.end) return std::optional<SourceBatch>();
    ARROW_RETURN_NOT_OK(shared_->CheckUnchanged(part_.stamps));
    SourceBatch batch;
    while (at_ < part_.end && HasRoom(batch)) {
      if (at_ >= chunk_begin_ + chunk_rows_) ARROW_RETURN_NOT_OK(LoadChunk());
      ARROW_RETURN_NOT_OK(Take(&batch));
      ++at_;
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = std::to_string(at_);
    return batch;
  }

 private:
  bool HasRoom(const SourceBatch& batch) const {
    const auto rows = builder_.rows() + static_cast<int64_t>(batch.rejects.size());
    if (rows >= options_.batch_rows) return false;
    return builder_.rows() == 0 || builder_.bytes() + width_ <= options_.batch_bytes;
  }

  Status LoadChunk() {
    const int64_t most = std::max<int64_t>(1, kChunkBytes / std::max<int64_t>(width_, 1));
    const int64_t rows = std::min({part_.end - at_, most, std::max<int64_t>(options_.batch_rows, 1)});
    chunk_.resize(static_cast<size_t>(rows * width_));
    rounded_ = std::make_unique<bool[]>(static_cast<size_t>(rows));
    ARROW_RETURN_NOT_OK(shared_->pair.vectors->Read(at_, rows, chunk_.data(), rounded_.get()));
    ids_.resize(static_cast<size_t>(rows));
    if (shared_->pair.vectors->has_ids()) ARROW_RETURN_NOT_OK(shared_->pair.vectors->Ids(at_, rows, ids_.data()));
    else for (int64_t i = 0; i < rows; ++i) ids_[static_cast<size_t>(i)] = at_ + i;
    chunk_begin_ = at_;
    chunk_rows_ = rows;
    return Status::OK();
  }

  /// The entry of the side-car; its place is found anew only where it is not the next one.
  Status ReadEntry(int64_t wanted) {
    if (wanted < 0 || wanted >= shared_->pair.side->facts().count) return BadRecord("missing-entry", fmt::format("the side-car has no entry {}", wanted));
    if (!entries_ || wanted != next_entry_) {
      ARROW_ASSIGN_OR_RAISE(entries_, shared_->pair.side->From(wanted));
    }
    next_entry_ = wanted + 1;
    ARROW_ASSIGN_OR_RAISE(const bool any, entries_->Next(&entry_));
    return any ? Status::OK() : MakeError(Category::corrupt, "the side-car became shorter while it was read", "let nobody write to it, and run again");
  }

  Status Take(SourceBatch* batch) {
    const auto i = static_cast<size_t>(at_ - chunk_begin_);
    const std::string own = std::to_string(ids_[i]);
    if (shared_->pair.side) {
      const Status status = ReadEntry(shared_->pair.join_by_id ? ids_[i] : at_);
      if (IsCategory(status, Category::bad_content)) return AddReject(own, status, batch);
      ARROW_RETURN_NOT_OK(status);
      if (shared_->side_ids && !entry_.id) return AddReject(own, BadRecord("missing-id", "the side-car's entry has no id, and others have"), batch);
    }
    builder_.Id(shared_->side_ids ? std::string_view(*entry_.id) : std::string_view(own));
    if (shared_->pair.side) {
      if (shared_->schema.has_tenant && entry_.tenant) builder_.Tenant(*entry_.tenant);
      if (shared_->schema.has_document && entry_.document) builder_.Document(*entry_.document);
      builder_.Metadata(entry_.metadata);
    }
    builder_.Vector(0, {reinterpret_cast<const char*>(chunk_.data()) + i * static_cast<size_t>(width_), static_cast<size_t>(width_)});
    builder_.EndRow();
    if (rounded_[i]) batch->rounded.push_back(builder_.rows() - 1);
    return Status::OK();
  }

  Status AddReject(const std::string& id, const Status& why, SourceBatch* batch) const {
    Reject reject;
    reject.id = id;
    reject.code = FactsOf(why).code.empty() ? "bad-entry" : FactsOf(why).code;
    reject.message = fmt::format("row {}: {}", at_, why.message());
    batch->rejects.push_back(std::move(reject));
    return Status::OK();
  }

  std::shared_ptr<const Shared> shared_;
  const Part part_;
  const ReadOptions options_;
  int64_t at_;
  const int64_t width_;
  BatchBuilder builder_;
  int64_t chunk_begin_ = 0, chunk_rows_ = 0;
  std::vector<uint8_t> chunk_;
  std::vector<int64_t> ids_;
  std::unique_ptr<bool[]> rounded_;
  std::unique_ptr<Entries> entries_;
  int64_t next_entry_ = -1;
  Entry entry_;
};

class PairedSource final : public Source {
 public:
  explicit PairedSource(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  Result<DatasetInfo> Describe() override {
    DatasetInfo info = shared_->pair.info;
    info.schema = shared_->schema;
    info.count = shared_->pair.vectors->count();
    info.count_exact = true;
    info.consistency = Consistency::frozen;
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    const int64_t count = shared_->pair.vectors->count();
    const int64_t parts = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(count / kSmallestSplit, 1));
    std::vector<Split> splits;
    for (int64_t i = 0; i < parts && count > 0; ++i) {
      const int64_t begin = count / parts * i, end = i + 1 == parts ? count : count / parts * (i + 1);
      splits.push_back({fmt::format("{} {}{}", begin, end, shared_->stamps), fmt::format("rows {}..{}", begin, end), end - begin, (end - begin) * shared_->pair.vector.width()});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(Part part, ParsePart(split.payload, INT64_MAX));
    ARROW_RETURN_NOT_OK(shared_->CheckUnchanged(part.stamps));
    if (part.end > shared_->pair.vectors->count()) return MakeError(Category::usage, "a split outside its dataset");
    int64_t at = part.begin;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(at, ParseInt(from));
      if (at < part.begin || at > part.end) return MakeError(Category::usage, "a cursor outside its split");
    }
    return std::make_unique<Reader>(shared_, std::move(part), at, options);
  }

  Searcher* searcher() override {
    const Pair& pair = shared_->pair;
    if (!searcher_ && pair.search) searcher_ = MakeSearcher(pair.search, pair.vectors, pair.side, pair.join_by_id, pair.vector);
    return searcher_.get();
  }

 private:
  std::shared_ptr<const Shared> shared_;
  std::unique_ptr<Searcher> searcher_;
};

/// Columns and kind of ids of the pair.
void ChooseSchema(Shared* shared) {
  const Pair& pair = shared->pair;
  RecordSchema& schema = shared->schema;
  schema.vectors = {pair.vector};
  schema.id_kind = pair.vectors->has_ids() ? IdKind::i64 : IdKind::u64;
  if (!pair.side) return;
  const Facts& facts = pair.side->facts();
  schema.has_tenant = facts.has_tenant;
  schema.has_document = facts.has_document;
  shared->side_ids = facts.has_ids;
  if (facts.has_ids) schema.id_kind = facts.id_kind;
  if (facts.schema) schema.field_types = facts.schema->field_types;
}

}  // namespace

Result<std::unique_ptr<Source>> MakePairedSource(Pair pair) {
  auto shared = std::make_shared<Shared>();
  shared->pair = std::move(pair);
  const int64_t rows = shared->pair.vectors->count();
  if (const SideCar* side = shared->pair.side.get(); side && side->facts().count != rows && !shared->pair.join_by_id) {
    return MakeError(Category::corrupt, fmt::format("{} has {} vectors and its side-car {} entries", shared->pair.files.at(0).string(), rows, side->facts().count),
                     "entry i must belong to row i: name the right side-car with ?metadata=FILE, or say ?join=id where entry i belongs to the vector of id i");
  }
  for (const auto& text : shared->pair.side ? shared->pair.side->facts().not_carried : std::vector<std::string>{}) {
    shared->pair.info.notes.push_back({"not-carried", text + " are not carried", -1, true});
  }
  ARROW_ASSIGN_OR_RAISE(shared->stamps, StampsOf(shared->pair.files));
  ChooseSchema(shared.get());
  return std::make_unique<PairedSource>(std::move(shared));
}

}  // namespace vecferry::sidecar
