#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/journal.h"
#include "migration/engine.h"
#include "progress/activity.h"
#include "report/sample.h"

/// A report of what a verb did, as a page, as JSON and as JUnit: what a person sends on, and what a pipeline of builds reads.
namespace vecferry {

/// A label and what it says. Both may come from outside.
using Facts = std::vector<std::pair<std::string, std::string>>;

/// Records that were rejected for one reason.
struct RejectReason {
  std::string code;
  int64_t count = 0;
  std::vector<std::pair<std::string, std::string>> examples;  ///< id and message, a few
};

/// How one kind of data is kept by this pair of stores, where that is not exactly.
struct DataKept {
  std::string data, how, why;
};

struct ReportFailure {
  std::string category, side, store, dataset, message, next_step;
};

/// Everything that a report says. What is not known stays empty or negative, and is then left out.
struct RunReport {
  std::string verb;                    ///< "copy", "verify", "restore"
  std::string command;                 ///< as typed, secrets masked
  std::string state;                   ///< "finished", "failed", "interrupted", "already-finished", "rolled-back", "running"
  int exit_code = 0;
  std::string run_id, source, target;  ///< the latter two with secrets masked
  double started = 0, ended = 0;       ///< seconds since the epoch; of all processes of the run
  std::optional<ReportFailure> failure;

  Facts mapping;                       ///< what becomes of ids, payloads, vectors
  Facts transforms;                    ///< flag and value
  std::vector<PlanIssue> issues;       ///< what the plan found
  std::vector<Note> notes;             ///< of the source
  std::vector<DataKept> fates;         ///< what the pair of stores does not keep exactly
  std::optional<RecordSchema> schema;  ///< of the records as they are written

  bool moved = false;                  ///< the counts of a transfer below mean something
  int64_t total = -1, written = 0, skipped = 0, rejected = 0, batches = 0, bytes = 0, retried = 0;
  int64_t mismatches = 0, reconciled = 0;
  std::vector<JournalMismatch> mismatch_examples;
  std::vector<RejectReason> rejects;   ///< the most frequent first
  std::vector<PhaseTimes> phases;
  std::vector<Activity> activity;      ///< of each process, in order
  uint64_t peak_memory = 0;            ///< of the process that took the most
  std::optional<VerifyReport> verify;
  std::optional<ReportSample> sample;
  std::string no_sample;               ///< why there is none

  Facts files, versions;
  Facts switch_over, switch_back;
  std::vector<std::pair<std::string, std::string>> next;  ///< what for, and the command

  /// Done, and as promised.
  bool ok() const { return exit_code == 0; }
  std::map<std::string, int64_t> errors() const;  ///< by category, of all processes
};

/// What a journal says of its run. Category::corrupt and the like where it cannot be read.
Status AddJournal(const fs::path& journal, RunReport* report);
/// The plan of a run, JSON, or of a dry one.
void AddPlan(const std::string& json, RunReport* report);
/// What came back of a copy that did not fail.
void AddCopy(const CopyReport& copy, RunReport* report);
/// How the pair of stores keeps what the schema holds; nothing where that is not known.
void AddFidelity(const Registry& registry, const Location& target, RunReport* report);
void AddFailure(const Status& failure, RunReport* report);
/// Sums that follow from the rest, and the commands that come next. Called last.
void Complete(RunReport* report);

/// One page that needs no other file and asks nothing of any network, whatever the records hold.
std::string ReportPage(const RunReport& report);
/// One object (docs/reference/json.md).
std::string ReportJson(const RunReport& report);
/// For what shows the results of builds: one suite; a case for the transfer, for the rejects and for each check of the verification.
std::string ReportJunit(const RunReport& report);

/// Whether files of those names can become reports: .html, .json or .xml in folders that exist. Category::usage.
Status CheckReportFiles(const std::vector<std::string>& files);
/// Each in the form that its ending says, whole or not at all.
Status WriteReports(const RunReport& report, const std::vector<std::string>& files);

}  // namespace vecferry
