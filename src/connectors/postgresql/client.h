#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "connectors/postgresql/errors.h"

struct pg_conn;
struct pg_result;

namespace vecferry::postgresql {

/// An answer of the server. Views live as long as it does.
class Answer {
 public:
  Answer() = default;
  explicit Answer(pg_result* result) : result_(result) {}
  Answer(Answer&& other) noexcept;
  Answer& operator=(Answer&& other) noexcept;
  ~Answer();

  int rows() const;
  int columns() const;
  bool IsNull(int row, int column) const;
  /// The value as the server sent it: text, or binary where binary was asked for. "" for NULL.
  std::string_view Get(int row, int column) const;
  std::string Text(int row, int column) const { return std::string(Get(row, column)); }
  /// A value in text form as a number; 0 for NULL or what is none.
  int64_t Int(int row, int column) const;
  double Real(int row, int column) const;
  bool Bool(int row, int column) const { return Get(row, column) == "t"; }
  std::string ColumnName(int column) const;
  uint32_t TypeOf(int column) const;   ///< oid
  int32_t TypmodOf(int column) const;
  /// Rows that a statement changed, "INSERT 0 5" -> 5.
  int64_t Affected() const;

 private:
  pg_result* result_ = nullptr;
};

/// A parameter of a statement: nothing is NULL. Bytes where `binary`, else text.
struct Param {
  std::optional<std::string_view> value;
  bool binary = false;
  uint32_t type = 0;  ///< oid, 0: the server finds out
};

/// How a session is opened.
struct ConnectSpec {
  std::map<std::string, std::string> params;      ///< libpq's own: host, port, user, sslmode, service, ...
  /// Settings of the session beside the fixed ones (see Client::Connect), by name.
  std::map<std::string, std::string> settings;
  const CancelToken* cancel = nullptr;            ///< outlives the client; may be nullptr
};

/// One session. Not for use by two threads at once. Every call but Connect waits with an eye on the cancel token: a stop asked for
/// twice (abort_requested) ends it with Category::cancelled, and the server is told; a first stop lets it finish.
/// After a lost connection every call fails at once with the same classification; make a new client.
class Client {
 public:
  /// The fixed settings: client_encoding UTF8, DateStyle ISO, IntervalStyle iso_8601, TimeZone UTC, bytea_output hex, extra_float_digits 1,
  /// standard_conforming_strings on, search_path as the role has it, application_name vecferry unless the user named one.
  static Result<std::unique_ptr<Client>> Connect(const ConnectSpec& spec);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Whether the connection stands as far as is known without asking.
  bool alive() const;
  /// Whether a transaction is open, also one that failed.
  bool in_transaction() const;
  int server_version() const;      ///< 160004
  int backend_pid() const;
  std::string host() const;        ///< for messages, without user or password

  /// One or more statements without parameters; the answer of the last one.
  Result<Answer> Exec(const std::string& sql, Act act, std::string_view what);
  /// One statement with parameters $1, $2, ...
  Result<Answer> ExecParams(const std::string& sql, const std::vector<Param>& params, Act act, std::string_view what, bool binary_result = false);
  /// The columns that a statement would give, without running it.
  Result<Answer> Describe(const std::string& sql, std::string_view what);
  Status Begin(std::string_view how = "") { return Exec("BEGIN " + std::string(how), Act::read, "beginning a transaction").status(); }
  /// Act::commit: its delivery is unknown where no answer comes.
  Status Commit() { return Exec("COMMIT", Act::commit, "committing").status(); }
  /// Best effort; never fails.
  void Rollback() noexcept;

  /// Begins "COPY ... TO STDOUT". Then CopyRead until it says the end.
  Status BeginCopyOut(const std::string& sql, std::string_view what);
  /// The next message of the copy: for the binary format one row, or the header with the first one. Nothing at the end. The view lives until the next call.
  Result<std::optional<std::string_view>> CopyRead();
  /// Stops a copy out that is no longer wanted; the session can be used on (its transaction has failed).
  void StopCopy() noexcept;

  /// Begins "COPY ... FROM STDIN". Then CopyWrite as often as wanted, then CopyEnd.
  Status BeginCopyIn(const std::string& sql, Act act, std::string_view what);
  /// Any stretch of the stream; best 64 KiB and more. Returns when libpq has taken it, the socket being kept fed; an early answer of the server
  /// (a row that it refuses) may be noticed here or in CopyEnd.
  Status CopyWrite(std::string_view bytes);
  /// Ends the stream and waits for the server's word on it; how many rows it took.
  Result<int64_t> CopyEnd();
  /// Gives up a copy in: the server forgets its rows, the transaction has failed.
  void CopyAbort() noexcept;

  /// Asks the server to stop what this session does; from any thread. Best effort.
  void Interrupt() noexcept;

 private:
  explicit Client(pg_conn* conn, const CancelToken* cancel);
  Status Failure(Act act, std::string_view what, pg_result* result = nullptr);
  Status Wait(bool for_write, Act act, std::string_view what);
  Status Flush(Act act, std::string_view what);
  Result<Answer> Collect(Act act, std::string_view what);

  pg_conn* conn_ = nullptr;
  const CancelToken* cancel_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline_;  ///< while connecting
  char* row_ = nullptr;          ///< of CopyRead
  Act copy_act_ = Act::read;
  std::string copy_what_;
};

}  // namespace vecferry::postgresql
