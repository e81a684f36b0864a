#include "connectors/postgresql/index_build.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/postgresql/names.h"

namespace vecferry::postgresql {
namespace {

constexpr std::string_view kWhat = "building an index";

Result<std::optional<int64_t>> OidOf(Client& client, const std::string& schema, const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(const Answer answer, client.Exec(fmt::format("SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                                                                     "WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
                                                                     QuoteText(schema), QuoteText(table)), Act::read, "looking for the table"));
  return answer.rows() == 0 ? std::nullopt : std::optional(answer.Int(0, 0));
}

}  // namespace

std::string IndexSettings(const std::string& schema, const std::string& table, const std::vector<IndexDefinition>& indexes) {
  nlohmann::json json = {{"schema", schema}, {"table", table}, {"indexes", nlohmann::json::array()}};
  for (const auto& index : indexes) json["indexes"].push_back({{"name", index.name}, {"body", index.body}});
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status ParseIndexSettings(std::string_view text, std::string* schema, std::string* table, std::vector<IndexDefinition>* indexes) {
  const auto broken = [] { return MakeError(Category::corrupt, "the settings of the indexes that were kept cannot be read", "create the table's indexes by hand"); };
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("schema") || !json.contains("table") || !json.contains("indexes") || !json["indexes"].is_array()) return broken();
  if (!json["schema"].is_string() || !json["table"].is_string()) return broken();
  *schema = json["schema"].get<std::string>();
  *table = json["table"].get<std::string>();
  for (const auto& index : json["indexes"]) {
    if (!index.is_object() || !index.contains("name") || !index["name"].is_string() || !index.contains("body") || !index["body"].is_string()) return broken();
    indexes->push_back({index["name"].get<std::string>(), index["body"].get<std::string>()});
  }
  return Status::OK();
}

Result<Client*> IndexBuild::Session() {
  if (!session_ || !session_->alive()) {
    ARROW_ASSIGN_OR_RAISE(session_, Client::Connect(target_.connect));
  }
  return session_.get();
}

Result<std::optional<std::string>> IndexBuild::Settings() {
  if (target_.indexes.empty()) return std::nullopt;
  return std::optional(IndexSettings(target_.schema, target_.table, target_.indexes));
}

Status IndexBuild::Defer() {
  Cancel();
  ARROW_ASSIGN_OR_RAISE(Client* const client, Session());
  ARROW_ASSIGN_OR_RAISE(const auto oid, OidOf(*client, target_.schema, target_.table));
  if (!oid) return MakeError(Category::not_found, fmt::format("the table '{}' is gone", Printable(target_.table)), "see what removed it");
  VF_FAILPOINT("postgresql.defer.before");
  for (const auto& index : target_.indexes) {
    const std::string name = QuoteName(target_.schema) + "." + QuoteName(index.name);
    // An index of that name on another table is somebody else's.
    ARROW_ASSIGN_OR_RAISE(const Answer ours, client->Exec(fmt::format("SELECT 1 FROM pg_catalog.pg_index WHERE indrelid = {} AND indexrelid = pg_catalog.to_regclass({})",
                                                                      *oid, QuoteText(name)), Act::read, "looking at an index"));
    if (ours.rows() > 0) ARROW_RETURN_NOT_OK(client->Exec("DROP INDEX IF EXISTS " + name, Act::manage, "putting an index off").status());
  }
  VF_FAILPOINT("postgresql.defer.after");
  return Status::OK();
}

Status IndexBuild::PutBack(std::string_view settings) {
  std::string schema, table;
  std::vector<IndexDefinition> indexes;
  ARROW_RETURN_NOT_OK(ParseIndexSettings(settings, &schema, &table, &indexes));
  VF_FAILPOINT("postgresql.putback.before");
  if (target_.indexes.empty()) target_.indexes = std::move(indexes), target_.schema = schema, target_.table = table;
  // Progress begins, and goes on after whatever ended a build; only where nobody will ask for it is it waited for here.
  if (!target_.knows_table) {
    ARROW_ASSIGN_OR_RAISE(Client* const client, Session());
    ARROW_ASSIGN_OR_RAISE(const auto oid, OidOf(*client, target_.schema, target_.table));
    if (!oid) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto missing, Missing(*client));
    Cancel();
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = false;
    }
    ARROW_RETURN_NOT_OK(Build(missing));
  }
  VF_FAILPOINT("postgresql.putback.after");
  return Status::OK();
}

