#include "connectors/sqlite_vec/sink.h"

#include <cctype>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "connector/row_judge.h"
#include "connectors/sqlite_vec/new_table.h"
#include "connectors/sqlite_vec/source.h"
#include "connectors/sqlite_vec/writable_table.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite_vec {
namespace {

/// What is written down before it is done; the payload is the table's name.
constexpr std::string_view kCreateIntent = "create-dataset";

class TableSink final : public Sink, public Lookup, public Undo {
 public:
  TableSink(const Location& location, const OpenContext& context, const Capabilities& can)
      : location_(location), file_(ExpandHome(location.path)), name_(location.dataset), cancel_(context.cancel), can_(can) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = IdentityOf(file_, name_);
    // A database begins as an empty file: so does one whose first writer was killed.
    std::error_code ec;
    if (!fs::exists(file_, ec) || (fs::is_regular_file(file_, ec) && fs::file_size(file_, ec) == 0)) return info;
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, sqlite::Snapshot::Open(file_, {.how = sqlite::Snapshot::How::peek}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const bool taken, db.HasTable(name_));
    if (!taken) return info;
    ARROW_ASSIGN_OR_RAISE(const Mapping mapping, MappingOf(db, name_, location_.options));
    found_ = mapping;
    info.exists = true;
    info.schema = mapping.schema;
    ARROW_ASSIGN_OR_RAISE(info.count, sqlite::CountRows(db, mapping.table));
    return info;
  }

  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override {
    if (!found_ || spec.on_exists == OnExists::replace) return RowJudge();
    struct Columns {
      explicit Columns(const Mapping& found) : mapping(found), split(mapping) {}
      const Mapping mapping;
      FieldSplit split;
    };
    return JudgeEach([columns = std::make_unique<Columns>(*found_)](const RecordView& batch, int64_t row) -> std::optional<RowReject> {
      const Status status = CheckRow(columns->mapping, batch, row, &columns->split);
      if (status.ok()) return std::nullopt;
      return RowReject{row, FactsOf(status).code, status.message()};
    });
  }

  /// A database that somebody holds before a record was moved is told of at once: there is nothing yet that would be worth waiting for.
  Status Prepare(const SinkSpec& spec) override {
    const Status status = PrepareTable(spec);
    if (!IsCategory(status, Category::locked)) return status;
    ErrorFacts facts = FactsOf(status);
    facts.retry = Retry::never;
    return MakeError(std::move(facts), status.message());
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    return table_ ? table_->Write(batch) : MakeError(Category::internal, "Write before Prepare");
  }

  /// A table that replaces another takes its name in one transaction, so that a reader sees the one or the other. The module cannot
  /// rename a table: its rows are moved.
  Status Finish() override {
    if (!table_) return MakeError(Category::internal, "Finish before Prepare");
    if (staging_.empty()) return Status::OK();
    sqlite::Db db = std::move(table_->db());
    const Mapping mapping = table_->mapping();
    table_.reset();
    ARROW_RETURN_NOT_OK(Swap(db, mapping));
    staging_.clear();
    written_ = name_;
    return OpenTable(std::move(db));
  }

  Status Abort() override {
    table_.reset();
    return Status::OK();
  }

  /// The module knows one key, whatever the tenant.
  Result<std::string> KeyOf(std::string_view, std::string_view id) const override { return std::string(id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return !schema.has_tenant; }
  Lookup* lookup() override { return this; }
  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    Location written = location_;
    written.dataset = written_;
    written.options["snapshot"] = "live";
    OpenContext context;
    context.cancel = cancel_;
    return sqlite_vec::OpenTable(written, context);
  }

