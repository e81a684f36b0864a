// An index that is put off while a target is loaded: whatever ends a run, the settings come back.
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <thread>

#include "base/fake_clock.h"
#include "indexed_store.h"
#include "migration/deferral.h"
#include "migration_fixture.h"

namespace vecferry {
namespace {

using testing::Contains;
using testing::Not;

class Warnings : public EventListener {
 public:
  void On(const Event& event) override {
    if (event.kind == Event::Kind::warning || event.kind == Event::Kind::message) texts.push_back(event.text);
    if (event.kind == Event::Kind::progress && event.progress.phase == "index") indexed.push_back(event.progress.done);
  }
  std::vector<std::string> texts;
  std::vector<int64_t> indexed;
};

class DeferralTest : public MigrationTest {
 protected:
  void SetUp() override {
    MigrationTest::SetUp();
    state_.file = dir_ / "index";
    state_.Write("m=16");
    for (const char* scheme : {"memory", "qdrant-local"}) registry_.Add(std::make_unique<IndexedConnector>(*registry_.Find(scheme), &state_));
    events_.Add(&warnings_);
    Put(Memory("a"), Batch(Schema(IdKind::string), 0, 400, "k"));
  }

  Location Target() { return At("indexed-qdrant-local:" + (dir_ / "qdrant").string() + "#b"); }
  /// Another source and a target that holds something; each run writes one batch at a time.
  CopyOptions ForTwoRuns() {
    Put(Memory("b"), Batch(Schema(IdKind::string), 5000, 1, "k"));
    Put(Memory("other"), Batch(Schema(IdKind::string), 1000, 50, "o"));
    CopyOptions options = Options();
    options.on_exists = OnExists::upsert;
    options.jobs = 1;
    return options;
  }
  Location Shared() { return At("indexed-memory:" + name_ + "#b"); }

  /// Copies in a process of its own that is killed at the failpoint.
  void KillAt(const std::string& failpoint, const CopyOptions& options) {
    const pid_t child = fork();
    if (child == 0) {
      failpoint::Arm(failpoint);
      (void)Copy(engine_, Memory("a"), Target(), options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << failpoint << " was not reached";
  }

  bool Anything(const fs::path& dir) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(dir, ec)) {
      if (entry.is_directory()) return true;
    }
    return false;
  }

