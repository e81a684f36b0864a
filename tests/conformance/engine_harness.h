#pragma once
#include "base/failpoint.h"
#include "conformance/harness.h"
#include "migration/engine.h"
#include "migration/session.h"

namespace vecferry::conformance {

/// The registry of the engine's tests: every kind of store and, as "eager-SCHEME:", each kind of sink that says at Flush what is
/// durable, asked after every batch.
Registry& EngineStores();

/// The engine's verbs on one kind of store. The other side is memory: of this process.
class EngineSuite : public Harness {
 public:
  explicit EngineSuite(const Fixture& fixture);
  ~EngineSuite() override { failpoint::Arm(""); }

 protected:
  /// A dataset of this process, of this test's own.
  Location Memory(const std::string& name) { return Must(EngineStores().Resolve("memory:" + Unique(name) + "#docs")); }
  CopyOptions Options() const;
  /// Writes records as somebody else would, into a dataset that may hold some.
  void Put(const Location& location, const RecordView& records);
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

/// Copies `count` plain records of `fixture` out of the memory: dataset `source` into `target`: what another process does so that
/// it can be killed. Its exit code.
int CopyInThisProcess(const Fixture& fixture, const std::string& source, const std::string& target, int count);
/// The options of that copy, also for the process that resumes it.
CopyOptions KilledOptions();

}  // namespace vecferry::conformance
