#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

/// memory: -> store -> memory: through the engine, its plan and its verification, as FidelityOf says.
class ThereAndBack : public EngineSinkSuite {
 public:
  ThereAndBack(const Fixture& fixture, std::string name) : EngineSinkSuite(fixture), name_(std::move(name)) {}

  void TestBody() override {
    const Case each = FindCase(*fixture_, can_, name_);
    const RecordView records = each.records();
    const Location in = Memory("in"), there = Fresh(name_), out = Memory("out");
    Put(in, records);
    Capabilities data = DataOf(each.schema);
    Must(AddDataOf(records, &data));
    const PairFidelity expected = FidelityOf(data, can_);
    exact_vectors_ = expected.carried() == Fidelity::exact;
    const std::set<int64_t> lacking = Misfits(records, true), unheld = Misfits(records, false);
    CopyOptions options = Options();
    options.index = IndexMode::none;  // how an index is put off is tested elsewhere, and waiting for it takes a second
    if (!SchemaMisfits(can_, each.schema).empty() || !unheld.empty()) {
      ExpectRefused(in, there, options);
      EXPECT_FALSE(Exists(there)) << "what is refused has been written";
      Shown(Fidelity::refused);
      if (!SchemaMisfits(can_, each.schema).empty()) return;
      options.unsupported = "reject";
    }
    if (fixture_->waived.contains(name_) && unheld.empty() && !fixture_->unforeseen.contains(name_)) {
      ExpectForeseen(in, there, options);
      options.unsupported = "reject";
    }
    const auto went = Copy(engine_, in, there, options);
    if (fixture_->waived.contains(name_)) {
      Shown(Fidelity::refused);
      if (!went.ok()) {
        EXPECT_TRUE(IsCategory(went.status(), Category::refused) || IsCategory(went.status(), Category::unsupported)) << went.status();
        return;
      }
      EXPECT_GT(went->transfer.rejected, 0) << "this case passes: it need not be waived";
    } else {
      ASSERT_TRUE(went.ok()) << went.status();
      EXPECT_EQ(went->transfer.rejected, static_cast<int64_t>(lacking.size() + unheld.size() + Collide(records)));
      Shown(went->transfer.rejected > 0 ? Fidelity::refused : expected.carried());
    }
    if (fixture_->beyond_tolerance.contains(name_)) {
      EXPECT_EQ(went->exit_code, exit_code::kDifference) << "this case is within the tolerance";
      return;
    }
    EXPECT_EQ(went->exit_code, went->transfer.rejected > 0 ? exit_code::kRejects : exit_code::kOk) << went->ToJson();
    if (!can_.source) return;
    const CopyReport back = MustCopy(there, out, Options());
    EXPECT_EQ(back.exit_code, exit_code::kOk) << back.ToJson();
    Compare(records, went->transfer.rejected, out);
    if (went->transfer.rejected == 0) CompareByVerify(in, out);
  }

 private:
  /// The plan refuses what the store would, or counts the records that it would for the vector that they lack.
  void ExpectForeseen(const Location& in, const Location& there, const CopyOptions& options) {
    const Plan plan = Must(MakePlan(engine_, in, there, options));
    if (std::any_of(plan.issues.begin(), plan.issues.end(), [](const auto& issue) { return issue.code == "reject-missing-vector"; })) return;
    ExpectRefused(in, there, options);
    EXPECT_FALSE(Exists(there)) << "what is refused has been written";
  }

  /// Rows that lack a vector which the store needs, or those that are not held for another reason.
  std::set<int64_t> Misfits(const RecordView& records, bool vectors) const {
    std::set<int64_t> rows;
    RowFit fit(can_);
    for (int64_t row = 0; row < records.rows(); ++row) {
      const auto reject = fit.Check(records, row);
      if (reject && (reject->code == "missing-vector") == vectors) rows.insert(row);
    }
    return rows;
  }

  /// How many records become one with another in the store, which only those of several tenants may.
  size_t Collide(const RecordView& records) {
    std::set<std::string_view> ids;
    for (int64_t row = 0; row < records.rows(); ++row) ids.insert(records.id(row));
    if (static_cast<int64_t>(ids.size()) == records.rows()) return 0;
    NewRun();
    const auto sink = OpenSink(Fresh("keys"));
    Must(sink->Prepare(SpecOf(records.schema())));
    const size_t rows = Collisions(records, *sink).size();
    Must(sink->Abort());
    return rows;
  }

  void Compare(const RecordView& records, int64_t rejected, const Location& out) {
    const Content got = ContentOf(out);
    const std::set<std::string> there(got.keys.begin(), got.keys.end());
    const std::vector<std::string> all = Of(records).keys;
    std::vector<int64_t> kept;
    for (size_t row = 0; row < all.size(); ++row) {
      if (there.contains(all[row])) kept.push_back(static_cast<int64_t>(row));
    }
    EXPECT_EQ(static_cast<int64_t>(kept.size()), records.rows() - rejected);
    EXPECT_EQ(got.digest.Fingerprint(), Of(Must(records.Take(kept))).digest.Fingerprint());
  }

  /// Also where a tolerance is declared: then within it.
  void CompareByVerify(const Location& in, const Location& out) {
    VerifyOptions options;
    if (!exact_vectors_) options.min_cosine = can_.vector_change == VectorChange::reduced_precision ? can_.least_cosine : 0.9999;
    const VerifyReport report = Must(Verify(engine_, in, out, options));
    EXPECT_TRUE(report.ok) << report.ToJson();
    if (exact_vectors_) {
      EXPECT_EQ(report.source_digest, report.target_digest);
    }
  }

  const std::string name_;
};

[[maybe_unused]] const bool added = (AllCaseTests().push_back([](const Fixture& fixture, const Capabilities& can) {
  if (!can.sink) return;
  for (const Case& each : AllCases(fixture, can)) {
    AddCaseTest(fixture, "ThereAndBack", each.name, __FILE__, __LINE__, [&fixture, name = each.name]() -> Harness* { return new ThereAndBack(fixture, name); });
  }
}), true);

}  // namespace
}  // namespace vecferry::conformance
