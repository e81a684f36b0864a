#include "connectors/weaviate/tenants.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/uuid.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;

Result<fs::path> FolderOf(const Client& client, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const fs::path state, StateDir());
  const std::string identity = client.target().rest.endpoint.Display() + client.target().rest.path + "#" + name;
  return state / "weaviate" / Sha256::Of(identity).substr(0, 32);
}

struct Member {
  std::string file;                ///< path without its ending
  std::set<std::string> tenants;
  std::optional<FileLock> lock;    ///< held where its process is gone
};

std::set<std::string> TenantsIn(const fs::path& file) {
  std::set<std::string> tenants;
  const auto text = ReadFile(file, 64 << 20);
  const Json json = text.ok() ? Json::parse(*text, nullptr, false) : Json();
  if (!json.is_object() || !json.contains("tenants") || !json["tenants"].is_array()) return tenants;
  for (const Json& each : json["tenants"]) {
    if (each.is_string()) tenants.insert(each.get<std::string>());
  }
  return tenants;
}

/// What the processes beside this one have woken, by file.
std::vector<Member> MembersOf(const fs::path& dir, const std::string& own) {
  std::vector<Member> members;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir, ec)) {
    if (entry.path().extension() != ".json" || entry.path().stem() == own) continue;
    Member member;
    member.file = (dir / entry.path().stem()).string();
    auto lock = FileLock::Acquire(member.file + ".lock", {});
    if (lock.ok()) member.lock = std::move(*lock);
    member.tenants = TenantsIn(entry.path());
    members.push_back(std::move(member));
  }
  return members;
}

void Remove(const std::string& file) {
  std::error_code ec;
  fs::remove(file + ".json", ec);
  fs::remove(file + ".lock", ec);
}

}  // namespace

TenantKeeper::TenantKeeper(std::shared_ptr<Client> client, std::string name) : client_(client->Unstoppable()), name_(std::move(name)) {}

TenantKeeper::~TenantKeeper() { (void)PutBack(); }

