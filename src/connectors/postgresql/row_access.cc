#include "connectors/postgresql/row_access.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/postgresql/wire.h"

namespace vecferry::postgresql {
namespace {

using Role = TargetColumn::Role;

/// An element of an array as PostgreSQL reads it.
void AppendElement(std::string_view text, std::string* out) {
  *out += out->size() > 1 ? ",\"" : "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') *out += '\\';
    *out += c;
  }
  *out += '"';
}

/// The rows of a query as a binary copy, each handed to `take`.
template <typename Take>
Status ForEachRow(Client& client, const std::string& query, size_t fields, std::string_view what, const Take& take) {
  ARROW_RETURN_NOT_OK(client.BeginCopyOut("COPY (" + query + ") TO STDOUT (FORMAT binary)", what));
  CopyParser parser(fields);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto message, client.CopyRead());
    if (!message) return Status::OK();
    parser.Feed(*message);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto* const row, parser.Next());
      if (!row) break;
      ARROW_RETURN_NOT_OK(take(*row));
    }
  }
}

}  // namespace

std::string RowAccess::GroupCondition() const {
  const TargetColumn* const group = table_.Find(Role::group);
  return group ? fmt::format("t.{} = {}::{}", QuoteName(group->name), QuoteText(group->constant), group->type.name) : "";
}

RowAccess::Keys RowAccess::KeysOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const {
  Keys keys;
  const TargetColumn& id = *table_.Find(Role::id);
  const TargetColumn* const tenant = table_.Find(Role::tenant);
  std::string id_list = "{", tenant_list = "{", places = "{";
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto spelled = SpellId(id, ids[i]);
    const std::string_view whose = i < tenants.size() ? tenants[i] : std::string_view();
    if (!spelled || whose.find('\0') != std::string_view::npos) continue;
    AppendElement(*spelled, &id_list);
    AppendElement(whose, &tenant_list);
    AppendElement(std::to_string(i + 1), &places);
    keys.empty = false;
  }
  keys.from = fmt::format("ROWS FROM (pg_catalog.unnest({}::text[]), pg_catalog.unnest({}::{}[]), pg_catalog.unnest({}::int8[])) AS k(tenant, id, n)", QuoteText(tenant_list + "}"),
                          QuoteText(id_list + "}"), id.type.name, QuoteText(places + "}"));
  keys.condition = fmt::format("t.{} = k.id", QuoteName(id.name));
  if (tenant) keys.condition += fmt::format(" AND t.{} = k.tenant", QuoteName(tenant->name));
  // Records without a tenant in a table whose key has one.
  for (const auto& name : table_.key) {
    if (name != id.name && (!tenant || name != tenant->name)) keys.condition += fmt::format(" AND t.{} = ''", QuoteName(name));
  }
  if (const auto group = GroupCondition(); !group.empty()) keys.condition += " AND " + group;
  return keys;
}

Result<int64_t> RowAccess::Count() {
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  const auto group = GroupCondition();
  ARROW_ASSIGN_OR_RAISE(const Answer answer, session.client().Exec(fmt::format("SELECT count(*) FROM {} AS t{}", table_.Sql(), group.empty() ? "" : " WHERE " + group), Act::read, "counting rows"));
  return answer.Int(0, 0);
}

Result<int64_t> RowAccess::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  const Keys keys = KeysOf(tenants, ids);
  if (keys.empty) return 0;
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  ARROW_ASSIGN_OR_RAISE(const Answer answer, session.client().Exec(fmt::format("SELECT count(*) FROM {} JOIN {} AS t ON {}", keys.from, table_.Sql(), keys.condition), Act::read, "counting rows"));
  return answer.Int(0, 0);
}

Result<RecordView> RowAccess::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  BatchBuilder builder(shape_.mapping.schema);
  const Keys keys = KeysOf(tenants, ids);
  if (keys.empty) return builder.Finish();
  const RowSelect select = MakeSelect(shape_, false);
  RowDecoder decoder(shape_, select);
  std::vector<Reject> rejects;  // A row that cannot be read is not there: the source tells of it.
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  const std::string where = select.where.empty() ? "" : " WHERE " + select.where;
  ARROW_RETURN_NOT_OK(ForEachRow(session.client(), fmt::format("SELECT {} FROM {} JOIN {} ON {}{}", select.list, keys.from, select.from, keys.condition, where), select.count,
                                 "reading rows by key", [&](const std::vector<Field>& row) { return decoder.Decode(row, builder, &rejects).status(); }));
  return builder.Finish();
}

