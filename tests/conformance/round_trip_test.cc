#include "conformance/harness.h"

namespace vecferry::conformance {
namespace {

/// What is written comes back as FidelityOf says, or is refused.
class RoundTrip : public Harness {
 public:
  RoundTrip(const Fixture& fixture, std::string name) : Harness(fixture), name_(std::move(name)) {}

  void TestBody() override {
    const Case each = FindCase(*fixture_, can_, name_);
    const RecordView records = each.records();
    Capabilities data = DataOf(each.schema);
    ASSERT_EQ(SchemaMisfits(can_, each.schema).empty(), !FidelityOf(data, can_).Has(Fidelity::refused)) << "the matrix and the check of schemas disagree";
    Must(AddDataOf(records, &data));
    const PairFidelity expected = FidelityOf(data, can_);
    exact_vectors_ = expected.carried() == Fidelity::exact;
    const Location location = Fresh(each.name);
    NewRun();
    auto sink = OpenSink(location);
    if (!Prepare(each, *sink)) return Shown(Fidelity::refused);
    const std::set<int64_t> twice = Collisions(records, *sink);
    std::set<int64_t> refused = twice;
    if (twice.empty()) {
      refused = Write(records, *sink);
      EXPECT_EQ(!refused.empty(), Waived() || expected.Has(Fidelity::refused)) << expected.Summary();
    } else {
      // Of records that would become one the engine writes the first and rejects the others.
      EXPECT_FALSE(sink->InjectiveKeys(each.schema));
      Must(sink->Write(Must(records.Take(Without(records, twice)))));
    }
    Shown(!refused.empty() ? Fidelity::refused : expected.carried());
    Must(sink->Flush());
    Must(sink->Finish());
    const Content wanted = Of(Must(records.Take(Without(records, refused))));
    Compare(wanted, *Must(sink->OpenReadBack()));
    sink.reset();
    Compare(wanted, *OpenSource(location));
  }

 private:
  static std::vector<int64_t> Without(const RecordView& records, const std::set<int64_t>& rows) {
    std::vector<int64_t> kept;
    for (int64_t row = 0; row < records.rows(); ++row) {
      if (!rows.contains(row)) kept.push_back(row);
    }
    return kept;
  }

  bool Waived() const { return fixture_->waived.contains(name_); }

  /// False where the dataset is refused, as it must be then.
  bool Prepare(const Case& each, Sink& sink) {
    const Status prepared = sink.Prepare(SpecOf(each.schema));
    const bool fits = SchemaMisfits(can_, each.schema).empty();
    if (!fits || !Waived()) {
      EXPECT_EQ(prepared.ok(), fits) << prepared.ToString();
    }
    if (!prepared.ok()) {
      EXPECT_TRUE(IsCategory(prepared, Category::unsupported) || IsCategory(prepared, Category::refused)) << prepared.ToString();
    }
    return prepared.ok();
  }

  std::set<int64_t> Write(const RecordView& records, Sink& sink) {
    std::set<int64_t> expected, refused;
    RowFit fit(can_);
    for (int64_t row = 0; row < records.rows(); ++row) {
      if (fit.Check(records, row)) expected.insert(row);
    }
    if (expected.empty() && !Waived()) {
      const WriteOutcome outcome = Must(sink.Write(records));
      for (const RowReject& reject : outcome.rejects) refused.insert(reject.row);
      EXPECT_TRUE(refused.empty()) << outcome.rejects[0].message;
      return refused;
    }
    // Row by row, so that a store that names no row in its answer still says which it was.
    for (int64_t row = 0; row < records.rows(); ++row) {
      const auto outcome = sink.Write(Must(records.Slice(row, 1)));
      const bool taken = outcome.ok() && outcome->rejects.empty();
      if (!taken) refused.insert(row);
      if (!outcome.ok()) {
        EXPECT_TRUE(IsCategory(outcome.status(), Category::bad_content)) << outcome.status().ToString();
      } else if (!taken) {
        EXPECT_FALSE(outcome->rejects[0].code.empty());
      }
    }
    if (!Waived()) {
      EXPECT_EQ(refused, expected) << "rows that were refused, and that the capabilities say are refused";
    }
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

  const std::string name_;
};

/// A kind of store that is only read.
class ReadOnlySuite : public Harness {
 public:
  using Harness::Harness;
  static bool Concerns(const Capabilities& can) { return !can.sink; }
};

STORE_TEST(ReadOnlySuite, WritingIsRefused) {
  EXPECT_TRUE(IsCategory(connector_->OpenSink(Filled(3), context_).status(), Category::unsupported));
  Shown(Fidelity::refused);
}

STORE_TEST(ReadOnlySuite, ThePairIsNotPossible) {
  EXPECT_FALSE(FidelityOf(can_, can_).possible);
  EXPECT_TRUE(FidelityOf(can_, Must(Stores().Find("memory"))->info().capabilities).possible);
}

[[maybe_unused]] const bool added = (AllCaseTests().push_back([](const Fixture& fixture, const Capabilities& can) {
  if (!can.sink) return;
  for (const Case& each : AllCases(fixture, can)) {
    AddCaseTest(fixture, "RoundTrip", each.name, __FILE__, __LINE__, [&fixture, name = each.name]() -> Harness* { return new RoundTrip(fixture, name); });
  }
}), true);

}  // namespace
}  // namespace vecferry::conformance
