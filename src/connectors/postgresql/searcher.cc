#include <algorithm>
#include <bit>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/source.h"
#include "connectors/postgresql/wire.h"

namespace vecferry::postgresql {
namespace {

constexpr std::string_view kWhat = "searching rows";
/// What an index of pgvector looks at unless it is told more: it would never find more rows than that.
constexpr int kUsualEffort = 40;
constexpr int kMostEffort = 1000;

/// The operator of pgvector whose result is smaller for what is nearer; "" where there is none.
std::string_view OperatorOf(const Type& type, Metric metric) {
  if (!type.is_vector() || type.kind == Kind::sparsevec) return "";
  const bool bits = type.kind == Kind::bit;
  switch (metric) {
    case Metric::l2: return bits ? "" : "<->";
    case Metric::cosine: return bits ? "" : "<=>";
    case Metric::dot: return bits ? "" : "<#>";
    case Metric::l1: return bits ? "" : "<+>";
    case Metric::hamming: return bits ? "<~>" : "";
    case Metric::jaccard: return bits ? "<%>" : "";
    case Metric::unknown: break;
  }
  return "";
}

std::string Literal(const Type& type, const std::vector<float>& values) {
  std::string text;
  for (const float value : values) {
    if (type.kind == Kind::bit) text += value != 0 ? '1' : '0';
    else text += (text.empty() ? "" : ",") + fmt::format("{}", value);
  }
  return type.kind == Kind::bit ? fmt::format("'{}'::{}", text, type.name) : fmt::format("'[{}]'::{}", text, type.name);
}

/// Sessions of their own, as an application has them: one for each query under way, with the index or without.
class TableSearcher final : public Searcher {
 public:
  TableSearcher(std::shared_ptr<ReadContext> context, ConnectSpec spec)
      : context_(std::move(context)), spec_(std::move(spec)), shape_(context_->shape), select_(MakeSelect(shape_, true)) {}

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    ARROW_ASSIGN_OR_RAISE(const VectorColumnMap* const column, ColumnOf(query.vector));
    ARROW_ASSIGN_OR_RAISE(auto session, Take(query));
    ARROW_ASSIGN_OR_RAISE(const std::string sql, Sql(query, *column));
    auto hits = Read(*session, sql);
    // A session that failed may be in a state that the next query would fail in.
    if (hits.ok()) Give(query.exact, std::move(session));
    return hits;
  }

  bool HigherIsNearer(std::string_view) const override { return false; }
  bool CanBeExact() const override { return true; }

 private:
  Result<const VectorColumnMap*> ColumnOf(const std::string& name) const {
    const Mapping& mapping = shape_.mapping;
    for (size_t i = 0; i < mapping.vectors.size(); ++i) {
      const VectorSpec& spec = mapping.schema.vectors[i];
      if (spec.name != name) continue;
      if (!OperatorOf(mapping.vectors[i].type, spec.metric).empty()) return &mapping.vectors[i];
      return MakeError(Category::unsupported, fmt::format("a column of type {} is not searched by {}", Printable(mapping.vectors[i].type.name, 100), Name(spec.metric)));
    }
    return MakeError(Category::unsupported, fmt::format("there is no vector '{}'", Printable(name, 100)));
  }

  Result<std::unique_ptr<Client>> Take(const SearchQuery& query) {
    std::unique_ptr<Client> session;
    {
      const std::lock_guard lock(mutex_);
      auto& idle = query.exact ? exact_ : indexed_;
      while (!idle.empty() && !session) {
        if (idle.back()->alive()) session = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (!session) {
      ConnectSpec spec = spec_;
      if (query.exact) spec.settings["enable_indexscan"] = "off";
      ARROW_ASSIGN_OR_RAISE(session, Client::Connect(spec));
    }
    ARROW_RETURN_NOT_OK(LookForExtension(*session));
    if (!query.exact && query.k > kUsualEffort) {
      const std::string effort = std::to_string(std::min(query.k, kMostEffort));
      ARROW_RETURN_NOT_OK(session->Exec(fmt::format("SELECT pg_catalog.set_config('hnsw.ef_search', '{}', false)", effort), Act::read, kWhat).status());
    }
    return session;
  }

  void Give(bool exact, std::unique_ptr<Client> session) {
    const std::lock_guard lock(mutex_);
    (exact ? exact_ : indexed_).push_back(std::move(session));
  }

  Status LookForExtension(Client& client) {
    const std::lock_guard lock(mutex_);
    if (!operators_.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto extension, FindVectorExtension(client));
    if (!extension) return MakeError(Category::unsupported, "the database has no pgvector");
    operators_ = QuoteName(extension->schema);
    return Status::OK();
  }

  /// ORDER BY the operator and nothing else, so that an index can serve it.
  Result<std::string> Sql(const SearchQuery& query, const VectorColumnMap& column) const {
    const Relation& relation = shape_.relation;
    const size_t at = static_cast<size_t>(&column - shape_.mapping.vectors.data());
    const std::string name = "t." + QuoteName(relation.columns[static_cast<size_t>(column.column)].name);
    const std::string distance = fmt::format("{} OPERATOR({}.{}) {}", name, operators_, OperatorOf(column.type, shape_.mapping.schema.vectors[at].metric), Literal(column.type, query.values));
    std::string where = name + " IS NOT NULL";
    if (!select_.where.empty()) where += " AND (" + select_.where + ")";
    if (!query.tenant.empty()) {
      if (shape_.mapping.tenant < 0) return MakeError(Category::unsupported, "the rows of one tenant are not searched alone");
      where += fmt::format(" AND t.{}::text = {}", QuoteName(relation.columns[static_cast<size_t>(shape_.mapping.tenant)].name), QuoteText(query.tenant));
    }
    return fmt::format("SELECT {}, ({})::float8 FROM {} WHERE {} ORDER BY {} LIMIT {}", select_.list, distance, select_.from, where, distance, query.k);
  }

  Result<std::vector<SearchHit>> Read(Client& client, const std::string& sql) const {
    // A row that is no record is none here either: the source tells of it.
    std::vector<double> scores;
    ARROW_ASSIGN_OR_RAISE(const RecordView view, ReadAll(client, shape_, select_, sql, kWhat, 1, [&scores](const std::vector<Field>& row) { scores.push_back(ScoreOf(row.back())); }));
    std::vector<SearchHit> hits;
    for (int64_t row = 0; row < view.rows(); ++row) hits.push_back({std::string(view.tenant(row).value_or("")), std::string(view.id(row)), scores[static_cast<size_t>(row)]});
    return hits;
  }

  static double ScoreOf(const Field& field) { return field.size == 8 ? std::bit_cast<double>(FromBig<int64_t>(field.data)) : std::bit_cast<double>(uint64_t{0x7FF8000000000000}); }

  const std::shared_ptr<ReadContext> context_;
  const ConnectSpec spec_;
  const TableShape& shape_;
  const RowSelect select_;
  std::mutex mutex_;
  std::string operators_;    ///< the schema of pgvector's operators, quoted; "" until it was looked for
  std::vector<std::unique_ptr<Client>> exact_, indexed_;   ///< idle
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<ReadContext> context, ConnectSpec spec) {
  return std::make_unique<TableSearcher>(std::move(context), std::move(spec));
}

}  // namespace vecferry::postgresql
