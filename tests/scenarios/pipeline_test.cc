// The pipeline under faults: what it retries, halves, bisects, rejects, and where it stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "connectors/builtin.h"
#include "pipeline/fault.h"
#include "pipeline/retrying.h"
#include "pipeline/transfer.h"
#include "test_name.h"

namespace vecferry {
namespace {

class NoIntents : public IntentLog {
 public:
  Status Record(std::string_view, std::string_view) override { return Status::OK(); }
  Result<std::optional<std::string>> Find(std::string_view) override { return std::optional<std::string>(); }
};

constexpr int kRecords = 1000;

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    name_ = FreshTestName();
    dir_ = fs::path(testing::TempDir()) / ("pipeline_" + name_);
    fs::remove_all(dir_);
    RegisterBuiltin(registry_);
    schema_.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::l2, ""}};
    Fill();
    RetryContext patience;
    patience.cancel = &cancel_;
    patience.clock = &clock_;
    patience.policy = {std::chrono::milliseconds(1), std::chrono::milliseconds(5), std::chrono::milliseconds(2000)};
    patience.on_retry = [this](const Status& status) { events_.Send({Event::Kind::retry, status.message(), {}, {}}); };
    source_ = RetryingSource(FaultySource(Open<Source>("from", &Connector::OpenSource), &source_faults_), patience);
    sink_ = FaultySink(Prepared("to"), &sink_faults_);
    options_.batch_rows = 20;
    options_.jobs = 3;
    options_.writers = 3;
    options_.validate = ValidateMode::full;
    options_.compare.layout = *registry_.FindLayout("default");
    OpenJournal();
  }
  void TearDown() override {
    journal_.reset();
    fs::remove_all(dir_);
  }

  template <typename Side>
  std::unique_ptr<Side> Open(const std::string& dataset, Result<std::unique_ptr<Side>> (Connector::*open)(const Location&, const OpenContext&)) {
    OpenContext context;
    context.cancel = &cancel_;
    context.layout = *registry_.FindLayout("default");
    const Location location = *registry_.Resolve("memory:" + name_ + "#" + dataset);
    auto opened = ((*registry_.Find("memory"))->*open)(location, context);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return std::move(*opened);
  }

  std::unique_ptr<Sink> Prepared(const std::string& dataset) {
    auto sink = Open<Sink>(dataset, &Connector::OpenSink);
    SinkSpec spec;
    spec.schema = schema_;
    spec.layout = *registry_.FindLayout("default");
    spec.on_exists = OnExists::upsert;
    spec.intents = &intents_;
    EXPECT_TRUE(sink->Prepare(spec).ok());
    return sink;
  }

  void Fill() {
    BatchBuilder builder(schema_);
    for (int i = 0; i < kRecords; ++i) {
      const float vector[2] = {static_cast<float>(i), 1};
      builder.Id("r" + std::to_string(i));
      builder.Metadata("{\"i\":" + std::to_string(i) + "}");
      builder.Vector(0, {reinterpret_cast<const char*>(vector), sizeof vector});
      builder.EndRow();
    }
    auto sink = Prepared("from");
    const RecordView all = *builder.Finish();
    ASSERT_TRUE(sink->Write(all).ok());
    ASSERT_TRUE(sink->Finish().ok());
    RecordHasher hasher;
    for (int64_t row = 0; row < all.rows(); ++row) expected_.Add(*hasher.Hash(all, row));
  }

  void OpenJournal() {
    RunHeader header;
    header.id = "r";
    journal_ = *Journal::Create(dir_ / "journal.sqlite", header);
    std::vector<SplitProgress> splits;
    for (const auto& split : *source_->Splits(4)) {
      SplitProgress progress;
      progress.payload = split.payload;
      splits.push_back(progress);
    }
    ASSERT_GT(splits.size(), 1u);
    ASSERT_TRUE(journal_->PutSplits(splits).ok());
  }

  Result<TransferResult> Run() { return Transfer(*source_, *sink_, *journal_, events_, cancel_, options_, clock_).Run(); }

  /// What the target holds now, read past the faults.
  Digest Target() {
    Digest digest;
    RecordHasher hasher;
    auto source = Open<Source>("to", &Connector::OpenSource);
    for (const auto& split : *source->Splits(1)) {
      auto reader = *source->Read(split, "", {});
      for (auto batch = *reader->Next(); batch; batch = *reader->Next()) {
        for (int64_t row = 0; row < batch->records.rows(); ++row) digest.Add(*hasher.Hash(batch->records, row));
      }
    }
    return digest;
  }

  /// The records that the journal counts as written.
  int64_t Journalled() {
    int64_t records = 0;
    for (const auto& split : *journal_->splits()) records += split.written;
    return records;
  }

  std::vector<std::string> RejectedIds() {
    std::vector<std::string> ids;
    EXPECT_TRUE(journal_->EachReject([&](const JournalReject& reject) { return ids.push_back(reject.id), Status::OK(); }).ok());
    return ids;
  }

  std::string name_;
  fs::path dir_;
  RecordSchema schema_;
  Registry registry_;
  NoIntents intents_;
  CancelToken cancel_;
  Events events_;
  FakeClock clock_;
  FaultPlan source_faults_, sink_faults_;
  TransferOptions options_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Journal> journal_;
  Digest expected_;
};