  // ---- Lookup and Undo: the key is the id alone
  Result<int64_t> Count() override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return sqlite::CountRows(table_->db(), table_->mapping().table);
  }
  Result<RecordView> Get(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return table_->Get(ids);
  }
  Result<int64_t> CountOf(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return table_->CountOf(ids);
  }
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return table_->Capture(ids);
  }
  Status Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return table_->Restore(ids, images);
  }
  Status DeleteIds(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return table_->Delete(ids);
  }
  /// Of a replacement that has not taken its place: only what was to replace.
  Status DropDataset() override {
    table_.reset();
    std::error_code ec;
    if (!fs::exists(file_, ec)) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, Connect(false));
    const std::string name = staging_.empty() ? name_ : staging_;
    ARROW_ASSIGN_OR_RAISE(const bool there, db.HasTable(name));
    if (!there) return Status::OK();
    VF_FAILPOINT("sqlite-vec.drop.before");
    ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db));
    ARROW_RETURN_NOT_OK(db.Exec("DROP TABLE " + sqlite::QuoteName(name)));
    ARROW_RETURN_NOT_OK(RemoveMark(db, name));
    ARROW_RETURN_NOT_OK(transaction.Commit());
    VF_FAILPOINT("sqlite-vec.drop.after");
    return Status::OK();
  }

 private:
  Result<sqlite::Db> Connect(bool create) const {
    const auto extension = location_.options.find("extension");
    return OpenForWriting(file_, extension == location_.options.end() ? "" : extension->second, create);
  }

  Status PrepareTable(const SinkSpec& spec) {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    ARROW_ASSIGN_OR_RAISE(const NewTable wanted, DesignTable(spec, location_.options));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, Connect(true));
    ARROW_ASSIGN_OR_RAISE(const bool exists, db.HasTable(name_));
    staging_.clear();
    written_ = name_;
    if (spec.on_exists == OnExists::replace) {
      ARROW_RETURN_NOT_OK(ChooseStaging(db, exists));
    } else if (exists) {
      ARROW_RETURN_NOT_OK(CheckExisting(db));
    }
    ARROW_ASSIGN_OR_RAISE(const bool there, db.HasTable(written_));
    if (!there) ARROW_RETURN_NOT_OK(Create(db, wanted));
    return OpenTable(std::move(db));
  }

  Status OpenTable(sqlite::Db db) {
    ARROW_ASSIGN_OR_RAISE(Mapping mapping, MappingOf(db, written_, location_.options));
    ARROW_ASSIGN_OR_RAISE(table_, WritableTable::Open(std::move(db), std::move(mapping)));
    return Status::OK();
  }

  /// For what may be asked of a sink that was not prepared: rollback.
  Status EnsureOpen() {
    const std::lock_guard guard(open_mutex_);
    if (table_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, Connect(false));
    return OpenTable(std::move(db));
  }

  Result<bool> Ours(const std::string& table) const {
    if (!spec_.intents) return spec_.resumed;
    ARROW_ASSIGN_OR_RAISE(const auto payload, spec_.intents->Find(kCreateIntent));
    return payload == table;
  }

  /// The table of a replacement has the run's name until it is whole. One that has taken its place already is told by its mark.
  Status ChooseStaging(sqlite::Db& db, bool exists) {
    if (!exists) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto mark, FindMark(db, name_));
    if (mark && mark->run == spec_.run_id) return Status::OK();
    std::string run;
    for (const char c : spec_.run_id) run += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    staging_ = written_ = fmt::format("{}_vecferry_{}", name_, run);
    return Status::OK();
  }

  /// A table that is there is written into where its records may be added to, or where it is empty or this run's own.
  Status CheckExisting(sqlite::Db& db) {
    ARROW_ASSIGN_OR_RAISE(const Mapping mapping, MappingOf(db, name_, location_.options));
    if (mapping.table.indexed()) {
      return MakeError(Category::unsupported, fmt::format("table {} has an index that this version cannot write", Printable(name_, 200)), "name a new table");
    }
    for (const VectorSpec& there : mapping.schema.vectors) {
      const VectorSpec* given = spec_.schema.FindVector(there.name);
      if (given && given->element == there.element && given->dims == there.dims && given->metric == there.metric && given->kind == there.kind) continue;
      return MakeError(Category::refused, fmt::format("table {} needs a {} that the records do not have", Printable(name_, 200), Printable(there.column(), 200)),
                       "name another table, or --on-exists replace");
    }
    for (const VectorSpec& given : spec_.schema.vectors) {
      if (mapping.schema.FindVector(given.name)) continue;
      return MakeError(Category::refused, fmt::format("table {} has no {}", Printable(name_, 200), Printable(given.column(), 200)), "name another table, or --on-exists replace");
    }
    ARROW_ASSIGN_OR_RAISE(const bool ours, Ours(name_));
    ARROW_ASSIGN_OR_RAISE(const int64_t count, sqlite::CountRows(db, mapping.table));
    if (spec_.on_exists != OnExists::fail || spec_.resumed || ours || count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("table {} holds {} records", Printable(name_, 200), count), "use --on-exists append, upsert or replace, or name another table");
  }

  Status Create(sqlite::Db& db, const NewTable& wanted) {
    if (spec_.intents) ARROW_RETURN_NOT_OK(spec_.intents->Record(kCreateIntent, written_));
    VF_FAILPOINT("sqlite-vec.create.before");
    ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db));
    ARROW_RETURN_NOT_OK(CreateMarked(db, written_, wanted));
    ARROW_RETURN_NOT_OK(transaction.Commit());
    VF_FAILPOINT("sqlite-vec.create.after");
    return Status::OK();
  }

  Status CreateMarked(sqlite::Db& db, const std::string& table, const NewTable& wanted) const {
    {
      ARROW_ASSIGN_OR_RAISE(sqlite::Stmt create, db.Prepare(CreateSql(table, wanted.columns)));
      ARROW_RETURN_NOT_OK(create.Run());
    }
    Mark mark = wanted.mark;
    mark.run = spec_.run_id;
    return PutMark(db, table, mark);
  }

  Status Swap(sqlite::Db& db, const Mapping& mapping) {
    ARROW_ASSIGN_OR_RAISE(const NewTable wanted, DesignTable(spec_, location_.options));
    std::string columns = mapping.table.key.empty() ? "rowid" : sqlite::QuoteName(mapping.table.key), values = columns;
    for (const sqlite::Vec0Column& column : mapping.table.columns) {
      const std::string name = sqlite::QuoteName(column.name);
      const bool bytes = column.kind == sqlite::Vec0Kind::vector && column.element != sqlite::Vec0Element::f32;
      columns += ", " + name;
      values += ", " + (bytes ? fmt::format("{}({})", column.element == sqlite::Vec0Element::i8 ? "vec_int8" : "vec_bit", name) : name);
    }
    VF_FAILPOINT("sqlite-vec.swap.before");
    ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db));
    ARROW_RETURN_NOT_OK(db.Exec("DROP TABLE " + sqlite::QuoteName(name_)));
    ARROW_RETURN_NOT_OK(CreateMarked(db, name_, wanted));
    ARROW_RETURN_NOT_OK(db.Exec(fmt::format("INSERT INTO {}({}) SELECT {} FROM {}", sqlite::QuoteName(name_), columns, values, sqlite::QuoteName(staging_))));
    ARROW_RETURN_NOT_OK(db.Exec("DROP TABLE " + sqlite::QuoteName(staging_)));
    ARROW_RETURN_NOT_OK(RemoveMark(db, staging_));
    ARROW_RETURN_NOT_OK(transaction.Commit());
    VF_FAILPOINT("sqlite-vec.swap.after");
    return Status::OK();
  }

  const Location location_;
  const fs::path file_;
  const std::string name_;
  const CancelToken* cancel_;
  const Capabilities& can_;
  SinkSpec spec_;
  std::string staging_;   ///< of a replacement, until it has taken its place
  std::string written_;   ///< the table that is written to
  std::mutex open_mutex_;
  std::optional<Mapping> found_;  ///< of the table that Describe found
  std::unique_ptr<WritableTable> table_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenTableSink(const Location& location, const OpenContext& context, const Capabilities& can) {
  if (location.dataset.empty()) return MakeError(Category::usage, "no table was named", "name one after #, as in sqlite-vec:notes.db#docs");
  if (location.path.empty()) return MakeError(Category::usage, "no file is named", "write it as sqlite-vec:FILE#TABLE");
  const fs::path file = ExpandHome(location.path);
  std::error_code ec;
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", Printable(parent.string())), "create it first");
  return std::make_unique<TableSink>(location, context, can);
}

}  // namespace vecferry::sqlite_vec