/// The file of this process, and what those that were killed have left.
Status TenantKeeper::Open() {
  if (!file_.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(dir_, FolderOf(*client_, name_));
  ARROW_RETURN_NOT_OK(MakePrivateDirs(dir_));
  const std::string own = FormatUuid(RandomUuid());
  ARROW_ASSIGN_OR_RAISE(held_, FileLock::Acquire(dir_ / (own + ".lock"), {}));
  file_ = own;
  std::vector<Member> left = MembersOf(dir_, own);
  for (const Member& member : left) {
    if (member.lock) woken_.insert(member.tenants.begin(), member.tenants.end());
  }
  ARROW_RETURN_NOT_OK(Write());
  for (const Member& member : left) {
    if (member.lock) Remove(member.file);
  }
  return Status::OK();
}

Status TenantKeeper::Write() {
  const Json json = {{"server", client_->target().rest.endpoint.Display()}, {"class", name_}, {"tenants", woken_}};
  return WriteFileAtomic(dir_ / (file_ + ".json"), json.dump(1, ' ', false, Json::error_handler_t::replace));
}

std::set<std::string> TenantKeeper::HeldByOthers() const {
  std::set<std::string> held;
  for (const Member& member : MembersOf(dir_, file_)) {
    if (!member.lock) held.insert(member.tenants.begin(), member.tenants.end());
  }
  return held;
}

Status TenantKeeper::Wake(const std::string& tenant) {
  ARROW_RETURN_NOT_OK(Open());
  if (woken_.insert(tenant).second) ARROW_RETURN_NOT_OK(Write());
  VF_FAILPOINT("weaviate.wake.before");
  ARROW_RETURN_NOT_OK(client_->SetTenants(name_, {tenant}, true));
  VF_FAILPOINT("weaviate.wake.after");
  return Status::OK();
}

Result<bool> TenantKeeper::Need(const std::string& tenant, bool wake) {
  std::lock_guard guard(mutex_);
  if (!awake_.contains(tenant)) {
    ARROW_ASSIGN_OR_RAISE(const auto found, client_->FindTenant(name_, tenant));
    if (!found) return MakeError(Category::not_found, fmt::format("the class '{}' has no tenant '{}'", name_, Printable(tenant, 100)), "see what removed it");
    if (!found->active()) {
      if (!found->asleep()) {
        return MakeError(Category::refused, fmt::format("the tenant '{}' is {}: it cannot be read where it lies", Printable(tenant, 100), Printable(found->status, 40)),
                         "have the server load it first, by setting it to INACTIVE or ACTIVE");
      }
      if (!wake) return false;
      ARROW_RETURN_NOT_OK(Wake(tenant));
    }
    awake_.insert(tenant);
  }
  ++needed_[tenant];
  return true;
}

Status TenantKeeper::NeedOrMake(const std::string& tenant) {
  std::lock_guard guard(mutex_);
  if (awake_.contains(tenant)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto found, client_->FindTenant(name_, tenant));
  if (!found) {
    ARROW_RETURN_NOT_OK(client_->AddTenants(name_, {tenant}));
  } else if (found->asleep()) {
    ARROW_RETURN_NOT_OK(Wake(tenant));
  } else if (!found->active()) {
    return MakeError(Category::refused, fmt::format("the tenant '{}' is {}: it cannot be written where it lies", Printable(tenant, 100), Printable(found->status, 40)),
                     "have the server load it first, by setting it to INACTIVE or ACTIVE");
  }
  awake_.insert(tenant);
  return Status::OK();
}

void TenantKeeper::LetGo(const std::string& tenant) {
  std::lock_guard guard(mutex_);
  const auto at = needed_.find(tenant);
  if (at == needed_.end() || --at->second > 0) return;
  needed_.erase(at);
  // What fails now is tried again at the end.
  if (woken_.contains(tenant)) (void)Sleep({tenant});
}

void TenantKeeper::Forget() {
  std::lock_guard guard(mutex_);
  awake_.clear();
}

Status TenantKeeper::Sleep(const std::vector<std::string>& tenants) {
  const std::set<std::string> others = HeldByOthers();
  std::vector<std::string> ours;
  for (const auto& tenant : tenants) {
    awake_.erase(tenant);
    if (!others.contains(tenant)) ours.push_back(tenant);
  }
  VF_FAILPOINT("weaviate.sleep.before");
  if (!ours.empty()) {
    Status status = client_->SetTenants(name_, ours, false);
    if (!status.ok() && ours.size() == 1) {
      const auto found = client_->FindTenant(name_, ours[0]);
      if (found.ok() && !*found) status = Status::OK();  // it is gone
    }
    if (!status.ok() && ours.size() > 1) {
      // One that is gone must not keep the others awake.
      for (const auto& tenant : ours) ARROW_RETURN_NOT_OK(Sleep({tenant}));
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(status);
  }
  VF_FAILPOINT("weaviate.sleep.after");
  for (const auto& tenant : tenants) woken_.erase(tenant);
  return Write();
}

Status TenantKeeper::TakeOver() {
  std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(const int64_t left, LeftAwake(*client_, name_));
  return left > 0 ? Open() : Status::OK();
}

Status TenantKeeper::PutBack() {
  std::lock_guard guard(mutex_);
  if (file_.empty()) return Status::OK();
  if (!woken_.empty()) {
    const Status status = Sleep({woken_.begin(), woken_.end()});
    if (IsCategory(status, Category::not_found)) woken_.clear();  // the class is gone
    else ARROW_RETURN_NOT_OK(status);
  }
  awake_.clear();
  needed_.clear();
  Remove((dir_ / file_).string());
  held_.reset();
  file_.clear();
  return Status::OK();
}

Result<int64_t> TenantKeeper::LeftAwake(const Client& client, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const fs::path dir, FolderOf(client, name));
  int64_t count = 0;
  for (const Member& member : MembersOf(dir, "")) count += member.lock ? static_cast<int64_t>(member.tenants.size()) : 0;
  return count;
}

}  // namespace vecferry::weaviate
