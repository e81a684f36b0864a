#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "progress/bar.h"
#include "progress/json_lines.h"
#include "progress/plain.h"

namespace vecferry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeClock : public Clock {
 public:
  Steady::time_point Now() const override { return now_; }
  double WallSeconds() const override { return 1767323045.6785; }
  Status SleepFor(std::chrono::milliseconds, const CancelToken&) const override { return Status::OK(); }
  void Forward(int milliseconds) { now_ += std::chrono::milliseconds(milliseconds); }

 private:
  Steady::time_point now_ = Steady::time_point(std::chrono::hours(1));
};

Event At(int64_t done, int64_t total, int64_t earlier = 0, std::string phase = "transfer") {
  Event event{Event::Kind::progress, "", {}, {}};
  event.progress.phase = std::move(phase);
  event.progress.done = done;
  event.progress.session = done - earlier;
  event.progress.total = total;
  return event;
}

Event Say(Event::Kind kind, std::string text, std::vector<std::pair<std::string, std::string>> fields = {}) {
  return {kind, std::move(text), {}, std::move(fields)};
}

int Lines(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

TEST(Rate, IsThatOfTheLastSecondsAndOfThisProcess) {
  FakeClock clock;
  RateMeter meter(5);
  EXPECT_EQ(meter.rate(), 0);
  for (int second = 0; second <= 20; ++second) {
    // 100 a second at first, 10 a second from second 10 on; 5,000 were done by an earlier process.
    const int64_t done = 5000 + (second <= 10 ? 100 * second : 1000 + 10 * (second - 10));
    meter.Add(At(done, 7000, 5000).progress, clock.Now());
    clock.Forward(1000);
  }
  EXPECT_NEAR(meter.rate(), 10, 1e-9);
  EXPECT_NEAR(meter.eta(), (7000 - 6100) / 10.0, 1e-9);
  meter.Add(At(0, -1, 0, "verify").progress, clock.Now());
  EXPECT_EQ(meter.rate(), 0);
  EXPECT_EQ(meter.eta(), -1);
}

TEST(Bar, DrawsOneLineWithinTheWidthAndErasesItForMessages) {
  FakeClock clock;
  std::ostringstream out;
  {
    int width = 80;
    BarListener bar(out, {.lines = {}, .colour = false, .width = [&] { return width; }}, clock);
    bar.On(At(0, 1000));
    clock.Forward(1000);
    bar.On(At(250, 1000));
    EXPECT_THAT(out.str(), HasSubstr("[=====>              ]  25 %  250/1,000 records  250/s"));
    clock.Forward(10);
    const auto before = out.str();
    bar.On(At(260, 1000));
    EXPECT_EQ(out.str(), before) << "drawn again within a tenth of a second";
    width = 20;
    bar.On(Say(Event::Kind::warning, "careful"));
    EXPECT_THAT(out.str(), HasSubstr("\r\x1b[Kwarning: careful\n\rtransfer  [=====>  \x1b[K"));
    EXPECT_EQ(Lines(out.str()), 1);
  }
  EXPECT_TRUE(out.str().ends_with("\r\x1b[K"));
}

TEST(Bar, ColoursUnlessToldNotTo) {
  FakeClock clock;
  for (const bool colour : {true, false}) {
    std::ostringstream out;
    BarListener bar(out, {.lines = {}, .colour = colour, .width = [] { return 80; }}, clock);
    bar.On(Say(Event::Kind::warning, "careful"));
    EXPECT_EQ(out.str().find("\x1b[33m") != std::string::npos, colour);
  }
}

TEST(Plain, TellsEachPhaseEachTenthAndAfterSomeSeconds) {
  FakeClock clock;
  std::ostringstream out;
  PlainListener plain(out, {.lines = {}, .every_seconds = 5}, clock);
  auto started = At(0, 100);
  started.kind = Event::Kind::phase_started;
  plain.On(started);
  for (int done = 0; done <= 100; ++done) {
    plain.On(At(done, 100));
    clock.Forward(10);
  }
  EXPECT_EQ(Lines(out.str()), 1 + 10) << out.str();
  EXPECT_THAT(out.str(), HasSubstr("transfer: 50/100 records (50.0 %), 100/s, ETA 0.5 s\n"));
  out.str("");
  plain.On(At(3, -1, 0, "verify"));
  EXPECT_EQ(out.str(), "");
  clock.Forward(5000);
  plain.On(At(4, -1, 0, "verify"));
  EXPECT_THAT(out.str(), HasSubstr("verify: 4 records"));
}

TEST(Lines, EndAPhaseWithItsLastCounts) {
  Progress end, last;
  end.phase = last.phase = "transfer";
  EXPECT_EQ(PhaseSummary(end, {}), "transfer: done");
  last.done = last.session = 1200;
  last.seconds = 2;
  EXPECT_EQ(PhaseSummary(end, last), "transfer: 1,200 records in 2.0 s (600/s)");
  last.phase = "verify";
  EXPECT_EQ(PhaseSummary(end, last), "transfer: done");
}

TEST(Lines, ListTenRejectsAndThenCount) {
  std::ostringstream out;
  PlainListener plain(out, {});
  for (int i = 0; i < 25; ++i) plain.On(Say(Event::Kind::reject, "missing-vector: it has none", {{"id", "a" + std::to_string(i)}}));
  EXPECT_EQ(Lines(out.str()), 11);
  EXPECT_THAT(out.str(), HasSubstr("reject a9: missing-vector: it has none\n(any further rejects are counted"));
  EXPECT_THAT(out.str(), Not(HasSubstr("a10")));
}

TEST(Lines, NeverLetTextFromOutsideSteerTheTerminal) {
  std::ostringstream out;
  PlainListener plain(out, {.lines = {.quiet = false, .verbose = true, .list_at_most = 10}, .every_seconds = 5});
  plain.On(Say(Event::Kind::reject, "bad \x1b[2Jtext", {{"id", "\x1b]0;x\x07"}, {"k\n", "\xff"}}));
  plain.On(Say(Event::Kind::retry, "line\nbreak"));
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find('\x07'), std::string::npos);
  EXPECT_THAT(out.str(), HasSubstr("line\\x0abreak\n"));
}

