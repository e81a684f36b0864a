#include "connectors/mcp_memory/source.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/mcp_memory/census.h"
#include "connectors/mcp_memory/reader.h"

namespace vecferry::mcp_memory {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

class MemorySource final : public Source {
 public:
  MemorySource(std::shared_ptr<const MemoryContext> context, sqlite::Db db) : context_(std::move(context)), db_(std::move(db)) {}

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(db_.Exec("BEGIN"));
    auto census = TakeCensus(db_, context_->tables, context_->keep_missing);
    (void)db_.Exec("ROLLBACK");
    ARROW_RETURN_NOT_OK(census.status());
    DatasetInfo info;
    info.store = kStore;
    info.dataset = kDataset;
    info.identity = context_->snapshot->source().string() + "#" + kDataset;
    info.schema = context_->schema;
    info.count = census->live;
    info.count_exact = census->exact;
    info.notes = std::move(census->notes);
    info.consistency = context_->snapshot->frozen() ? Consistency::frozen : Consistency::live;
    info.layout = "mcp-memory";
    std::error_code ec;
    info.bytes = static_cast<int64_t>(fs::file_size(context_->snapshot->file(), ec));
    info.facts["generation"] = context_->tables.generation();
    ARROW_RETURN_NOT_OK(AddVersions(&info));
    return info;
  }

  /// Ranges of equal numbers of vectors, or of memories where they are fewer: the narrow table of rowids is counted off.
  Result<std::vector<Split>> Splits(int wanted) override {
    const char* table = context_->tables.embeddings ? "memory_embeddings_rowids" : "memories";
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, db_.QueryInt(fmt::format("SELECT count(*) FROM {}", table)));
    wanted = static_cast<int>(std::clamp<int64_t>(rows, 1, std::max(wanted, 1)));
    const int64_t share = (rows + wanted - 1) / wanted;
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt next, db_.Prepare(fmt::format("SELECT rowid FROM {} WHERE rowid>=? ORDER BY rowid LIMIT 1 OFFSET ?", table)));
    std::vector<Split> splits;
    int64_t first = kMin;
    for (int part = 1; part < wanted; ++part) {
      next.Reset();
      ARROW_ASSIGN_OR_RAISE(const bool row, next.Bind(1, first).Bind(2, share).Step());
      if (!row) break;
      splits.push_back(RangeOf(first, next.Int(0) - 1, share));
      first = next.Int(0);
    }
    splits.push_back(RangeOf(first, kMax, rows - share * static_cast<int64_t>(splits.size())));
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    return MakeReader(context_, split.payload, from, options);
  }

 private:
  static Split RangeOf(int64_t first, int64_t last, int64_t records) {
    Split split;
    split.payload = fmt::format("{} {}", first, last);
    split.label = fmt::format("id {}..{}", first == kMin ? "first" : std::to_string(first), last == kMax ? "last" : std::to_string(last));
    split.records = records;
    return split;
  }

  Status AddVersions(DatasetInfo* info) {
    ARROW_ASSIGN_OR_RAISE(const bool has_metadata, db_.HasTable("metadata"));
    if (!has_metadata) return Status::OK();
    const auto version = db_.QueryText("SELECT value FROM metadata WHERE key='schema_version'");
    if (version.ok() && !version->empty()) info->facts["schema version"] = Printable(*version, 40);
    return Status::OK();
  }

  std::shared_ptr<const MemoryContext> context_;
  sqlite::Db db_;
};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<fs::path> DefaultFiles() {
  const std::string file = Environment("MCP_MEMORY_SQLITE_PATH"), folder = Environment("MCP_MEMORY_BASE_DIR");
  if (!file.empty()) return {ExpandHome(file)};
  if (!folder.empty()) return {ExpandHome(folder) / "sqlite_vec.db"};
  std::vector<fs::path> files;
#ifdef __APPLE__
  files.push_back(ExpandHome("~/Library/Application Support/mcp-memory/sqlite_vec.db"));
#else
  const std::string data = Environment("XDG_DATA_HOME");
  if (!data.empty()) files.push_back(fs::path(data) / "mcp-memory/sqlite_vec.db");
  files.push_back(ExpandHome("~/.local/share/mcp-memory/sqlite_vec.db"));
#endif
  return files;
}

}  // namespace

Result<fs::path> FileOf(const Location& location) {
  if (!location.path.empty()) return ExpandHome(location.path);
  std::string tried;
  for (const fs::path& file : DefaultFiles()) {
    std::error_code ec;
    if (fs::exists(file, ec)) return file;
    tried += (tried.empty() ? "" : ", ") + file.string();
  }
  return MakeError(Category::not_found, fmt::format("the service's database is not where it is by default: {}", tried), "name the file: mcp-memory:FILE");
}

Result<std::unique_ptr<Source>> OpenMemories(const Location& location, const OpenContext& context) {
  if (!location.dataset.empty() && location.dataset != kDataset) {
    return MakeError(Category::not_found, fmt::format("there is no dataset \"{}\": a memory database holds one, memories", Printable(location.dataset, 100)),
                     "leave out what stands after #");
  }
  ARROW_ASSIGN_OR_RAISE(const fs::path file, FileOf(location));
  const auto told = location.options.find("snapshot");
  ARROW_ASSIGN_OR_RAISE(const auto how, sqlite::ParseHow(told == location.options.end() ? "" : told->second));
  auto options = sqlite::OptionsFor(how, context.work_dir, context.cancel, context.on_progress, context.settings.contains("peek"));
  auto memories = std::make_shared<MemoryContext>();
  ARROW_ASSIGN_OR_RAISE(memories->snapshot, sqlite::Snapshot::Open(file, std::move(options)));
  ARROW_ASSIGN_OR_RAISE(sqlite::Db db, memories->snapshot->Connect());
  ARROW_ASSIGN_OR_RAISE(memories->tables, ProbeTables(db));
  memories->schema = SchemaOf(memories->tables);
  const auto missing = context.settings.find("missing_vector");
  memories->keep_missing = missing != context.settings.end() && missing->second == "keep";
  memories->cancel = context.cancel;
  return std::make_unique<MemorySource>(std::move(memories), std::move(db));
}

}  // namespace vecferry::mcp_memory
