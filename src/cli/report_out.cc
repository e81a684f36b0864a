#include "cli/report_out.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/run_view.h"
#include "cli/version.h"

namespace vecferry::cli {

/// Hears what the verb does, and where its journal is.
class ReportOut::Ears final : public EventListener {
 public:
  explicit Ears(const Clock& clock) : recorder(Versions().front().second, clock) {}
  void On(const Event& event) override {
    recorder.On(event);
    if (event.kind == Event::Kind::finished) journal = event.Field("journal");
  }
  ActivityRecorder recorder;
  std::string journal;
};

ReportOut::ReportOut(const Invocation& invocation, Context& context, Session& session)
    : invocation_(invocation), context_(context), session_(session), files_(invocation.List("report", false)) {}

ReportOut::~ReportOut() {
  if (ears_) session_.events().Remove(ears_.get());
}

Result<std::unique_ptr<ReportOut>> ReportOut::Start(const Invocation& invocation, Context& context, Session& session) {
  std::unique_ptr<ReportOut> out(new ReportOut(invocation, context, session));
  ARROW_RETURN_NOT_OK(CheckReportFiles(out->files_));
  if (invocation.Int("report-sample", 5) < 0) return MakeError(Category::usage, "--report-sample cannot be less than 0", "give it 0 or more");
  if (!out->files_.empty()) {
    out->ears_ = std::make_unique<Ears>(context.clock);
    session.events().Add(out->ears_.get());
  }
  return out;
}

RunReport ReportOut::Begin(const std::string& verb, const Location* source, const Location* target) const {
  RunReport report;
  report.verb = verb;
  report.command = invocation_.display;
  if (source) report.source = source->Display();
  if (target) report.target = target->Display();
  return report;
}

void ReportOut::AddSample(const Location& source, const Location& target, SampleOptions options, RunReport* report) {
  options.shown = invocation_.Int("report-sample", 5);
  if (options.shown == 0) {
    report->no_sample = "--report-sample 0 left them out";
    return;
  }
  auto sample = TakeSample(session_.engine(), source, target, options);
  if (sample.ok()) report->sample = std::move(*sample);
  else report->no_sample = sample.status().message();
}

Status ReportOut::Write(RunReport* report) {
  if (report->activity.empty()) report->activity.push_back(ears_->recorder.Now());
  report->versions = Versions();
  Complete(report);
  ARROW_RETURN_NOT_OK(WriteReports(*report, files_));
  for (const auto& file : files_) session_.events().Message("report: " + file);
  return Status::OK();
}

Status ReportOut::Copied(const Result<CopyReport>& copy, const Location& source, const Location& target) {
  if (files_.empty()) return copy.status();
  RunReport report = Begin(invocation_.command->name, &source, &target);
  const std::string journal = copy.ok() ? copy->journal.string() : ears_->journal;
  // Where the journal cannot be read the report says what this process knows.
  if (!journal.empty()) (void)AddJournal(journal, &report);
  report.command = invocation_.display;
  if (copy.ok()) AddCopy(*copy, &report);
  else AddFailure(copy.status(), &report);
  AddFidelity(context_.registry, target, &report);
  if (copy.ok() && copy->state != "rolled-back") {
    SampleOptions options;
    options.journal = journal;
    AddSample(source, target, options, &report);
  } else {
    report.no_sample = copy.ok() ? "the run was rolled back" : "the run did not come to its end";
  }
  const Status written = Write(&report);
  if (copy.ok()) return written;
  if (!written.ok()) session_.events().Warning("the report could not be written: " + written.message());
  return copy.status();
}

Status ReportOut::Restored(const Result<RestoreReport>& restore, const Location& target) {
  if (files_.empty()) return restore.status();
  const auto source = context_.registry.Resolve(invocation_.arguments[0]);
  RunReport report = Begin("restore", source.ok() ? &*source : nullptr, &target);
  if (report.source.empty()) report.source = Printable(invocation_.arguments[0], 1000);
  const bool copied = restore.ok() && restore->copy;
  const std::string journal = copied ? restore->copy->journal.string() : ears_->journal;
  if (!journal.empty()) (void)AddJournal(journal, &report);
  report.verb = "restore";
  report.command = invocation_.display;
  if (copied) AddCopy(*restore->copy, &report);
  if (restore.ok()) {
    report.state = restore->state;
    report.exit_code = restore->exit_code;
    for (const auto& problem : restore->problems) report.notes.push_back({"backup", problem, -1, true});
  } else {
    AddFailure(restore.status(), &report);
  }
  if (copied && source.ok() && restore->state != "dry-run") {
    SampleOptions options;
    options.journal = journal;
    AddSample(*source, target, options, &report);
  }
  const Status written = Write(&report);
  return restore.ok() ? written : restore.status();
}

Status ReportOut::Planned(const Plan& plan) {
  if (files_.empty()) return Status::OK();
  RunReport report = Begin(invocation_.command->name, nullptr, nullptr);
  report.source = plan.source_uri;
  report.target = plan.target_uri;
  report.state = "dry-run";
  AddPlan(plan.ToJson(), &report);
  if (const Status check = plan.Check(); !check.ok()) {
    AddFailure(check, &report);
    report.state = "dry-run";
  }
  return Write(&report);
}

Status ReportOut::Verified(const Result<VerifyReport>& verify, const Location& source, const Location& target, const TransformSpec& transforms) {
  if (files_.empty()) return verify.status();
  RunReport report = Begin("verify", &source, &target);
  report.state = "finished";
  if (verify.ok()) {
    report.verify = *verify;
    report.exit_code = verify->ok ? exit_code::kOk : exit_code::kDifference;
    report.transforms = verify->transforms;
    SampleOptions options;
    options.transforms = transforms;
    if (!verify->transforms_of.empty()) {
      if (const auto run = FindRun(verify->transforms_of); run.ok()) options.journal = run->journal();
    }
    AddSample(source, target, options, &report);
    if (report.sample) report.schema = report.sample->source_schema;
  } else {
    AddFailure(verify.status(), &report);
    report.no_sample = "the verification did not come to its end";
  }
  const Status written = Write(&report);
  if (verify.ok()) return written;
  if (!written.ok()) session_.events().Warning("the report could not be written: " + written.message());
  return verify.status();
}

Status ReportOfRun(const fs::path& journal, const std::vector<std::string>& files) {
  if (files.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckReportFiles(files));
  RunReport report;
  report.verb = "copy";
  ARROW_RETURN_NOT_OK(AddJournal(journal, &report));
  report.no_sample = "a report of a run that is over is made from its journal alone";
  report.versions = Versions();
  Complete(&report);
  return WriteReports(report, files);
}

}  // namespace vecferry::cli
