// Proof against stores that normalise vectors, and what a difference costs to explain.
#include <cmath>
#include <cstring>

#include "counted_store.h"
#include "migration_fixture.h"
#include "record/distance.h"

namespace vecferry {
namespace {

class ProofTest : public MigrationTest {
 protected:
  void SetUp() override {
    MigrationTest::SetUp();
    registry_.Add(std::make_unique<CountedConnector>(*registry_.Find("memory"), &counts_));
  }
  Location Normalising(const std::string& dataset, const std::string& how = "exact") { return At("memory:" + name_ + "?normalises=" + how + "#" + dataset); }

  static std::string DetailOf(const VerifyReport& report, const std::string& check) {
    for (const auto& each : report.checks) {
      if (each.name == check) return each.detail;
    }
    return "(none)";
  }

  /// One record with a vector of the schema's first column, of f32 or f16 elements.
  static RecordView One(const RecordSchema& schema, const std::string& id, const std::vector<std::vector<float>>& vectors) {
    BatchBuilder builder(schema);
    builder.Id(id);
    for (size_t i = 0; i < vectors.size(); ++i) {
      std::string bytes;
      for (const float x : vectors[i]) {
        const uint16_t half = FloatToHalf(x);
        if (schema.vectors[i].element == Element::f16) bytes.append(reinterpret_cast<const char*>(&half), 2);
        else bytes.append(reinterpret_cast<const char*>(&x), 4);
      }
      if (schema.vectors[i].kind == VectorKind::multi) builder.Multi(i, bytes, vectors[i].size() / static_cast<size_t>(schema.vectors[i].dims));
      else builder.Vector(i, bytes);
    }
    builder.EndRow();
    return *builder.Finish();
  }

  static RecordSchema Of(std::vector<VectorSpec> vectors) {
    RecordSchema schema;
    schema.vectors = std::move(vectors);
    return schema;
  }

  ReadCounts counts_;
};

TEST_F(ProofTest, WhatANormalisingStoreHoldsIsKnownBitByBitAndTheSourceIsReadOnce) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 500, "k"));
  const auto report = Copy(engine_, At("counted-memory:" + name_ + "#a"), Normalising("b"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  EXPECT_EQ(DetailOf(*report->verify, "content"), "digests are equal (vectors by direction)");
  EXPECT_EQ(report->verify->source_digest, report->verify->target_digest);
  EXPECT_LE(counts_.rows, 2 * 500) << "once for the plan's sample, once for the copy";
  const auto alone = Verify(engine_, Memory("a"), Normalising("b"), VerifyOptions{});
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_TRUE(alone->ok);
  EXPECT_EQ(DetailOf(*alone, "content"), "digests are equal (vectors by direction)");
}

TEST_F(ProofTest, AlsoOfARunThatWasResumed) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 500, "k"));
  failpoint::Arm("transfer.write.after:5:error");
  EXPECT_FALSE(Copy(engine_, Memory("a"), Normalising("b"), Options()).ok());
  failpoint::Arm("");
  const auto report = Copy(engine_, Memory("a"), Normalising("b"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(DetailOf(*report->verify, "content"), "digests are equal (vectors by direction)");
}

TEST_F(ProofTest, ArithmeticOfTheStoresOwnIsWithinTheTolerance) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 500, "k"));
  const auto report = Copy(engine_, Memory("a"), Normalising("b", "single"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  EXPECT_THAT(DetailOf(*report->verify, "content"), testing::HasSubstr("within the tolerance"));
  Put(Normalising("b"), Batch(Schema(IdKind::string), 7, 1, "k", 1));
  const auto changed = Verify(engine_, Memory("a"), Normalising("b"), VerifyOptions{});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->counts.at(DifferenceClass::changed_at_target), 1);
  EXPECT_EQ(changed->counts.size(), 1u);
}

