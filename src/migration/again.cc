#include "migration/again.h"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "migration/differ.h"
#include "migration/session.h"

namespace vecferry {

Status BeginAgain(Journal& journal, Source& source, const std::set<uint64_t>& keys, const std::string& label) {
  ARROW_ASSIGN_OR_RAISE(const auto splits, journal.splits());
  nlohmann::json payload = {{"first", splits.size()}, {"keys", nlohmann::json::array()}};
  for (const uint64_t key : keys) payload["keys"].push_back(fmt::format("{:016x}", key));
  ARROW_RETURN_NOT_OK(journal.RecordIntent(kAgainIntent, payload.dump()));
  ARROW_ASSIGN_OR_RAISE(const auto fresh, source.Splits(1));
  std::vector<SplitProgress> again;
  for (const auto& split : fresh) {
    SplitProgress progress;
    progress.payload = split.payload;
    progress.label = label + ": " + split.label;
    again.push_back(std::move(progress));
  }
  return journal.AppendSplits(again);
}

Result<AgainPass> LoadAgain(Journal& journal) {
  AgainPass pass;
  ARROW_ASSIGN_OR_RAISE(const auto intent, journal.FindIntent(kAgainIntent));
  if (!intent) return pass;
  const auto json = nlohmann::json::parse(*intent, nullptr, false);
  const bool whole = json.is_object() && json.contains("first") && json["first"].is_number_integer() && json.contains("keys") && json["keys"].is_array();
  if (!whole) return MakeError(Category::corrupt, "the journal's list of records cannot be read", "start anew with --restart");
  pass.first_split = json["first"].get<int>();
  for (const auto& key : json["keys"]) {
    if (key.is_string()) pass.keys.insert(std::strtoull(key.get<std::string>().c_str(), nullptr, 16));
  }
  return pass;
}

Result<int64_t> RemoveGone(Journal& journal, Undo& undo, const std::vector<std::pair<std::string, std::string>>& records, bool has_tenant) {
  ARROW_ASSIGN_OR_RAISE(const WrittenHashes written, LoadWritten(journal));
  std::vector<std::string_view> tenants, ids;
  int64_t removed = 0;
  const auto remove = [&]() -> Status {
    if (ids.empty()) return Status::OK();
    VF_FAILPOINT("reconcile.remove.before");
    ARROW_RETURN_NOT_OK(undo.DeleteIds(tenants, ids));
    removed += static_cast<int64_t>(ids.size());
    tenants.clear(), ids.clear();
    return Status::OK();
  };
  for (const auto& [tenant, id] : records) {
    const auto key = RecordHasher::Key(has_tenant ? std::optional<std::string_view>(tenant) : std::nullopt, id);
    if (!written.contains(key.low)) continue;
    if (has_tenant) tenants.push_back(tenant);
    ids.push_back(id);
    if (ids.size() == 500) ARROW_RETURN_NOT_OK(remove());
  }
  ARROW_RETURN_NOT_OK(remove());
  return removed;
}

}  // namespace vecferry
