#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "journal/runs.h"
#include "migration/inventory.h"
#include "migration/search_report.h"
#include "pipeline/transfer.h"
#include "progress/events.h"
#include "transform/spec.h"

/// The verbs as functions: what the command line calls, and what a library user would. None of them prints; what
/// happens on the way goes to the events, the result is the return value.
namespace vecferry {

/// What every verb needs.
struct Engine {
  const Registry& registry;
  Events& events;
  const CancelToken& cancel;
  const Clock& clock = Clock::System();
};

enum class VerifyLevel { none, count, ids, content };
Result<VerifyLevel> ParseVerifyLevel(std::string_view name);
std::string_view Name(VerifyLevel level);

/// What counts as a difference, and how much of it is listed.
struct VerifyOptions {
  VerifyLevel level = VerifyLevel::content;
  int64_t sample_size = 1000;           ///< vectors compared by cosine for mean and least
  std::set<std::string> ignore;         ///< "vector", "document", "metadata", "metadata.KEY"
  double min_cosine = 0;                ///< 0: vectors must be equal
  double time_tolerance = 0;            ///< seconds
  int64_t list_at_most = 100;           ///< differences listed with field and values; all are counted
  /// Of a verification by itself: what the copy made of the records. Empty, with no limit: as the last run of that pair did.
  TransformSpec transforms;
  int64_t limit = -1;
  std::optional<SearchOptions> search;  ///< the same queries on both sides as well; with VerifyLevel::none that alone
};

/// When the search index of the target is built: after the load, as the store likes, or not waited for either.
enum class IndexMode { after, during, none };

struct CopyReport;

/// What a copy into a target that earlier ones filled is about: everything, what changed since (`copy --sync`), or what is amiss (`verify --repair`).
enum class DeltaMode { none, sync, repair };
std::string_view Name(DeltaMode mode);

struct DeltaOptions {
  DeltaMode mode = DeltaMode::none;
  bool remove = false;                  ///< take out of the target what the source no longer has
  bool overwrite_changed = false;       ///< also what somebody changed in the target since; else that is kept and reported
  int64_t max_delete = -1;              ///< refused where more would be taken out; -1: by share
  double max_delete_share = 0.1;        ///< of the target's records
};

/// What a verb that is more than a copy does at points of it. A run that was interrupted and goes on may call each again.
struct CopySteps {
  std::function<Status()> before_finish;                   ///< every record is written, the target not yet whole and visible
  std::function<Status(const CopyReport&)> after_verify;   ///< also where it failed; the run does not count as finished yet
};

/// Everything about a copy that is not in the two URIs.
struct CopyOptions {
  std::string command;                  ///< as typed, secrets masked; what a resume is printed as
  OnExists on_exists = OnExists::fail;
  VerifyOptions verify;
  ValidateMode validate = ValidateMode::sample;
  IndexMode index = IndexMode::after;
  int jobs = 0;                         ///< 0: chosen from the machine
  int64_t memory_bytes = 0;             ///< 0: chosen
  int64_t batch_rows = 0, batch_bytes = 0;  ///< 0: what the sink prefers
  int64_t limit = -1;
  TransformSpec transforms;
  int64_t max_rejects = -1;
  double max_reject_share = -1;
  double records_per_second = 0, max_seconds = 0;
  std::string missing_vector = "reject";///< or "keep"
  std::string unsupported = "refuse";   ///< or "reject": what the target cannot hold stops the plan, or its records are rejected
  std::string metric;                   ///< said by the user where the source does not know it
  std::string model;                    ///< name of the embedding model, "" if not told
  std::string checkpoint;               ///< journal file in place of the run's own
  std::string rejects_file;
  bool dry_run = false, scan_full = false;
  bool restart = false, retry_rejects = false, adopt = false, yes = false;
  bool rollback_on_failure = false;
  CopySteps steps;
  DeltaOptions delta;
  std::optional<std::string> plan;      ///< a plan made before, JSON: refused where it no longer holds
};

/// One thing that stands in the way of a copy, or changes data.
struct PlanIssue {
  std::string code;
  std::string message;
  int64_t count = -1;
  bool estimate = false;                ///< counted in a sample
  bool blocking = false;
  std::string way = {};                 ///< "?metadata=json": the option of the target by which it would not stand in the way
};

/// What the transforms of a plan do to the records that it looked at.
struct PlannedTransforms {
  std::vector<std::pair<std::string, std::string>> entries;  ///< flag and value, JSON; empty: there are none
  int64_t read = 0, kept = 0, dropped = 0, rejected = 0;
};

/// What a run would do, as data.
struct Plan {
  DatasetInfo source;
  TargetInfo target;
  std::string source_uri, target_uri;   ///< as shown
  std::string target_store, target_dataset;
  std::string layout;
  OnExists on_exists = OnExists::fail;
  std::string id_mapping;               ///< for people
  std::vector<SplitProgress> splits;
  std::vector<PlanIssue> issues;
  bool needs_prepass = false;
  int64_t sampled = 0;                  ///< records that were looked at
  PlannedTransforms transforms;
  double estimated_seconds = -1;        ///< of the transfer, from the speed of the sample's reading
  int64_t estimated_bytes = -1;         ///< in the target
  int64_t free_bytes = -1;              ///< where the target is
  /// The first blocking issue as a failure, Category::refused.
  Status Check() const;
  std::string ToJson() const;
};

enum class DifferenceClass { lost, corrupt, changed_at_target, changed_at_source, unrelated, extra };
std::string_view Name(DifferenceClass kind);

struct Difference {
  DifferenceClass kind = DifferenceClass::corrupt;
  std::string id, tenant, field, source_value, target_value;
};

struct Check {
  std::string name;                     ///< "count", "ids", "content", "vectors", "duplicates"
  bool ok = true;
  std::string detail;
};

struct VerifyReport {
  VerifyLevel level = VerifyLevel::content;
  bool ok = true;                       ///< no difference of a class that counts as one
  int64_t source_count = 0, target_count = 0;
  int64_t source_rejects = 0, target_rejects = 0;   ///< records that could not be read
  int64_t source_duplicates = 0, target_duplicates = 0;
  int64_t sampled = 0;                  ///< vectors compared by cosine
  double mean_cosine = 1, least_cosine = 1;
  std::string source_digest, target_digest;
  std::vector<std::pair<std::string, std::string>> transforms;  ///< flag and value, JSON: what was made of the source's records
  std::string transforms_of;                  ///< the run that they are taken from, "" where they were asked for
  std::vector<Check> checks;
  std::map<DifferenceClass, int64_t> counts;  ///< records by class, all of them
  std::vector<Difference> differences;        ///< at most list_at_most records
  std::optional<SearchReport> search;         ///< of the level search
  double seconds = 0;
  std::string ToJson() const;
};

/// What was found to differ and what became of it, in records.
struct DeltaReport {
  DeltaMode mode = DeltaMode::none;
  std::string base_run;                 ///< the run whose journal says how things were, "" where none is known
  int64_t unchanged = 0;
  int64_t added = 0;                    ///< new in the source
  int64_t changed = 0;                  ///< in the source, since it was copied
  int64_t lost = 0;                     ///< copied, and missing in the target
  int64_t corrupt = 0;                  ///< different, and no journal tells why
  int64_t conflicts = 0;                ///< changed in the target since they were copied
  int64_t gone = 0;                     ///< copied, and no longer in the source
  int64_t extra = 0;                    ///< never in the source, in a target that is nobody else's
  int64_t unrelated = 0;                ///< never in the source, in a target that others write to
  int64_t to_write = 0, to_delete = 0;
  int64_t deleted = 0;
  int64_t kept = 0;                     ///< conflicts that were left as they are
  int64_t unreadable = 0;               ///< in the source: nothing is deleted while there are some
  bool rewritten = false;               ///< the target cannot be changed in place: it was, or would be, written whole
  std::vector<Difference> listed;       ///< of what was found
};

struct CopyReport {
  std::string run_id;
  std::string state;                    ///< finished, dry-run, already-finished, in-sync (of a sync or a repair: there was nothing to do)
  int exit_code = 0;
  Plan plan;
  TransferResult transfer;
  int64_t total = 0;
  int64_t mismatches = 0;               ///< fields that differed after two writes
  std::optional<VerifyReport> verify;
  std::optional<DeltaReport> delta;     ///< of a sync that was no first copy, and of a repair
  int64_t reconciled = 0;               ///< records written again, or taken out, because the source changed during the run
  double snapshot_seconds = 0, compare_seconds = 0, transfer_seconds = 0, delete_seconds = 0, finish_seconds = 0, verify_seconds = 0, seconds = 0;
  uint64_t peak_memory = 0;
  fs::path journal, rejects_file;       ///< rejects_file is empty where there are none
  std::vector<std::pair<std::string, std::string>> switch_over, switch_back;  ///< settings of the layout's application
  std::vector<std::string> next;        ///< commands that come next
  std::string ToJson() const;
};

struct RollbackReport {
  std::string run_id;
  bool dropped = false;                 ///< the dataset that the run had created is gone
  int64_t deleted = 0, restored = 0;
  int64_t conflicts = 0;                ///< records that somebody changed since: left alone
  std::vector<Difference> listed;       ///< at most 100 of them
  std::string ToJson() const;
};

Result<Plan> MakePlan(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options);
/// Plan, prepare, transfer, finish, verify; goes on where an earlier process of the same copy stopped. Failures of single
/// records and differences are in the report and its exit code; a failed Result is a failure of the run.
Result<CopyReport> Copy(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options);
/// Reads both sides; writes nothing. Classes of differences use the journal of a run of that pair where there is one.
Result<VerifyReport> Verify(const Engine& engine, const Location& source, const Location& target, const VerifyOptions& options);
/// Takes back what a run wrote. Resumable; run again it does what is left.
Result<RollbackReport> Rollback(const Engine& engine, const RunFolder& run, bool yes);
/// `id` shows one record in `samples`; else a few. Reads everything with `full`, else a sample.
Result<Inventory> Inspect(const Engine& engine, const Location& location, const std::optional<std::string>& id, bool full, int64_t show,
                          const TransformSpec& transforms = {});

}  // namespace vecferry