  IndexedState state_;
  Warnings warnings_;
};

TEST_F(DeferralTest, IsOffWhileWrittenAndBackBeforeTheEnd) {
  std::set<std::string> seen;
  std::mutex mutex;
  state_.on_write = [&] {
    const std::lock_guard lock(mutex);
    seen.insert(state_.Read());
  };
  state_.polls = {{false, 100, 400}, {false, 300, 400}, {true, 400, 400}};
  const auto report = Copy(engine_, Memory("a"), Target(), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(seen, std::set<std::string>{"off"});
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_EQ(state_.calls, (std::vector<std::string>{"defer", "put back", "progress", "progress", "progress"}));
  EXPECT_EQ(warnings_.indexed, (std::vector<int64_t>{100, 300}));
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
}

TEST_F(DeferralTest, DuringAndNoneLeaveItAndOnlyNoneDoesNotWait) {
  for (const IndexMode mode : {IndexMode::during, IndexMode::none}) {
    state_.calls.clear();
    CopyOptions options = Options();
    options.index = mode;
    options.restart = true;
    options.on_exists = OnExists::upsert;
    ASSERT_TRUE(Copy(engine_, Memory("a"), Target(), options).ok());
    EXPECT_THAT(state_.calls, Not(Contains("defer")));
    EXPECT_EQ(state_.calls.size(), mode == IndexMode::none ? 0u : 1u);
    EXPECT_EQ(state_.Read(), "m=16");
  }
}

TEST_F(DeferralTest, AFailureAndACancellationPutItBackWithoutWaiting) {
  failpoint::Arm("transfer.write.after:3:error");
  EXPECT_FALSE(Copy(engine_, Memory("a"), Target(), Options()).ok());
  failpoint::Arm("");
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_EQ(state_.calls, (std::vector<std::string>{"defer", "put back"}));
  state_.on_write = [this] { cancel_.Request(); };
  const auto cancelled = Copy(engine_, Memory("a"), Target(), Options());
  EXPECT_TRUE(IsCategory(cancelled.status(), Category::cancelled)) << cancelled.status();
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_THAT(state_.calls, Not(Contains("progress")));
}

class KilledDeferralTest : public DeferralTest, public testing::WithParamInterface<const char*> {};

TEST_P(KilledDeferralTest, TheSameCommandPutsItBack) {
  VF_NEEDS_FORK();
  KillAt(GetParam(), Options());
  const auto again = Copy(engine_, Memory("a"), Target(), Options());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->exit_code, 0);
  EXPECT_EQ(again->transfer.written, 400);
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
}

TEST_P(KilledDeferralTest, CleanPutsItBackAndTheRunGoesOnLater) {
  VF_NEEDS_FORK();
  KillAt(GetParam(), Options());
  const auto cleaned = PutBackIndexes(engine_);
  ASSERT_TRUE(cleaned.ok()) << cleaned.status();
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
  ASSERT_TRUE(Copy(engine_, Memory("a"), Target(), Options()).ok());
  EXPECT_EQ(state_.Read(), "m=16");
}

TEST_P(KilledDeferralTest, RollbackPutsItBack) {
  VF_NEEDS_FORK();
  if (!std::string_view(GetParam()).starts_with("deferral.")) GTEST_SKIP() << "a file that existed is not opened in the middle of a write";
  Put(At("qdrant-local:" + (dir_ / "qdrant").string() + "#b"), Batch(Schema(IdKind::string), 300, 200, "k", 1));
  CopyOptions options = Options();
  options.on_exists = OnExists::upsert;
  KillAt(GetParam(), options);
  const auto rollback = Rollback(engine_, *RunStore::Default()->Find("last"), true);
  ASSERT_TRUE(rollback.ok()) << rollback.status();
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
}

INSTANTIATE_TEST_SUITE_P(Failpoints, KilledDeferralTest,
                         testing::Values("deferral.intent.before:1", "deferral.intent.after:1", "deferral.defer.after:1", "transfer.write.before:3",
                                         "transfer.write.after:3", "journal.ack.after:1", "deferral.putback.before:1", "deferral.putback.after:1"),
                         [](const auto& info) {
                           std::string name(info.param);
                           std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

TEST_F(DeferralTest, OfSeveralRunsTheLastPutsItBackAndTheSettingsAreThoseBeforeTheFirst) {
  const CopyOptions options = ForTwoRuns();
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false, go = false;
  state_.on_write = [&] {
    std::unique_lock lock(mutex);
    if (std::exchange(held, true)) return;
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
  };
  Result<CopyReport> first = Status::UnknownError("not run");
  std::thread slow([&] { first = Copy(engine_, Memory("a"), Shared(), options); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held; });
  }
  const auto second = Copy(engine_, Memory("other"), Shared(), options);
  EXPECT_EQ(state_.Read(), "off") << "the first still writes";
  EXPECT_THAT(warnings_.texts, Contains(testing::HasSubstr("which still writes there")));
  {
    const std::lock_guard lock(mutex);
    go = true;
    changed.notify_all();
  }
  slow.join();
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
}

TEST_F(DeferralTest, ARunThatJoinedAndEndsLastPutsBackWhatTheFirstHadFound) {
  const CopyOptions options = ForTwoRuns();
  std::mutex mutex;
  std::condition_variable changed;
  int met = 0, released = 0;
  // The first write of each run waits: the second's comes while the first's does.
  state_.on_write = [&] {
    std::unique_lock lock(mutex);
    const int mine = ++met;
    if (mine > 2) return;
    changed.notify_all();
    changed.wait(lock, [&] { return released >= mine; });
  };
  const auto wait_for = [&](int writes) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return met >= writes; });
  };
  const auto release = [&](int writes) {
    const std::lock_guard lock(mutex);
    released = writes;
    changed.notify_all();
  };
  Result<CopyReport> first = Status::UnknownError("not run"), second = first;
  std::thread one([&] { first = Copy(engine_, Memory("a"), Shared(), options); });
  wait_for(1);
  std::thread two([&] { second = Copy(engine_, Memory("other"), Shared(), options); });
  wait_for(2);
  release(1);
  one.join();
  EXPECT_EQ(state_.Read(), "off") << "the second still writes";
  release(2);
  two.join();
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_FALSE(Anything(dir_ / "state/vecferry/deferred"));
}

