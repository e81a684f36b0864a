#include "connectors/chroma_local/source.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/chroma_local/reader.h"

namespace vecferry::chroma_local {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

class DirectorySource final : public Source {
 public:
  explicit DirectorySource(std::shared_ptr<Directory> directory) : directory_(std::move(directory)) {}

  Result<DatasetInfo> Describe() override {
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, directory_->Connect());
    ARROW_RETURN_NOT_OK(db.Exec("BEGIN"));
    auto info = DescribeIn(db);
    (void)db.Exec("ROLLBACK");
    return info;
  }

  /// Ranges of equal numbers of records, and what the queue alone has.
  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, directory_->Connect());
    ARROW_ASSIGN_OR_RAISE(const auto state, directory_->Current(db));
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, CountRows(db));
    wanted = static_cast<int>(std::clamp<int64_t>(rows, 1, std::max(wanted, 1)));
    const int64_t share = (rows + wanted - 1) / wanted;
    ARROW_ASSIGN_OR_RAISE(auto next, db.Prepare("SELECT id FROM embeddings NOT INDEXED WHERE segment_id=? AND id>=? ORDER BY id LIMIT 1 OFFSET ?"));
    std::vector<Split> splits;
    int64_t first = kMin;
    for (int part = 1; part < wanted; ++part) {
      next.Reset();
      ARROW_ASSIGN_OR_RAISE(const bool row, next.BindText(1, directory_->collection().metadata_segment).Bind(2, first).Bind(3, share).Step());
      if (!row) break;
      splits.push_back(RangeOf(first, next.Int(0) - 1, share));
      first = next.Int(0);
    }
    splits.push_back(RangeOf(first, kMax, rows - share * static_cast<int64_t>(splits.size())));
    if (!state->pending.added.empty() || !directory_->frozen()) {
      splits.push_back({.payload = "queue", .label = "what the queue alone has", .records = static_cast<int64_t>(state->pending.added.size())});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    return MakeReader(directory_, split.payload, from, options);
  }

 private:
  static Split RangeOf(int64_t first, int64_t last, int64_t records) {
    Split split;
    split.payload = fmt::format("rows {} {}", first, last);
    split.label = fmt::format("rows {}..{}", first == kMin ? "first" : std::to_string(first), last == kMax ? "last" : std::to_string(last));
    split.records = records;
    return split;
  }

  Result<int64_t> CountRows(sqlite::Db& db) const {
    ARROW_ASSIGN_OR_RAISE(auto count, db.Prepare("SELECT count(*) FROM embeddings WHERE segment_id=?"));
    ARROW_RETURN_NOT_OK(count.BindText(1, directory_->collection().metadata_segment).Step().status());
    return count.Int(0);
  }

  Result<DatasetInfo> DescribeIn(sqlite::Db& db) {
    const Collection& collection = directory_->collection();
    ARROW_ASSIGN_OR_RAISE(const auto state, directory_->Current(db));
    DatasetInfo info;
    info.store = kScheme;
    info.dataset = collection.name;
    info.identity = directory_->identity();
    info.schema = directory_->schema();
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, CountRows(db));
    info.count = rows - state->pending.dropped + static_cast<int64_t>(state->pending.added.size());
    info.count_exact = true;
    info.bytes = directory_->bytes();
    info.consistency = directory_->frozen() ? Consistency::frozen : Consistency::live;
    info.settings = directory_->settings();
    AddFacts(*state, &info);
    ARROW_ASSIGN_OR_RAISE(const int64_t missing, CountMissing(db, *state));
    AddNotes(*state, missing, &info);
    return info;
  }

  /// Records that have no vector, neither in the files nor in the queue.
  Result<int64_t> CountMissing(sqlite::Db& db, const State& state) const {
    if (directory_->schema().vectors.empty()) return 0;
    ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare("SELECT embedding_id FROM embeddings WHERE segment_id=?"));
    rows.BindText(1, directory_->collection().metadata_segment);
    int64_t missing = 0, met = 0;
    for (;;) {
      if (directory_->cancel() && (++met & 0xfff) == 0) ARROW_RETURN_NOT_OK(directory_->cancel()->Check());
      ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
      if (!row) return missing;
      missing += state.vectors->Find(rows.Text(0)).in == Place::In::nowhere;
    }
  }

  void AddFacts(const State& state, DatasetInfo* info) const {
    const Collection& collection = directory_->collection();
    const Tables& tables = directory_->tables();
    info->facts["generation"] = fmt::format("{} (sysdb {}, metadb {})", tables.generation(), tables.sysdb, tables.metadb);
    info->facts["tenant"] = Printable(collection.tenant, 200);
    info->facts["database"] = Printable(collection.database, 200);
    info->facts["collection id"] = collection.id;
    if (!directory_->function().empty()) info->facts["embedding function"] = Printable(directory_->function(), 200);
    const FileVectors& files = state.vectors->files();
    if (files.header) {
      info->facts["hnsw"] = fmt::format("{} elements in files, {} of them deleted; M {}, ef_construction {}", FormatCount(files.header->elements),
                                        FormatCount(files.deleted), files.header->max_neighbors, files.header->ef_construction);
    } else {
      info->facts["hnsw"] = "no files yet: the vectors are in the queue";
    }
    info->facts["queue"] = fmt::format("{} writes that the files do not have yet, after seq_id {}", FormatCount(state.vectors->queued()), state.vectors->watermark());
  }

  void AddNotes(const State& state, int64_t missing, DatasetInfo* info) const {
    const std::string damage = directory_->damage();
    if (!damage.empty()) info->notes.push_back({"damaged", "the HNSW files are damaged and their vectors count as missing: " + damage, -1, true});
    if (missing > 0) info->notes.push_back({"missing-vectors", "records have no vector, neither in the HNSW files nor in the queue", missing, true});
    if (state.vectors->files().lost > 0) {
      info->notes.push_back({"lost-labels", "ids of the HNSW segment have a label that no element has", state.vectors->files().lost, true});
    }
    if (!state.pending.changes.empty()) {
      info->notes.push_back({"unplayed-queue", "records were changed by writes that Chroma has in its queue alone: they are read as Chroma will show them",
                             static_cast<int64_t>(state.pending.changes.size()), false});
    }
    if (directory_->collection().dimension == 0) {
      info->notes.push_back({"no-dimension", "nothing was written to the collection yet: its vectors have no dimension", -1, false});
    }
  }

  std::shared_ptr<Directory> directory_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(std::shared_ptr<Directory> directory) { return std::make_unique<DirectorySource>(std::move(directory)); }

}  // namespace vecferry::chroma_local
