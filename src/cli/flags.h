#pragma once
#include "cli/spec.h"

namespace vecferry::cli {

/// The groups of flags. A flag has one meaning, one default and one spelling wherever it stands.
extern const FlagGroup kOutputFlags;    ///< --json, -q, -v
extern const FlagGroup kProgressFlags;  ///< --progress, --log, --metrics
extern const FlagGroup kReportFlags;    ///< --report, --report-sample
extern const FlagGroup kReportFileFlags;  ///< --report alone
extern const FlagGroup kLocationFlags;  ///< --source-opt, --target-opt
extern const FlagGroup kSourceFlags;    ///< --source-opt alone
extern const FlagGroup kWhatFlags;      ///< what is copied, and into what
extern const FlagGroup kSelectFlags;    ///< which records: --filter, --ids, --include, --exclude, --sample
extern const FlagGroup kMapFlags;       ///< what becomes of them: --map, --reduce, --normalise
extern const FlagGroup kVerifyLimitFlags;  ///< --limit alone
extern const FlagGroup kSpeedFlags;
extern const FlagGroup kLimitFlags;
extern const FlagGroup kRunFlags;       ///< resuming, starting over, state
extern const FlagGroup kSyncFlags;      ///< --sync, --delete, --max-delete, --overwrite-changed
extern const FlagGroup kRepairFlags;    ///< --repair and the same
extern const FlagGroup kCheckFlags;     ///< --verify, --validate
extern const FlagGroup kCompareFlags;   ///< what counts as a difference
extern const FlagGroup kDryRunFlags;    ///< --dry-run
extern const FlagGroup kPlanFlags;      ///< --scan, --out
extern const FlagGroup kLevelFlags;     ///< --level, of verify
extern const FlagGroup kMetricFlags;    ///< --metric alone
extern const FlagGroup kQueryFlags;     ///< which queries a search asks
extern const FlagGroup kSearchFlags;    ///< of the level search
extern const FlagGroup kBenchFlags;
extern const FlagGroup kInspectFlags;
extern const FlagGroup kYesFlags;
extern const FlagGroup kCleanFlags;
extern const FlagGroup kTargetFlags;    ///< --target-opt alone
extern const FlagGroup kBackupFlags;    ///< of kRunFlags those that a backup has
extern const FlagGroup kRestoreFlags;   ///< of kWhatFlags those that leave a backup whole
extern const FlagGroup kPruneFlags;
extern const FlagGroup kJobsFlags;      ///< --jobs alone
extern const FlagGroup kConfigFlags;    ///< --config
extern const FlagGroup kMarkdownFlags;
extern const FlagGroup kReferenceFlags;

}  // namespace vecferry::cli
