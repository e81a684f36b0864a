#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/copy_options.h"
#include "cli/delta_text.h"
#include "cli/failure.h"
#include "cli/report_out.h"
#include "cli/report_text.h"
#include "cli/session.h"
#include "cli/show.h"
#include "migration/report_json.h"

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

/// The outcome of a sync's comparison alone.
Result<int> ShowDryDelta(const Invocation& invocation, Context& context, const CopyReport& report, void (*print)(std::ostream&, const CopyReport&)) {
  TellJob(invocation, context);
  ARROW_ASSIGN_OR_RAISE(const int code, Show(invocation, context, report, report.exit_code, print));
  context.out.flush();
  const Status check = report.plan.Check();
  if (code == exit_code::kRefused && !check.ok() && !invocation.Bool("json")) return PrintFailure(check, invocation.command->name, "", false, context);
  return code;
}

/// What a sync would do; of the first one, which is a copy, the plan.
Result<int> PlanSync(const Invocation& invocation, Context& context, Session& session, const Pair& pair, const CopyOptions& options) {
  const auto report = Copy(session.engine(), pair.source, pair.target, options);
  session.StopProgress();
  ARROW_RETURN_NOT_OK(report.status());
  return report->delta ? ShowDryDelta(invocation, context, *report, &PrintCopy) : ShowPlan(invocation, context, report->plan);
}

/// The result of `verify --repair` as `verify` tells it, with what was done besides.
struct RepairResult {
  const CopyReport& report;
  std::string ToJson() const { return RepairToJson(report); }
};

Result<int> Repair(const Invocation& invocation, Context& context, Session& session, ReportOut& reports, const Pair& pair, const VerifyOptions& verify, const DeltaOptions& delta) {
  if (verify.level == VerifyLevel::count) return MakeError(Category::usage, "--repair needs to know which records differ", "give it --level ids or content");
  CopyOptions options;
  options.command = invocation.display;
  options.verify = verify;
  options.transforms = verify.transforms;
  options.limit = verify.limit;
  options.delta = delta;
  options.dry_run = invocation.Bool("dry-run");
  options.restart = invocation.Bool("restart");
  options.yes = invocation.Bool("yes");
  const auto report = Copy(session.engine(), pair.source, pair.target, options);
  const Status told = reports.Copied(report, pair.source, pair.target);
  session.StopProgress();
  ARROW_RETURN_NOT_OK(told);
  const RepairResult result{*report};
  if (invocation.Bool("json")) return Show(invocation, context, result, report->exit_code, static_cast<void (*)(std::ostream&, const RepairResult&)>(nullptr));
  return report->state == "dry-run" ? ShowDryDelta(invocation, context, *report, &PrintRepair) : Show(invocation, context, *report, report->exit_code, &PrintRepair);
}

}  // namespace

Result<int> RunPlan(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const CopyOptions options, CopyOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Pair pair, LocatePair(*session, invocation));
  if (options.delta.mode != DeltaMode::none) return PlanSync(invocation, context, *session, pair, options);
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
  if (options.dry_run && options.delta.mode != DeltaMode::none) return PlanSync(invocation, context, *session, pair, options);
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
  ARROW_ASSIGN_OR_RAISE(const DeltaOptions delta, DeltaOptionsOf(invocation, DeltaMode::repair));
  ARROW_ASSIGN_OR_RAISE(const Pair pair, LocatePair(*session, invocation));
  if (delta.mode != DeltaMode::none) return Repair(invocation, context, *session, *reports, pair, options, delta);
  const auto report = Verify(session->engine(), pair.source, pair.target, options);
  const Status told = reports->Verified(report, pair.source, pair.target, options.transforms);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(told);
  return Show(invocation, context, *report, report->ok ? exit_code::kOk : exit_code::kDifference, &PrintVerify);
}

}  // namespace vecferry::cli
