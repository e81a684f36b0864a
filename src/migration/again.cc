#include "migration/again.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "migration/differ.h"
#include "migration/session.h"
#include "pipeline/batch_writer.h"

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

Result<int64_t> RemoveVanished(const Engine& engine, Journal& journal, Source& target, Undo& undo, const DigestScope& scope, const std::set<uint64_t>& keys) {
  constexpr size_t kPage = 500;
  ARROW_ASSIGN_OR_RAISE(const WrittenHashes written, LoadWritten(journal));
  std::vector<std::string> tenants, ids;
  ScanOptions options;
  options.scope = scope;
  ARROW_RETURN_NOT_OK(Scan(engine, target, options, "verify: vanished", static_cast<int64_t>(written.size()),
                           [&](const RecordView& view, int64_t row, const RecordHash& hash) -> Status {
    const auto at = written.find(hash.key.low);
    if (!keys.contains(hash.key.low) || at == written.end() || at->second != RecordWord(hash)) return Status::OK();
    if (view.schema().has_tenant) tenants.emplace_back(view.tenant(row).value_or(""));
    ids.emplace_back(view.id(row));
    return Status::OK();
  }).status());
  for (size_t at = 0; at < ids.size(); at += kPage) {
    const size_t end = std::min(at + kPage, ids.size());
    const std::vector<std::string_view> page(ids.begin() + static_cast<ptrdiff_t>(at), ids.begin() + static_cast<ptrdiff_t>(end));
    std::vector<std::string_view> of;
    if (!tenants.empty()) of.assign(tenants.begin() + static_cast<ptrdiff_t>(at), tenants.begin() + static_cast<ptrdiff_t>(end));
    VF_FAILPOINT("vanished.delete.before");
    ARROW_RETURN_NOT_OK(undo.DeleteIds(of, page));
    VF_FAILPOINT("vanished.delete.after");
  }
  return static_cast<int64_t>(ids.size());
}

}  // namespace vecferry
