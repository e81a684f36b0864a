#include "connectors/sqlite_vec/searcher.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/sqlite_vec/writable_table.h"

namespace vecferry::sqlite_vec {
namespace {

/// The extension's own limit on neighbours.
constexpr int kMostNeighbours = 4096;

/// A query as the column's elements.
std::string BlobOf(sqlite::Vec0Element element, const std::vector<float>& values) {
  if (element == sqlite::Vec0Element::f32) return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  std::string blob(element == sqlite::Vec0Element::bit ? (values.size() + 7) / 8 : values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i) {
    if (element == sqlite::Vec0Element::bit) blob[i / 8] = static_cast<char>(blob[i / 8] | (values[i] != 0 ? 0x80 >> (i % 8) : 0));
    else blob[i] = static_cast<char>(static_cast<int8_t>(std::clamp(std::round(values[i]), -128.0f, 127.0f)));
  }
  return blob;
}

class TableSearcher final : public Searcher {
 public:
  TableSearcher(std::shared_ptr<const TableContext> table, std::string extension, sqlite::Db first) : table_(std::move(table)), extension_(std::move(extension)) {
    idle_.push_back(std::move(first));
  }

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    ARROW_ASSIGN_OR_RAISE(const sqlite::Vec0Column* const column, ColumnOf(query.vector));
    if (query.k > kMostNeighbours) return MakeError(Category::unsupported, fmt::format("sqlite-vec finds {} neighbours at most", kMostNeighbours));
    ARROW_ASSIGN_OR_RAISE(const std::string sql, Sql(query, *column));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, Take());
    auto hits = Ask(db, sql, query, BlobOf(column->element, query.values));
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(db));
    return hits;
  }

  bool HigherIsNearer(std::string_view) const override { return false; }
  bool CanBeExact() const override { return !table_->mapping.table.indexed(); }

 private:
  Result<const sqlite::Vec0Column*> ColumnOf(const std::string& name) const {
    const auto columns = table_->mapping.table.Of(sqlite::Vec0Kind::vector);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (table_->mapping.schema.vectors[i].name == name) return columns[i];
    }
    return MakeError(Category::unsupported, fmt::format("there is no vector '{}'", Printable(name, 100)));
  }

  Result<sqlite::Db> Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        sqlite::Db db = std::move(idle_.back());
        idle_.pop_back();
        return db;
      }
    }
    return OpenForSearch(*table_->snapshot, extension_);
  }

  Result<std::string> Sql(const SearchQuery& query, const sqlite::Vec0Column& column) const {
    const Mapping& mapping = table_->mapping;
    const sqlite::Vec0Column* const tenant = mapping.tenant < 0 ? nullptr : &mapping.fields[static_cast<size_t>(mapping.tenant)];
    std::string filter;
    if (!query.tenant.empty()) {
      if (!tenant || tenant->kind == sqlite::Vec0Kind::auxiliary || tenant->type != sqlite::Vec0Type::text) return MakeError(Category::unsupported, "the rows of one tenant are not searched alone");
      filter = fmt::format(" AND {} = ?3", sqlite::QuoteName(tenant->name));
    }
    const char* const make = column.element == sqlite::Vec0Element::i8 ? "vec_int8(?1)" : column.element == sqlite::Vec0Element::bit ? "vec_bit(?1)" : "?1";
    return fmt::format("SELECT {}, distance{} FROM {} WHERE {} MATCH {} AND k = ?2{} ORDER BY distance", KeyColumn(mapping.table), tenant ? ", " + sqlite::QuoteName(tenant->name) : "",
                       sqlite::QuoteName(mapping.table.name), sqlite::QuoteName(column.name), make, filter);
  }

  Result<std::vector<SearchHit>> Ask(sqlite::Db& db, const std::string& sql, const SearchQuery& query, const std::string& blob) const {
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare(sql));
    stmt.BindBlob(1, blob).Bind(2, int64_t{query.k});
    if (!query.tenant.empty()) stmt.BindText(3, query.tenant);
    std::vector<SearchHit> hits;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
      if (!row) return hits;
      SearchHit hit;
      hit.id = table_->mapping.table.text_key ? std::string(stmt.Text(0)) : std::to_string(stmt.Int(0));
      hit.score = stmt.IsNull(1) ? std::nan("") : stmt.Double(1);
      if (table_->mapping.tenant >= 0) hit.tenant = stmt.Text(2);
      hits.push_back(std::move(hit));
    }
  }

  const std::shared_ptr<const TableContext> table_;
  const std::string extension_;
  std::mutex mutex_;
  std::vector<sqlite::Db> idle_;
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<const TableContext> table, const std::string& extension) {
  if (table->mapping.schema.vectors.empty()) return nullptr;
  auto first = OpenForSearch(*table->snapshot, extension);
  if (!first.ok()) return nullptr;
  return std::make_unique<TableSearcher>(std::move(table), extension, std::move(*first));
}

}  // namespace vecferry::sqlite_vec
