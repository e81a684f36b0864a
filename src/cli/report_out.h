#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/session.h"
#include "migration/backup.h"
#include "progress/recorder.h"
#include "report/report.h"

namespace vecferry::cli {

/// The reports that --report asks for: gathers while a verb runs, and writes them when it is over, however it ended.
class ReportOut {
 public:
  /// Category::usage for names that can become no report: before anything is done.
  static Result<std::unique_ptr<ReportOut>> Start(const Invocation& invocation, Context& context, Session& session);
  ~ReportOut();

  /// After a copy. The failure of the copy itself comes back in any case; else that of the writing.
  Status Copied(const Result<CopyReport>& copy, const Location& source, const Location& target);
  Status Restored(const Result<RestoreReport>& restore, const Location& target);
  Status Planned(const Plan& plan);
  Status Verified(const Result<VerifyReport>& verify, const Location& source, const Location& target, const TransformSpec& transforms);

 private:
  class Ears;
  ReportOut(const Invocation& invocation, Context& context, Session& session);
  RunReport Begin(const std::string& verb, const Location* source, const Location* target) const;
  void AddSample(const Location& source, const Location& target, SampleOptions options, RunReport* report);
  Status Write(RunReport* report);

  const Invocation& invocation_;
  Context& context_;
  Session& session_;
  std::vector<std::string> files_;
  std::unique_ptr<Ears> ears_;
};

/// What a journal says of a run, written to those files; of one whose verb is not going on.
Status ReportOfRun(const fs::path& journal, const std::vector<std::string>& files);

}  // namespace vecferry::cli
