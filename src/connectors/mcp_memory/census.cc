#include "connectors/mcp_memory/census.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::mcp_memory {
namespace {

constexpr size_t kMaxUnmapped = 64;

std::string Plural(int64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", FormatCount(n), n == 1 ? one : many);
}

/// A default of the schema, where it is a plain literal; anything else counts as NULL.
std::string DefaultOf(const std::string& sql) {
  const bool number = !sql.empty() && sql.find_first_not_of("0123456789.+-") == std::string::npos;
  const bool text = sql.size() >= 2 && sql.front() == '\'' && sql.back() == '\'' && sql.find('\'', 1) == sql.size() - 1;
  return number || text ? sql : "NULL";
}

std::vector<std::string> UnmappedColumns(const Tables& tables) {
  std::vector<std::string> names;
  for (const auto& [name, sql] : tables.columns) {
    const auto& mapped = MappedColumns();
    if (std::find(mapped.begin(), mapped.end(), name) == mapped.end() && names.size() < kMaxUnmapped) names.push_back(name);
  }
  return names;
}

/// Whether a row's time is no number and its ISO text has to stand in.
std::string NeedsIso(const Tables& tables, const std::string& name) {
  if (!tables.Has(name + "_iso")) return "0";
  return fmt::format("(typeof({0}) NOT IN ('real','integer') AND julianday({1}) IS NOT NULL)", tables.Column(name), tables.Column(name + "_iso"));
}

/// Whether number and ISO text are a second or more apart. Julian days of 1970-01-01: 2440587.5.
std::string Disagrees(const Tables& tables, const std::string& name) {
  if (!tables.Has(name + "_iso") || !tables.Has(name)) return "0";
  return fmt::format("coalesce(typeof({0}) IN ('real','integer') AND abs({0} - (julianday({1}) - 2440587.5) * 86400.0) >= 1.0, 0)",
                     tables.Column(name), tables.Column(name + "_iso"));
}

/// The sums of one scan, in a fixed order; then one per unmapped column.
enum Sum { kLive, kDeleted, kPlaced, kMissing, kFromIso, kApart, kSums };

std::string Query(const Tables& tables, const std::vector<std::string>& unmapped) {
  const std::string live = tables.soft_deletes ? "m.deleted_at IS NULL" : "1";
  const std::string placed = tables.embeddings ? "r.rowid IS NOT NULL" : "0";
  const std::string kept = tables.backup ? "b.kept IS NOT NULL" : "0";
  std::string sql = fmt::format("SELECT count(*) FILTER (WHERE {0}), count(*) FILTER (WHERE NOT ({0})), count(*) FILTER (WHERE ({0}) AND ({1})), "
                                "count(*) FILTER (WHERE ({0}) AND NOT ({1}) AND NOT ({2})), count(*) FILTER (WHERE ({0}) AND ({3} OR {4})), "
                                "count(*) FILTER (WHERE ({0}) AND ({5} OR {6}))",
                                live, placed, kept, NeedsIso(tables, "created_at"), NeedsIso(tables, "updated_at"), Disagrees(tables, "created_at"),
                                Disagrees(tables, "updated_at"));
  for (const std::string& name : unmapped) {
    sql += fmt::format(", count(*) FILTER (WHERE ({}) AND m.{} IS NOT {})", live, sqlite::QuoteName(name), DefaultOf(tables.columns.at(name)));
  }
  sql += " FROM memories m";
  if (tables.embeddings) sql += " LEFT JOIN memory_embeddings_rowids r ON r.rowid=m.id";
  if (tables.backup) sql += " LEFT JOIN (SELECT DISTINCT rowid AS kept FROM memory_embeddings_migration_backup) b ON b.kept=m.id";
  return sql;
}

void AddNote(Census* census, const char* code, int64_t count, std::string message, bool warning) {
  if (count > 0) census->notes.push_back({code, std::move(message), count, warning});
}

void AddRowNotes(const sqlite::Stmt& sums, bool keep_missing, Census* census) {
  AddNote(census, "soft-deleted", sums.Int(kDeleted), Plural(sums.Int(kDeleted), "soft-deleted memory is left out", "soft-deleted memories are left out"), false);
  AddNote(census, "missing-vectors", sums.Int(kMissing),
          Plural(sums.Int(kMissing), "memory has no vector", "memories have no vector") +
              (keep_missing ? " and is carried without" : ": rejects, unless --missing-vector keep"), true);
  AddNote(census, "time-from-iso", sums.Int(kFromIso), Plural(sums.Int(kFromIso), "memory has", "memories have") + " no usable number for a time: the ISO text is taken", false);
  AddNote(census, "time-disagrees", sums.Int(kApart), Plural(sums.Int(kApart), "memory has", "memories have") + " a time whose number and ISO text differ: the number is taken", true);
}

Status AddOrphans(sqlite::Db& db, const Tables& tables, int64_t placed, Census* census) {
  if (!tables.embeddings) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const int64_t vectors, db.QueryInt("SELECT count(*) FROM memory_embeddings_rowids"));
  AddNote(census, "orphan-vectors", vectors - placed, Plural(vectors - placed, "vector belongs to no memory and is left out", "vectors belong to no memory and are left out"), false);
  return Status::OK();
}

