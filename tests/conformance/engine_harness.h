#pragma once
#include <sys/types.h>

#include "base/failpoint.h"
#include "conformance/harness.h"
#include "migration/engine.h"
#include "migration/session.h"

namespace vecferry::conformance {

/// The registry of the engine's tests: every kind of store and, as "eager-SCHEME:", each kind of sink that says at Flush what is
/// durable, asked after every batch.
Registry& EngineStores();

/// Writes records as somebody else would, into a dataset that may hold some.
void PutRecords(const Fixture& fixture, const Location& location, const RecordView& records);

/// The engine's verbs on one kind of store. The other side is memory: of this process.
class EngineSuite : public Harness {
 public:
  explicit EngineSuite(const Fixture& fixture);
  ~EngineSuite() override { failpoint::Arm(""); }

 protected:
  /// A dataset of this process, of this test's own.
  Location Memory(const std::string& name) { return Must(EngineStores().Resolve("memory:" + Unique(name) + "#docs")); }
  CopyOptions Options() const;
  void Put(const Location& location, const RecordView& records) { PutRecords(*fixture_, location, records); }
  /// What a dataset of any kind holds.
  Content ContentOf(const Location& location);
  bool Exists(const Location& location) { return Must(OpenSink(location)->Describe()).exists; }
  CopyReport MustCopy(const Location& source, const Location& target, const CopyOptions& options) { return Must(Copy(engine_, source, target, options)); }
  /// The plan refuses and so does the copy.
  void ExpectRefused(const Location& source, const Location& target, const CopyOptions& options);
  RollbackReport MustRollBack(const std::string& run) { return Must(Rollback(engine_, Must(Must(RunStore::Default()).Find(run)), true)); }
  /// Records of the ids from `first` on whose content is another for each version.
  RecordView Versions(int first, int count, int version);

  Events events_;
  CancelToken cancel_;
  Engine engine_{EngineStores(), events_, cancel_};
};

/// Of stores that can be written.
class EngineSinkSuite : public EngineSuite {
 public:
  using EngineSuite::EngineSuite;
  static bool Concerns(const Capabilities& can) { return can.sink; }
};

/// This program once more, as a process that is told by its arguments to do one of the following. `failpoint` is where it ends
/// itself, "" for nowhere.
pid_t StartAgain(const std::vector<std::string>& arguments, const std::string& failpoint = {});
/// How that process ended, as waitpid tells it.
int Await(pid_t process);
/// What such a process does: --copy FIXTURE SOURCE TARGET COUNT copies plain records out of a memory: dataset, its exit code that of
/// the copy; --write FIXTURE TARGET RECORDS STEPS writes into a dataset of so many records, its exit code the steps that were done.
/// Nothing where the arguments are for the tests.
std::optional<int> ActAsAnother(int argc, char** argv);

/// The options of the copy that is killed, also for the process that resumes it.
CopyOptions KilledOptions();
/// The ids that a writer's step writes anew.
std::vector<int> TouchedBy(int step, int records);

}  // namespace vecferry::conformance
