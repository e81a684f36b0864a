#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/sqlite_vec/sink.h"
#include "connectors/sqlite_vec/source.h"
#include "connectors/sqlite_vec/sqlite_vec.h"
#include "options/make_option.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Snapshot;

std::vector<OptionSpec> Options() {
  return {MakeOption::Choice("snapshot", {"copy", "live", "immutable"}, "How the database is read: from a copy made once for the run, in place while others may write it, or in place without locks."),
          MakeOption::Text("document", "COLUMN", "The text column that holds the text that was embedded; without it there is none, but in tables that Vecferry made.").Example("document=body"),
          MakeOption::Text("tenant", "COLUMN", "The text column that holds the tenant; without it there is none, but in tables that Vecferry made."),
          MakeOption::Text("metadata", "COLUMN", "The text column that holds metadata as a JSON object; its fields stand beside those of the other columns."),
          MakeOption::Text("vector-name", "NAME", "The name of the vector of a table that has only one; it has none by default. Several vectors keep the names of their columns."),
          MakeOption::Text("columns", "LIST", "Of a new table: metadata fields that become columns, declared as vec0 does; all others stand in one JSON column.").Example("columns=year integer,+body text"),
          MakeOption::Integer("chunk-size", "Rows of a chunk of a new table, a multiple of 8; a table with many tenants wants fewer than the module's 1024."),
          MakeOption::Text("extension", "FILE", "For writing and searching: sqlite-vec's loadable extension; else $VECFERRY_SQLITE_VEC, else what the system's loader finds as vec0.").Reaching()};
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "sqlite-vec, vec0 virtual tables in a SQLite database";
  info.example = "sqlite-vec:notes.db#docs";
  info.aliases = {"sqlite", "sqlite3"};
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = Consistency::frozen;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::i8, Element::bit};
  can.named_vectors = true;
  can.max_vectors = 16;
  can.metrics = {Metric::l2, Metric::cosine, Metric::l1};
  can.bit_metrics = {Metric::hamming};
  can.json = AllJsonFeatures();
  can.replace = ReplaceMode::atomic;
  can.expansion = 2.0;
  info.options = Options();
  info.notes =
      "Tables of every released version are read without the extension. Metadata, partition and auxiliary columns become metadata fields "
      "of the same type. Where the table of rowids and the chunks disagree the row becomes a reject. Writing loads the vendor's extension; a new table "
      "keeps the tenant in a partition key, document and metadata in auxiliary columns, and what its declaration cannot say in the table `vecferry_tables`.";
  return info;
}

class SqliteVecConnector final : public Connector {
 public:
  const Info& info() const override {
    static const Info info = MakeInfo();
    return info;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    (void)context;
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, Snapshot::Open(ExpandHome(location.path), {.how = Snapshot::How::live}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const auto names, sqlite::ListVec0(db));
    std::vector<DatasetSummary> summaries;
    for (const std::string& name : names) summaries.push_back(Summarise(db, name));
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(CheckOptions(info().options, location.options, "option of sqlite-vec").status());
    auto source = OpenTable(location, context);
    if (!source.ok()) return At(source.status(), Side::source, info().scheme, location.dataset);
    return source;
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(CheckOptions(info().options, location.options, "option of sqlite-vec").status());
    auto sink = OpenTableSink(location, context, info().capabilities);
    if (!sink.ok()) return At(sink.status(), Side::sink, info().scheme, location.dataset);
    return sink;
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    if (!fs::is_regular_file(path, ec) || !sqlite::LooksLikeSqlite(path)) return false;
    const auto snapshot = Snapshot::Open(path, {.how = Snapshot::How::live, .busy_timeout_ms = 0});
    if (!snapshot.ok()) return false;
    auto db = (*snapshot)->Connect();
    if (!db.ok()) return false;
    const auto names = sqlite::ListVec0(*db);
    return names.ok() && !names->empty();
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    (void)context;
    const fs::path file = ExpandHome(location.path);
    std::vector<Note> notes;
    const auto snapshot = Snapshot::Open(file, {.how = Snapshot::How::live, .busy_timeout_ms = 0});
    if (!snapshot.ok()) return {{"unreadable", Describe(snapshot.status()), -1, true}};
    const std::string holders = HoldersOf(file);
    if (!holders.empty()) notes.push_back({"in-use", "open in " + holders, -1, false});
    auto db = (*snapshot)->Connect();
    const auto names = db.ok() ? sqlite::ListVec0(*db) : Result<std::vector<std::string>>(db.status());
    if (!names.ok()) notes.push_back({"unreadable", Describe(names.status()), -1, true});
    else notes.push_back({"tables", "vec0 tables", static_cast<int64_t>(names->size()), names->empty()});
    return notes;
  }

 private:
  static DatasetSummary Summarise(sqlite::Db& db, const std::string& name) {
    DatasetSummary summary;
    summary.name = name;
    const auto table = sqlite::FindVec0(db, name);
    if (!table.ok()) {
      summary.description = table.status().message();
      return summary;
    }
    summary.count = sqlite::CountRows(db, *table).ValueOr(-1);
    for (const sqlite::Vec0Column* column : table->Of(sqlite::Vec0Kind::vector)) {
      const char* element = column->element == sqlite::Vec0Element::f32 ? "f32" : column->element == sqlite::Vec0Element::i8 ? "i8" : "bit";
      summary.description += fmt::format("{}{} x {}, {}", summary.description.empty() ? "" : "; ", column->dims, element, column->metric);
    }
    return summary;
  }
};

}  // namespace
}  // namespace vecferry::sqlite_vec

namespace vecferry {

std::unique_ptr<Connector> MakeSqliteVecConnector() { return std::make_unique<sqlite_vec::SqliteVecConnector>(); }

}  // namespace vecferry
