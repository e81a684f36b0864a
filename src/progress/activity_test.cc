#include "progress/activity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "progress/recorder.h"

namespace vecferry {
namespace {

class FakeClock final : public Clock {
 public:
  Steady::time_point Now() const override { return Steady::time_point(std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(at))); }
  double WallSeconds() const override { return 1000 + at; }
  Status SleepFor(std::chrono::milliseconds, const CancelToken&) const override { return Status::OK(); }
  double at = 0;
};

Event ProgressOf(const std::string& phase, int64_t session, int64_t bytes, int64_t in_flight = 0) {
  Event event{Event::Kind::progress, "", {}, {}};
  event.progress.phase = phase;
  event.progress.session = session;
  event.progress.done = session + 500;  // an earlier process's
  event.progress.bytes = bytes;
  event.progress.in_flight = in_flight;
  return event;
}

TEST(LatencyHistogram, QuantilesAreWithinATenthOfADecade) {
  LatencyHistogram h;
  for (int i = 1; i <= 1000; ++i) h.Add(0.001 * i);
  EXPECT_EQ(h.count(), 1000);
  EXPECT_NEAR(h.mean(), 0.5005, 1e-9);
  EXPECT_GE(h.Quantile(0.5), 0.5);
  EXPECT_LE(h.Quantile(0.5), 0.5 * std::pow(10, 0.1) + 1e-9);
  EXPECT_DOUBLE_EQ(h.Quantile(1), 1.0);
  LatencyHistogram odd;
  for (const double s : {0.0, 1e-9, 5e3, 1e9}) odd.Add(s);
  EXPECT_EQ(odd.count(), 4);
  EXPECT_DOUBLE_EQ(odd.Quantile(1), 1e9);
  EXPECT_DOUBLE_EQ(LatencyHistogram().Quantile(0.5), 0);
}

TEST(Activity, StretchesGrowAndLoseNothing) {
  Activity a;
  for (int i = 0; i < 5000; ++i) {
    ActivityBucket& bucket = a.At(0.1 * i);
    ++bucket.records;
    bucket.slowest_write = std::max(bucket.slowest_write, i == 4321 ? 9.0 : 1.0);
  }
  EXPECT_LE(a.buckets.size(), Activity::kMostBuckets);
  int64_t records = 0;
  double slowest = 0;
  for (const auto& bucket : a.buckets) records += bucket.records, slowest = std::max(slowest, bucket.slowest_write);
  EXPECT_EQ(records, 5000);
  EXPECT_EQ(slowest, 9);
  EXPECT_GE(a.width * static_cast<double>(a.buckets.size()), 499.9);
}

TEST(Activity, JsonThereAndBack) {
  Activity a;
  a.version = "1.2";
  a.started = 12.5;
  a.seconds = 3;
  a.At(1).bytes = 7;
  a.At(2.6).in_flight = 3;
  a.phases.push_back({"transfer", 0.5, 2.5, true});
  a.reads.Add(0.02);
  a.writes.Add(2);
  a.errors = {{"transient", 2}};
  a.rejects = {{"missing-vector", 4}};
  a.warnings = {"one", "\xff bad"};
  a.outcome = "failed";
  const auto back = Activity::FromJson(a.ToJson());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->ToJson(), a.ToJson());
  EXPECT_EQ(back->buckets.size(), a.buckets.size());
  EXPECT_EQ(back->writes.slowest(), 2);
}

TEST(Activity, WhatIsNoneIsRefused) {
  for (const char* text : {"", "{}", "[]", "null", "{\"version\":1}", "{\"buckets\":[[1]]}"}) EXPECT_FALSE(Activity::FromJson(text).ok()) << text;
  Activity a;
  a.At(0).records = 1;
  std::string text = a.ToJson();
  text.replace(text.find("\"width\":0.25"), 12, "\"width\":0.0");
  EXPECT_FALSE(Activity::FromJson(text).ok()) << text;
}

TEST(ActivityRecorder, CountsWhatThisProcessDid) {
  FakeClock clock;
  ActivityRecorder recorder("v", clock);
  int saved = 0;
  recorder.SaveTo([&](const Activity&) { ++saved; }, 2);
  recorder.On(ProgressOf("transfer", 100, 10'000));  // the bytes of earlier processes are in it
  clock.at = 1;
  recorder.On(ProgressOf("transfer", 300, 12'000, 4));
  recorder.On({Event::Kind::request, "", {}, {}, {true, true, 10, 100, 0.5}});
  recorder.On(RetryOf(MakeError(Category::transient, "later")));
  recorder.On({Event::Kind::reject, "", {}, {{"code", "too-large"}}});
  EXPECT_EQ(saved, 0);
  clock.at = 3;
  recorder.On(ProgressOf("verify: target", 50, 0));
  EXPECT_EQ(saved, 1);
  recorder.On(ProgressOf("transfer", 20, 12'500));  // a second pass
  recorder.End("failed", MakeError(Category::no_space, "full"));
  EXPECT_EQ(saved, 2);
  const Activity a = recorder.Now();
  EXPECT_EQ(a.records, 320);
  EXPECT_EQ(a.bytes, 2000);
  EXPECT_EQ(a.writes.count(), 1);
  EXPECT_EQ(a.errors, (std::map<std::string, int64_t>{{"no_space", 1}, {"transient", 1}}));
  EXPECT_EQ(a.rejects.at("too-large"), 1);
  EXPECT_EQ(a.retries, 1);
  EXPECT_EQ(a.buckets[12].checked, 50);
  EXPECT_EQ(a.buckets[4].in_flight, 4);
  EXPECT_EQ(a.outcome, "failed");
}

TEST(ActivityRecorder, PhasesThatDoNotEndAreToldSo) {
  FakeClock clock;
  ActivityRecorder recorder("v", clock);
  Event begin{Event::Kind::phase_started, "", {}, {}}, end{Event::Kind::phase_finished, "", {}, {}};
  begin.progress.phase = end.progress.phase = "transfer";
  recorder.On(begin);
  clock.at = 2;
  recorder.On(end);
  begin.progress.phase = "verify";
  recorder.On(begin);
  clock.at = 5;
  recorder.On({Event::Kind::message, "x", {}, {}});
  const Activity a = recorder.Now();
  ASSERT_EQ(a.phases.size(), 2u);
  EXPECT_TRUE(a.phases[0].finished);
  EXPECT_DOUBLE_EQ(a.phases[0].end, 2);
  EXPECT_FALSE(a.phases[1].finished);
  EXPECT_DOUBLE_EQ(a.phases[1].end, 5);
}

TEST(ActivityRecorder, HostileCodesDoNotGrowIt) {
  ActivityRecorder recorder("v");
  for (int i = 0; i < 5000; ++i) {
    recorder.On({Event::Kind::reject, "", {}, {{"code", std::to_string(i)}}});
    recorder.On({Event::Kind::warning, std::to_string(i), {}, {}});
  }
  const Activity a = recorder.Now();
  EXPECT_LE(a.rejects.size(), 201u);
  EXPECT_LE(a.warnings.size(), 50u);
  EXPECT_EQ(a.more_warnings, 4950);
}

}  // namespace
}  // namespace vecferry
