#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/postgresql/client.h"
#include "connectors/postgresql/row_encoder.h"
#include "connectors/postgresql/target_table.h"

namespace vecferry::postgresql {

/// What happens to a record whose key the table has already.
enum class OnConflict { update, ignore };

/// Sessions of one dataset that are used in turn: one for each thread that is in the store at once.
class SessionPool {
 public:
  explicit SessionPool(ConnectSpec spec) : spec_(std::move(spec)) {}

  /// A session and what it has been used for. One whose connection broke is thrown away when it is given back.
  struct Session {
    std::unique_ptr<Client> client;
    std::unique_ptr<RowEncoder> encoder;
    bool staged = false;  ///< it has a staging table
  };
  /// Gives the session back at its end; a transaction that is open is rolled back.
  class Lease {
   public:
    Lease(SessionPool& pool, std::unique_ptr<Session> session) : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Session* operator->() const { return session_.get(); }
    Client& client() const { return *session_->client; }

   private:
    SessionPool* pool_;
    std::unique_ptr<Session> session_;
  };
  Result<Lease> Take();
  const ConnectSpec& spec() const { return spec_; }

 private:
  const ConnectSpec spec_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

/// Writes batches into a table, each in a transaction of its own. Thread-safe.
class TableWriter {
 public:
  /// `direct`: the table held no rows when this run began, so that a COPY straight into it is tried first. What a COPY meets there already
  /// (an earlier delivery that was not acknowledged) is written once more through a staging table.
  TableWriter(SessionPool& pool, TargetTable table, RecordSchema schema, OnConflict on_conflict, bool direct)
      : pool_(pool), table_(std::move(table)), schema_(std::move(schema)), on_conflict_(on_conflict), direct_(direct && !table_.NeedsCast()) {}

  Result<WriteOutcome> Write(const RecordView& batch);

 private:
  using Session = SessionPool::Session;
  Status CopyDirect(Client& client, const std::vector<EncodedRows>& parts) const;
  Status CopyStaged(Session& session, const std::vector<EncodedRows>& parts) const;
  Status Stage(Session& session) const;
  std::string ColumnList(const EncodedRows& part) const;
  std::string MergeSql(const EncodedRows& part) const;

  SessionPool& pool_;
  const TargetTable table_;
  const RecordSchema schema_;
  const OnConflict on_conflict_;
  const bool direct_;
};

}  // namespace vecferry::postgresql