Result<std::vector<std::optional<std::string>>> RowAccess::Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  std::vector<std::optional<std::string>> images(ids.size());
  const Keys keys = KeysOf(tenants, ids);
  if (keys.empty) return images;
  std::string list;
  nlohmann::json names = nlohmann::json::array();
  for (const Column& column : shape_.relation.columns) {
    if (column.generated) continue;
    list += ", t." + QuoteName(column.name);
    names.push_back(column.name);
  }
  const std::string head = names.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  ARROW_RETURN_NOT_OK(ForEachRow(session.client(), fmt::format("SELECT k.n{} FROM {} JOIN {} AS t ON {}", list, keys.from, table_.Sql(), keys.condition), names.size() + 1,
                                 "reading rows as they are", [&](const std::vector<Field>& row) {
    const auto at = row[0].size == 8 ? FromBig<int64_t>(row[0].data) - 1 : -1;
    if (at < 0 || at >= static_cast<int64_t>(images.size())) return MakeError(Category::corrupt, "the server's answer is none to this question");
    std::string image = head;
    AppendRowBegin(static_cast<int16_t>(row.size() - 1), &image);
    for (size_t i = 1; i < row.size(); ++i) row[i].null() ? AppendNull(&image) : AppendField(row[i].bytes(), &image);
    images[static_cast<size_t>(at)] = std::move(image);
    return Status::OK();
  }));
  return images;
}

Status RowAccess::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  (void)tenants, (void)ids;  // A row has its key.
  std::map<std::string, std::string, std::less<>> rows;  // by the names of their columns
  for (const std::string_view image : images) {
    const size_t end = image.find('\n');
    if (end == std::string_view::npos) return MakeError(Category::corrupt, "a row that was kept cannot be read", "restore the table from a backup");
    rows[std::string(image.substr(0, end))] += image.substr(end + 1);
  }
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  for (const auto& [columns, bytes] : rows) ARROW_RETURN_NOT_OK(RestoreAlike(session.client(), columns, bytes));
  return Status::OK();
}

Status RowAccess::RestoreAlike(Client& client, const std::string& columns, const std::string& rows) const {
  constexpr std::string_view kWhat = "putting rows back";
  const auto names = nlohmann::json::parse(columns, nullptr, false);
  if (!names.is_array()) return MakeError(Category::corrupt, "a row that was kept cannot be read", "restore the table from a backup");
  std::string list, set, key;
  for (const auto& name : names) {
    if (!name.is_string()) return MakeError(Category::corrupt, "a row that was kept cannot be read", "restore the table from a backup");
    const std::string column = QuoteName(name.get<std::string>());
    list += (list.empty() ? "" : ", ") + column;
    if (std::find(table_.key.begin(), table_.key.end(), name.get<std::string>()) != table_.key.end()) continue;
    set += fmt::format("{}{} = EXCLUDED.{}", set.empty() ? "" : ", ", column, column);
  }
  for (const auto& name : table_.key) key += (key.empty() ? "" : ", ") + QuoteName(name);
  ARROW_RETURN_NOT_OK(client.Begin());
  ARROW_RETURN_NOT_OK(client.Exec(fmt::format("CREATE TEMPORARY TABLE vecferry_restore ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA", list, table_.Sql()), Act::manage, kWhat).status());
  std::string stream;
  AppendCopyHeader(&stream);
  stream += rows;
  AppendCopyTrailer(&stream);
  ARROW_RETURN_NOT_OK(client.BeginCopyIn(fmt::format("COPY pg_temp.vecferry_restore ({}) FROM STDIN (FORMAT binary)", list), Act::write, kWhat));
  ARROW_RETURN_NOT_OK(client.CopyWrite(stream));
  ARROW_RETURN_NOT_OK(client.CopyEnd().status());
  const std::string act = set.empty() ? "NOTHING" : "UPDATE SET " + set;
  ARROW_RETURN_NOT_OK(client.Exec(fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM pg_temp.vecferry_restore ON CONFLICT ({2}) DO {3}", table_.Sql(), list, key, act),
                                  Act::write, kWhat).status());
  VF_FAILPOINT("postgresql.restore.before");
  ARROW_RETURN_NOT_OK(client.Commit());
  VF_FAILPOINT("postgresql.restore.after");
  return Status::OK();
}

Status RowAccess::DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  const Keys keys = KeysOf(tenants, ids);
  if (keys.empty) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  VF_FAILPOINT("postgresql.delete.before");
  ARROW_RETURN_NOT_OK(session.client().Exec(fmt::format("DELETE FROM {} AS t USING {} WHERE {}", table_.Sql(), keys.from, keys.condition), Act::commit, "deleting rows").status());
  VF_FAILPOINT("postgresql.delete.after");
  return Status::OK();
}

}  // namespace vecferry::postgresql
