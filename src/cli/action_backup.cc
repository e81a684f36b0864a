#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/backup_text.h"
#include "cli/copy_options.h"
#include "cli/report_out.h"
#include "cli/session.h"
#include "cli/show.h"

namespace vecferry::cli {
namespace {

/// A dry run whose copy would be refused says why, after the plan.
Result<int> ShowRestore(const Invocation& invocation, Context& context, const RestoreReport& report) {
  ARROW_ASSIGN_OR_RAISE(const int code, Show(invocation, context, report, report.exit_code, &PrintRestore));
  const Status refused = report.state == "dry-run" && report.copy ? report.copy->plan.Check() : Status::OK();
  if (refused.ok() || invocation.Bool("json")) return code;
  context.out.flush();
  return PrintFailure(refused, invocation.command->name, "", false, context);
}

}  // namespace

Result<int> RunBackup(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Location source, session->Locate(invocation.arguments[0], "source-opt"));
  const auto report = Backup(session->engine(), source, ExpandHome(invocation.arguments[1]), options);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(report.status());
  return Show(invocation, context, *report, report->exit_code, &PrintBackup);
}

Result<int> RunRestore(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(auto reports, ReportOut::Start(invocation, context, *session));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Location target, session->Locate(invocation.arguments[1], "target-opt"));
  const auto report = Restore(session->engine(), ExpandHome(invocation.arguments[0]), target, options);
  const Status told = reports->Restored(report, target);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(told);
  return ShowRestore(invocation, context, *report);
}

Result<int> RunBackupVerify(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  const auto report = VerifyBackups(session->engine(), ExpandHome(invocation.arguments[0]), options.jobs > 0 ? options.jobs : 2);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(report.status());
  return Show(invocation, context, *report, report->ok ? exit_code::kOk : exit_code::kDifference, &PrintBackupCheck);
}

Result<int> RunBackupList(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const BackupList list, ListBackups(session->engine(), ExpandHome(invocation.arguments[0])));
  session->StopProgress();
  if (list.backups.empty() && !invocation.Bool("json")) {
    context.err << "no backups there\n";
    return exit_code::kOk;
  }
  return Show(invocation, context, list, exit_code::kOk, &PrintBackups);
}

Result<int> RunBackupPrune(const Invocation& invocation, Context& context) {
  PruneOptions options;
  options.older_than_days = invocation.Real("older-than", options.older_than_days);
  options.keep_last = invocation.Int("keep-last", options.keep_last);
  options.yes = invocation.Bool("yes");
  if (!(options.older_than_days >= 0)) return MakeError(Category::usage, "--older-than cannot be less than 0", "give it a number of days");
  if (options.keep_last < 0) return MakeError(Category::usage, "--keep-last cannot be less than 0", "give it 0 or more");
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const PruneReport report, PruneBackups(session->engine(), ExpandHome(invocation.arguments[0]), options));
  session->StopProgress();
  const bool asked = !options.yes && !report.backups.empty();
  ARROW_ASSIGN_OR_RAISE(const int code, Show(invocation, context, report, asked ? exit_code::kRefused : exit_code::kOk, &PrintPrune));
  if (!asked || invocation.Bool("json")) return code;
  context.out.flush();
  return PrintFailure(MakeError(Category::refused, "nothing was deleted", "give --yes to do it: " + invocation.display + " --yes"), invocation.command->name, "", false, context);
}

}  // namespace vecferry::cli