TEST(Lines, QuietTellsWarningsAlone) {
  std::ostringstream out;
  PlainListener plain(out, {.lines = {.quiet = true, .verbose = false, .list_at_most = 10}, .every_seconds = 0});
  auto done = At(5, 5);
  plain.On(done);
  done.kind = Event::Kind::phase_finished;
  plain.On(done);
  plain.On(Say(Event::Kind::message, "m"));
  plain.On(Say(Event::Kind::reject, "r"));
  EXPECT_EQ(out.str(), "");
  plain.On(Say(Event::Kind::warning, "w"));
  EXPECT_EQ(out.str(), "warning: w\n");
}

TEST(JsonLines, WritesOneObjectAnEventAndProgressOnceASecond) {
  FakeClock clock;
  std::ostringstream out;
  JsonLinesListener json(out, 1, clock);
  for (int i = 0; i < 30; ++i) {
    json.On(At(i, -1));
    clock.Forward(100);
  }
  EXPECT_EQ(Lines(out.str()), 3);
  json.On(Say(Event::Kind::reject, "not \xff utf-8\n", {{"id", "x\"y"}}));
  std::istringstream lines(out.str());
  std::string line;
  nlohmann::json last;
  while (std::getline(lines, line)) last = nlohmann::json::parse(line);
  EXPECT_EQ(last["message_type"], "reject");
  EXPECT_EQ(last["time"], "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(last["fields"]["id"], "x\"y");
  const auto first = nlohmann::json::parse(out.str().substr(0, out.str().find('\n')));
  EXPECT_TRUE(first["total"].is_null());
  EXPECT_EQ(first["phase"], "transfer");
}

}  // namespace
}  // namespace vecferry
