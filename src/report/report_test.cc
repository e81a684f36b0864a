#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/histogram.h"
#include "report/projection.h"
#include "report/text.h"

namespace vecferry {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kHostile = "</script><script>alert(1)</script><!-- \x01\x1b[31m \xff \u2028 \"'& \u00fc\U0001F600";

RunReport Hostile() {
  RunReport r;
  r.verb = "copy";
  r.command = r.run_id = r.source = r.target = kHostile;
  r.state = "finished";
  r.moved = true;
  r.rejected = 1;
  r.exit_code = 3;
  r.mapping = r.transforms = r.files = r.switch_over = r.versions = {{kHostile, kHostile}};
  r.next = {{kHostile, kHostile}};
  r.issues = {{kHostile, kHostile, 1, false, false, kHostile}};
  r.notes = {{kHostile, kHostile, 1, false}};
  r.fates = {{kHostile, kHostile, kHostile}};
  r.rejects = {{kHostile, 1, {{kHostile, kHostile}}}};
  r.mismatch_examples = {{kHostile, kHostile, kHostile, kHostile, kHostile}};
  r.failure = ReportFailure{kHostile, kHostile, kHostile, kHostile, kHostile, kHostile};
  RecordSchema schema;
  VectorSpec spec;
  spec.name = spec.model = kHostile;
  spec.dims = 2;
  schema.vectors = {spec};
  schema.field_types = {{kHostile, kHostile}};
  r.schema = schema;
  Activity activity;
  activity.version = kHostile;
  activity.At(0).records = 5;
  activity.errors = {{kHostile, 1}};
  activity.warnings = {kHostile};
  activity.phases = {{kHostile, 0, 1, true}};
  r.activity = {activity};
  VerifyReport verify;
  verify.ok = false;
  verify.source_digest = verify.target_digest = verify.transforms_of = kHostile;
  verify.checks = {{kHostile, false, kHostile}, {"content", false, "1 differ"}};
  verify.counts = {{DifferenceClass::corrupt, 1}};
  verify.differences = {{DifferenceClass::corrupt, kHostile, kHostile, kHostile, kHostile, kHostile}};
  SearchReport search;
  search.ok = false;
  search.queries = kHostile;
  SearchColumn column;
  column.column = column.source.how = kHostile;
  column.ok = false;
  column.findings = {{kHostile, kHostile, true}};
  column.worst = {{kHostile, kHostile, 0.5, {kHostile}, {kHostile}}};
  search.columns = {column};
  search.not_searched = {kHostile};
  verify.search = search;
  r.verify = verify;
  ReportSample sample;
  sample.records = 1;
  sample.note = kHostile;
  sample.shown = {{kHostile, kHostile, "{\"a\":\"</script>\"}", kHostile, {kHostile}, {kHostile}, true}};
  SampledColumn plane;
  plane.column = kHostile;
  plane.source = plane.target = spec;
  plane.source_norms = plane.target_norms = {1, 1};
  plane.points = {{kHostile, 0, 1, 2, 3, true}};
  sample.columns = {plane};
  r.sample = sample;
  return r;
}

/// What is left of a page without the two scripts and the styles that are ours.
std::string WithoutOurs(std::string page) {
  for (const char* tag : {"style", "script"}) {
    const std::string begin = std::string("<") + tag + ">", end = std::string("</") + tag + ">";
    for (size_t at; (at = page.find(begin)) != std::string::npos;) page.erase(at, page.find(end, at) + end.size() - at);
  }
  return page;
}

TEST(ReportPage, WhatComesFromOutsideIsTextWhereverItStands) {
  const std::string page = WithoutOurs(ReportPage(Hostile()));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, Not(HasSubstr("<!-- ")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\xff")));
  // The data of the plots is the only script element left, and it ends where it should.
  size_t scripts = 0;
  for (size_t at = 0; (at = page.find("</script", at)) != std::string::npos; ++at) ++scripts;
  EXPECT_EQ(scripts, 1u);
  EXPECT_THAT(page, HasSubstr("\U0001F600"));
}

TEST(ReportPage, AsksForNothing) {
  const std::string page = ReportPage(Hostile());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* loads : {" src=", "@import", "url(", "href=\"http"}) EXPECT_THAT(page, Not(HasSubstr(loads)));
}

TEST(ReportPage, AnEmptyReportIsAPage) {
  const std::string page = ReportPage(RunReport{});
  EXPECT_THAT(page, HasSubstr("</html>"));
  EXPECT_THAT(page, HasSubstr("<h1>"));
}

TEST(ReportJson, IsOneObject) {
  const auto json = nlohmann::json::parse(ReportJson(Hostile()));
  EXPECT_EQ(json["vecferry"], "report");
  EXPECT_EQ(json["rejects"][0]["count"], 1);
  EXPECT_EQ(json["sample"]["columns"][0]["points"].size(), 1u);
  EXPECT_TRUE(nlohmann::json::parse(ReportJson(RunReport{})).is_object());
}

TEST(ReportJunit, HostileTextIsAllowedInXml) {
  const std::string xml = ReportJunit(Hostile());
  for (const char c : xml) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  EXPECT_THAT(xml, Not(HasSubstr("</script>")));
  EXPECT_THAT(xml, HasSubstr("tests=\"4\" failures=\"3\" errors=\"1\""));
}

TEST(Text, Escapes) {
  EXPECT_EQ(EscapeMarkup("<a href=\"x\">'&\x02\xff"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\\x02\\xff");
  EXPECT_EQ(SafeInScript("{\"a\":\"</script>&\u2028\"}"), "{\"a\":\"\\u003c/script\\u003e\\u0026\\u2028\"}");
  EXPECT_THAT(EscapeMarkup("\uFFFF"), Not(HasSubstr("\uFFFF")));
}

TEST(FitPlane, FindsTheDirectionsOfGreatestVariance) {
  // Along (1,1,0)/sqrt2 by 10 i, along (0,0,1) by i alternating; the rest is noise of nothing.
  std::vector<float> rows;
  for (int i = -10; i <= 10; ++i) rows.insert(rows.end(), {static_cast<float>(10 * i + 3), static_cast<float>(10 * i - 7), static_cast<float>((i % 2 ? 1 : -1) * 5)});
  const Plane plane = FitPlane(rows, 3);
  EXPECT_NEAR(std::abs(plane.first[0]), std::sqrt(0.5), 1e-3);
  EXPECT_NEAR(plane.first[0], plane.first[1], 1e-3);
  EXPECT_NEAR(std::abs(plane.second[2]), 1, 1e-3);
  EXPECT_NEAR(plane.explained, 1, 1e-9);
  EXPECT_NEAR(plane.mean[0], 3, 1e-4);
  EXPECT_EQ(FitPlane(rows, 3).second, plane.second);
}

TEST(FitPlane, RowsThatAreEqualOrNoneGiveZeros) {
  const float same[] = {1, 2, 1, 2, 1, 2};
  for (const auto& rows : {std::vector<float>(std::begin(same), std::end(same)), std::vector<float>{1, 2}, std::vector<float>{}}) {
    const Plane plane = FitPlane(rows, 2);
    const float at[] = {5, 6};
    EXPECT_EQ(plane.Place(at), std::pair(0.0, 0.0));
    EXPECT_EQ(plane.explained, 0);
  }
  // On a line: the second direction is none.
  const Plane line = FitPlane({0, 0, 1, 1, 2, 2}, 2);
  EXPECT_NEAR(line.explained, 1, 1e-9);
}

TEST(HistogramOf, CountsEachValueOnce) {
  const Histogram h = HistogramOf({1, 2, 3, 4}, {4, 4});
  int64_t first = 0, second = 0;
  for (size_t i = 0; i < h.first.size(); ++i) first += h.first[i], second += h.second[i];
  EXPECT_EQ(first, 4);
  EXPECT_EQ(second, 2);
  EXPECT_EQ(h.second.back(), 2);
  const Histogram one = HistogramOf({1, 1.0000001}, {1});
  EXPECT_EQ(one.first[one.first.size() / 2], 2);
  EXPECT_TRUE(HistogramOf({}, {}).first.empty());
}

TEST(ReportFiles, EndingsSayTheForm) {
  EXPECT_TRUE(CheckReportFiles({"a.html", "b.json", "c.XML"}).ok());
  EXPECT_FALSE(CheckReportFiles({"a.pdf"}).ok());
  EXPECT_FALSE(CheckReportFiles({"report"}).ok());
  EXPECT_FALSE(CheckReportFiles({"no/such/folder/a.html"}).ok());
}

}  // namespace
}  // namespace vecferry
