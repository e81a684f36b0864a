#include "migration/again.h"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

}  // namespace vecferry
