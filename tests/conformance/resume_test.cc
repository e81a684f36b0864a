// A copy that is killed at any batch and started again ends as one that was not interrupted.
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

constexpr int kRecords = 50;  // five batches
#ifdef __SANITIZE_ADDRESS__
constexpr bool kEachTwice = false;  // each process takes a second there
#else
constexpr bool kEachTwice = true;
#endif

class Kill : public EngineSinkSuite {
 public:
  explicit Kill(const Fixture& fixture, std::string failpoint = {}, bool sure = true) : EngineSinkSuite(fixture), failpoint_(std::move(failpoint)), sure_(sure) {}

  void TestBody() override {
    Begin("killed");
    EXPECT_TRUE(Interrupt(failpoint_) || !sure_) << failpoint_ << " was not reached";
    ExpectResumed();
  }

 protected:
  void Begin(const std::string& name) {
    source_ = Memory("source" + name);
    const Location target = Fresh(name);
    target_text_ = (can_.replay == Replay::truncate_and_replay ? "eager-" : "") + TextOf(target);
    target_ = Must(EngineStores().Resolve(target_text_));
    Put(source_, Records(0, kRecords));
  }

  /// Begins the copy and ends it at a failpoint. False where it was not reached and the copy is whole.
  bool Interrupt(const std::string& failpoint) {
    if (fixture_->outlasts_process) return KillAnother(failpoint);
    failpoint::Arm(failpoint + ":error");
    const auto report = Copy(engine_, source_, target_, KilledOptions());
    failpoint::Arm("");
    return !report.ok();
  }

  /// The copy in a process of its own, which dies by SIGKILL.
  bool KillAnother(const std::string& failpoint) {
    const int status = Await(StartAgain({"--copy", fixture_->name(), source_.Display(), target_text_, std::to_string(kRecords)}, failpoint));
    const bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_TRUE(whole || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << failpoint << ": the copy ended with status " << status;
    return !whole;
  }

  void ExpectResumed() {
    const auto report = Copy(engine_, source_, target_, KilledOptions());
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->exit_code, exit_code::kOk) << report->ToJson();
    EXPECT_EQ(report->total, kRecords);
    if (!can_.source) return;
    const Content got = ContentOf(target_);
    EXPECT_EQ(got.keys.size(), static_cast<size_t>(kRecords));
    EXPECT_EQ(got.digest.Fingerprint(), Of(Records(0, kRecords)).digest.Fingerprint());
  }

  const std::string failpoint_;
  const bool sure_;
  Location source_, target_;
  std::string target_text_;
};

/// Those of the engine's own are the same for every store, and of writes and acknowledgements each batch has its test.
bool IsTheEngines(const std::string& point) { return point.starts_with("journal.") || point.starts_with("transfer."); }

/// Once at each place that has a name: the store's own, and the engine's where the store is quick.
STORE_TEST(Kill, AtEveryNamedPoint) {
  const fs::path list = dir_ / "points";
  Begin("listed");
  if (fixture_->outlasts_process) {
    EXPECT_FALSE(KillAnother("list:" + list.string()));
  } else {
    failpoint::Arm("list:" + list.string());
    (void)MustCopy(source_, target_, KilledOptions());
    failpoint::Arm("");
  }
  std::map<std::string, int> points;
  std::ifstream names(list);
  for (std::string name; std::getline(names, name);) ++points[name];
  EXPECT_GE(points.size(), 4u);
  int n = 0;
  for (const auto& [name, hits] : points) {
    if (IsTheEngines(name) && fixture_->outlasts_process && can_.replay != Replay::truncate_and_replay) continue;
    SCOPED_TRACE(name);
    for (const int hit : std::set<int>{1, kEachTwice ? hits : 1}) {
      Begin("p" + std::to_string(++n));
      (void)Interrupt(name + ":" + std::to_string(hit));
      ExpectResumed();
    }
  }
}

[[maybe_unused]] const bool added = (AllCaseTests().push_back([](const Fixture& fixture, const Capabilities& can) {
  if (!can.sink) return;
  const auto add = [&](const std::string& name, const std::string& failpoint, bool sure) {
    AddCaseTest(fixture, "Kill", name, __FILE__, __LINE__, [&fixture, failpoint, sure]() -> Harness* { return new Kill(fixture, failpoint, sure); });
  };
  for (int batch = 1; batch <= kRecords / 10; ++batch) {
    const std::string n = std::to_string(batch);
    add("BeforeTheWriteOfBatch" + n, "transfer.write.before:" + n, true);
    add("AfterTheWriteOfBatch" + n, "transfer.write.after:" + n, true);
    // Several acknowledgements may be journalled at once.
    add("AfterTheAcknowledgementOfBatch" + n, "journal.ack.after:" + n, batch == 1);
    if (can.replay == Replay::truncate_and_replay) add("AfterTheFlushOfBatch" + n, "transfer.flush.after:" + n, batch == 1);
  }
}), true);

/// The same for the reading side, whose cursors are journalled.
class ReadingSuite : public EngineSuite {
 public:
  using EngineSuite::EngineSuite;
  static bool Concerns(const Capabilities& can) { return can.source; }
};

STORE_TEST(ReadingSuite, EverythingArrivesAndIsVerified) {
  const Location source = Filled(30), target = Memory("out");
  const CopyReport report = MustCopy(source, target, Options());
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ASSERT_TRUE(report.verify);
  EXPECT_TRUE(report.verify->ok);
  EXPECT_EQ(ContentOf(target).digest.Fingerprint(), ContentOf(source).digest.Fingerprint());
}

STORE_TEST(ReadingSuite, AnInterruptedReadGoesOnAtEveryBatch) {
  const Location source = Filled(30);
  const std::string wanted = ContentOf(source).digest.Fingerprint();
  CopyOptions options = Options();
  options.batch_rows = can_.sink ? 7 : 1;
  int interrupted = 0;
  for (int batch = 1; batch <= 5; ++batch) {
    for (const char* point : {"transfer.write.before", "transfer.write.after", "transfer.read.after"}) {
      SCOPED_TRACE(point + std::to_string(batch));
      const Location target = Memory(std::to_string(batch) + point);
      failpoint::Arm(point + (":" + std::to_string(batch)) + ":error");
      interrupted += !Copy(engine_, source, target, options).ok();
      failpoint::Arm("");
      const CopyReport report = MustCopy(source, target, options);
      EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
      EXPECT_EQ(ContentOf(target).digest.Fingerprint(), wanted);
    }
  }
  EXPECT_GE(interrupted, 9) << "three batches at least";
}

STORE_TEST(ReadingSuite, InspectCountsWhatIsRead) {
  const Location source = Filled(30);
  const Inventory inventory = Must(Inspect(engine_, source, std::nullopt, true, 1));
  EXPECT_TRUE(inventory.complete);
  EXPECT_EQ(inventory.records, static_cast<int64_t>(ContentOf(source).keys.size()));
}

}  // namespace
}  // namespace vecferry::conformance