TEST_F(PipelineTest, MovesEverythingAndItsDigestIsTheTargets) {
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->written, kRecords);
  EXPECT_TRUE(result->complete);
  EXPECT_EQ(result->digest, expected_);
  EXPECT_EQ(Target(), expected_);
}

TEST_F(PipelineTest, RetriesWhatIsTransientAlsoWhereTheAnswerWasLost) {
  source_faults_.Add({.call = "next", .first = 3, .last = 5});
  sink_faults_.Add({.call = "write", .first = 4, .last = 6});
  sink_faults_.Add({.call = "write", .first = 12, .last = 12, .after = true});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(result->retried, 6);
  EXPECT_GT(clock_.passed().count(), 0);
  EXPECT_EQ(result->written, kRecords);
  EXPECT_EQ(Target(), expected_);
}

TEST_F(PipelineTest, GivesUpAfterTheWholeTimeAndResumesFromThere) {
  // One writer: of several, one may hold a split's first batch while the others write what follows it, and a position only ends before a gap.
  options_.writers = 1;
  sink_faults_.Add({.call = "write", .first = 10, .last = 100000});
  const auto failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(IsCategory(failed.status(), Category::transient)) << failed.status();
  EXPECT_GE(clock_.passed(), std::chrono::seconds(60));
  EXPECT_LE(clock_.passed(), 4 * options_.retry.total);
  const int64_t kept = Journalled();
  EXPECT_GT(kept, 0);
  EXPECT_EQ(kept, Target().count());
  sink_ = Prepared("to");
  const auto resumed = Run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->session_records, kRecords - kept);
  EXPECT_EQ(resumed->written, kRecords);
  EXPECT_EQ(resumed->digest, expected_);
  EXPECT_EQ(Target(), expected_);
}

TEST_F(PipelineTest, BisectsABatchDownToTheRecordsAtFault) {
  sink_faults_.PoisonIds({"r7", "r8", "r500"});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rejected, 3);
  EXPECT_EQ(result->written, kRecords - 3);
  EXPECT_THAT(RejectedIds(), testing::UnorderedElementsAre("r7", "r8", "r500"));
  EXPECT_EQ(Target(), result->digest);
}

TEST_F(PipelineTest, TakesTheSinksOwnRejects) {
  sink_faults_.RejectIds({"r1", "r999"});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(RejectedIds(), testing::UnorderedElementsAre("r1", "r999"));
  EXPECT_EQ(Target(), result->digest);
}