TEST_F(DeferralTest, ALaterRunRepairsWhatAKilledOneLeftOnATargetThatExisted) {
  VF_NEEDS_FORK();
  const Location there = At("qdrant-local:" + (dir_ / "qdrant").string() + "#b");
  Put(there, Batch(Schema(IdKind::string), 5000, 1, "k"));
  Put(Memory("other"), Batch(Schema(IdKind::string), 1000, 50, "o"));
  CopyOptions options = Options();
  options.on_exists = OnExists::upsert;
  for (const IndexMode mode : {IndexMode::after, IndexMode::none}) {
    options.index = IndexMode::after;
    KillAt("deferral.defer.after:1", options);
    ASSERT_EQ(state_.Read(), "off");
    options.index = mode;
    options.restart = mode == IndexMode::none;
    const auto other = Copy(engine_, Memory("other"), Target(), options);
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(state_.Read(), "m=16");
    options.restart = false;
  }
}

TEST_F(DeferralTest, CleanKeepsWhatItCannotPutBackAndWarns) {
  VF_NEEDS_FORK();
  KillAt("transfer.write.after:2", Options());
  state_.answer = MakeError(Category::transient, "the server is down");
  const auto failed = PutBackIndexes(engine_);
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(*failed, 0);
  EXPECT_THAT(warnings_.texts, Contains(testing::HasSubstr("the server is down")));
  EXPECT_EQ(state_.Read(), "off");
  state_.answer = Status::OK();
  EXPECT_EQ(*PutBackIndexes(engine_), 1);
  EXPECT_EQ(state_.Read(), "m=16");
  EXPECT_EQ(*PutBackIndexes(engine_), 0);
}

TEST_F(DeferralTest, AFileThatIsNoneOfOursIsNamed) {
  VF_NEEDS_FORK();
  KillAt("transfer.write.after:2", Options());
  for (const auto& dir : fs::directory_iterator(dir_ / "state/vecferry/deferred")) {
    if (!dir.is_directory()) continue;
    std::ofstream(dir.path() / "x.json") << "{\"run\": 7}";
    std::ofstream(dir.path() / "half.json.tmp") << "{";
  }
  EXPECT_EQ(*PutBackIndexes(engine_), 0);
  EXPECT_THAT(warnings_.texts, Contains(testing::HasSubstr("x.json cannot be read")));
}

TEST_F(DeferralTest, WaitingEndsWithAWarningWhereNothingMoves) {
  FakeClock clock;
  const Engine engine{registry_, events_, cancel_, clock};
  state_.polls = {{false, 10, 400}, {false, 11, 400}};
  const auto report = Copy(engine, Memory("a"), Target(), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GE(clock.passed().count(), 600'000);
  EXPECT_LE(clock.passed().count(), 610'000);
  EXPECT_THAT(warnings_.texts, Contains(testing::HasSubstr("has not grown for 10 minutes")));
}

TEST_F(DeferralTest, WaitingCanBeInterruptedAndIsResumed) {
  state_.polls = {{false, 10, 400}};
  class CancelAtIndex : public EventListener {
   public:
    explicit CancelAtIndex(CancelToken& token) : token_(token) {}
    void On(const Event& event) override {
      if (event.progress.phase == "index") token_.Request();
    }
    CancelToken& token_;
  } listener(cancel_);
  events_.Add(&listener);
  EXPECT_TRUE(IsCategory(Copy(engine_, Memory("a"), Target(), Options()).status(), Category::cancelled));
  EXPECT_EQ(state_.Read(), "m=16");
  state_.polls.clear();
  state_.calls.clear();
  const CancelToken fresh;
  Events quiet;
  const Engine engine{registry_, quiet, fresh};
  const auto again = Copy(engine, Memory("a"), Target(), Options());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(state_.calls, Not(Contains("defer"))) << "nothing was left to be written";
  EXPECT_THAT(state_.calls, Contains("progress"));
}

TEST_F(DeferralTest, ATargetWithNothingToPutOffIsLeftAlone) {
  state_.Write("");
  ASSERT_TRUE(Copy(engine_, Memory("a"), Target(), Options()).ok());
  EXPECT_EQ(state_.calls, std::vector<std::string>{"progress"});
}

}  // namespace
}  // namespace vecferry
