#include "connectors/postgresql/client.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/text.h"

namespace vecferry::postgresql {
namespace {

/// How often a wait looks at the cancel token, milliseconds.
constexpr int kTick = 200;
constexpr int64_t kConnectSeconds = 30;

// What values look like must not depend on the role's or the database's settings.
constexpr const char* kFixedSettings =
    "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('DateStyle','ISO'),('IntervalStyle','iso_8601'),('TimeZone','UTC'),"
    "('bytea_output','hex'),('extra_float_digits','1'),('standard_conforming_strings','on'),('synchronize_seqscans','off')) AS s(name, value) "
    // A session that holds a snapshot waits for as long as the run takes; not every version has all of these.
    "UNION ALL SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout','idle_session_timeout','transaction_timeout')";

std::string Trimmed(const char* text) {
  std::string out = text ? text : "";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

std::string Field(const PGresult* result, int code) {
  const char* text = result ? PQresultErrorField(result, code) : nullptr;
  return text ? text : "";
}

void IgnoreNotice(void*, const PGresult*) {}

bool IsFailure(ExecStatusType status) { return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR; }

std::string SettingsSql(const std::map<std::string, std::string>& settings) {
  std::string sql;
  for (const auto& [name, value] : settings) {
    std::string quoted = "'";
    for (const char c : value) quoted += c == '\'' ? "''" : std::string(1, c);
    sql += fmt::format("{}pg_catalog.set_config('{}', {}', false)", sql.empty() ? "SELECT " : ", ", name, quoted);
  }
  return sql;
}

/// libpq keeps no SQLSTATE of an attempt to connect, but writes the code into a verbose message: "FATAL:  28P01: words". The last
/// one stands, of the host that was tried last.
std::string StateOfAttempt(PGconn* conn, std::string_view verbose) {
  std::string state = PQconnectionNeedsPassword(conn) ? "28P01" : "";
  constexpr std::string_view kBefore = ":  ";
  for (size_t at = verbose.find(kBefore); at != std::string_view::npos; at = verbose.find(kBefore, at + 1)) {
    const std::string_view code = verbose.substr(at + kBefore.size(), 5);
    const std::string_view after = verbose.substr(std::min(at + kBefore.size() + 5, verbose.size()));
    const auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
    if (code.size() == 5 && after.starts_with(": ") && std::all_of(code.begin(), code.end(), plain)) state = code;
  }
  return state;
}

/// The words of a verbose message without the lines on the server's source code.
std::string WithoutLocation(std::string text) {
  for (size_t at = text.find("\nLOCATION:"); at != std::string::npos; at = text.find("\nLOCATION:")) text.erase(at, text.find('\n', at + 1) - at);
  return text;
}

/// Seconds that connecting may take: connect_timeout of the parameters, the service file or PGCONNECT_TIMEOUT, for each host.
std::chrono::seconds PatienceOf(PGconn* conn) {
  int64_t seconds = 0, hosts = 1;
  PQconninfoOption* const all = PQconninfo(conn);
  for (const PQconninfoOption* option = all; option && option->keyword; ++option) {
    if (!option->val) continue;
    if (std::string_view(option->keyword) == "connect_timeout") seconds = std::strtoll(option->val, nullptr, 10);
    if (std::string_view(option->keyword) == "host") hosts += std::count(option->val, option->val + std::strlen(option->val), ',');
  }
  PQconninfoFree(all);
  return std::chrono::seconds((seconds > 0 ? std::min<int64_t>(seconds, 86400) : kConnectSeconds) * std::min<int64_t>(hosts, 100));
}

}  // namespace

Answer::Answer(Answer&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
Answer& Answer::operator=(Answer&& other) noexcept {
  std::swap(result_, other.result_);
  return *this;
}
Answer::~Answer() { PQclear(result_); }
int Answer::rows() const { return result_ ? PQntuples(result_) : 0; }
int Answer::columns() const { return result_ ? PQnfields(result_) : 0; }
bool Answer::IsNull(int row, int column) const { return PQgetisnull(result_, row, column) != 0; }
std::string_view Answer::Get(int row, int column) const {
  return {PQgetvalue(result_, row, column), static_cast<size_t>(PQgetlength(result_, row, column))};
}
int64_t Answer::Int(int row, int column) const {
  const std::string_view text = Get(row, column);
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
double Answer::Real(int row, int column) const { return std::strtod(Text(row, column).c_str(), nullptr); }
std::string Answer::ColumnName(int column) const {
  const char* name = PQfname(result_, column);
  return name ? name : "";
}
uint32_t Answer::TypeOf(int column) const { return PQftype(result_, column); }
int32_t Answer::TypmodOf(int column) const { return PQfmod(result_, column); }
int64_t Answer::Affected() const { return result_ ? std::strtoll(PQcmdTuples(result_), nullptr, 10) : 0; }

Client::Client(pg_conn* conn, const CancelToken* cancel) : conn_(conn), cancel_(cancel) {}

Client::~Client() {
  PQfreemem(row_);
  PQfinish(conn_);
}

Result<std::unique_ptr<Client>> Client::Connect(const ConnectSpec& spec) {
  std::vector<const char*> names, values;
  const auto add = [&](const char* name, const char* value) { names.push_back(name), values.push_back(value); };
  for (const auto& [name, value] : spec.params) add(name.c_str(), value.c_str());
  add("client_encoding", "UTF8");
  add("fallback_application_name", "vecferry");
  add(nullptr, nullptr);
  PGconn* const conn = PQconnectStartParams(names.data(), values.data(), 0);
  if (!conn) return MakeError(Category::internal, "out of memory for a connection");
  std::unique_ptr<Client> client(new Client(conn, spec.cancel));
  PQsetNoticeReceiver(conn, IgnoreNotice, nullptr);
  PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
  client->deadline_ = std::chrono::steady_clock::now() + PatienceOf(conn);
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (PQstatus(conn) == CONNECTION_BAD || state == PGRES_POLLING_FAILED) {
      const std::string words = PQerrorMessage(conn);
      return MakeFailure({.sqlstate = StateOfAttempt(conn, words), .message = Trimmed(WithoutLocation(words).c_str()), .lost = true}, Act::connect, "connecting");
    }
    ARROW_RETURN_NOT_OK(client->Wait(state == PGRES_POLLING_WRITING, Act::connect, "connecting"));
    state = PQconnectPoll(conn);
  }
  client->deadline_.reset();
  PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
  if (PQsetnonblocking(conn, 1) != 0) return client->Failure(Act::connect, "connecting");
  ARROW_RETURN_NOT_OK(client->Exec(kFixedSettings, Act::connect, "connecting").status());
  if (!spec.settings.empty()) ARROW_RETURN_NOT_OK(client->Exec(SettingsSql(spec.settings), Act::connect, "connecting").status());
  return client;
}

bool Client::alive() const { return PQstatus(conn_) == CONNECTION_OK; }
bool Client::in_transaction() const { return PQtransactionStatus(conn_) != PQTRANS_IDLE; }
int Client::server_version() const { return PQserverVersion(conn_); }
int Client::backend_pid() const { return PQbackendPID(conn_); }
std::string Client::host() const {
  const char* name = PQhost(conn_);
  return fmt::format("{}:{}", name ? name : "", PQport(conn_) ? PQport(conn_) : "");
}

Status Client::Failure(Act act, std::string_view what, pg_result* result) {
  ServerError error;
  error.sqlstate = Field(result, PG_DIAG_SQLSTATE);
  error.message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  error.detail = Field(result, PG_DIAG_MESSAGE_DETAIL);
  error.hint = Field(result, PG_DIAG_MESSAGE_HINT);
  error.constraint = Field(result, PG_DIAG_CONSTRAINT_NAME);
  error.column = Field(result, PG_DIAG_COLUMN_NAME);
  error.lost = PQstatus(conn_) == CONNECTION_BAD;
  if (error.message.empty()) error.message = Trimmed(PQerrorMessage(conn_));
  // An answer without a state is libpq's own: the stream broke, or is not one.
  if (error.sqlstate.empty()) error.lost = true;
  return MakeFailure(error, act, what);
}

/// Waits until the socket can be read (or written), the token being looked at meanwhile.
Status Client::Wait(bool for_write, Act act, std::string_view what) {
  while (true) {
    if (cancel_ && cancel_->abort_requested()) {
      Interrupt();
      return MakeError(Category::cancelled, "interrupted");
    }
    pollfd fd{PQsocket(conn_), static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN), 0};
    if (fd.fd < 0) return Failure(act, what);
    const int ready = ::poll(&fd, 1, kTick);
    if (ready > 0) return Status::OK();
    if (ready < 0 && errno != EINTR) return ErrnoError(errno, "cannot wait for", "the server");
    if (deadline_ && std::chrono::steady_clock::now() > *deadline_) {
      return MakeFailure({.message = "no answer in time (connect_timeout)", .lost = true}, act, what);
    }
  }
}

Status Client::Flush(Act act, std::string_view what) {
  while (true) {
    const int left = PQflush(conn_);
    if (left == 0) return Status::OK();
    if (left < 0) return Failure(act, what);
    ARROW_RETURN_NOT_OK(Wait(true, act, what));
    if (PQconsumeInput(conn_) == 0) return Failure(act, what);
  }
}

/// The answer of what was sent: the first failure, else the last result. A copy that begins ends it.
Result<Answer> Client::Collect(Act act, std::string_view what) {
  ARROW_RETURN_NOT_OK(Flush(act, what));
  Answer last;
  Status failed;
  while (true) {
    while (PQisBusy(conn_)) {
      ARROW_RETURN_NOT_OK(Wait(false, act, what));
      if (PQconsumeInput(conn_) == 0) return Failure(act, what);
    }
    PGresult* const result = PQgetResult(conn_);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result);
    Answer answer(result);
    if (IsFailure(status) && failed.ok()) failed = Failure(act, what, result);
    last = std::move(answer);
    if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) break;
  }
  ARROW_RETURN_NOT_OK(failed);
  if (!alive()) return Failure(act, what);
  return last;
}