TEST_F(PipelineTest, HalvesWhatIsTooLarge) {
  sink_faults_.Add({.call = "write", .first = 2, .last = 3, .category = Category::too_large});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rejected, 0);
  EXPECT_EQ(Target(), expected_);
}

TEST_F(PipelineTest, AFatalFailureKeepsWhatWasAcknowledged) {
  sink_faults_.Add({.call = "write", .first = 20, .last = 100000, .category = Category::no_space});
  const auto failed = Run();
  EXPECT_TRUE(IsCategory(failed.status(), Category::no_space)) << failed.status();
  EXPECT_EQ(FactsOf(failed.status()).side, Side::sink);
  EXPECT_LE(Journalled(), Target().count());
  sink_ = Prepared("to");
  const auto resumed = Run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->digest, expected_);
}

TEST_F(PipelineTest, CancellationEndsItAndTheNextRunGoesOn) {
  sink_faults_.Add({.call = "write", .first = 1, .last = 100000, .delay = std::chrono::milliseconds(1), .fail = false});
  class CancelAfter : public EventListener {
   public:
    explicit CancelAfter(CancelToken& token) : token_(token) {}
    void On(const Event& event) override {
      if (event.kind == Event::Kind::reject) token_.Request();
    }
    CancelToken& token_;
  } listener(cancel_);
  events_.Add(&listener);
  sink_faults_.RejectIds({"r30"});
  const auto cancelled = Run();
  ASSERT_FALSE(cancelled.ok());
  EXPECT_TRUE(IsCategory(cancelled.status(), Category::cancelled)) << cancelled.status();
  CancelToken fresh;
  const auto resumed = Transfer(*source_, *sink_, *journal_, events_, fresh, options_, clock_).Run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->written, kRecords - 1);
  EXPECT_EQ(resumed->rejected, 1);
  EXPECT_EQ(Target(), resumed->digest);
}

TEST_F(PipelineTest, ATinyBudgetStillMovesEverything) {
  options_.memory_bytes = 1;
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Target(), expected_);
}

TEST_F(PipelineTest, RowsThatAreDuplicatesAreRejected) {
  options_.duplicates.by_key = true;
  options_.duplicates.keys = {RecordHasher::Key(std::nullopt, "r5").low};
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(RejectedIds(), testing::ElementsAre("r5"));
}

TEST_F(PipelineTest, ABatchInPiecesKeepsItsRejectsAndWhatWasTooLargeIsNotTriedAgain) {
  options_.jobs = options_.writers = 1;
  options_.validate = ValidateMode::off;
  options_.adapts = true;
  sink_faults_.Add({.call = "write", .first = 1, .last = 1, .category = Category::too_large});
  const auto all = Run();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->rejected, 0);
  EXPECT_EQ(Target(), expected_);
  EXPECT_GE(sink_faults_.Calls("write"), 1 + 2 * kRecords / 20) << "each batch in pieces from the first on";
  EXPECT_LE(sink_faults_.Calls("write"), 1 + 4 * kRecords / 20);
}

TEST_F(PipelineTest, RejectsOfPiecesAreThoseOfTheirRows) {
  options_.adapts = true;
  sink_faults_.Add({.call = "write", .first = 1, .last = 2, .category = Category::too_large});
  sink_faults_.RejectIds({"r1", "r999", "r515"});
  sink_faults_.PoisonIds({"r7", "r512"});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(RejectedIds(), testing::UnorderedElementsAre("r1", "r999", "r515", "r7", "r512"));
  EXPECT_EQ(Target(), result->digest);
}

TEST_F(PipelineTest, TheRateIsKeptFromTheFirstRecordOn) {
  options_.records_per_second = 100;
  options_.writers = 1;
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(clock_.passed().count(), 10'000);
  EXPECT_LE(clock_.passed().count(), 10'100);
}

TEST_F(PipelineTest, TheRateIsOfAllWritersTogether) {
  options_.records_per_second = 100;
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(clock_.passed().count(), 10'000);
}

}  // namespace
}  // namespace vecferry
