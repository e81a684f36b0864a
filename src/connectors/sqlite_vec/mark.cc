#include "connectors/sqlite_vec/mark.h"

#include <nlohmann/json.hpp>

#include "base/sha256.h"

namespace vecferry::sqlite_vec {
namespace {

constexpr const char* kMarks = "vecferry_tables";

/// A mark that cannot be understood is none: the table is then read as one of somebody else's.
std::optional<Mark> Parse(std::string_view text, const std::string& declaration) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto text_of = [&](const char* key) {
    const auto at = json.is_object() ? json.find(key) : json.end();
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  if (text_of("declaration") != Sha256::Of(declaration)) return std::nullopt;
  auto schema = RecordSchema::FromJson(text_of("schema"));
  if (!schema.ok()) return std::nullopt;
  return Mark{text_of("run"), std::move(*schema), text_of("document"), text_of("metadata"), text_of("tenant")};
}

}  // namespace

Result<std::string> DeclarationOf(sqlite::Db& db, std::string_view table) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare("SELECT sql FROM sqlite_master WHERE type='table' AND name=?"));
  ARROW_ASSIGN_OR_RAISE(const bool found, stmt.BindText(1, table).Step());
  return found ? std::string(stmt.Text(0)) : std::string();
}

Result<std::optional<Mark>> FindMark(sqlite::Db& db, std::string_view table) {
  ARROW_ASSIGN_OR_RAISE(const bool there, db.HasTable(kMarks));
  if (!there) return std::nullopt;
  auto prepared = db.Prepare("SELECT mark FROM vecferry_tables WHERE name=?");
  if (!prepared.ok()) return std::nullopt;  // somebody else's table of that name
  ARROW_ASSIGN_OR_RAISE(const bool found, prepared->BindText(1, table).Step());
  if (!found) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const std::string declaration, DeclarationOf(db, table));
  return Parse(prepared->Text(0), declaration);
}

Status PutMark(sqlite::Db& db, const std::string& table, const Mark& mark) {
  ARROW_RETURN_NOT_OK(db.Exec("CREATE TABLE IF NOT EXISTS vecferry_tables(name TEXT PRIMARY KEY NOT NULL, mark TEXT NOT NULL)"));
  ARROW_ASSIGN_OR_RAISE(const std::string declaration, DeclarationOf(db, table));
  nlohmann::ordered_json json;
  json["run"] = mark.run;
  json["declaration"] = Sha256::Of(declaration);
  json["schema"] = mark.schema.ToJson();
  json["document"] = mark.document;
  json["metadata"] = mark.metadata;
  json["tenant"] = mark.tenant;
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare("INSERT OR REPLACE INTO vecferry_tables(name, mark) VALUES(?, ?)"));
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return stmt.BindText(1, table).BindText(2, text).Run();
}

Status RemoveMark(sqlite::Db& db, const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(const bool there, db.HasTable(kMarks));
  if (!there) return Status::OK();
  {
    ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare("DELETE FROM vecferry_tables WHERE name=?"));
    ARROW_RETURN_NOT_OK(stmt.BindText(1, table).Run());
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t left, db.QueryInt("SELECT count(*) FROM vecferry_tables"));
  return left > 0 ? Status::OK() : db.Exec("DROP TABLE vecferry_tables");
}

}  // namespace vecferry::sqlite_vec
