#include "connectors/postgresql/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/text.h"

namespace vecferry::postgresql {
namespace {

constexpr int kSampleRows = 10000;
/// How long counting may take before an estimate has to do.
/// Not longer than the user allows.
constexpr const char* kCountPatience =
    "SELECT pg_catalog.set_config(name, '20s', true) FROM pg_catalog.pg_settings WHERE name = 'statement_timeout' AND NOT setting::int8 BETWEEN 1 AND 20000";

/// What most of a sample of rows have.
Result<int32_t> SampleDimension(Client& client, const Relation& relation, int column) {
  const Column& entry = relation.columns[static_cast<size_t>(column)];
  ARROW_ASSIGN_OR_RAISE(const auto extension, FindVectorExtension(client));
  const std::string schema = extension ? QuoteName(extension->schema) : "pg_catalog";
  const std::string length = entry.type.array ? "pg_catalog.array_length(v, 1)" : entry.type.kind == Kind::bit ? "pg_catalog.length(v)" : schema + ".vector_dims(v)";
  const std::string name = QuoteName(entry.name);
  ARROW_ASSIGN_OR_RAISE(const Answer answer, client.Exec(fmt::format(
      "SELECT {} AS d, pg_catalog.count(*) FROM (SELECT t.{} AS v FROM {} AS t WHERE t.{} IS NOT NULL LIMIT {}) AS s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
      length, name, relation.kind == 'q' ? "(" + relation.query + ")" : relation.name.Sql(), name, kSampleRows), Act::read, "looking for the dimension"));
  return answer.rows() == 0 ? 0 : static_cast<int32_t>(std::clamp<int64_t>(answer.Int(0, 0), 0, 1 << 20));
}

Status ChooseTable(Client& client, Options* options) {
  if (options->table || !options->query.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto listed, ListRelations(client));
  if (listed.empty()) return MakeError(Category::not_found, "no table of the database has a column of vectors", "name a table after '#'");
  if (listed.size() > 1) {
    std::string names;
    for (const Listed& entry : listed) names += (names.empty() ? "" : ", ") + Printable(entry.name.Display(), 100);
    return MakeError(Category::usage, fmt::format("the database has {} tables with vectors: {}", listed.size(), Printable(names, 1000)), "name one of them after '#'");
  }
  options->table = listed[0].name;
  return Status::OK();
}

Result<Relation> FindNamed(Client& client, const Options& options) {
  if (!options.query.empty()) return DescribeQuery(client, options.query);
  ARROW_ASSIGN_OR_RAISE(auto found, FindRelation(client, *options.table));
  if (!found) return NoSuchRelation(client, *options.table);
  return std::move(*found);
}

Status CheckCollection(Client& client, const Mapping& mapping, const Relation& relation) {
  if (!mapping.groups || mapping.collection.empty()) return Status::OK();
  RelationName name = relation.name;
  name.table = mapping.groups->table;
  ARROW_ASSIGN_OR_RAISE(const Answer names, client.Exec(fmt::format("SELECT {} FROM {} LIMIT 10000", QuoteName(mapping.groups->name), name.Sql()), Act::read, "looking for the collection"));
  std::vector<std::string> all;
  for (int i = 0; i < names.rows(); ++i) all.push_back(names.Text(i, 0));
  if (std::find(all.begin(), all.end(), mapping.collection) != all.end()) return Status::OK();
  return MakeError(Category::not_found, fmt::format("there is no collection '{}'{}", Printable(mapping.collection, 100), Suggestion(mapping.collection, all)), "see collection=");
}

const char* KindName(char kind) {
  switch (kind) {
    case 'r': return "table";
    case 'p': return "partitioned table";
    case 'v': return "view";
    case 'm': return "materialised view";
    case 'f': return "foreign table";
    default: return "query";
  }
}

std::string Spelled(const Index& index) {
  std::string text = index.method;
  for (const IndexKey& key : index.keys) text += fmt::format(" {} {}", key.text, index.is_vector() ? key.opclass : "");
  while (text.ends_with(' ')) text.pop_back();
  for (const auto& [name, value] : index.options) text += fmt::format(" {}={}", name, value);
  return text + (index.unique ? " unique" : "") + (index.valid ? "" : " NOT VALID");
}

class TableSource final : public Source {
 public:
  TableSource(OpenedTable opened, ConnectSpec spec, std::string version) : opened_(std::move(opened)), spec_(std::move(spec)), version_(std::move(version)) {}

  Result<DatasetInfo> Describe() override {
    const TableShape& shape = opened_.context->shape;
    DatasetInfo info;
    info.store = "postgresql";
    info.dataset = shape.relation.kind == 'q' ? shape.relation.query : shape.relation.name.Display();
    info.identity = opened_.identity;
    info.schema = shape.mapping.schema;
    info.layout = shape.mapping.layout;
    info.bytes = shape.relation.bytes;
    info.consistency = opened_.context->snapshot->shared() ? Consistency::snapshot : Consistency::live;
    info.notes = shape.mapping.notes;
    info.settings[kTableSetting] = TableSetting(shape.relation, shape.mapping);
    AddFacts(&info);
    ARROW_RETURN_NOT_OK(Count(&info));
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_ASSIGN_OR_RAISE(auto client, opened_.context->snapshot->Reader());
    return MakeSplits(*client, opened_.context->shape, wanted);
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    return MakeReader(opened_.context, split, from, options);
  }

  Lookup* lookup() override {
    // A view or query has no index that would find a row sooner.
    if (opened_.context->shape.relation.parts.empty()) return nullptr;
    if (!lookup_) lookup_ = MakeLookup(opened_.context, spec_);
    return lookup_.get();
  }

