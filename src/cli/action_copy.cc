#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/copy_options.h"
#include "cli/failure.h"
#include "cli/report_out.h"
#include "cli/report_text.h"
#include "cli/session.h"
#include "cli/show.h"

namespace vecferry::cli {
namespace {

struct Pair {
  Location source, target;
};

Result<Pair> LocatePair(Session& session, const Invocation& invocation) {
  Pair pair;
  ARROW_ASSIGN_OR_RAISE(pair.source, session.Locate(invocation.arguments[0], "source-opt"));
  ARROW_ASSIGN_OR_RAISE(pair.target, session.Locate(invocation.arguments[1], "target-opt"));
  return pair;
}

/// What a job file means for this command, where it has one.
void TellJob(const Invocation& invocation, Context& context) {
  if (!invocation.Has("config") || invocation.Bool("json")) return;
  std::string settings;
  for (const auto& flag : invocation.from_job) {
    for (const auto& value : invocation.values.at(flag)) settings += fmt::format("{} --{}{}{}", settings.empty() ? ":" : ",", flag, value.empty() ? "" : " ", ShellQuote(Printable(value, 200)));
  }
  context.out << "Job file " << Printable(invocation.Text("config"), 300) << settings << '\n';
}

/// The outcome of a plan alone: what stands in the way is a refusal, told after the plan.
Result<int> ShowPlan(const Invocation& invocation, Context& context, const Plan& plan) {
  TellJob(invocation, context);
  const Status check = plan.Check();
  ARROW_ASSIGN_OR_RAISE(const int code, Show(invocation, context, plan, ExitCodeOf(check), &PrintPlan));
  context.out.flush();
  if (!check.ok() && !invocation.Bool("json")) return PrintFailure(check, invocation.command->name, "", false, context);
  return code;
}

}  // namespace

Result<int> RunPlan(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Pair pair, LocatePair(*session, invocation));
  ARROW_ASSIGN_OR_RAISE(const Plan plan, MakePlan(session->engine(), pair.source, pair.target, options));
  session->StopProgress();
  if (const std::string file = invocation.Text("out"); !file.empty()) ARROW_RETURN_NOT_OK(WriteFileAtomic(file, plan.ToJson() + "\n"));
  return ShowPlan(invocation, context, plan);
}

Result<int> RunCopy(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(auto reports, ReportOut::Start(invocation, context, *session));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Pair pair, LocatePair(*session, invocation));
  if (options.dry_run) {
    ARROW_ASSIGN_OR_RAISE(const Plan plan, MakePlan(session->engine(), pair.source, pair.target, options));
    ARROW_RETURN_NOT_OK(reports->Planned(plan));
    session->StopProgress();
    return ShowPlan(invocation, context, plan);
  }
  const auto report = Copy(session->engine(), pair.source, pair.target, options);
  const Status told = reports->Copied(report, pair.source, pair.target);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(told);
  return Show(invocation, context, *report, report->exit_code, &PrintCopy);
}

Result<int> RunVerify(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(auto reports, ReportOut::Start(invocation, context, *session));
  ARROW_ASSIGN_OR_RAISE(const VerifyOptions options, VerifyOptionsOf(invocation, "level"));
  ARROW_ASSIGN_OR_RAISE(const Pair pair, LocatePair(*session, invocation));
  const auto report = Verify(session->engine(), pair.source, pair.target, options);
  const Status told = reports->Verified(report, pair.source, pair.target, options.transforms);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(told);
  return Show(invocation, context, *report, report->ok ? exit_code::kOk : exit_code::kDifference, &PrintVerify);
}

}  // namespace vecferry::cli
