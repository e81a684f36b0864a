#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/mcp_memory/mcp_memory.h"
#include "connectors/mcp_memory/source.h"
#include "connectors/mcp_memory/tables.h"
#include "options/make_option.h"
#include "sqlite/snapshot.h"
#include "sqlite/vec0.h"

namespace vecferry::mcp_memory {
namespace {

using sqlite::Snapshot;

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kStore;
  info.title = "mcp-memory-service, its SQLite database";
  info.example = "mcp-memory:sqlite_vec.db";
  info.default_layout = "mcp-memory";
  Capabilities& can = info.capabilities;
  can.source = true;
  can.consistency = Consistency::frozen;
  can.ids = {IdKind::string};
  can.dense = {Element::f32};
  can.missing_vectors = true;
  can.metrics = {Metric::cosine, Metric::l2, Metric::l1};
  can.tenant = false;
  can.json = AllJsonFeatures();
  info.options = {MakeOption::Choice("snapshot", {"copy", "live", "immutable"}, "How the database is read: from a copy made once for the run, in place while the service may write it, or in place without locks.")};
  info.notes =
      "Without a path the service's own file is found. The id is the content hash, the document the content; tags, metadata, both "
      "times and the type are metadata fields. Soft-deleted memories are left out. Relations between memories (memory_graph), beliefs and columns "
      "of newer versions are not carried, and are counted.";
  return info;
}

class McpMemoryConnector final : public Connector {
 public:
  const Info& info() const override {
    static const Info info = MakeInfo();
    return info;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    (void)context;
    ARROW_ASSIGN_OR_RAISE(const fs::path file, FileOf(location));
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, Snapshot::Open(file, {.how = Snapshot::How::live}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const auto tables, ProbeTables(db));
    ARROW_ASSIGN_OR_RAISE(const int64_t count, db.QueryInt("SELECT count(*) FROM memories m WHERE 1" + tables.AndLive()));
    return std::vector<DatasetSummary>{{kDataset, count, fmt::format("{} x f32, {}", tables.dims, Name(tables.metric))}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(CheckOptions(info().options, location.options, "option of mcp-memory").status());
    auto source = OpenMemories(location, context);
    if (!source.ok()) return At(source.status(), Side::source, info().scheme, kDataset);
    return source;
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    if (!fs::is_regular_file(path, ec) || !sqlite::LooksLikeSqlite(path)) return false;
    const auto snapshot = Snapshot::Open(path, {.how = Snapshot::How::live, .busy_timeout_ms = 0});
    if (!snapshot.ok()) return false;
    auto db = (*snapshot)->Connect();
    return db.ok() && IsMemoryDatabase(*db).ValueOr(false);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    (void)context;
    const auto file = FileOf(location);
    if (!file.ok()) return {{"not-found", Describe(file.status()), -1, true}};
    std::vector<Note> notes{{"file", file->string(), -1, false}};
    const fs::path wal = file->string() + "-wal";
    std::string holders = HoldersOf(*file);
    if (holders.empty()) holders = HoldersOf(wal);
    if (!holders.empty()) notes.push_back({"in-use", "open in " + holders + ": stop it before the switch-over, or its last writes stay behind", -1, true});
    std::error_code ec;
    const auto wal_bytes = fs::file_size(wal, ec);
    if (!ec) notes.push_back({"wal", FormatBytes(static_cast<double>(wal_bytes)) + " in the -wal file", static_cast<int64_t>(wal_bytes), false});
    const Status status = DiagnoseTables(*file, &notes);
    if (!status.ok()) notes.push_back({"unreadable", Describe(status), -1, true});
    return notes;
  }

 private:
  static Status DiagnoseTables(const fs::path& file, std::vector<Note>* notes) {
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, Snapshot::Open(file, {.how = Snapshot::How::live, .busy_timeout_ms = 0}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const auto tables, ProbeTables(db));
    notes->push_back({"generation", fmt::format("made by mcp-memory-service {}", tables.generation()), -1, false});
    notes->push_back({"dimension", fmt::format("{} x f32, {}", tables.dims, Name(tables.metric)), tables.dims, false});
    const auto version = db.QueryText("SELECT value FROM metadata WHERE key='schema_version'");
    if (version.ok() && !version->empty()) notes->push_back({"schema", "schema version " + Printable(*version, 40), -1, false});
    if (tables.backup) {
      notes->push_back({"migration", "a migration of the service was cut short: its vectors are partly in memory_embeddings_migration_backup, and are read from there", -1, true});
    }
    return Status::OK();
  }
};

}  // namespace
}  // namespace vecferry::mcp_memory

namespace vecferry {

std::unique_ptr<Connector> MakeMcpMemoryConnector() { return std::make_unique<mcp_memory::McpMemoryConnector>(); }

}  // namespace vecferry
