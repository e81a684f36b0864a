#include "connectors/postgresql/options.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/sink.h"
#include "options/make_option.h"

namespace vecferry::postgresql {
namespace {

struct LibpqParameter {
  const char* name;
  const char* help;
  bool secret = false;
};

// The parameters of libpq 15 to 18 (its documentation, 32.1.2) that say how a server is reached. client_encoding, replication and
// fallback_application_name are ours to set.
constexpr std::array kLibpq = {
    LibpqParameter{"host", "The server's name, address, or the folder of its socket."},
    LibpqParameter{"hostaddr", "The server's address, which saves a look-up."},
    LibpqParameter{"port", "The server's port."},
    LibpqParameter{"dbname", "The database, where the address names none."},
    LibpqParameter{"user", "The role, where the address names none."},
    LibpqParameter{"password", "The password; better given by PGPASSWORD or ~/.pgpass.", true},
    LibpqParameter{"passfile", "The file of passwords, instead of ~/.pgpass."},
    LibpqParameter{"service", "A service of ~/.pg_service.conf that says the rest."},
    LibpqParameter{"servicefile", "The service file, instead of ~/.pg_service.conf."},
    LibpqParameter{"require_auth", "How the server has to ask for the password."},
    LibpqParameter{"channel_binding", "Whether the login is bound to the TLS session."},
    LibpqParameter{"connect_timeout", "Seconds that connecting to one host may take; 30 where nothing says it."},
    LibpqParameter{"application_name", "The name in pg_stat_activity; vecferry where nothing says it."},
    LibpqParameter{"options", "Settings for the session, as -c name=value."},
    LibpqParameter{"keepalives", "Whether TCP keep-alives are sent."},
    LibpqParameter{"keepalives_idle", "Seconds of silence before the first."},
    LibpqParameter{"keepalives_interval", "Seconds between them."},
    LibpqParameter{"keepalives_count", "How many may be lost."},
    LibpqParameter{"tcp_user_timeout", "Milliseconds that sent data may stay unacknowledged."},
    LibpqParameter{"gssencmode", "Whether GSSAPI encrypts the connection."},
    LibpqParameter{"krbsrvname", "The Kerberos name of the service."},
    LibpqParameter{"gsslib", "The GSSAPI library."},
    LibpqParameter{"gssdelegation", "Whether GSSAPI credentials are delegated."},
    LibpqParameter{"sslmode", "disable, allow, prefer, require, verify-ca or verify-full."},
    LibpqParameter{"sslnegotiation", "postgres, or direct."},
    LibpqParameter{"sslcompression", "Whether TLS compresses."},
    LibpqParameter{"sslcert", "The file of the client's certificate."},
    LibpqParameter{"sslkey", "The file of its key."},
    LibpqParameter{"sslpassword", "The password of that key.", true},
    LibpqParameter{"sslcertmode", "Whether the client's certificate is sent."},
    LibpqParameter{"sslrootcert", "The file of the authorities that are trusted, or system."},
    LibpqParameter{"sslcrl", "The file of revoked certificates."},
    LibpqParameter{"sslcrldir", "The folder of revoked certificates."},
    LibpqParameter{"sslsni", "Whether TLS names the host."},
    LibpqParameter{"ssl_min_protocol_version", "The oldest TLS that is taken."},
    LibpqParameter{"ssl_max_protocol_version", "The newest TLS that is taken."},
    LibpqParameter{"requirepeer", "The operating-system user that has to own the socket."},
    LibpqParameter{"target_session_attrs", "any, read-write, read-only, primary, standby or prefer-standby."},
    LibpqParameter{"load_balance_hosts", "Whether hosts are tried in random order."},
};

bool IsLibpq(std::string_view name) {
  return std::any_of(kLibpq.begin(), kLibpq.end(), [&](const LibpqParameter& p) { return name == p.name; });
}

void AddReadOptions(std::vector<OptionSpec>* specs) {
  specs->push_back(MakeOption::Text("query", "SELECT", "A query that is read instead of a table; the same may stand after the '#'.").Example("query=SELECT id, body, embedding FROM items WHERE live"));
  specs->push_back(MakeOption::Text("id", "COLUMN,...", "The column that identifies a record; several make a composite id. Otherwise the layout or the primary key says it.").Example("id=doc_id"));
  specs->push_back(MakeOption::Text("key", "COLUMN,...", "The columns over which reading is split and goes on; otherwise the primary key or a unique index over columns that are never null.").Example("key=created_at,id"));
  specs->push_back(MakeOption::Text("vector", "COLUMN,...", "The columns that are vectors, also real[] and double precision[]; otherwise every column of a vector type.").Example("vector=embedding"));
  specs->push_back(MakeOption::Text("vector-name", "NAME", "The name of the vector where there is only one; it has none by default. Several keep the names of their columns."));
  specs->push_back(MakeOption::Text("document", "COLUMN", "The column that holds the text that was embedded; empty: none. Otherwise the layout says it.").Example("document=body"));
  specs->push_back(MakeOption::Text("metadata", "COLUMN", "The json or jsonb column whose keys are the metadata, beside the other columns; empty: none. Otherwise the layout says it.").Example("metadata=attrs"));
  specs->push_back(MakeOption::Text("tenant", "COLUMN", "The column that is the tenant; empty: none. Otherwise the layout says it.").Example("tenant=customer"));
  specs->push_back(MakeOption::Text("columns", "COLUMN,...", "The columns to carry as metadata, generated ones too where they are named; otherwise all but generated ones.").Example("columns=title,created_at"));
  specs->push_back(MakeOption::Text("collection", "NAME", "The collection, where a layout keeps several in one table (langchain-postgres); without it each is a tenant.").Example("collection=docs"));
  specs->push_back(MakeOption::Integer("dims", "The dimension of a vector column that declares none; otherwise what most of a sample have. Rows of another are rejects.").Example("dims=384"));
  specs->push_back(MakeOption::Choice("metric", {"cosine", "dot", "l2", "l1", "hamming", "jaccard"}, "The metric of a vector that no index tells it of.")
                       .Default("")
                       .ValueName("METRIC")
                       .Example("metric=cosine"));
}

void AddSessionOptions(std::vector<OptionSpec>* specs) {
  specs->push_back(MakeOption::Duration("statement-timeout", "How long one statement may run on the server; none by default.").Example("statement-timeout=10m").Reaching());
  specs->push_back(MakeOption::Duration("lock-timeout", "How long a statement waits for another session's lock.").Default("30s").Example("lock-timeout=5s").Reaching());
  specs->push_back(MakeOption::Flag("row-security", "Read only the rows that row-level security shows; by default a table with a policy that would hide some is refused.")
                       .Default("off")
                       .Example("row-security=on"));
}

Status ParseUser(std::string_view user_info, std::map<std::string, std::string>* out) {
  const size_t colon = user_info.find(':');
  const std::string user = PercentDecode(user_info.substr(0, colon));
  if (!user.empty()) (*out)["user"] = user;
  if (colon != std::string_view::npos) (*out)["password"] = PercentDecode(user_info.substr(colon + 1));
  return Status::OK();
}

/// "HOST:PORT,[V6]:PORT" as libpq's two lists.
void ParseHosts(std::string_view hosts, std::map<std::string, std::string>* out) {
  std::string names, ports;
  bool has_port = false;
  for (bool first = true; !hosts.empty(); first = false) {
    std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    std::string_view port;
    const size_t bracket = host.rfind(']'), colon = host.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
      port = host.substr(colon + 1);
      host = host.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    names += (first ? "" : ",") + std::string(host);
    ports += (first ? "" : ",") + std::string(port);
    has_port |= !port.empty();
  }
  if (names.find_first_not_of(',') != std::string::npos) (*out)["host"] = names;
  if (has_port) (*out)["port"] = ports;
}

Status ParseAuthority(const Location& location, std::map<std::string, std::string>* out) {
  std::string_view path = location.path;
  if (!path.starts_with("//")) {
    return MakeError(Category::usage, "a PostgreSQL address names a server", "write it as 'postgresql://USER@HOST:PORT/DATABASE#TABLE', or 'postgresql://#TABLE' with PGHOST or service= in use");
  }
  path.remove_prefix(2);
  std::string_view authority = path.substr(0, path.find('/'));
  const std::string_view database = path.substr(std::min(path.size(), authority.size() + 1));
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    ARROW_RETURN_NOT_OK(ParseUser(authority.substr(0, at), out));
    authority.remove_prefix(at + 1);
  }
  ParseHosts(authority, out);
  if (!database.empty()) (*out)["dbname"] = database;
  return Status::OK();
}

Status ParseColumns(const std::map<std::string, std::string>& given, Options* options) {
  const std::array<std::pair<const char*, std::vector<std::string>*>, 4> lists = {{{"id", &options->id}, {"key", &options->key}, {"vector", &options->vectors}, {"columns", &options->columns}}};
  for (const auto& [name, list] : lists) {
    const auto at = given.find(name);
    if (at == given.end() || at->second.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(*list, ParseNameList(at->second));
  }
  const std::array<std::pair<const char*, std::optional<std::string>*>, 3> singles = {{{"document", &options->document}, {"metadata", &options->metadata}, {"tenant", &options->tenant}}};
  for (const auto& [name, single] : singles) {
    const auto at = given.find(name);
    if (at == given.end()) continue;
    *single = "";
    if (at->second.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto names, ParseNameList(at->second));
    if (names.size() != 1) return MakeError(Category::usage, fmt::format("{} names one column", name), "name one");
    *single = names[0];
  }
  return Status::OK();
}

Status ParseDataset(const Location& location, const std::string& query, Options* options) {
  options->query = query;
  if (location.dataset.empty()) return Status::OK();
  if (!query.empty()) return MakeError(Category::usage, "both a dataset and a query are named", "leave out what follows the '#', or query=");
  if (IsQuery(location.dataset)) {
    options->query = location.dataset;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(options->table, ParseRelationName(location.dataset));
  return Status::OK();
}

std::string Milliseconds(double seconds) { return std::to_string(static_cast<int64_t>(std::min(seconds * 1000, 2147483647.0))); }

}  // namespace

std::vector<OptionSpec> OptionSpecs() {
  std::vector<OptionSpec> specs;
  AddReadOptions(&specs);
  AddWriteOptions(&specs);
  AddSessionOptions(&specs);
  for (const LibpqParameter& parameter : kLibpq) {
    specs.push_back(MakeOption::Text(parameter.name, "VALUE", parameter.help).Secret(parameter.secret).Reaching());
  }
  return specs;
}

Result<Options> ParseOptions(const Location& location) {
  Options options;
  ARROW_ASSIGN_OR_RAISE(const auto given, CheckOptions(OptionSpecs(), location.options, "option of postgresql"));
  ARROW_RETURN_NOT_OK(ParseAuthority(location, &options.connection));
  for (const auto& [name, value] : location.options) {
    if (IsLibpq(name)) options.connection[name] = value;
  }
  const auto text = [&](const char* name) {
    const auto at = given.find(name);
    return at == given.end() ? std::string() : at->second;
  };
  ARROW_RETURN_NOT_OK(ParseColumns(given, &options));
  ARROW_RETURN_NOT_OK(ParseDataset(location, text("query"), &options));
  options.collection = text("collection");
  options.vector_name = text("vector-name");
  if (const auto value = text("dims"); !value.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t dims, ParseInt(value));
    if (dims < 1 || dims > 64000) return MakeError(Category::usage, "dims is from 1 to 64000");
    options.dims = static_cast<int32_t>(dims);
  }
  if (const auto value = text("metric"); !value.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.metric, ParseMetric(value));
  }
  if (const auto value = text("statement-timeout"); !value.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.statement_timeout, ParseDuration(value));
  }
  ARROW_ASSIGN_OR_RAISE(options.lock_timeout, ParseDuration(text("lock-timeout")));
  ARROW_ASSIGN_OR_RAISE(options.row_security, ParseBool(text("row-security")));
  return options;
}

ConnectSpec ConnectSpecOf(const Options& options, const CancelToken* cancel) {
  ConnectSpec spec;
  spec.params = options.connection;
  spec.cancel = cancel;
  spec.settings["statement_timeout"] = Milliseconds(options.statement_timeout);
  spec.settings["lock_timeout"] = Milliseconds(options.lock_timeout);
  spec.settings["row_security"] = options.row_security ? "on" : "off";
  return spec;
}

}  // namespace vecferry::postgresql
