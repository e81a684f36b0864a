#include "connectors/postgresql/snapshot.h"

#include <fmt/format.h>

#include "base/uuid.h"
#include "connectors/postgresql/names.h"

namespace vecferry::postgresql {
namespace {

constexpr const char* kReadOnly = "ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* kWhat = "taking a snapshot";

}  // namespace

Result<std::shared_ptr<Snapshot>> Snapshot::Open(ConnectSpec spec) {
  // What this session does is to wait: no time-out is to end it.
  std::shared_ptr<Snapshot> snapshot(new Snapshot(std::move(spec)));
  ARROW_RETURN_NOT_OK(snapshot->Take());
  return snapshot;
}

Status Snapshot::Take() {
  keeper_.reset();
  ARROW_ASSIGN_OR_RAISE(keeper_, Client::Connect(spec_));
  ARROW_RETURN_NOT_OK(keeper_->Begin(kReadOnly));
  const auto exported = keeper_->Exec("SELECT pg_catalog.pg_export_snapshot()", Act::read, kWhat);
  if (!exported.ok() && !keeper_->alive()) return exported.status();
  shared_ = exported.ok();
  exported_ = exported.ok() ? exported->Text(0, 0) : "";
  tag_ = FormatUuid(RandomUuid());
  return Status::OK();
}

Result<std::unique_ptr<Client>> Snapshot::Join() {
  ARROW_ASSIGN_OR_RAISE(auto client, Client::Connect(spec_));
  ARROW_RETURN_NOT_OK(client->Begin(kReadOnly));
  if (shared_) ARROW_RETURN_NOT_OK(client->Exec("SET TRANSACTION SNAPSHOT " + QuoteText(exported_), Act::read, kWhat).status());
  return client;
}

Result<std::unique_ptr<Client>> Snapshot::Reader() {
  const std::lock_guard lock(mutex_);
  const bool held = keeper_ && keeper_->alive() && keeper_->Exec("SELECT 1", Act::read, kWhat).ok();
  if (held) {
    auto joined = Join();
    // 22023, "invalid snapshot identifier", and 55000, of a session that is gone: between the look and the use.
    const std::string state = joined.ok() ? "" : SqlStateOf(joined.status());
    if (joined.ok() || (state != "22023" && state != "55000")) return joined;
  }
  ARROW_RETURN_NOT_OK(Take());
  moved_ = true;
  return Join();
}

Status Snapshot::Renew() {
  const std::lock_guard lock(mutex_);
  moved_ = true;
  return Take();
}

std::string Snapshot::tag() {
  const std::lock_guard lock(mutex_);
  return tag_;
}

}  // namespace vecferry::postgresql