TEST_F(ProofTest, ZeroAndTinyVectorsEqualThemselvesAlone) {
  const RecordSchema schema = Of({{"", VectorKind::dense, Element::f32, 2, Metric::cosine, ""}});
  Put(Memory("a"), One(schema, "zero", {{0, 0}}));
  Put(Memory("a"), One(schema, "tiny", {{1e-5f, 2e-5f}}));
  Put(Memory("a"), One(schema, "nan", {{NAN, 1}}));
  Put(Memory("a"), One(schema, "large", {{3e19f, -4e19f}}));
  const auto report = Copy(engine_, Memory("a"), Normalising("b"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(DetailOf(*report->verify, "content"), "digests are equal (vectors by direction)");
  Put(Normalising("b"), One(schema, "tiny", {{2e-5f, 4e-5f}}));
  Put(Normalising("b"), One(schema, "zero", {{1e-6f, 0}}));
  const auto changed = Verify(engine_, Memory("a"), Normalising("b"), VerifyOptions{});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->counts.at(DifferenceClass::changed_at_target), 2);
}

TEST_F(ProofTest, VectorsOfOtherMetricsAreComparedExactly) {
  const RecordSchema schema = Of({{"c", VectorKind::dense, Element::f32, 2, Metric::cosine, ""}, {"e", VectorKind::dense, Element::f32, 2, Metric::l2, ""}});
  for (int i = 0; i < 20; ++i) Put(Memory("a"), One(schema, "r" + std::to_string(i), {{3, 4}, {static_cast<float>(i), 2}}));
  const auto report = Copy(engine_, Memory("a"), Normalising("b"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  Put(Normalising("b"), One(schema, "r3", {{6, 8}, {6, 4}}));
  const auto changed = Verify(engine_, Memory("a"), Normalising("b"), VerifyOptions{});
  ASSERT_TRUE(changed.ok()) << changed.status();
  ASSERT_EQ(changed->differences.size(), 1u);
  EXPECT_EQ(changed->differences[0].field, "vector:e");
  // A collection without any such column is compared as every other one.
  const RecordSchema plain = Of({{"", VectorKind::dense, Element::f32, 2, Metric::l2, ""}});
  Put(Memory("p"), One(plain, "r", {{3, 4}}));
  const auto exact = Copy(engine_, Memory("p"), Normalising("q"), Options());
  ASSERT_TRUE(exact.ok()) << exact.status();
  EXPECT_EQ(DetailOf(*exact->verify, "content"), "digests are equal");
  Put(Normalising("q"), One(plain, "r", {{6, 8}}));
  EXPECT_FALSE(Verify(engine_, Memory("p"), Normalising("q"), VerifyOptions{})->ok);
}

TEST_F(ProofTest, RowsOfMultiVectorsAndHalvesAreComparedByDirection) {
  const RecordSchema schema = Of({{"h", VectorKind::dense, Element::f16, 2, Metric::cosine, ""}, {"m", VectorKind::multi, Element::f32, 2, Metric::cosine, ""}});
  for (int i = 0; i < 30; ++i) Put(Memory("a"), One(schema, "r" + std::to_string(i), {{3.0f + static_cast<float>(i), 4}, {3, 4, 0, 0, -100, 1}}));
  const auto report = Copy(engine_, Memory("a"), Normalising("b"), Options());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  Put(Normalising("b"), One(schema, "r4", {{7, 4}, {3, 4, 0, 0, -100, 9}}));
  Put(Normalising("b"), One(schema, "r5", {{9, 4}, {3, 4, 0, 0, -100, 1}}));
  const auto changed = Verify(engine_, Memory("a"), Normalising("b"), VerifyOptions{});
  ASSERT_TRUE(changed.ok()) << changed.status();
  std::set<std::string> fields;
  for (const auto& d : changed->differences) fields.insert(d.id + "." + d.field);
  EXPECT_EQ(fields, (std::set<std::string>{"r4.multi:m", "r5.vector:h"}));
}

TEST_F(ProofTest, AppendTakesWhatTheStoreMadeOfARecordForTheRecord) {
  for (const char* how : {"exact", "single"}) {
    const std::string to = std::string("b") + how;
    Put(Memory("a"), Batch(Schema(IdKind::string), 0, 300, "k"));
    Put(Normalising(to, how), Batch(Schema(IdKind::string), 200, 200, "k"));
    CopyOptions options = Options();
    options.on_exists = OnExists::append;
    const auto report = Copy(engine_, Memory("a"), Normalising(to, how), options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->transfer.written, 200) << how;
    EXPECT_EQ(report->transfer.skipped, 100) << how;
    EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  }
}

TEST_F(ProofTest, RollbackKnowsItsRecordsInTheStoresForm) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 300, "k", 7));
  const auto fresh = Copy(engine_, Memory("a"), Normalising("b"), Options());
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  auto rollback = Rollback(engine_, *RunStore::Default()->Find(fresh->run_id), true);
  ASSERT_TRUE(rollback.ok()) << rollback.status();
  EXPECT_TRUE(rollback->dropped);
  Put(Normalising("c"), Batch(Schema(IdKind::string), 200, 200, "k", 1));
  const std::string before = DigestOf(Memory("c"));
  CopyOptions options = Options();
  options.on_exists = OnExists::upsert;
  const auto report = Copy(engine_, Memory("a"), Normalising("c"), options);
  ASSERT_TRUE(report.ok()) << report.status();
  rollback = Rollback(engine_, *RunStore::Default()->Find(report->run_id), true);
  ASSERT_TRUE(rollback.ok()) << rollback.status();
  EXPECT_EQ(rollback->conflicts, 0);
  EXPECT_EQ(DigestOf(Memory("c")), before);
}

