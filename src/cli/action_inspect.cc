#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/copy_options.h"
#include "cli/failure.h"
#include "cli/report_text.h"
#include "cli/search_options.h"
#include "cli/search_text.h"
#include "cli/session.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

Result<std::vector<DatasetSummary>> ListDatasets(const Context& context, const Location& location) {
  ARROW_ASSIGN_OR_RAISE(Connector * connector, context.registry.Find(location.scheme));
  OpenContext open;
  open.cancel = &context.cancel;
  Location store = location;
  store.dataset.clear();
  // As the engine does for a dataset: the option is its own, the connector is given what it names.
  std::string layout = connector->info().default_layout;
  if (const auto option = store.options.find("layout"); option != store.options.end()) {
    layout = option->second;
    store.options.erase(option);
  }
  ARROW_ASSIGN_OR_RAISE(open.layout, context.registry.FindLayout(layout.empty() ? "default" : layout));
  ARROW_ASSIGN_OR_RAISE(auto all, connector->List(store, open));
  if (HasGlob(location.dataset)) {
    std::erase_if(all, [&](const auto& each) { return !GlobMatch(location.dataset, each.name); });
  }
  return all;
}

Result<int> ShowList(const Invocation& invocation, Context& context, const std::vector<DatasetSummary>& datasets) {
  if (invocation.Bool("json")) {
    nlohmann::ordered_json body, list = nlohmann::ordered_json::array();
    for (const auto& dataset : datasets) {
      list.push_back({{"name", dataset.name}, {"count", dataset.count < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(dataset.count)}, {"description", dataset.description}});
    }
    body["datasets"] = std::move(list);
    const std::string text = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("inspect", exit_code::kOk, text));
    context.out << object << '\n';
    return exit_code::kOk;
  }
  TextTable table({"DATASET", "RECORDS", "WHAT"});
  table.Right({1});
  for (const auto& dataset : datasets) table.Add({dataset.name, dataset.count < 0 ? "?" : FormatCount(dataset.count), dataset.description});
  table.Print(context.out);
  return exit_code::kOk;
}

}  // namespace

Result<int> RunInspect(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(Location location, session->Locate(invocation.arguments[0], "source-opt"));
  if (location.dataset.empty() || HasGlob(location.dataset)) {
    ARROW_ASSIGN_OR_RAISE(const auto datasets, ListDatasets(context, location));
    if (datasets.size() != 1) {
      session->StopProgress();
      return ShowList(invocation, context, datasets);
    }
    location.dataset = datasets.front().name;
  }
  const int64_t show = std::clamp<int64_t>(invocation.Int("show", 3), 0, 1000);
  const std::string id = invocation.Text("id");
  const std::optional<std::string> one = invocation.Has("id") ? std::optional(id) : std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const TransformSpec transforms, TransformSpecOf(invocation));
  std::optional<BenchReport> speed;
  const auto inventory = Inspect(session->engine(), location, one, invocation.Bool("full"), show, transforms);
  if (inventory.ok() && invocation.Bool("qps")) {
    ARROW_ASSIGN_OR_RAISE(speed, Bench(session->engine(), location, std::nullopt, BriefBench()));
  }
  session->StopProgress();
  ARROW_RETURN_NOT_OK(inventory.status());
  if (!invocation.Bool("json")) {
    PrintInventory(context.out, *inventory);
    if (speed) PrintBench(context.out, *speed);
    return exit_code::kOk;
  }
  std::string body = inventory->ToJson();
  if (speed) {
    auto both = nlohmann::ordered_json::parse(body);
    both["bench"] = nlohmann::ordered_json::parse(speed->ToJson());
    body = both.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("inspect", exit_code::kOk, body));
  context.out << object << '\n';
  return exit_code::kOk;
}

}  // namespace vecferry::cli
