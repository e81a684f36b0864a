#include "connectors/postgresql/sink.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "connector/intentions.h"
#include "connector/keyed_undo.h"
#include "connectors/postgresql/bind.h"
#include "connectors/postgresql/collection.h"
#include "connectors/postgresql/design.h"
#include "connectors/postgresql/index_build.h"
#include "connectors/postgresql/replacement.h"
#include "connectors/postgresql/row_access.h"
#include "connectors/postgresql/sink_state.h"
#include "connectors/postgresql/source.h"
#include "connectors/postgresql/table_shape.h"
#include "connectors/postgresql/table_writer.h"

namespace vecferry::postgresql {
namespace {

constexpr const char* kQdrantSetting = "qdrant.create_collection";

class TableSink final : public Sink, public KeyedUndo {
 public:
  TableSink(Options options, TableWish table_wish, IndexWish index_wish, std::string maintenance_memory, const OpenContext& context, const Capabilities& can)
      : options_(std::move(options)), table_wish_(std::move(table_wish)), index_wish_(std::move(index_wish)), maintenance_memory_(std::move(maintenance_memory)),
        context_(context), can_(can), layout_(context.layout) {
    ConnectSpec spec = ConnectSpecOf(options_, context.cancel);
    // Row-level security may hide rows from a reader; a writer is told where it is not allowed to write.
    pool_ = std::make_unique<SessionPool>(std::move(spec));
  }

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo out;
    ARROW_ASSIGN_OR_RAISE(const auto session, pool_->Take());
    Client& client = session.client();
    ARROW_RETURN_NOT_OK(Locate(client));
    out.identity = identity_;
    ARROW_ASSIGN_OR_RAISE(const auto relation, FindRelation(client, name_));
    found_ = relation;
    MakeDeferral({});
    if (!relation) return out;
    if (relation->kind != 'r' && relation->kind != 'p') {
      return MakeError(Category::refused, fmt::format("{} is no table", Shown()), "name a table; views and foreign tables are only read");
    }
    out.exists = true;
    ARROW_ASSIGN_OR_RAISE(out.count, CountRows(client, *relation));
    ARROW_ASSIGN_OR_RAISE(out.exists, HasGroup(client, *relation));
    if (!out.exists) return out;
    Options options = options_;
    options.table = name_;
    const auto described = FindTable(client, options, *EffectiveLayout(*relation, *layout_));
    ARROW_RETURN_NOT_OK(described.status());
    out.schema = described->context->shape.mapping.schema;
    return out;
  }

