#pragma once
#include <optional>
#include <string>

#include "migration/deferred_registry.h"
#include "migration/engine.h"

namespace vecferry {

/// Payload: the index's settings as they were before the run put it off; "" once they are back.
inline constexpr std::string_view kIndexIntent = "index";

/// What a deferral is about.
struct DeferralTarget {
  std::string identity, uri, layout;  ///< uri as shown
  std::string run;
  /// Other runs may write into the same dataset. False for one that grows unseen until the run ends.
  bool shared = true;
};

/// Keeps the promise that an index which a run put off is put back: whatever ends the run, and by the last of several.
/// The settings are journalled before anything is changed, and stand in a file that any later run, and `clean`, finds.
class IndexKeeper {
 public:
  IndexKeeper(const Engine& engine, Journal& journal, IndexDeferral& index, DeferralTarget target);

  /// Puts building off. `writes` false: nothing is left to be written; what a killed process of this run put off is taken
  /// over, and no more.
  Status Defer(bool writes);
  /// Puts the settings back, or leaves it to another run that goes on. Also for runs that were killed, where none goes on.
  /// Does nothing where nothing was put off. `once`: a failure is not retried, and a requested stop is no reason not to try.
  Status PutBack(bool once);
  /// Waits, with progress, until the index is built. Ends with a warning where nothing moves for ten minutes.
  Status AwaitBuilt();

 private:
  Result<std::optional<std::string>> Journalled();
  Result<std::vector<DeferredRegistry::Entry>> Members();
  Status Close();
  template <typename T, typename Act>
  Result<T> Retried(const Act& act, bool once = false);
  void Report(const IndexDeferral::State& state, double seconds);

  const Engine& engine_;
  Journal& journal_;
  IndexDeferral& index_;
  const DeferralTarget target_;
  std::string name_;                          ///< of this run's file
  std::optional<DeferredRegistry> registry_;  ///< none where the target is not shared or there is no state folder
  std::optional<FileLock> member_;
};

/// Puts back the index settings of every target that only killed runs had put off. A target that cannot be reached is
/// warned about and kept. Returns how many were put back.
Result<int64_t> PutBackIndexes(const Engine& engine);

}  // namespace vecferry
