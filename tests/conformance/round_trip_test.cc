#include "conformance/harness.h"

namespace vecferry::conformance {
namespace {

class RoundTrip : public Harness {
 protected:
  /// Either the whole dataset comes back as it went in, or what the capabilities refuse is refused.
  void Check(const Case& each) {
    SCOPED_TRACE(each.name);
    NewRun();
    const Location location = Fresh(each.name);
    auto sink = OpenSink(location);
    const Status prepared = sink->Prepare(SpecOf(each.schema));
    const bool fits = SchemaMisfits(can_, each.schema).empty();
    EXPECT_EQ(prepared.ok(), fits) << prepared.ToString();
    if (!prepared.ok()) {
      EXPECT_TRUE(IsCategory(prepared, Category::unsupported) || IsCategory(prepared, Category::refused)) << prepared.ToString();
      return;
    }
    const std::set<int64_t> refused = Write(each, *sink);
    std::vector<int64_t> kept;
    for (int64_t row = 0; row < each.records.rows(); ++row) {
      if (!refused.contains(row)) kept.push_back(row);
    }
    Must(sink->Flush());
    Must(sink->Finish());
    const Content wanted = Of(Must(each.records.Take(kept)));
    Compare(wanted, *Must(sink->OpenReadBack()));
    sink.reset();
    Compare(wanted, *OpenSource(location));
  }

  std::set<int64_t> Write(const Case& each, Sink& sink) {
    std::set<int64_t> expected, refused;
    RowFit fit(can_);
    for (int64_t row = 0; row < each.records.rows(); ++row) {
      if (fit.Check(each.records, row)) expected.insert(row);
    }
    if (expected.empty()) {
      const WriteOutcome outcome = Must(sink.Write(each.records));
      for (const RowReject& reject : outcome.rejects) refused.insert(reject.row);
      EXPECT_TRUE(refused.empty()) << outcome.rejects[0].message;
      return refused;
    }
    // Row by row, so that a store that names no row in its answer still says which it was.
    for (int64_t row = 0; row < each.records.rows(); ++row) {
      const auto outcome = sink.Write(Must(each.records.Slice(row, 1)));
      const bool taken = outcome.ok() && outcome->rejects.empty();
      if (!taken) refused.insert(row);
      if (!outcome.ok()) {
        EXPECT_TRUE(IsCategory(outcome.status(), Category::bad_content)) << outcome.status().ToString();
      } else if (!taken) {
        EXPECT_FALSE(outcome->rejects[0].code.empty());
      }
    }
    EXPECT_EQ(refused, expected) << "rows that were refused, and that the capabilities say are refused";
    return refused;
  }

  void Compare(const Content& wanted, Source& source) {
    Content got = ReadAll(source);
    EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].message;
    std::vector<std::string> a = wanted.keys, b = got.keys;
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b);
    EXPECT_TRUE(wanted.digest == got.digest) << "the content is not what was written";
    const DatasetInfo info = Must(source.Describe());
    if (info.count_exact) {
      EXPECT_EQ(info.count, static_cast<int64_t>(wanted.keys.size()));
    }
  }
};

TEST_P(RoundTrip, EveryTypeComesBackOrIsRefused) {
  if (!can_.sink) {
    EXPECT_TRUE(IsCategory(connector_->OpenSink(Filled(3), context_).status(), Category::unsupported));
    return;
  }
  for (const Case& each : AllCases(*fixture_, can_)) {
    if (!fixture_->waived.contains(each.name)) Check(each);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, RoundTrip, testing::ValuesIn(Schemes()));

}  // namespace
}  // namespace vecferry::conformance
