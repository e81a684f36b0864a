// Somebody writes to a source while it is copied.
#include <sys/wait.h>

#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

constexpr int kRecords = 60, kSteps = 6;

/// Of stores that may change under a reader, and that we can write to.
class ConcurrencySuite : public EngineSuite {
 public:
  using EngineSuite::EngineSuite;
  static bool Concerns(const Capabilities& can) { return can.source && can.sink && can.appends && can.consistency != Consistency::frozen; }

 protected:
  /// The dataset after the first `steps` steps of the writer: each overwrites two records and adds one.
  Content After(int steps) {
    std::map<int, int> versions;
    for (int i = 0; i < kRecords; ++i) versions[i] = 0;
    for (int step = 1; step <= steps; ++step) {
      for (const int id : TouchedBy(step, kRecords)) versions[id] = step;
    }
    Content content;
    for (const auto& [id, version] : versions) Add(Versions(id, 1, version), &content);
    return content;
  }
};

/// Calls a function when records begin to be moved.
class AtTransfer final : public EventListener {
 public:
  explicit AtTransfer(std::function<void()> act) : act_(std::move(act)) {}
  void On(const Event& event) override {
    if (event.kind == Event::Kind::phase_started && event.text == "transfer" && !std::exchange(done_, true)) act_();
  }

 private:
  std::function<void()> act_;
  bool done_ = false;
};

STORE_TEST(ConcurrencySuite, ACopyOfADatasetThatIsWrittenIsVerified) {
  const Location source = Fresh("source"), target = Memory("out");
  WriteAll(source, {Records(0, kRecords)});
  pid_t writer = 0;
  int steps = -1;
  AtTransfer start([&] { writer = StartAgain({"--write", fixture_->name(), TextOf(source), std::to_string(kRecords), std::to_string(kSteps)}); });
  events_.Add(&start);
  CopyOptions options = Options();
  options.batch_rows = 5;
  options.jobs = 1;
  options.records_per_second = 100;  // so that the writer comes in between
  options.steps.before_finish = [&] {
    if (writer > 0) steps = WEXITSTATUS(Await(std::exchange(writer, 0)));
    return Status::OK();
  };
  const auto report = Copy(engine_, source, target, options);
  if (writer > 0) (void)Await(writer);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, exit_code::kOk) << report->ToJson();
  ASSERT_TRUE(report->verify);
  EXPECT_TRUE(report->verify->ok);
  const std::string got = ContentOf(target).digest.Fingerprint();
  if (report->plan.source.consistency == Consistency::live) {
    EXPECT_EQ(steps, kSteps) << "a writer was kept out";
    EXPECT_EQ(got, After(kSteps).digest.Fingerprint()) << "the target is what the source became";
    return;
  }
  // A snapshot is what the source was at the beginning, whether by keeping an old state or by keeping writers out.
  EXPECT_TRUE(steps == 0 || steps == kSteps) << steps;
  EXPECT_EQ(got, After(0).digest.Fingerprint()) << "the target is what the source was";
}

}  // namespace
}  // namespace vecferry::conformance