Result<Answer> Client::Exec(const std::string& sql, Act act, std::string_view what) {
  if (!PQsendQuery(conn_, sql.c_str())) return Failure(act, what);
  return Collect(act, what);
}

Result<Answer> Client::ExecParams(const std::string& sql, const std::vector<Param>& params, Act act, std::string_view what, bool binary_result) {
  const size_t n = params.size();
  std::vector<const char*> values(n);
  std::vector<std::string> texts(n);  // a text must end with a NUL, which a view need not
  std::vector<int> lengths(n), formats(n);
  std::vector<Oid> types(n);
  for (size_t i = 0; i < n; ++i) {
    types[i] = params[i].type;
    formats[i] = params[i].binary ? 1 : 0;
    if (!params[i].value) continue;
    lengths[i] = static_cast<int>(params[i].value->size());
    if (!params[i].binary) texts[i] = *params[i].value;
    values[i] = params[i].binary ? params[i].value->data() : texts[i].c_str();
    // libpq takes a null pointer for NULL.
    if (!values[i]) values[i] = "";
  }
  if (!PQsendQueryParams(conn_, sql.c_str(), static_cast<int>(n), types.data(), values.data(), lengths.data(), formats.data(), binary_result)) return Failure(act, what);
  return Collect(act, what);
}

