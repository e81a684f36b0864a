#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "connectors/postgresql/client.h"

namespace vecferry::postgresql {

/// One state of a database for many sessions: a session that does nothing but hold an exported REPEATABLE READ, READ ONLY transaction. Where the
/// server is no one that exports (a pooler), each reader has a state of its own, and `shared` says so. All methods may be called from any thread.
class Snapshot {
 public:
  static Result<std::shared_ptr<Snapshot>> Open(ConnectSpec spec);

  /// A session in a transaction that sees the state. Where that is lost (the server was restarted, the session killed) a new one is taken, and moved() is
  /// true from then on.
  Result<std::unique_ptr<Client>> Reader();
  /// Takes a new state although the present one may still be held: it no longer shows what it should.
  Status Renew();

  bool moved() const { return moved_; }
  bool shared() const { return shared_; }
  /// Names the state: another one has another name, also of another process.
  std::string tag();

 private:
  explicit Snapshot(ConnectSpec spec) : spec_(std::move(spec)) {}
  Status Take();
  Result<std::unique_ptr<Client>> Join();

  const ConnectSpec spec_;
  std::mutex mutex_;
  std::unique_ptr<Client> keeper_;
  std::string exported_, tag_;
  std::atomic<bool> moved_ = false, shared_ = true;
};

}  // namespace vecferry::postgresql
