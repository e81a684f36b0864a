#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/report_text.h"
#include "cli/run_view.h"
#include "cli/session.h"
#include "cli/text_out.h"
#include "migration/deferral.h"

namespace vecferry::cli {
namespace {

int64_t BytesBelow(const fs::path& dir) {
  int64_t bytes = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code file;
    if (it->is_regular_file(file)) bytes += static_cast<int64_t>(it->file_size(file));
  }
  return bytes;
}

bool IsFinished(const RunHeader& header) { return header.state == "finished" || header.state == "rolled-back"; }

struct Cleaned {
  std::vector<std::string> ids;
  int64_t bytes = 0, kept = 0;
};

/// Removes a run that no process holds; one that is held is a failure, Category::locked.
Status RemoveRun(const RunStore& store, const RunFolder& folder, const std::string& id, Cleaned* cleaned) {
  ARROW_ASSIGN_OR_RAISE(const FileLock lock, RunStore::Lock(folder));
  const int64_t bytes = BytesBelow(folder.dir);
  ARROW_RETURN_NOT_OK(store.Remove(folder));
  cleaned->ids.push_back(id);
  cleaned->bytes += bytes;
  return Status::OK();
}

Result<Cleaned> CleanOne(const RunStore& store, const std::string& name, bool yes) {
  Cleaned cleaned;
  ARROW_ASSIGN_OR_RAISE(const RunFolder folder, store.Find(name));
  const auto journal = Journal::Inspect(folder.journal());
  const auto header = journal.ok() ? (*journal)->header() : Result<RunHeader>(journal.status());
  if (!yes && !(header.ok() && IsFinished(*header))) {
    return MakeError(Category::refused, fmt::format("run {} is not finished: without its journal it can neither be resumed nor rolled back", Printable(folder.dir.filename().string(), 100)),
                     "give --yes to forget it all the same");
  }
  ARROW_RETURN_NOT_OK(RemoveRun(store, folder, folder.dir.filename().string(), &cleaned));
  return cleaned;
}

Result<Cleaned> CleanOld(const RunStore& store, double days, const Clock& clock) {
  Cleaned cleaned;
  ARROW_ASSIGN_OR_RAISE(const auto runs, store.List());
  for (const auto& [folder, header] : runs) {
    const double ended = header.finished > 0 ? header.finished : header.updated;
    const bool old = clock.WallSeconds() - ended >= days * 86400;
    if (!IsFinished(header) || !old || RunStore::IsHeld(folder)) {
      ++cleaned.kept;
      continue;
    }
    ARROW_RETURN_NOT_OK(RemoveRun(store, folder, header.id, &cleaned));
  }
  return cleaned;
}

}  // namespace

Result<int> RunRollback(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(const RunFolder folder, FindRun(invocation.arguments[0]));
  if (!invocation.Bool("yes")) {
    ARROW_ASSIGN_OR_RAISE(const RunView view, ViewRun(folder, 0, false, context.clock, context.cancel));
    return MakeError(Category::refused,
                     fmt::format("rolling back run {} takes {} back out of {}", view.header.id, Counted(view.written, "record"), view.header.target),
                     "give --yes to do it: " + invocation.display + " --yes");
  }
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  const auto report = Rollback(session->engine(), folder, true);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(report.status());
  const int code = report->conflicts > 0 ? exit_code::kDifference : exit_code::kOk;
  if (!invocation.Bool("json")) {
    PrintRollback(context.out, *report);
    return code;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("rollback", code, report->ToJson()));
  context.out << object << '\n';
  return code;
}

Result<int> RunClean(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(const RunStore store, RunStore::Default());
  const double days = invocation.Real("older-than", 30);
  if (!(days >= 0)) return MakeError(Category::usage, "--older-than cannot be less than 0", "give it a number of days");
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const int64_t put_back, PutBackIndexes(session->engine()));
  session->StopProgress();
  ARROW_ASSIGN_OR_RAISE(const Cleaned cleaned, invocation.Has("run") ? CleanOne(store, invocation.Text("run"), invocation.Bool("yes"))
                                                                     : CleanOld(store, days, context.clock));
  if (invocation.Bool("json")) {
    const nlohmann::ordered_json body = {{"removed", cleaned.ids}, {"bytes", cleaned.bytes}, {"kept", cleaned.kept}, {"put_back", put_back}};
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("clean", exit_code::kOk, body.dump()));
    context.out << object << '\n';
    return exit_code::kOk;
  }
  for (const auto& id : cleaned.ids) context.out << "removed " << Printable(id, 100) << '\n';
  context.out << fmt::format("{} removed, {} freed, {} kept\n", Counted(static_cast<int64_t>(cleaned.ids.size()), "run"),
                             FormatBytes(static_cast<double>(cleaned.bytes)), FormatCount(cleaned.kept));
  return exit_code::kOk;
}

}  // namespace vecferry::cli