TEST_F(ProofTest, ADifferenceCostsItsBucketsAndNotTheCollection) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 4000, "k"));
  Put(Memory("b"), Batch(Schema(IdKind::string), 1, 4000, "k"));
  Put(Memory("b"), Batch(Schema(IdKind::string), 50, 1, "k", 3));
  std::set<std::string> expected = {"k0.record", "k4000.record", "k50.metadata.v", "k50.vector"};
  std::map<std::string, int64_t> bytes;
  for (const std::string how : {"?lookup=false", ""}) {
    counts_.Clear();
    const auto report = Verify(engine_, Memory("a"), At("counted-memory:" + name_ + how + "#b"), VerifyOptions{});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->counts, (std::map<DifferenceClass, int64_t>{{DifferenceClass::lost, 1}, {DifferenceClass::extra, 1}, {DifferenceClass::corrupt, 1}}));
    std::set<std::string> fields;
    for (const auto& d : report->differences) fields.insert(d.id + "." + d.field);
    EXPECT_EQ(fields, expected) << how;
    bytes[how] = counts_.bytes;
    if (how.empty()) {
      EXPECT_LE(counts_.rows, 4000 + 20) << "the digest's pass, and the records of three buckets";
      EXPECT_EQ(counts_.keys, 4000);
    } else {
      EXPECT_EQ(counts_.rows, 2 * 4000);
    }
  }
  EXPECT_LT(bytes[""], bytes["?lookup=false"] * 55 / 100);
  // A source that finds by key is read no further either.
  counts_.Clear();
  ASSERT_TRUE(Verify(engine_, At("counted-memory:" + name_ + "#a"), Memory("b"), VerifyOptions{}).ok());
  EXPECT_LE(counts_.rows, 4000 + 20);
}

TEST_F(ProofTest, ManyDifferencesAreReadInPassesAsBefore) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 300, "k"));
  Put(Memory("b"), Batch(Schema(IdKind::string), 0, 300, "k", 1));
  const auto report = Verify(engine_, Memory("a"), At("counted-memory:" + name_ + "#b"), VerifyOptions{});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->counts.at(DifferenceClass::corrupt), 300);
}

}  // namespace
}  // namespace vecferry
