#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "journal/runs.h"

namespace vecferry::cli {

/// What a journal says of a run at one moment.
struct RunView {
  RunHeader header;
  RunFolder folder;
  bool held = false;              ///< a process is executing it
  int64_t done = 0, written = 0, skipped = 0, rejected = 0, bytes = 0, batches = 0;
  int64_t splits = 0, splits_done = 0;
  std::string last_id;            ///< of the split that got furthest
  std::vector<JournalReject> rejects;  ///< the first of them
  std::vector<PhaseTimes> phases;
  double rate = 0;                ///< records a second: of the last second while it is held, else the mean; 0 if unknown
  double eta = -1;                ///< seconds, -1 if unknown

  /// The state for people: a run that says running and that no process holds was cut off.
  std::string State() const;
};

/// Reads a journal, without disturbing the process that writes it. `live` reads a held one twice, a second apart, for its rate.
Result<RunView> ViewRun(const RunFolder& folder, size_t most_rejects, bool live, const Clock& clock, const CancelToken& cancel);
/// The run that a user names: an id, the beginning of one, `last`, or a journal file of --checkpoint.
Result<RunFolder> FindRun(const std::string& name);
/// JSON object of a view.
std::string RunViewJson(const RunView& view);

}  // namespace vecferry::cli
