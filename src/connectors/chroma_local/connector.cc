#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/records.h"
#include "connectors/chroma_local/chroma_local.h"
#include "connectors/chroma_local/server.h"
#include "connectors/chroma_local/sink.h"
#include "connectors/chroma_local/source.h"
#include "options/make_option.h"

namespace vecferry::chroma_local {
namespace {

Capabilities CapabilitiesFor(bool json_text) {
  Capabilities can = chroma_model::FamilyCapabilities(json_text);
  can.consistency = Consistency::frozen;
  can.search = false;  // of a folder that no server has open
  return can;
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Chroma, the persistent directory";
  info.example = "chroma-local:./chroma#docs";
  info.default_layout = "default";
  info.options = {
      MakeOption::Choice("snapshot", {"copy", "live", "immutable"}, "How the folder is read: from a copy made once for the run, in place while Chroma may write it, or in place without locks."),
      MakeOption::Choice("damaged", {"fail", "missing"}, "What becomes of a collection whose HNSW files are damaged: a failure, or its vectors in them count as missing."),
      MakeOption::Text("tenant", "NAME", "The tenant.").Default("default_tenant"),
      MakeOption::Text("database", "NAME", "The database of the tenant.").Default("default_database"), chroma_model::MetadataOption(),
      MakeOption::Text("chroma", "FILE", "For writing: the vendor's program, which runs the server; else $VECFERRY_CHROMA, else chroma on the PATH.").Reaching(),
      MakeOption::Flag("migrate", "For writing: a folder of chromadb 0.4 or 0.5 may be brought to the form of the installed server, for good.").Default("false")};
  info.notes =
      "Folders of chromadb 0.4, 0.5 and 1.x are read without Python and while no server runs: tables, write-ahead queue and HNSW files. "
      "The vectors of cosine collections stand there as unit vectors with their lengths; their product in 32-bit floats is read, as Chroma itself returns it. "
      "Vectors that are in the queue alone are read exactly as they were written. Writing starts Chroma's own server (`chroma run`, 1.x) on the "
      "folder, on a free port of 127.0.0.1, and ends it afterwards; no other program may have the folder open meanwhile.";
  info.capabilities = CapabilitiesFor(false);
  return info;
}

class ChromaLocal final : public Connector {
 public:
  const Info& info() const override {
    static const Info info = MakeInfo();
    return info;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto wishes, WishesOf(location));
    (void)context;
    ARROW_ASSIGN_OR_RAISE(const fs::path database, DatabaseOf(wishes.folder));
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, sqlite::Snapshot::Open(database, {.how = sqlite::Snapshot::How::peek}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_RETURN_NOT_OK(db.Exec("BEGIN"));
    ARROW_ASSIGN_OR_RAISE(const Tables tables, ProbeTables(db));
    ARROW_ASSIGN_OR_RAISE(const auto collections, ListCollections(db, tables, wishes.tenant, wishes.database));
    std::vector<DatasetSummary> summaries;
    for (const auto& collection : collections) summaries.push_back(Summarise(db, collection));
    return summaries;
  }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info().options, location.options, "option of chroma-local"));
    return CapabilitiesFor(options.at("metadata") == "json");
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto wishes, WishesOf(location));
    auto directory = Directory::Open(wishes, context);
    if (!directory.ok()) return At(directory.status(), Side::source, kScheme, location.dataset);
    return MakeSource(std::move(*directory));
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    SinkWishes wishes;
    ARROW_ASSIGN_OR_RAISE(wishes.open, WishesOf(location));
    if (location.dataset.empty()) {
      return MakeError(Category::usage, "no collection was named", "name one after #, as in chroma-local:./chroma#docs");
    }
    ARROW_RETURN_NOT_OK(chroma_model::CheckCollectionName(location.dataset));
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info().options, location.options, "option of chroma-local"));
    wishes.program = options.contains("chroma") ? options.at("chroma") : "";
    ARROW_ASSIGN_OR_RAISE(wishes.migrate, ParseBool(options.at("migrate")));
    wishes.json_text = options.at("metadata") == "json";
    return MakeSink(std::move(wishes), context, info().capabilities);
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    const fs::path file = fs::is_directory(path, ec) ? path / kDatabaseFile : path;
    if (!fs::is_regular_file(file, ec) || !sqlite::LooksLikeSqlite(file)) return false;
    const auto snapshot = sqlite::Snapshot::Open(file, {.how = sqlite::Snapshot::How::peek, .busy_timeout_ms = 0});
    if (!snapshot.ok()) return false;
    auto db = (*snapshot)->Connect();
    return db.ok() && IsChroma(*db);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    (void)context;
    const auto wishes = WishesOf(location);
    if (!wishes.ok()) return {{"options", Describe(wishes.status()), -1, true}};
    const auto database = DatabaseOf(wishes->folder);
    if (!database.ok()) return {{"not-found", Describe(database.status()), -1, true}};
    std::vector<Note> notes;
    const std::string holders = HoldersOf(*database);
    if (!holders.empty()) notes.push_back({"in-use", "open in " + holders + ": a program that writes it while it is read makes reading slower, and its later writes stay behind", -1, true});
    const auto options = CheckOptions(info().options, location.options, "option of chroma-local");
    const auto program = FindProgram(options.ok() && options->contains("chroma") ? options->at("chroma") : "");
    notes.push_back({"server", program.ok() ? "written through " + program->string() : Describe(program.status()), -1, !program.ok()});
    const Status status = DiagnoseTables(*database, *wishes, &notes);
    if (!status.ok()) notes.push_back({"unreadable", Describe(status), -1, true});
    return notes;
  }

 private:
  Result<OpenWishes> WishesOf(const Location& location) const {
    ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(info().options, location.options, "option of chroma-local"));
    OpenWishes wishes;
    wishes.folder = ExpandHome(location.path);
    wishes.collection = location.dataset;
    wishes.tenant = options["tenant"];
    wishes.database = options["database"];
    ARROW_ASSIGN_OR_RAISE(wishes.how, sqlite::ParseHow(options["snapshot"]));
    wishes.damaged_is_missing = options["damaged"] == "missing";
    return wishes;
  }

  static DatasetSummary Summarise(sqlite::Db& db, const Collection& collection) {
    DatasetSummary summary;
    summary.name = collection.name;
    auto count = db.Prepare("SELECT count(*) FROM embeddings WHERE segment_id=?");
    if (count.ok() && count->BindText(1, collection.metadata_segment).Step().ValueOr(false)) summary.count = count->Int(0);
    const auto parameters = chroma_model::ParametersOf({collection.config, collection.schema, collection.metadata});
    if (!parameters.ok()) summary.description = parameters.status().message();
    else if (collection.dimension == 0) summary.description = fmt::format("nothing written yet, {}", Name(parameters->metric));
    else summary.description = fmt::format("{} x f32, {}", collection.dimension, Name(parameters->metric));
    return summary;
  }

  static Status DiagnoseTables(const fs::path& database, const OpenWishes& wishes, std::vector<Note>* notes) {
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, sqlite::Snapshot::Open(database, {.how = sqlite::Snapshot::How::peek, .busy_timeout_ms = 0}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const Tables tables, ProbeTables(db));
    notes->push_back({"generation", fmt::format("written by chromadb {} (sysdb {}, metadb {})", tables.generation(), tables.sysdb, tables.metadb), -1, false});
    ARROW_ASSIGN_OR_RAISE(const auto collections, ListCollections(db, tables, wishes.tenant, wishes.database));
    notes->push_back({"collections", "collections", static_cast<int64_t>(collections.size()), false});
    for (const auto& collection : collections) DiagnoseSegment(database.parent_path(), collection, notes);
    ARROW_ASSIGN_OR_RAISE(const int64_t queued, db.QueryInt("SELECT count(*) FROM embeddings_queue"));
    notes->push_back({"queue", "rows in the write-ahead queue", queued, false});
    return Status::OK();
  }

  static void DiagnoseSegment(const fs::path& folder, const Collection& collection, std::vector<Note>* notes) {
    const fs::path segment = folder / collection.vector_segment;
    if (collection.vector_segment.empty() || StampsOf(segment)[0].size < 0) return;
    const auto file = HnswFile::Open(segment, false);
    if (file.ok()) return;
    notes->push_back({"damaged", fmt::format("collection {}: {}", Printable(collection.name, 200), file.status().message()), -1, true});
  }
};

}  // namespace
}  // namespace vecferry::chroma_local

namespace vecferry {

std::unique_ptr<Connector> MakeChromaLocalConnector() { return std::make_unique<chroma_local::ChromaLocal>(); }

}  // namespace vecferry
