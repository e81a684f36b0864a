#include "cli/run_view.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry::cli {
namespace {

using Json = nlohmann::ordered_json;

Status AddSplits(Journal& journal, RunView* view) {
  ARROW_ASSIGN_OR_RAISE(const auto splits, journal.splits());
  int64_t furthest = -1;
  for (const auto& split : splits) {
    view->written += split.written;
    view->skipped += split.skipped;
    view->rejected += split.rejected;
    view->bytes += split.bytes;
    view->batches += split.batches;
    view->splits_done += split.done ? 1 : 0;
    if (!split.last_id.empty() && split.rows >= furthest) {
      furthest = split.rows;
      view->last_id = split.last_id;
    }
  }
  view->splits = static_cast<int64_t>(splits.size());
  view->done = view->written + view->skipped + view->rejected;
  return Status::OK();
}

Status AddRejects(Journal& journal, size_t most, RunView* view) {
  const Status stopped = MakeError(Category::cancelled, "enough");
  const Status status = journal.EachReject([&](const JournalReject& reject) {
    if (view->rejects.size() >= most) return stopped;
    view->rejects.push_back(reject);
    return Status::OK();
  });
  return IsCategory(status, Category::cancelled) ? Status::OK() : status;
}

Result<RunView> ReadOnce(const RunFolder& folder, size_t most_rejects) {
  RunView view;
  view.folder = folder;
  ARROW_ASSIGN_OR_RAISE(const auto journal, Journal::Inspect(folder.journal()));
  ARROW_ASSIGN_OR_RAISE(view.header, journal->header());
  ARROW_RETURN_NOT_OK(AddSplits(*journal, &view));
  ARROW_RETURN_NOT_OK(AddRejects(*journal, most_rejects, &view));
  ARROW_ASSIGN_OR_RAISE(view.phases, journal->phases());
  view.held = RunStore::IsHeld(folder);
  return view;
}

void Estimate(RunView* view) {
  const int64_t left = view->header.total - view->done;
  if (view->rate > 0 && view->header.total >= 0 && left >= 0 && view->State() != "finished") view->eta = static_cast<double>(left) / view->rate;
}

Json Rejects(const RunView& view) {
  Json list = Json::array();
  for (const auto& reject : view.rejects) list.push_back({{"id", reject.id}, {"code", reject.code}, {"message", reject.message}});
  return list;
}

Json TimeOrNull(double epoch) { return epoch > 0 ? Json(FormatUtc(epoch, true)) : Json(); }

}  // namespace

std::string RunView::State() const { return header.state == "running" && !held ? "interrupted" : header.state; }

Result<RunView> ViewRun(const RunFolder& folder, size_t most_rejects, bool live, const Clock& clock, const CancelToken& cancel) {
  ARROW_ASSIGN_OR_RAISE(RunView view, ReadOnce(folder, most_rejects));
  if (live && view.held) {
    const auto began = clock.Now();
    ARROW_RETURN_NOT_OK(clock.SleepFor(std::chrono::milliseconds(1000), cancel));
    ARROW_ASSIGN_OR_RAISE(RunView later, ReadOnce(folder, most_rejects));
    const double seconds = std::chrono::duration<double>(clock.Now() - began).count();
    later.rate = seconds > 0 ? static_cast<double>(later.done - view.done) / seconds : 0;
    view = std::move(later);
  } else if (view.header.updated > view.header.started) {
    view.rate = static_cast<double>(view.done) / (view.header.updated - view.header.started);
  }
  Estimate(&view);
  return view;
}

Result<RunFolder> FindRun(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const RunStore store, RunStore::Default());
  const auto found = store.Find(name);
  std::error_code ec;
  if (!found.ok() && fs::is_regular_file(ExpandHome(name), ec)) {
    const fs::path file = CanonicalPath(ExpandHome(name));
    return RunFolder{file.string() + ".run", file};
  }
  return found;
}

std::string RunViewJson(const RunView& view) {
  Json json;
  json["run"] = view.header.id;
  json["state"] = view.State();
  json["source"] = view.header.source;
  json["target"] = view.header.target;
  json["resume"] = view.header.command;
  json["total"] = view.header.total < 0 ? Json() : Json(view.header.total);
  const std::pair<const char*, int64_t> counts[] = {{"done", view.done},       {"written", view.written}, {"skipped", view.skipped},
                                                    {"rejected", view.rejected}, {"batches", view.batches}, {"bytes", view.bytes},
                                                    {"splits", view.splits},   {"splits_done", view.splits_done}};
  for (const auto& [name, count] : counts) json[name] = count;
  json["rejects"] = Rejects(view);
  json["last_id"] = view.last_id;
  json["started"] = TimeOrNull(view.header.started);
  json["updated"] = TimeOrNull(view.header.updated);
  json["finished"] = TimeOrNull(view.header.finished);
  json["run_exit_code"] = view.header.exit_code < 0 ? Json() : Json(view.header.exit_code);
  json["rate"] = view.rate;
  json["eta_seconds"] = view.eta < 0 ? Json() : Json(view.eta);
  Json phases = Json::array();
  for (const auto& phase : view.phases) {
    phases.push_back({{"name", phase.name}, {"started", TimeOrNull(phase.started)}, {"finished", TimeOrNull(phase.finished)}});
  }
  json["phases"] = std::move(phases);
  json["journal"] = view.folder.journal().string();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vecferry::cli