  /// A table that is there keeps its indexes, and one that takes its place gets the like.
  std::vector<Note> Foresee(const SinkSpec& spec) const override {
    std::vector<Note> notes;
    if (found_) return notes;
    const auto design = DesignTable(spec.schema, DesignLayout(spec), table_wish_, extension_schema_, name_);
    if (design.ok()) (void)PlanIndexes(IndexedOf(*design, name_, spec), Wish(spec), &notes);
    return notes;
  }

  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override {
    if (!found_) return JudgeSparse(spec.schema, table_wish_.sparse_dims);
    const Layout& layout = *EffectiveLayout(*found_, spec.layout ? *spec.layout : *layout_);
    auto table = BindTable(*found_, spec.schema, layout, options_, spec.on_exists == OnExists::replace);
    // One that takes its place is made as the records need it.
    if (!table.ok() && spec.on_exists == OnExists::replace) return RowJudge();
    ARROW_RETURN_NOT_OK(table.status());
    return JudgeBy(*table, spec.schema);
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    intents_ = Intentions(spec.intents);
    if (spec.layout) layout_ = spec.layout;
    ARROW_ASSIGN_OR_RAISE(const auto session, pool_->Take());
    Client& client = session.client();
    ARROW_RETURN_NOT_OK(Locate(client));
    ARROW_RETURN_NOT_OK(FindExtension(client));
    ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
    ARROW_ASSIGN_OR_RAISE(auto relation, FindRelation(client, name_));
    active_ = name_;
    if (staging || (spec.on_exists == OnExists::replace && relation)) ARROW_RETURN_NOT_OK(PrepareReplace(client, relation, staging));
    else if (relation) ARROW_RETURN_NOT_OK(CheckExisting(client, *relation));
    else ARROW_RETURN_NOT_OK(PrepareCreate(client));
    ARROW_ASSIGN_OR_RAISE(relation, FindRelation(client, active_));
    if (!relation) return MakeError(Category::not_found, fmt::format("the table {} was made and is gone", Printable(active_.Display(), 200)), "see what removed it");
    return Open(client, std::move(*relation));
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return writer_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    ARROW_ASSIGN_OR_RAISE(const auto session, pool_->Take());
    if (created_ || replacing_) ARROW_RETURN_NOT_OK(DropRunKey(session.client()));
    if (replacing_ && !swapped_) {
      ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, active_.Sql()));
      ARROW_RETURN_NOT_OK(Swap(session.client(), name_, active_));
      swapped_ = true;
      active_ = name_;
      ARROW_RETURN_NOT_OK(Reopen(session.client()));
    }
    return AdvanceSequence(session.client());
  }

  Status Abort() override {
    if (deferral_) deferral_->Cancel();
    writer_.reset(), access_.reset();
    created_ = replacing_ = swapped_ = false;
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    const auto spelled = SpellId(*table_.Find(TargetColumn::Role::id), id);
    if (!spelled) return BadRecord("id-type", fmt::format("the id '{}' is none that the column '{}' gives back as it is", Printable(id, 100), table_.Find(TargetColumn::Role::id)->name));
    return fmt::format("{}:{}{}", tenant.size(), tenant, *spelled);
  }

  Lookup* lookup() override { return access_.get(); }
  Undo* undo() override { return this; }
  IndexDeferral* indexing() override { return deferral_.get(); }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeKnownSource(options_, context_, Shape(), identity_);
  }

  // ---- Undo
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return access_.get();
  }
  /// The table that the run made, known by its comment; never one that was there.
  Status DropDataset() override {
    if (deferral_) deferral_->Cancel();
    ARROW_ASSIGN_OR_RAISE(const auto session, pool_->Take());
    Client& client = session.client();
    ARROW_RETURN_NOT_OK(Locate(client));
    ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
    RelationName name = name_;
    if (staging) {
      ARROW_ASSIGN_OR_RAISE(name, ParseRelationName(*staging));
    }
    ARROW_ASSIGN_OR_RAISE(const auto relation, FindRelation(client, name));
    if (!relation) return DropFailedSwap(staging.has_value());
    if (GroupsOf(*relation) && !options_.collection.empty()) return DropGroup(client, *relation);
    // Of a run whose journal is lost the number is not known.
    const bool ours = spec_.run_id.empty() ? relation->comment.starts_with(RunMark("")) : relation->comment == RunMark(spec_.run_id);
    if (!ours) {
      return MakeError(Category::refused, fmt::format("the table {} does not bear the mark of this run: it is somebody else's, or was commented on", Printable(name.Display(), 200)),
                       "drop it by hand if it may go");
    }
    VF_FAILPOINT("postgresql.drop.before");
    ARROW_RETURN_NOT_OK(client.Exec("DROP TABLE IF EXISTS " + name.Sql(), Act::commit, "dropping the table").status());
    VF_FAILPOINT("postgresql.drop.after");
    return Status::OK();
  }

 private:
  std::string Shown() const { return Printable(name_.Display(), 200); }
  std::string TheTable() const { return fmt::format("the table {}", Shown()); }
  Status CheckPrepared() const { return writer_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }

  /// The name with its schema, as the table has it or would get it.
  Status Locate(Client& client) {
    if (!options_.table) return MakeError(Category::usage, "no table is named", "write it after a #: 'postgresql://HOST/DATABASE#TABLE'");
    ARROW_ASSIGN_OR_RAISE(const auto relation, FindRelation(client, *options_.table));
    if (relation) {
      name_ = relation->name;
    } else {
      name_ = *options_.table;
      // As SQL takes what is not quoted.
      if (!name_.table_quoted) name_.table = ToLower(name_.table);
      if (!name_.schema_quoted) name_.schema = ToLower(name_.schema);
      if (name_.schema.empty()) {
        ARROW_ASSIGN_OR_RAISE(name_.schema, CurrentSchema(client));
        if (name_.schema.empty()) return MakeError(Category::not_found, "the search path names no schema that exists", "name one: SCHEMA.TABLE");
      }
      name_.table_quoted = name_.schema_quoted = true;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string database, DatabaseIdentity(client));
    identity_ = DatasetIdentity(database, name_, options_.collection);
    return Status::OK();
  }

  /// Where the types of vectors are; makes the extension where that is allowed.
  Status FindExtension(Client& client) {
    ARROW_ASSIGN_OR_RAISE(auto extension, FindVectorExtension(client));
    if (!extension && !spec_.schema.vectors.empty()) {
      const Status made = client.Exec("CREATE EXTENSION IF NOT EXISTS vector", Act::manage, "making the extension vector").status();
      if (!made.ok()) {
        return MakeError(FactsOf(made).category, fmt::format("the database has no extension vector, and {}", made.message()),
                         "have an administrator install pgvector and run CREATE EXTENSION vector in this database");
      }
      ARROW_ASSIGN_OR_RAISE(extension, FindVectorExtension(client));
    }
    extension_schema_ = extension ? extension->schema : "public";
    return Status::OK();
  }

  Result<int64_t> CountRows(Client& client, const Relation& relation) const {
    ARROW_ASSIGN_OR_RAISE(const std::string where, GroupWhere(client, relation));
    ARROW_ASSIGN_OR_RAISE(const Answer answer, client.Exec(fmt::format("SELECT count(*) FROM {} AS t{}", relation.name.Sql(), where), Act::read, "counting rows"));
    return answer.Int(0, 0);
  }

  // ---- layouts that keep several datasets in one table

  const TableLayout::Groups* GroupsOf(const Relation& relation) const {
    const Layout* const layout = EffectiveLayout(relation, *layout_);
    return layout->table && layout->table->groups ? &*layout->table->groups : nullptr;
  }
  Result<std::string> GroupWhere(Client& client, const Relation& relation) const {
    const auto* const groups = GroupsOf(relation);
    if (!groups || options_.collection.empty()) return std::string();
    ARROW_ASSIGN_OR_RAISE(const std::string key, CollectionKey(client, relation.name, *groups, options_.collection));
    const auto* const column = EffectiveLayout(relation, *layout_)->table->Find(TableLayout::Role::group);
    return fmt::format(" WHERE t.{} = {}", QuoteName(column->name), key.empty() ? "NULL" : QuoteText(key));
  }
  Result<bool> HasGroup(Client& client, const Relation& relation) const {
    const auto* const groups = GroupsOf(relation);
    if (!groups || options_.collection.empty()) return true;
    ARROW_ASSIGN_OR_RAISE(const std::string key, CollectionKey(client, relation.name, *groups, options_.collection));
    return !key.empty();
  }

  // ---- making ready

  Status CheckExisting(Client& client, const Relation& relation) {
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
    created_ = ours == name_.Sql() && relation.comment == RunMark(spec_.run_id);
    if (created_) return intents_.Record(kCreatedIntent, name_.Sql());
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    if (made == name_.Sql() && !spec_.adopt) return Gone(TheTable(), "this run had made and in whose place another is now");
    if (spec_.on_exists != OnExists::fail || spec_.resumed) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t count, CountRows(client, relation));
    if (count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("the table {} holds {} rows", Shown(), count), "use --on-exists append, upsert or replace, or name another table");
  }

  Status PrepareCreate(Client& client) {
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    ARROW_RETURN_NOT_OK(CheckMayMake(spec_, intents_, made == name_.Sql(), TheTable()));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreateIntent, name_.Sql()));
    ARROW_RETURN_NOT_OK(Create(client, name_, nullptr));
    created_ = true;
    return intents_.Record(kCreatedIntent, name_.Sql());
  }

  /// The table with its keys and, as long as it is empty and they cost nothing, its indexes.
  Status Create(Client& client, const RelationName& name, const Relation* like) {
    std::string sql;
    std::vector<IndexDefinition> indexes;
    if (like) {
      sql = LikeSql(*like, name, RunMark(spec_.run_id), &indexes);
    } else {
      ARROW_ASSIGN_OR_RAISE(const TableDesign design, DesignTable(spec_.schema, DesignLayout(spec_), table_wish_, extension_schema_, name_));
      if (const auto layout = DesignLayout(spec_); layout.groups) sql = CollectionTableSql(name, *layout.groups) + "; ";
      sql += design.CreateSql(name, RunMark(spec_.run_id));
      indexes = PlanIndexes(IndexedOf(design, name, spec_), Wish(spec_), nullptr);
    }
    VF_FAILPOINT("postgresql.create.before");
    ARROW_RETURN_NOT_OK(client.Begin());
    ARROW_RETURN_NOT_OK(client.Exec(sql, Act::manage, "making the table").status());
    for (const auto& index : indexes) {
      // Lists are found from rows that are there.
      if (index.body.find("USING ivfflat") != std::string::npos) continue;
      ARROW_RETURN_NOT_OK(client.Exec(CreateIndexSql(index, name.schema, name.table, 0), Act::manage, "making the table").status());
    }
    ARROW_RETURN_NOT_OK(client.Commit());
    VF_FAILPOINT("postgresql.create.after");
    return Status::OK();
  }

  IndexWish Wish(const SinkSpec& spec) const {
    IndexWish wish = index_wish_;
    if (!spec.index) wish.method = "none";
    return wish;
  }
  TableShape Shape() const { return ShapeOf(relation_, table_, spec_.schema, *layout_, options_.collection); }
  /// As the user or the source says it: an application's layout, or a table like the source's.
  TableLayout DesignLayout(const SinkSpec& spec) const {
    if (layout_->table && layout_->name != DefaultTableLayout()->name) return *layout_->table;
    if (const auto at = spec.settings.find(kTableSetting); at != spec.settings.end()) {
      if (auto like = LayoutOfSetting(at->second)) return std::move(*like);
    }
    return *DefaultTableLayout()->table;
  }

  IndexedTable IndexedOf(const TableDesign& design, const RelationName& name, const SinkSpec& spec) const {
    IndexedTable table{name.schema, name.table, extension_schema_, design.vectors, design.metadata, ""};
    if (const auto at = spec.settings.find(kQdrantSetting); at != spec.settings.end()) TakeOverHnsw(at->second, &table.vectors);
    return table;
  }

  /// A new table beside the old one: like it where the records fit into one that is, else as the layout has it.
  Status PrepareReplace(Client& client, const std::optional<Relation>& old, const std::optional<std::string>& staging) {
    replacing_ = true;
    active_ = ReplacementName(name_, spec_.run_id);
    if (staging) {
      ARROW_ASSIGN_OR_RAISE(active_, ParseRelationName(*staging));
      ARROW_ASSIGN_OR_RAISE(const auto there, FindRelation(client, active_));
      if (there) return intents_.Record(kCreatedIntent, active_.Sql());
      ARROW_ASSIGN_OR_RAISE(const auto swap, intents_.Find(kSwapIntent));
      if (swap == active_.Sql() && old) {
        swapped_ = true;
        active_ = name_;
        return Status::OK();
      }
      ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
      if (made == active_.Sql()) return Gone(fmt::format("the table {}", Printable(active_.Display(), 200)), fmt::format("was to take the place of {}", Shown()));
    }
    if (old && GroupsOf(*old)) return MakeError(Category::refused, fmt::format("the table {} keeps several collections, and cannot be replaced for one of them", Shown()), "use --on-exists upsert");
    if (old) ARROW_RETURN_NOT_OK(CheckReplaceable(client, *old));
    ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, active_.Sql()));
    const bool alike = old && BindTable(*old, spec_.schema, *EffectiveLayout(*old, *layout_), options_, true).ok();
    ARROW_RETURN_NOT_OK(Create(client, active_, alike ? &*old : nullptr));
    return intents_.Record(kCreatedIntent, active_.Sql());
  }

  /// Everything that writing takes, from the table as it is.
  Status Open(Client& client, Relation relation) {
    const bool own = created_ || replacing_;
    layout_ = EffectiveLayout(relation, *layout_);
    if (own && !swapped_) ARROW_RETURN_NOT_OK(MakeRunKey(client, relation));
    ARROW_ASSIGN_OR_RAISE(table_, BindTable(relation, spec_.schema, *layout_, options_, own));
    ARROW_RETURN_NOT_OK(BindCollection(client, relation));
    relation_ = std::move(relation);
    bool direct = own;
    if (!own) {
      ARROW_ASSIGN_OR_RAISE(const int64_t rows, CountRows(client, relation_));
      direct = rows == 0;
    }
    const OnConflict conflict = spec_.on_exists == OnExists::append ? OnConflict::ignore : OnConflict::update;
    writer_ = std::make_unique<TableWriter>(*pool_, table_, spec_.schema, conflict, direct);
    access_ = std::make_unique<RowAccess>(*pool_, table_, Shape());
    MakeDeferral(own && !swapped_ ? WantedIndexes(client) : std::vector<IndexDefinition>());
    return Status::OK();
  }

  Status Reopen(Client& client) {
    ARROW_ASSIGN_OR_RAISE(auto relation, FindRelation(client, active_));
    if (!relation) return Gone(TheTable(), "was filled and has its name by now");
    return Open(client, std::move(*relation));
  }

  /// Those of a table that is ours: as it was planned, or like those of the table that it replaces.
  std::vector<IndexDefinition> WantedIndexes(Client& client) const {
    if (replacing_) {
      const auto old = FindRelation(client, name_);
      std::vector<IndexDefinition> indexes;
      if (old.ok() && *old && BindTable(**old, spec_.schema, *EffectiveLayout(**old, *layout_), options_, true).ok()) {
        (void)LikeSql(**old, active_, "", &indexes);
        return indexes;
      }
    }
    const auto design = DesignTable(spec_.schema, DesignLayout(spec_), table_wish_, extension_schema_, name_);
    return design.ok() ? PlanIndexes(IndexedOf(*design, active_, spec_), Wish(spec_), nullptr) : std::vector<IndexDefinition>();
  }

  void MakeDeferral(std::vector<IndexDefinition> indexes) {
    if (deferral_) deferral_->Cancel();
    IndexBuild::Target target{pool_->spec(), active_.schema, active_.table, std::move(indexes), maintenance_memory_, writer_ != nullptr};
    deferral_ = std::make_unique<IndexBuild>(std::move(target));
  }

  /// The collection that the rows belong to, made where it is not there.
  Status BindCollection(Client& client, const Relation& relation) {
    const auto* const groups = GroupsOf(relation);
    if (!groups) return Status::OK();
    if (options_.collection.empty()) return MakeError(Category::usage, "the table keeps several collections, and none is named", "name it with --target-opt collection=NAME");
    ARROW_ASSIGN_OR_RAISE(std::string key, CollectionKey(client, relation.name, *groups, options_.collection));
    if (key.empty()) {
      ARROW_RETURN_NOT_OK(intents_.Record(kGroupIntent, options_.collection));
      ARROW_ASSIGN_OR_RAISE(key, MakeCollection(client, relation.name, *groups, options_.collection));
    }
    const auto* const column = layout_->table->Find(TableLayout::Role::group);
    const int at = relation.Find(column->name);
    if (at < 0) return MakeError(Category::refused, fmt::format("the table has no column '{}'", column->name), "name another layout");
    TargetColumn target;
    target.name = column->name;
    target.role = TargetColumn::Role::group;
    target.type = relation.columns[static_cast<size_t>(at)].type;
    target.constant = key;
    table_.columns.push_back(std::move(target));
    return Status::OK();
  }

  // ---- the end

  /// A serial number that the records brought with them must not be given out again.
  Status AdvanceSequence(Client& client) const {
    const TargetColumn& id = *table_.Find(TargetColumn::Role::id);
    if (id.type.kind != Kind::int8 && id.type.kind != Kind::int4 && id.type.kind != Kind::int2) return Status::OK();
    const Status status = client.Exec(fmt::format("SELECT pg_catalog.setval(s, greatest((SELECT max({0}) FROM {1}), 1)) FROM pg_catalog.pg_get_serial_sequence({2}, {3}) AS s "
                                                  "WHERE s IS NOT NULL AND (SELECT max({0}) FROM {1}) > coalesce(pg_catalog.pg_sequence_last_value(s::regclass), 0)",
                                                  QuoteName(id.name), active_.Sql(), QuoteText(active_.Sql()), QuoteText(id.name)), Act::manage, "moving the sequence on").status();
    return SqlStateOf(status) == "42501" ? Status::OK() : status;
  }

  /// Of an application's table whose ids nothing keeps unique: the run needs that, and takes it away again at its end.
  bool NeedsRunKey() const {
    const auto* const id = layout_->table ? layout_->table->Find(TableLayout::Role::id) : nullptr;
    return id && !id->primary_key;
  }
  Status MakeRunKey(Client& client, const Relation& relation) const {
    if (!NeedsRunKey() || relation.kind != 'r') return Status::OK();
    const Status status = client.Exec(fmt::format("CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} ({})", QuoteName(RunKeyName(active_)), active_.Sql(),
                                                  QuoteName(layout_->table->Find(TableLayout::Role::id)->name)), Act::commit, "making the run's own index").status();
    // Somebody has added an id twice since the run ended: what is left to do is a rollback.
    return SqlStateOf(status) == "23505" ? Status::OK() : status;
  }
  Status DropRunKey(Client& client) const {
    if (!NeedsRunKey()) return Status::OK();
    return client.Exec(fmt::format("DROP INDEX IF EXISTS {}.{}", QuoteName(active_.schema), QuoteName(RunKeyName(active_))), Act::commit, "dropping the run's own index").status();
  }

  /// The collection that the run made with its rows; the table too where that was the run's and is empty now.
  Status DropGroup(Client& client, const Relation& relation) {
    const auto& groups = *GroupsOf(relation);
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kGroupIntent));
    if (ours != options_.collection) return MakeError(Category::refused, fmt::format("the collection '{}' was not made by this run", Printable(options_.collection, 100)), "remove it by hand if it may go");
    ARROW_ASSIGN_OR_RAISE(const std::string where, GroupWhere(client, relation));
    VF_FAILPOINT("postgresql.drop.before");
    ARROW_RETURN_NOT_OK(client.Exec(fmt::format("DELETE FROM {} AS t{}", relation.name.Sql(), where), Act::commit, "removing the collection").status());
    ARROW_RETURN_NOT_OK(DropCollection(client, relation.name, groups, options_.collection));
    ARROW_ASSIGN_OR_RAISE(const Answer left, client.Exec("SELECT count(*) FROM " + relation.name.Sql(), Act::read, "counting rows"));
    if (relation.comment == RunMark(spec_.run_id) && left.Int(0, 0) == 0) {
      ARROW_RETURN_NOT_OK(client.Exec("DROP TABLE IF EXISTS " + relation.name.Sql(), Act::commit, "dropping the table").status());
    }
    VF_FAILPOINT("postgresql.drop.after");
    return Status::OK();
  }

  Status DropFailedSwap(bool replacing) const {
    if (!replacing) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto swap, intents_.Find(kSwapIntent));
    if (!swap) return Status::OK();
    return MakeError(Category::refused, fmt::format("the table that {} was is gone: the one that took its place is all there is", Shown()), "run the copy again as it was begun: it finishes");
  }

  const Options options_;
  const TableWish table_wish_;
  const IndexWish index_wish_;
  const std::string maintenance_memory_;
  const OpenContext context_;
  const Capabilities can_;
  const Layout* layout_;
  std::unique_ptr<SessionPool> pool_;
  SinkSpec spec_;
  Intentions intents_;
  RelationName name_;       ///< what the user named
  RelationName active_;     ///< what is written to
  std::string identity_, extension_schema_ = "public";
  Relation relation_;
  TargetTable table_;
  std::optional<Relation> found_;  ///< what was there when it was looked for
  bool created_ = false;    ///< the table is this run's own
  bool replacing_ = false;  ///< it takes the place of another at the end
  bool swapped_ = false;    ///< and has done so
  std::unique_ptr<TableWriter> writer_;
  std::unique_ptr<RowAccess> access_;
  std::unique_ptr<IndexBuild> deferral_;
};

}  // namespace

std::string RunMark(const std::string& run_id) { return "vecferry run " + run_id; }

Result<std::unique_ptr<Sink>> MakeSink(Options options, std::map<std::string, std::string> given, const OpenContext& context, const Capabilities& can) {
  ARROW_ASSIGN_OR_RAISE(TableWish table, TableWishOf(given));
  ARROW_ASSIGN_OR_RAISE(IndexWish index, IndexWishOf(given));
  if (!options.query.empty()) return MakeError(Category::usage, "a query cannot be written to", "name a table after the #");
  return std::unique_ptr<Sink>(new TableSink(std::move(options), std::move(table), std::move(index), given["maintenance-work-mem"], context, can));
}

}  // namespace vecferry::postgresql
