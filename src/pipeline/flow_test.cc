#include "pipeline/flow.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/fake_clock.h"

namespace vecferry {
namespace {

constexpr int64_t kMega = 1 << 20;

Status RateLimited(int milliseconds) {
  ErrorFacts facts;
  facts.category = Category::transient;
  facts.retry = Retry::after_delay;
  facts.retry_after = std::chrono::milliseconds(milliseconds);
  return MakeError(std::move(facts), "slow down");
}

class FlowTest : public testing::Test {
 protected:
  Flow Make(int most_in_flight, bool climbs = true) { return Flow({most_in_flight, climbs, 8 * kMega}, clock_, cancel_); }

  /// Rounds of as many writes as the flow allows, answered together after the time that the model says for their number
  /// and the bytes of each.
  template <typename Model>
  void Serve(Flow& flow, int rounds, int64_t batch, const Model& seconds) {
    for (int i = 0; i < rounds; ++i) {
      const int at_once = flow.limit();
      const int64_t rows = flow.RowsAtOnce(1000, batch), bytes = batch * rows / 1000;
      std::vector<Flow::Permit> permits;
      for (int k = 0; k < at_once; ++k) permits.push_back(flow.Enter());
      clock_.Pass(seconds(at_once, bytes));
      for (const auto& permit : permits) flow.Leave(permit, bytes, Status::OK());
    }
  }

  FakeClock clock_;
  CancelToken cancel_;
};

TEST_F(FlowTest, BeginsWithTwoAndWithOneWhereOneIsAllItMay) {
  EXPECT_EQ(Make(8).limit(), 2);
  EXPECT_EQ(Make(1).limit(), 1);
  EXPECT_EQ(Make(8).bytes(), 1536 << 10);
}

TEST_F(FlowTest, TakesMoreInFlightWhileThatIsFasterAndNotBeyond) {
  Flow flow = Make(16);
  // Five at once are answered in the time of one; from then on they share the store.
  Serve(flow, 400, kMega, [](int n, int64_t) { return 0.02 * std::max(1.0, n / 5.0); });
  EXPECT_EQ(flow.limit(), 5);
  Flow bounded = Make(3);
  Serve(bounded, 400, kMega, [](int, int64_t) { return 0.02; });
  EXPECT_EQ(bounded.limit(), 3);
}

TEST_F(FlowTest, FindsTheSizeThatIsAnsweredFastest) {
  // A cost for each request and one for each byte: larger is better, up to what the batch has.
  Flow larger = Make(2);
  Serve(larger, 600, 8 * kMega, [](int, int64_t bytes) { return 0.02 + static_cast<double>(bytes) / 1e8; });
  EXPECT_GT(larger.bytes(), 4 * kMega);
  EXPECT_LE(larger.bytes(), 8 * kMega);
  // A store that suffers from large requests.
  Flow smaller = Make(2);
  Serve(smaller, 600, 8 * kMega, [](int, int64_t bytes) { return 0.001 + static_cast<double>(bytes) * static_cast<double>(bytes) / 1e13; });
  EXPECT_LT(smaller.bytes(), kMega / 2);
  EXPECT_GE(smaller.bytes(), 64 << 10);
}

TEST_F(FlowTest, TheUsersSizeIsNotChanged) {
  Flow flow = Make(2, false);
  Serve(flow, 200, 8 * kMega, [](int, int64_t bytes) { return static_cast<double>(bytes) * static_cast<double>(bytes) / 1e13; });
  EXPECT_EQ(flow.RowsAtOnce(1000, 8 * kMega), 1000);
}

TEST_F(FlowTest, WhatWasTooLargeIsACapForGood) {
  Flow flow = Make(2);
  flow.TooLarge(kMega);
  EXPECT_EQ(flow.bytes(), kMega / 2);
  Serve(flow, 300, 8 * kMega, [](int, int64_t) { return 0.02; });
  EXPECT_LE(flow.bytes(), kMega / 2);
  EXPECT_EQ(flow.RowsAtOnce(1000, kMega), 500);
  Flow fixed = Make(2, false);
  fixed.TooLarge(kMega);
  EXPECT_EQ(fixed.RowsAtOnce(1000, kMega), 500);
  EXPECT_EQ(fixed.RowsAtOnce(1, 100 * kMega), 1);
}

TEST_F(FlowTest, ARateLimitHalvesOnceAndHoldsEveryWriteBack) {
  Flow flow = Make(8);
  Serve(flow, 100, kMega, [](int, int64_t) { return 0.05; });
  ASSERT_EQ(flow.limit(), 8);
  std::vector<Flow::Permit> permits;
  for (int i = 0; i < 8; ++i) permits.push_back(flow.Enter());
  for (const auto& permit : permits) flow.Leave(permit, kMega, RateLimited(700));
  EXPECT_EQ(flow.limit(), 4) << "those in flight together are one failure";
  const double before = clock_.seconds();
  const auto permit = flow.Enter();
  EXPECT_NEAR(clock_.seconds() - before, 0.7, 1e-6);
  flow.Leave(permit, kMega, RateLimited(0));
  flow.Leave(flow.Enter(), kMega, RateLimited(0));
  EXPECT_EQ(flow.limit(), 1);
  flow.Leave(flow.Enter(), kMega, RateLimited(0));
  EXPECT_EQ(flow.limit(), 1);
  Serve(flow, 200, kMega, [](int, int64_t) { return 0.05; });
  EXPECT_EQ(flow.limit(), 8) << "and it comes back";
}

TEST_F(FlowTest, NoMoreThanTheLimitAreInFlight) {
  Flow flow = Make(4);
  std::atomic<int> now{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto permit = flow.Enter();
        const int n = ++now;
        for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {
        }
        --now;
        flow.Leave(permit, 1000, Status::OK());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, 4);
}

TEST(PacerTest, NeverGivesMoreThanTimeAllowsNorMakesUpForABreak) {
  FakeClock clock;
  CancelToken cancel;
  Pacer pacer(100, clock);
  const auto never = [] { return false; };
  int64_t given = 0;
  for (const int64_t records : {1, 50, 7, 120, 3}) {
    ASSERT_TRUE(pacer.Wait(records, cancel, never));
    given += records;
    EXPECT_LE(static_cast<double>(given), 100 * clock.seconds() + 1e-6);
    EXPECT_GE(static_cast<double>(given), 100 * (clock.seconds() - 0.002));
  }
  clock.Pass(60);
  const double before = clock.seconds();
  ASSERT_TRUE(pacer.Wait(100, cancel, never));
  EXPECT_GE(clock.seconds() - before, 1.0);
}

TEST(PacerTest, HoldsOverAllThreadsAndEndsWhereAStopIsRequested) {
  FakeClock clock;
  CancelToken cancel;
  Pacer pacer(1000, clock);
  std::atomic<int64_t> given{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(pacer.Wait(10, cancel, [] { return false; }));
        given += 10;
        EXPECT_LE(static_cast<double>(given), 1000 * clock.seconds() + 1e-6);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GE(clock.seconds(), 4.0);
  cancel.Request();
  EXPECT_FALSE(pacer.Wait(10'000, cancel, [] { return false; }));
  EXPECT_FALSE(Pacer(1, clock).Wait(1, CancelToken(), [] { return true; }));
}

}  // namespace
}  // namespace vecferry
