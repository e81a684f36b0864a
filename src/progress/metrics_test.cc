#include "progress/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

namespace vecferry {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string TextOf(const MetricsListener& listener) { return prometheus::TextSerializer().Serialize(listener.collectable()->Collect()); }

Event ProgressOf(const std::string& phase, int64_t written, int64_t in_flight) {
  Event event{Event::Kind::progress, "", {}, {}};
  event.progress.phase = phase;
  event.progress.done = written;
  event.progress.written = written;
  event.progress.in_flight = in_flight;
  return event;
}

TEST(MetricsListener, CountsWhatTheEventsTell) {
  MetricsListener listener({"copy", "a:b", "c:d", "1.0"});
  EXPECT_THAT(TextOf(listener), HasSubstr("vecferry_run_info{command=\"copy\",source=\"a:b\",target=\"c:d\",version=\"1.0\"} 1"));
  listener.On(ProgressOf("transfer", 100, 3));
  listener.On(ProgressOf("transfer", 250, 2));
  listener.On(RetryOf(MakeError(Category::transient, "later")));
  listener.On(RetryOf(At(MakeError(Category::transient, "later"), Side::sink, "", "")));
  listener.On({Event::Kind::reject, "", {}, {{"code", "too-large"}}});
  listener.On({Event::Kind::warning, "x", {}, {}});
  listener.On({Event::Kind::request, "", {}, {}, {true, true, 1, 1, 0.2}});
  const std::string text = TextOf(listener);
  for (const char* line : {"vecferry_records_total{outcome=\"written\"} 250", "vecferry_writes_in_flight 2", "vecferry_errors_total{category=\"transient\"} 2",
                           "vecferry_retries_total{side=\"target\"} 1", "vecferry_retries_total{side=\"unknown\"} 1", "vecferry_rejects_total{code=\"too-large\"} 1", "vecferry_warnings_total 1",
                           "vecferry_phase{phase=\"transfer\"} 1", "vecferry_request_duration_seconds_bucket{operation=\"write\",le=\"0.1\"} 0",
                           "vecferry_request_duration_seconds_bucket{operation=\"write\",le=\"0.25\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsListener, OnePhaseIsGoingOnAtATime) {
  MetricsListener listener({});
  listener.On(ProgressOf("transfer", 5, 0));
  listener.On(ProgressOf("verify: target", 7, 0));
  const std::string text = TextOf(listener);
  EXPECT_THAT(text, HasSubstr("vecferry_phase{phase=\"transfer\"} 0"));
  EXPECT_THAT(text, HasSubstr("vecferry_phase{phase=\"verify: target\"} 1"));
  // What a verification reads is not written.
  EXPECT_THAT(text, HasSubstr("vecferry_records_total{outcome=\"written\"} 5"));
}

TEST(MetricsListener, HostileNamesAreBoundedAndCannotMakeLines) {
  MetricsListener listener({"copy", "a\nvecferry_evil 1", "\"}", ""});
  for (int i = 0; i < 5000; ++i) listener.On({Event::Kind::reject, "", {}, {{"code", "x\n\"" + std::to_string(i)}}});
  const std::string text = TextOf(listener);
  EXPECT_THAT(text, Not(HasSubstr("\nvecferry_evil")));
  size_t series = 0;
  for (size_t at = 0; (at = text.find("\nvecferry_rejects_total{", at)) != std::string::npos; ++at) ++series;
  EXPECT_LE(series, 101u);
  EXPECT_THAT(text, HasSubstr("vecferry_rejects_total{code=\"other\"} 4900"));
}

}  // namespace
}  // namespace vecferry
