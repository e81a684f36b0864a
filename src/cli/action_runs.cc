#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/report_out.h"
#include "cli/run_view.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

constexpr size_t kRejectsShown = 20;
constexpr size_t kRejectsInJson = 1000;

std::vector<std::string> Row(const RunView& view) {
  const std::string total = view.header.total < 0 ? "?" : FormatCount(view.header.total);
  return {view.header.id, view.State(), ShortTime(view.header.started), FormatCount(view.done) + "/" + total, FormatCount(view.rejected),
          view.header.source + " -> " + view.header.target};
}

/// A damaged journal is a row as well.
Result<std::vector<RunView>> AllRuns(const Context& context) {
  ARROW_ASSIGN_OR_RAISE(const RunStore store, RunStore::Default());
  ARROW_ASSIGN_OR_RAISE(const auto runs, store.List());
  std::vector<RunView> views;
  for (const auto& [folder, header] : runs) {
    auto view = ViewRun(folder, 0, false, context.clock, context.cancel);
    if (view.ok()) {
      views.push_back(std::move(*view));
    } else {
      RunView damaged;
      damaged.header = header;
      damaged.folder = folder;
      views.push_back(std::move(damaged));
    }
  }
  return views;
}

std::string RateAndEta(const RunView& view) {
  std::string text = view.rate > 0 ? FormatCount(std::llround(view.rate)) + " records/s" : "unknown";
  if (view.eta >= 0) text += ", " + FormatDuration(view.eta) + " left";
  return text;
}

void PrintRejects(std::ostream& out, const RunView& view) {
  if (view.rejects.empty()) return;
  out << "\nRejected:\n";
  for (const auto& reject : view.rejects) {
    out << "  " << Printable(reject.id, 200) << ": " << Printable(reject.code, 100) << ": " << Printable(reject.message, 300) << '\n';
  }
  if (view.rejected > static_cast<int64_t>(view.rejects.size())) {
    out << "  and " << FormatCount(view.rejected - static_cast<int64_t>(view.rejects.size())) << " more; `vecferry status --json` lists up to " << kRejectsInJson << "\n";
  }
}

void PrintStatus(std::ostream& out, const RunView& view) {
  const RunHeader& header = view.header;
  out << "Run " << Printable(header.id, 100) << ": " << Printable(view.State(), 100) << '\n';
  const std::string total = header.total < 0 ? "unknown" : FormatCount(header.total);
  const std::string share = header.total > 0 ? fmt::format(" ({:.1f} %)", 100.0 * static_cast<double>(view.done) / static_cast<double>(header.total)) : "";
  PrintFacts(out, {{"source", header.source},
                   {"target", header.target},
                   {"total", total},
                   {"done", FormatCount(view.done) + share},
                   {"written", FormatCount(view.written)},
                   {"skipped", FormatCount(view.skipped)},
                   {"rejected", FormatCount(view.rejected)},
                   {"last id", view.last_id.empty() ? "-" : view.last_id},
                   {"started", ShortTime(header.started) + " UTC"},
                   {"updated", ShortTime(header.updated) + " UTC"},
                   {"rate", RateAndEta(view)},
                   {"splits", fmt::format("{} of {} done", FormatCount(view.splits_done), FormatCount(view.splits))},
                   {"journal", view.folder.journal().string()}});
  for (const auto& phase : view.phases) {
    const std::string took = phase.finished > 0 ? FormatDuration(phase.finished - phase.started) : "going on";
    out << "  phase " << Printable(phase.name, 60) << ": " << (phase.finished <= 0 && !view.held ? "not finished" : took) << '\n';
  }
  PrintRejects(out, view);
  const bool unfinished = view.State() == "interrupted" || view.State() == "failed";
  if (unfinished && !header.command.empty()) out << "\nTo go on:\n  " << Printable(header.command, 8192) << '\n';
}

}  // namespace

Result<int> RunRuns(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(const auto views, AllRuns(context));
  if (invocation.Bool("json")) {
    nlohmann::ordered_json body, list = nlohmann::ordered_json::array();
    for (const auto& view : views) list.push_back(nlohmann::ordered_json::parse(RunViewJson(view)));
    body["runs"] = std::move(list);
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("runs", exit_code::kOk, body.dump()));
    context.out << object << '\n';
    return exit_code::kOk;
  }
  TextTable table({"RUN", "STATE", "STARTED (UTC)", "DONE", "REJECTED", "WHAT"});
  table.Right({3, 4});
  for (const auto& view : views) table.Add(Row(view));
  if (table.empty()) {
    context.err << "no runs yet\n";
  } else {
    table.Print(context.out);
  }
  return exit_code::kOk;
}

Result<int> RunStatus(const Invocation& invocation, Context& context) {
  const std::string name = invocation.Argument(0).value_or("last");
  const auto folder = FindRun(name);
  if (!folder.ok() && !invocation.Argument(0)) return MakeError(Category::not_found, "there are no runs yet", "`vecferry copy` begins one");
  ARROW_RETURN_NOT_OK(folder.status());
  ARROW_RETURN_NOT_OK(ReportOfRun(folder->journal(), invocation.List("report", false)));
  const bool json = invocation.Bool("json");
  ARROW_ASSIGN_OR_RAISE(const RunView view, ViewRun(*folder, json ? kRejectsInJson : kRejectsShown, true, context.clock, context.cancel));
  if (!json) {
    PrintStatus(context.out, view);
    return exit_code::kOk;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("status", exit_code::kOk, RunViewJson(view)));
  context.out << object << '\n';
  return exit_code::kOk;
}

}  // namespace vecferry::cli