Result<Answer> Client::Describe(const std::string& sql, std::string_view what) {
  if (!PQsendPrepare(conn_, "", sql.c_str(), 0, nullptr)) return Failure(Act::read, what);
  ARROW_RETURN_NOT_OK(Collect(Act::read, what).status());
  if (!PQsendDescribePrepared(conn_, "")) return Failure(Act::read, what);
  return Collect(Act::read, what);
}

void Client::Rollback() noexcept {
  if (alive() && in_transaction()) (void)Exec("ROLLBACK", Act::read, "rolling back");
}

Status Client::BeginCopyOut(const std::string& sql, std::string_view what) {
  copy_act_ = Act::read;
  copy_what_ = what;
  return Exec(sql, Act::read, what).status();
}

Result<std::optional<std::string_view>> Client::CopyRead() {
  PQfreemem(std::exchange(row_, nullptr));
  while (true) {
    const int size = PQgetCopyData(conn_, &row_, 1);
    if (size > 0) return std::string_view(row_, static_cast<size_t>(size));
    if (size == -2) return Failure(copy_act_, copy_what_);
    if (size == -1) {
      ARROW_RETURN_NOT_OK(Collect(copy_act_, copy_what_).status());
      return std::nullopt;
    }
    ARROW_RETURN_NOT_OK(Wait(false, copy_act_, copy_what_));
    if (PQconsumeInput(conn_) == 0) return Failure(copy_act_, copy_what_);
  }
}

void Client::StopCopy() noexcept {
  if (!alive() || PQtransactionStatus(conn_) != PQTRANS_ACTIVE) return;
  Interrupt();
  while (true) {
    const auto row = CopyRead();
    if (!row.ok() || !*row) return;
  }
}

Status Client::BeginCopyIn(const std::string& sql, Act act, std::string_view what) {
  copy_act_ = act;
  copy_what_ = what;
  return Exec(sql, act, what).status();
}

Status Client::CopyWrite(std::string_view bytes) {
  constexpr size_t kPiece = 1 << 20;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const int taken = PQputCopyData(conn_, piece.data(), static_cast<int>(piece.size()));
    if (taken < 0) return Failure(copy_act_, copy_what_);
    if (taken == 1) bytes.remove_prefix(piece.size());
    // What libpq holds back must not grow: wait until the socket took it.
    ARROW_RETURN_NOT_OK(Flush(copy_act_, copy_what_));
  }
  return Status::OK();
}

Result<int64_t> Client::CopyEnd() {
  while (true) {
    const int ended = PQputCopyEnd(conn_, nullptr);
    if (ended < 0) return Failure(copy_act_, copy_what_);
    if (ended == 1) break;
    ARROW_RETURN_NOT_OK(Flush(copy_act_, copy_what_));
  }
  ARROW_ASSIGN_OR_RAISE(const Answer answer, Collect(copy_act_, copy_what_));
  return answer.Affected();
}

void Client::CopyAbort() noexcept {
  if (!alive()) return;
  if (PQputCopyEnd(conn_, "given up by the client") == 1) (void)Collect(copy_act_, copy_what_);
}

void Client::Interrupt() noexcept {
  PGcancel* const cancel = PQgetCancel(conn_);
  if (!cancel) return;
  char words[256];
  (void)PQcancel(cancel, words, sizeof words);
  PQfreeCancel(cancel);
}

}  // namespace vecferry::postgresql
