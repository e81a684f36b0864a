#include "connectors/postgresql/table_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "connectors/postgresql/names.h"
#include "connectors/postgresql/wire.h"

namespace vecferry::postgresql {
namespace {

constexpr std::string_view kStage = "pg_temp.vecferry_stage";
constexpr std::string_view kWhat = "writing rows";
constexpr std::string_view kUniqueViolation = "23505";

Status Copy(Client& client, const std::string& into, const EncodedRows& part, Act act) {
  ARROW_RETURN_NOT_OK(client.BeginCopyIn("COPY " + into + " FROM STDIN (FORMAT binary)", act, kWhat));
  std::string header, trailer;
  AppendCopyHeader(&header);
  AppendCopyTrailer(&trailer);
  for (const std::string_view piece : {std::string_view(header), std::string_view(part.bytes), std::string_view(trailer)}) ARROW_RETURN_NOT_OK(client.CopyWrite(piece));
  return client.CopyEnd().status();
}

}  // namespace

SessionPool::Lease::~Lease() {
  if (!session_ || !session_->client) return;
  session_->client->Rollback();
  if (!session_->client->alive() || session_->client->in_transaction()) return;
  const std::lock_guard lock(pool_->mutex_);
  pool_->idle_.push_back(std::move(session_));
}

Result<SessionPool::Lease> SessionPool::Take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto session = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(session));
    }
  }
  auto session = std::make_unique<Session>();
  ARROW_ASSIGN_OR_RAISE(session->client, Client::Connect(spec_));
  return Lease(*this, std::move(session));
}

Result<WriteOutcome> TableWriter::Write(const RecordView& batch) {
  ARROW_ASSIGN_OR_RAISE(const auto session, pool_.Take());
  if (!session->encoder) session->encoder = std::make_unique<RowEncoder>(table_, schema_);
  WriteOutcome outcome;
  ARROW_ASSIGN_OR_RAISE(const auto* parts, session->encoder->Encode(batch, &outcome.rejects));
  if (parts->empty()) return outcome;
  if (direct_) {
    const Status status = CopyDirect(session.client(), *parts);
    if (status.ok()) return outcome;
    if (SqlStateOf(status) != kUniqueViolation) return status;
    session->client->Rollback();
  }
  ARROW_RETURN_NOT_OK(CopyStaged(*session.operator->(), *parts));
  return outcome;
}

Status TableWriter::CopyDirect(Client& client, const std::vector<EncodedRows>& parts) const {
  VF_FAILPOINT("postgresql.copy.before");
  const bool one = parts.size() == 1;
  if (!one) ARROW_RETURN_NOT_OK(client.Begin());
  for (const EncodedRows& part : parts) {
    ARROW_RETURN_NOT_OK(Copy(client, fmt::format("{} ({})", table_.Sql(), ColumnList(part)), part, one ? Act::commit : Act::write));
  }
  if (!one) ARROW_RETURN_NOT_OK(client.Commit());
  VF_FAILPOINT("postgresql.copy.after");
  return Status::OK();
}

Status TableWriter::CopyStaged(Session& session, const std::vector<EncodedRows>& parts) const {
  Client& client = *session.client;
  ARROW_RETURN_NOT_OK(Stage(session));
  VF_FAILPOINT("postgresql.merge.before");
  ARROW_RETURN_NOT_OK(client.Begin());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) ARROW_RETURN_NOT_OK(client.Exec("TRUNCATE " + std::string(kStage), Act::write, kWhat).status());
    ARROW_RETURN_NOT_OK(Copy(client, fmt::format("{} ({})", kStage, ColumnList(parts[i])), parts[i], Act::write));
    ARROW_ASSIGN_OR_RAISE(const Answer merged, client.Exec(MergeSql(parts[i]), Act::write, kWhat));
    if (table_.Find(TargetColumn::Role::group) && on_conflict_ == OnConflict::update && merged.Affected() < parts[i].rows) {
      return BadRecord("other-collection", "the table holds this id in another collection, and has it only once");
    }
  }
  ARROW_RETURN_NOT_OK(client.Commit());
  VF_FAILPOINT("postgresql.merge.after");
  return Status::OK();
}

/// A staging table has the columns of the table and none of its constraints, and forgets its rows with each transaction.
Status TableWriter::Stage(Session& session) const {
  if (session.staged) return Status::OK();
  std::string columns;
  for (const TargetColumn& column : table_.columns) {
    columns += columns.empty() ? "" : ", ";
    columns += column.cast() ? "NULL::text AS " + QuoteName(column.name) : QuoteName(column.name);
  }
  const std::string sql = fmt::format("DROP TABLE IF EXISTS {0}; CREATE TEMPORARY TABLE {1} ON COMMIT DELETE ROWS AS SELECT {2} FROM {3} WITH NO DATA", kStage,
                                      kStage.substr(kStage.find('.') + 1), columns, table_.Sql());
  ARROW_RETURN_NOT_OK(session.client->Exec(sql, Act::manage, "making a staging table").status());
  session.staged = true;
  return Status::OK();
}

std::string TableWriter::ColumnList(const EncodedRows& part) const {
  std::string list;
  for (const size_t at : part.columns) list += (list.empty() ? "" : ", ") + QuoteName(table_.columns[at].name);
  return list;
}

std::string TableWriter::MergeSql(const EncodedRows& part) const {
  std::string values, set, key;
  for (const size_t at : part.columns) {
    const TargetColumn& column = table_.columns[at];
    const std::string name = QuoteName(column.name);
    values += (values.empty() ? "" : ", ") + (column.cast() ? name + "::" + column.type.name : name);
    if (std::find(table_.key.begin(), table_.key.end(), column.name) == table_.key.end()) {
      set += fmt::format("{}{} = EXCLUDED.{}", set.empty() ? "" : ", ", name, name);
    }
  }
  for (const auto& name : table_.key) key += (key.empty() ? "" : ", ") + QuoteName(name);
  const bool update = on_conflict_ == OnConflict::update && !set.empty();
  // A key that is one over all collections must not pull a row out of another.
  const TargetColumn* const group = table_.Find(TargetColumn::Role::group);
  const std::string own = group && update ? fmt::format(" WHERE t.{0} = EXCLUDED.{0}", QuoteName(group->name)) : "";
  return fmt::format("INSERT INTO {} AS t ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} ON CONFLICT ({}) DO {}{}", table_.Sql(), ColumnList(part), values, kStage, key,
                     update ? "UPDATE SET " + set : "NOTHING", own);
}

}  // namespace vecferry::postgresql