/// Ids that become one point where 32 digits make the id. In the order of the index on content_hash equal
/// beginnings are neighbours, unless their case differs; the exact count is taken only where there is cause.
Status AddCollisions(sqlite::Db& db, const Tables& tables, Census* census) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt rows, db.Prepare("SELECT content_hash FROM memories ORDER BY content_hash"));
  std::string previous;
  bool suspect = false;
  while (!suspect) {
    ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
    if (!row) break;
    const std::string_view prefix = rows.Text(0).substr(0, 32);
    suspect = prefix == previous || prefix.find_first_of("ABCDEF") != std::string_view::npos;
    previous = prefix;
  }
  if (!suspect) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const int64_t shared, db.QueryInt(fmt::format("SELECT sum(n) FROM (SELECT count(*) AS n FROM memories m WHERE length(m.content_hash) >= 32{} "
                                                                      "GROUP BY lower(substr(m.content_hash, 1, 32)) HAVING n > 1)", tables.AndLive())));
  AddNote(census, "shared-hash-prefix", shared, Plural(shared, "memory shares", "memories share") + " the first 32 digits of the hash with another", true);
  return Status::OK();
}

Status AddOtherTables(sqlite::Db& db, Census* census) {
  for (const char* name : {"memory_graph", "beliefs"}) {
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt exists, db.Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND rootpage>0 AND name=?"));
    ARROW_ASSIGN_OR_RAISE(const bool found, exists.BindText(1, name).Step());
    if (!found) continue;
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, db.QueryInt(fmt::format("SELECT count(*) FROM {}", name)));
    AddNote(census, "not-carried", rows, fmt::format("table {} is not carried: {}", name, Plural(rows, "row", "rows")), true);
  }
  return Status::OK();
}

Status Scan(sqlite::Db& db, const Tables& tables, bool keep_missing, Census* census) {
  const auto unmapped = UnmappedColumns(tables);
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt sums, db.Prepare(Query(tables, unmapped)));
  ARROW_RETURN_NOT_OK(sums.Step().status());
  census->live = sums.Int(kLive);
  AddRowNotes(sums, keep_missing, census);
  ARROW_RETURN_NOT_OK(AddOrphans(db, tables, sums.Int(kPlaced), census));
  for (size_t i = 0; i < unmapped.size(); ++i) {
    const int64_t count = sums.Int(kSums + static_cast<int>(i));
    AddNote(census, "not-carried", count, fmt::format("column {} is not carried: {}", Printable(unmapped[i], 100), Plural(count, "memory has a value there", "memories have a value there")), true);
  }
  ARROW_RETURN_NOT_OK(AddCollisions(db, tables, census));
  return AddOtherTables(db, census);
}

}  // namespace

Result<Census> TakeCensus(sqlite::Db& db, const Tables& tables, bool keep_missing) {
  Census census;
  const Status status = Scan(db, tables, keep_missing, &census);
  if (status.ok()) return census;
  if (!IsCategory(status, Category::corrupt)) return status;
  census.exact = false;
  if (census.live == 0) census.live = db.QueryInt("SELECT count(*) FROM memories").ValueOr(-1);
  census.notes.push_back({"damaged", "the database is damaged, some of it cannot be counted: " + Printable(status.message(), 200), -1, true});
  return census;
}

}  // namespace vecferry::mcp_memory