Result<std::vector<IndexDefinition>> IndexBuild::Missing(Client& client) {
  std::vector<IndexDefinition> missing;
  for (const auto& index : target_.indexes) {
    const std::string name = QuoteName(target_.schema) + "." + QuoteName(index.name);
    ARROW_ASSIGN_OR_RAISE(const Answer answer, client.Exec("SELECT pg_catalog.to_regclass(" + QuoteText(name) + ") IS NOT NULL", Act::read, "looking at an index"));
    if (answer.rows() == 0 || !answer.Bool(0, 0)) missing.push_back(index);
  }
  return missing;
}

void IndexBuild::Begin(std::vector<IndexDefinition> missing) {
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    done_.reset();
    cancelled_ = false;
  }
  thread_ = std::thread([this, missing = std::move(missing)] {
    const Status status = Build(missing);
    const std::lock_guard lock(mutex_);
    done_ = status;
    builder_.reset();
  });
}

Status IndexBuild::Build(const std::vector<IndexDefinition>& missing) {
  if (missing.empty()) return Status::OK();
  ConnectSpec spec = target_.connect;
  // Its time is not that of a statement that writes a batch.
  spec.settings["statement_timeout"] = "0";
  if (!target_.maintenance_memory.empty()) spec.settings["maintenance_work_mem"] = target_.maintenance_memory;
  ARROW_ASSIGN_OR_RAISE(auto made, Client::Connect(spec));
  Client* const client = made.get();
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return MakeError(Category::cancelled, "interrupted");
    builder_ = std::move(made);
    backend_ = client->backend_pid();
  }
  ARROW_ASSIGN_OR_RAISE(const Answer count, client->Exec(fmt::format("SELECT count(*) FROM {}.{}", QuoteName(target_.schema), QuoteName(target_.table)), Act::read, "counting rows"));
  for (const auto& index : missing) {
    VF_FAILPOINT("postgresql.index.before");
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return MakeError(Category::cancelled, "interrupted");
    }
    ARROW_RETURN_NOT_OK(client->Exec(CreateIndexSql(index, target_.schema, target_.table, count.Int(0, 0)), Act::manage, kWhat).status());
    VF_FAILPOINT("postgresql.index.after");
  }
  return Status::OK();
}

Result<IndexDeferral::State> IndexBuild::Look() {
  State state;
  state.ready = false;
  int backend = 0;
  {
    const std::lock_guard lock(mutex_);
    backend = backend_;
  }
  ARROW_ASSIGN_OR_RAISE(Client* const client, Session());
  ARROW_ASSIGN_OR_RAISE(const Answer answer, client->Exec(fmt::format("SELECT coalesce(nullif(tuples_done, 0), blocks_done), coalesce(nullif(tuples_total, 0), blocks_total) "
                                                                      "FROM pg_catalog.pg_stat_progress_create_index WHERE pid = {}", backend), Act::read, "asking how far an index is"));
  if (answer.rows() > 0) state.indexed = answer.Int(0, 0), state.total = answer.Int(0, 1);
  return state;
}

Result<IndexDeferral::State> IndexBuild::Progress() {
  if (target_.indexes.empty()) return State{};
  std::optional<Status> done;
  {
    const std::lock_guard lock(mutex_);
    done = done_;
  }
  if (thread_.joinable() && !done) return Look();
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    done_.reset();
  }
  // A failure is told once; asked again, it is tried again.
  if (done) ARROW_RETURN_NOT_OK(*done);
  ARROW_ASSIGN_OR_RAISE(Client* const client, Session());
  ARROW_ASSIGN_OR_RAISE(const auto oid, OidOf(*client, target_.schema, target_.table));
  if (!oid) return State{};
  ARROW_ASSIGN_OR_RAISE(auto missing, Missing(*client));
  if (missing.empty()) return State{};
  Begin(std::move(missing));
  return State{.ready = false, .indexed = -1, .total = -1};
}

void IndexBuild::Cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (builder_) builder_->Interrupt();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  builder_.reset();
}

}  // namespace vecferry::postgresql