  Searcher* searcher() override {
    if (opened_.context->shape.mapping.vectors.empty()) return nullptr;
    if (!searcher_) searcher_ = MakeSearcher(opened_.context, spec_);
    return searcher_.get();
  }

  bool Moved() const override { return opened_.context->snapshot->moved(); }

 private:
  void AddFacts(DatasetInfo* info) const {
    const Relation& relation = opened_.context->shape.relation;
    info->facts["kind"] = KindName(relation.kind);
    info->facts["server"] = version_;
    if (relation.kind == 'p') info->facts["partitions"] = std::to_string(relation.parts.size());
    std::string key;
    for (const int column : opened_.context->shape.mapping.key) key += (key.empty() ? "" : ", ") + Printable(relation.columns[static_cast<size_t>(column)].name, 100);
    info->facts["read by"] = key.empty() ? "place" : key;
    for (const Index& index : relation.indexes) info->facts["index " + Printable(index.name, 100)] = Printable(Spelled(index), 300);
  }

  Status Count(DatasetInfo* info) {
    const TableShape& shape = opened_.context->shape;
    ARROW_ASSIGN_OR_RAISE(auto client, opened_.context->snapshot->Reader());
    const RowSelect select = MakeSelect(shape, true);
    ARROW_RETURN_NOT_OK(client->Exec(kCountPatience, Act::read, "counting").status());
    const auto count = client->Exec(fmt::format("SELECT pg_catalog.count(*) FROM {}{}", select.from, select.where.empty() ? "" : " WHERE " + select.where), Act::read, "counting");
    info->count_exact = count.ok();
    if (count.ok()) info->count = count->Int(0, 0);
    // It took too long: what the server believes has to do.
    else if (SqlStateOf(count.status()) == "57014") info->count = shape.relation.estimated_rows;
    else return count.status();
    return Status::OK();
  }

  OpenedTable opened_;
  const ConnectSpec spec_;
  const std::string version_;
  std::unique_ptr<Lookup> lookup_;
  std::unique_ptr<Searcher> searcher_;
};

Status NoteNodes(Client& client, ReadContext* context) {
  context->file_nodes.clear();
  for (const Part& part : context->shape.relation.parts) {
    ARROW_ASSIGN_OR_RAISE(const int64_t node, FileNode(client, part.oid));
    context->file_nodes.push_back(node);
  }
  return Status::OK();
}

std::string VersionOf(const Client& client) { return fmt::format("PostgreSQL {}.{}", client.server_version() / 10000, client.server_version() % 10000); }

}  // namespace

Result<OpenedTable> FindTable(Client& client, const Options& given, const Layout& layout) {
  Options options = given;
  ARROW_RETURN_NOT_OK(ChooseTable(client, &options));
  OpenedTable opened;
  opened.context = std::make_shared<ReadContext>();
  TableShape& shape = opened.context->shape;
  ARROW_ASSIGN_OR_RAISE(shape.relation, FindNamed(client, options));
  SampledDims sampled;
  for (const int column : ColumnsWithoutDims(shape.relation, options, layout)) {
    ARROW_ASSIGN_OR_RAISE(sampled[column], SampleDimension(client, shape.relation, column));
  }
  ARROW_ASSIGN_OR_RAISE(shape.mapping, MakeMapping(shape.relation, options, layout, sampled));
  ARROW_RETURN_NOT_OK(CheckCollection(client, shape.mapping, shape.relation));
  ARROW_ASSIGN_OR_RAISE(const std::string database, DatabaseIdentity(client));
  opened.identity = shape.relation.kind == 'q' ? fmt::format("{}/query {}", database, Sha256::Of(shape.relation.query))
                                               : DatasetIdentity(database, shape.relation.name, shape.mapping.collection);
  ARROW_RETURN_NOT_OK(NoteNodes(client, opened.context.get()));
  return opened;
}

Result<std::unique_ptr<Source>> OpenTable(const Options& options, const Layout& layout, const CancelToken* cancel) {
  const ConnectSpec spec = ConnectSpecOf(options, cancel);
  ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(spec));
  // Looking at a query runs nothing; that it cannot write either is the transaction's to see to.
  ARROW_RETURN_NOT_OK(client->Begin("READ ONLY"));
  ARROW_ASSIGN_OR_RAISE(OpenedTable opened, FindTable(*client, options, layout));
  ARROW_ASSIGN_OR_RAISE(const auto extension, FindVectorExtension(*client));
  const std::string version = VersionOf(*client) + (extension ? ", pgvector " + Printable(extension->version, 40) : "");
  // After the file nodes: what is rewritten between the two is noticed.
  ARROW_ASSIGN_OR_RAISE(opened.context->snapshot, Snapshot::Open(spec));
  return std::make_unique<TableSource>(std::move(opened), spec, version);
}

Result<std::unique_ptr<Source>> MakeKnownSource(Options options, const OpenContext& context, TableShape shape, std::string identity) {
  const ConnectSpec spec = ConnectSpecOf(options, context.cancel);
  ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(spec));
  OpenedTable opened{std::make_shared<ReadContext>(), std::move(identity)};
  opened.context->shape = std::move(shape);
  ARROW_RETURN_NOT_OK(NoteNodes(*client, opened.context.get()));
  ARROW_ASSIGN_OR_RAISE(opened.context->snapshot, Snapshot::Open(spec));
  return std::make_unique<TableSource>(std::move(opened), spec, VersionOf(*client));
}

}  // namespace vecferry::postgresql
