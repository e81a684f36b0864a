#include "migration/drift.h"

#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry {
namespace {

using Json = nlohmann::json;

std::set<std::string> CodesOf(const Json& plan) {
  std::set<std::string> codes;
  for (const auto& issue : plan.value("issues", Json::array())) {
    if (issue.is_object() && issue.contains("code") && issue["code"].is_string()) codes.insert(issue["code"].get<std::string>());
  }
  return codes;
}

class Drift {
 public:
  void Compare(const std::string& name, const Json& before, const Json& now) {
    if (before != now) Add(fmt::format("{} was {} and is {}", name, Printable(before.dump(), 200), Printable(now.dump(), 200)));
  }
  void Add(const std::string& text) { told_ += (told_.empty() ? "" : "; ") + text; }
  Status Told() const {
    if (told_.empty()) return Status::OK();
    return MakeError(Category::refused, "the plan no longer holds: " + told_, "make it anew with `vecferry plan --out`, and look at it again");
  }

 private:
  std::string told_;
};

}  // namespace

Status CheckDrift(std::string_view planned, const Plan& now_plan) {
  const Json before = Json::parse(planned, nullptr, false), now = Json::parse(now_plan.ToJson(), nullptr, false);
  if (!before.is_object() || !before.contains("source_info") || !before["source_info"].is_object()) {
    return MakeError(Category::usage, "the file is no plan", "give a file that `vecferry plan --out` wrote");
  }
  Drift drift;
  for (const char* key : {"source", "target", "target_store", "target_exists", "target_count", "layout", "on_exists", "id_mapping"}) {
    drift.Compare(key, before.value(key, Json()), now.value(key, Json()));
  }
  drift.Compare("transforms", before.value("transforms", Json::object()).value("flags", Json()), now["transforms"]["flags"]);
  const Json &was = before["source_info"], &is = now["source_info"];
  for (const char* key : {"identity", "schema"}) drift.Compare(fmt::format("the source's {}", key), was.value(key, Json()), is.value(key, Json()));
  // A plan looks at a source in place that a run reads from a copy. Of one that is in use the number of records, and how they are divided, is what it was at that moment.
  const Json &divided = before.value("splits", Json::array()), &divides = now["splits"];
  const bool frozen = was.value("consistency", "") == Name(Consistency::frozen) && now_plan.source.consistency == Consistency::frozen;
  if (frozen && divided.size() == divides.size() && divided != divides) drift.Add("the source's records are others, or more or fewer");
  const std::set<std::string> known = CodesOf(before);
  for (const auto& issue : now_plan.issues) {
    if (!known.contains(issue.code)) drift.Add(fmt::format("new: {}", issue.message));
  }
  return drift.Told();
}

}  // namespace vecferry
