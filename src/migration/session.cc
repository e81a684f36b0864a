#include "migration/session.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "record/json.h"

namespace vecferry {
namespace {

constexpr std::pair<OnExists, std::string_view> kPolicies[] = {
    {OnExists::fail, "fail"}, {OnExists::append, "append"}, {OnExists::upsert, "upsert"}, {OnExists::replace, "replace"}};

}  // namespace

std::string_view Name(OnExists policy) {
  for (const auto& [value, name] : kPolicies) {
    if (value == policy) return name;
  }
  return "?";
}

Result<OnExists> ParseOnExists(std::string_view name) {
  for (const auto& [value, known] : kPolicies) {
    if (known == name) return value;
  }
  return MakeError(Category::usage, fmt::format("--on-exists does not know '{}'", Printable(name, 50)), "use fail, append, upsert or replace");
}

std::string TargetIntent::ToJson() const {
  const nlohmann::ordered_json json = {{"existed", existed}, {"count", count}, {"on_exists", Name(on_exists)}, {"layout", layout},
                                       {"schema", schema}, {"source", source_uri}, {"target", target_uri}, {"whole", whole}};
  return json.dump();
}

Result<TargetIntent> TargetIntent::FromJson(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    TargetIntent intent;
    intent.existed = json.at("existed").get<bool>();
    intent.count = json.at("count").get<int64_t>();
    ARROW_ASSIGN_OR_RAISE(intent.on_exists, ParseOnExists(json.at("on_exists").get<std::string>()));
    intent.layout = json.at("layout").get<std::string>();
    intent.schema = json.at("schema").get<std::string>();
    intent.source_uri = json.at("source").get<std::string>();
    intent.target_uri = json.at("target").get<std::string>();
    intent.whole = json.value("whole", false);
    return intent;
  } catch (const nlohmann::json::exception& e) {
    return MakeError(Category::corrupt, fmt::format("the journal's target cannot be read: {}", Printable(e.what(), 200)));
  }
}

std::string PairOf(const std::string& source_identity, const std::string& target_identity) {
  return source_identity + " -> " + target_identity;
}

Result<std::optional<RunFolder>> FindRun(const std::string& pair, const std::string& checkpoint) {
  if (checkpoint.empty()) {
    ARROW_ASSIGN_OR_RAISE(const RunStore store, RunStore::Default());
    return store.FindPair(pair);
  }
  const fs::path file = CanonicalPath(ExpandHome(checkpoint));
  std::error_code ec;
  if (!fs::exists(file, ec)) return std::optional<RunFolder>();
  return std::optional<RunFolder>(RunFolder{file.string() + ".run", file});
}

std::vector<std::pair<std::string, std::string>> FilledIn(std::vector<std::pair<std::string, std::string>> settings, const Location& location) {
  if (location.path.starts_with("//")) return {};
  for (auto& [name, value] : settings) {
    for (const auto& [mark, text] : {std::pair<std::string, std::string>{"{location}", CanonicalPath(ExpandHome(location.path)).string()}, {"{dataset}", location.dataset}}) {
      for (auto at = value.find(mark); at != value.npos; at = value.find(mark, at + text.size())) value.replace(at, mark.size(), text);
    }
  }
  return settings;
}

Result<std::set<uint64_t>> RejectedKeys(Journal& journal) {
  std::set<uint64_t> keys;
  ARROW_RETURN_NOT_OK(journal.EachReject([&](const JournalReject& reject) -> Status {
    const std::optional<std::string_view> tenant = reject.tenant.empty() ? std::nullopt : std::optional<std::string_view>(reject.tenant);
    keys.insert(RecordHasher::Key(tenant, reject.id).low);
    return Status::OK();
  }));
  return keys;
}

Result<int64_t> WriteRejects(Journal& journal, const fs::path& file) {
  std::string lines;
  int64_t count = 0;
  ARROW_RETURN_NOT_OK(journal.EachReject([&](const JournalReject& reject) -> Status {
    nlohmann::ordered_json line = {{"code", reject.code}, {"message", reject.message}, {"id", reject.id}};
    if (!reject.tenant.empty()) line["tenant"] = reject.tenant;
    // A tree is copied and printed level by level of the stack: what nests deeper than metadata may stays text.
    bool deep = false;
    const auto shallow = [&](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) {
      deep |= depth > 2 * kMaxJsonDepth;
      return !deep;
    };
    const auto record = nlohmann::ordered_json::parse(reject.record, shallow, false);
    if (!deep && !record.is_discarded()) line["record"] = record;
    else if (!reject.record.empty()) line["record_text"] = reject.record;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    ++count;
    return Status::OK();
  }));
  if (count > 0) ARROW_RETURN_NOT_OK(WriteFileAtomic(file, lines));
  return count;
}

}  // namespace vecferry
