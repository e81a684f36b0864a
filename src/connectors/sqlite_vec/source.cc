#include "connectors/sqlite_vec/source.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/sqlite_vec/new_table.h"
#include "connectors/sqlite_vec/searcher.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite_vec {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

/// Equal parts of what is counted per key: a new split begins where the sum passes the next share.
class Partitioner {
 public:
  Partitioner(std::string kind, int64_t total, int wanted)
      : kind_(std::move(kind)), share_(std::max<int64_t>(1, (total + std::max(wanted, 1) - 1) / std::max(wanted, 1))) {}

  void Add(int64_t key, int64_t records) {
    if (sum_ >= share_) Close(key - 1);
    sum_ += records;
  }
  std::vector<Split> Finish() {
    Close(kMax);
    return std::move(splits_);
  }

 private:
  void Close(int64_t last) {
    Split split;
    split.payload = fmt::format("{} {} {}", kind_, first_, last);
    split.label = fmt::format("{} {}..{}", kind_, first_ == kMin ? "first" : std::to_string(first_), last == kMax ? "last" : std::to_string(last));
    split.records = sum_;
    splits_.push_back(std::move(split));
    first_ = last == kMax ? kMax : last + 1;
    sum_ = 0;
  }

  std::string kind_;
  int64_t share_, sum_ = 0, first_ = kMin;
  std::vector<Split> splits_;
};

int64_t LiveIn(std::string_view validity) {
  int64_t live = 0;
  for (const char c : validity) live += __builtin_popcount(static_cast<uint8_t>(c));
  return live;
}

class TableSource final : public Source {
 public:
  TableSource(std::shared_ptr<const TableContext> table, sqlite::Db db, std::string extension) : table_(std::move(table)), db_(std::move(db)), extension_(std::move(extension)) {}

  Result<DatasetInfo> Describe() override {
    const sqlite::Vec0Table& table = table_->mapping.table;
    DatasetInfo info;
    info.store = kScheme;
    info.dataset = table.name;
    info.identity = IdentityOf(table_->snapshot->source(), table.name);
    ARROW_ASSIGN_OR_RAISE(info.settings[kDeclarationSetting], DeclarationOf(db_, table.name));
    info.schema = table_->mapping.schema;
    info.consistency = table_->snapshot->frozen() ? Consistency::frozen : Consistency::live;
    ARROW_ASSIGN_OR_RAISE(info.count, sqlite::CountRows(db_, table));
    ARROW_ASSIGN_OR_RAISE(const int64_t live, sqlite::CountLiveSlots(db_, table));
    info.count_exact = live < 0 || live == info.count;
    if (!info.count_exact) {
      info.notes.push_back({"misplaced", fmt::format("{} rows are listed and {} slots are live: those that disagree become rejects", info.count, live),
                            std::abs(live - info.count), true});
      info.count = std::max(info.count, live);
    }
    std::error_code ec;
    info.bytes = static_cast<int64_t>(fs::file_size(table_->snapshot->file(), ec));
    ARROW_RETURN_NOT_OK(AddFacts(&info));
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    const sqlite::Vec0Table& table = table_->mapping.table;
    if (table.indexed()) return RowSplits(wanted);
    ARROW_ASSIGN_OR_RAISE(const int64_t live, sqlite::CountLiveSlots(db_, table));
    Partitioner parts("chunks", live, wanted);
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db_.Prepare(fmt::format("SELECT chunk_id, validity FROM {} ORDER BY chunk_id",
                                                                     sqlite::QuoteName(table.Shadow("chunks")))));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
      if (!row) break;
      parts.Add(stmt.Int(0), LiveIn(stmt.Blob(1)));
    }
    std::vector<Split> splits = parts.Finish();
    splits.push_back({.payload = "strays", .label = "rows and chunks that disagree", .records = 0});
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    return MakeReader(table_, split.payload, from, options);
  }

  Searcher* searcher() override {
    if (!looked_) searcher_ = MakeSearcher(table_, extension_);
    looked_ = true;
    return searcher_.get();
  }

 private:
  Status AddFacts(DatasetInfo* info) {
    const sqlite::Vec0Table& table = table_->mapping.table;
    info->facts["chunk size"] = std::to_string(table.chunk_size);
    if (table.indexed()) {
      info->facts["vector index"] = table.Of(sqlite::Vec0Kind::vector)[0]->indexed == sqlite::Vec0Index::diskann ? "diskann" : "rescore";
    }
    ARROW_ASSIGN_OR_RAISE(const bool has_info, db_.HasTable(table.Shadow("info")));
    if (!has_info) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const std::string version, db_.QueryText(fmt::format("SELECT value FROM {} WHERE key='CREATE_VERSION'",
                                                                               sqlite::QuoteName(table.Shadow("info")))));
    if (!version.empty()) info->facts["created by sqlite-vec"] = Printable(version, 40);
    return Status::OK();
  }

  Result<std::vector<Split>> RowSplits(int wanted) {
    const sqlite::Vec0Table& table = table_->mapping.table;
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, sqlite::CountRows(db_, table));
    Partitioner parts("rows", rows, wanted);
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db_.Prepare(fmt::format("SELECT rowid FROM {} ORDER BY rowid", sqlite::QuoteName(table.Shadow("rowids")))));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
      if (!row) return parts.Finish();
      parts.Add(stmt.Int(0), 1);
    }
  }

  std::shared_ptr<const TableContext> table_;
  sqlite::Db db_;
  const std::string extension_;
  bool looked_ = false;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace

std::string IdentityOf(const fs::path& file, const std::string& table) { return CanonicalPath(file).string() + "#" + table; }

Result<std::unique_ptr<Source>> OpenTable(const Location& location, const OpenContext& context) {
  const auto told = location.options.find("snapshot");
  ARROW_ASSIGN_OR_RAISE(const auto how, sqlite::ParseHow(told == location.options.end() ? "" : told->second));
  auto options = sqlite::OptionsFor(how, context.work_dir, context.cancel, context.on_progress, context.settings.contains("peek"));
  auto table = std::make_shared<TableContext>();
  ARROW_ASSIGN_OR_RAISE(table->snapshot, sqlite::Snapshot::Open(ExpandHome(location.path), std::move(options)));
  ARROW_ASSIGN_OR_RAISE(sqlite::Db db, table->snapshot->Connect());
  std::string name = location.dataset;
  if (name.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto names, sqlite::ListVec0(db));
    if (names.size() > 1) {
      std::string all;
      for (const std::string& candidate : names) all += (all.empty() ? "" : ", ") + Printable(candidate, 100);
      return MakeError(Category::usage, fmt::format("the database holds {} vec0 tables: {}", names.size(), all), "name one of them after #");
    }
    if (names.size() == 1) name = names[0];
  }
  ARROW_ASSIGN_OR_RAISE(const sqlite::Vec0Table found, sqlite::FindVec0(db, name));
  ARROW_ASSIGN_OR_RAISE(const auto mark, FindMark(db, found.name));
  ARROW_ASSIGN_OR_RAISE(table->mapping, MakeMapping(found, location.options, mark));
  table->cancel = context.cancel;
  return std::make_unique<TableSource>(std::move(table), std::move(db), OptionOf(location.options, "extension"));
}

}  // namespace vecferry::sqlite_vec
