#include "conformance/harness.h"

namespace vecferry::conformance {
namespace {

class SinkSuite : public Harness {
 public:
  using Harness::Harness;
  static bool Concerns(const Capabilities& can) { return can.sink; }

 protected:
  std::vector<std::string_view> Ids(const RecordView& view) {
    std::vector<std::string_view> ids;
    for (int64_t row = 0; row < view.rows(); ++row) ids.push_back(view.id(row));
    return ids;
  }
  SinkSpec Spec(OnExists on_exists = OnExists::fail, bool resumed = false) {
    SinkSpec spec = SpecOf(Schema());
    spec.on_exists = on_exists;
    spec.resumed = resumed;
    return spec;
  }
};

STORE_TEST(SinkSuite, DescribeChangesNothing) {
  const Location location = Fresh();
  EXPECT_FALSE(Must(OpenSink(location)->Describe()).exists);
  EXPECT_FALSE(Must(OpenSink(location)->Describe()).exists);
  WriteAll(location, {Records(0, 5)});
  const TargetInfo info = Must(OpenSink(location)->Describe());
  EXPECT_TRUE(info.exists);
  EXPECT_EQ(info.count, 5);
  EXPECT_EQ(info.identity, Must(OpenSource(location)->Describe()).identity);
}

STORE_TEST(SinkSuite, ATargetThatHoldsRecordsIsAddedToOrRefused) {
  const Location location = Filled(3);
  const Content before = Of(Records(0, 3));
  for (const OnExists mode : {OnExists::append, OnExists::upsert}) {
    NewRun();
    auto sink = OpenSink(location);
    const Status status = sink->Prepare(Spec(mode));
    EXPECT_EQ(status.ok(), can_.appends) << status.ToString();
    if (!status.ok()) {
      EXPECT_TRUE(IsCategory(status, Category::refused)) << status.ToString();
    }
    sink.reset();
    EXPECT_TRUE(ReadAll(*OpenSource(location)).digest == before.digest) << "Prepare has changed records";
  }
  if (!can_.appends) return;
  NewRun();
  auto sink = OpenSink(location);
  Must(sink->Prepare(Spec(OnExists::append)));
  Must(sink->Write(Records(3, 2)));
  Must(sink->Finish());
  sink.reset();
  Content wanted = before;
  Add(Records(3, 2), &wanted);
  EXPECT_TRUE(ReadAll(*OpenSource(location)).digest == wanted.digest);
}

STORE_TEST(SinkSuite, ABatchWrittenAgainIsThereOnce) {
  const Location location = Fresh();
  const RecordView records = Records(0, 30);
  {
    auto sink = OpenSink(location);
    Must(sink->Prepare(Spec()));
    Must(sink->Write(Must(records.Slice(0, 20))));
    Must(sink->Abort());
  }
  auto sink = OpenSink(location);
  Must(sink->Prepare(Spec(OnExists::fail, true)));
  Must(sink->Resume(""));
  for (const auto& [first, count] : {std::pair{0, 20}, {10, 5}, {15, 15}}) {
    if (can_.replay != Replay::idempotent_upsert && first == 10) continue;
    const int from = can_.replay != Replay::idempotent_upsert && first == 15 ? 20 : first;
    Must(sink->Write(Must(records.Slice(from, first + count - from))));
  }
  Must(sink->Flush());
  Must(sink->Finish());
  Must(sink->Finish());
  sink.reset();
  auto source = OpenSource(location);
  const Content got = ReadAll(*source);
  EXPECT_EQ(got.keys.size(), 30u);
  EXPECT_TRUE(got.digest == Of(records).digest);
}

STORE_TEST(SinkSuite, WhatWasFlushedIsWhereItGoesOn) {
  const Location location = Fresh();
  const RecordView records = Records(0, 30);
  std::string state;
  {
    auto sink = OpenSink(location);
    Must(sink->Prepare(Spec()));
    Must(sink->Write(Must(records.Slice(0, 10))));
    state = Must(sink->Flush());
    Must(sink->Write(Must(records.Slice(10, 10))));
    // The process ends here: neither Finish nor Abort.
  }
  for (int kill = 0; kill < 2; ++kill) {
    auto sink = OpenSink(location);
    Must(sink->Prepare(Spec(OnExists::fail, true)));
    Must(sink->Resume(state));
    Must(sink->Write(Must(records.Slice(10, 20))));
    if (kill == 0) continue;
    Must(sink->Flush());
    Must(sink->Finish());
  }
  auto source = OpenSource(location);
  const Content got = ReadAll(*source);
  EXPECT_EQ(got.keys.size(), 30u);
  EXPECT_TRUE(got.digest == Of(records).digest);
}

STORE_TEST(SinkSuite, LookupGivesWhatIsThere) {
  const Location location = Fresh();
  auto sink = OpenSink(location);
  Must(sink->Prepare(Spec()));
  EXPECT_EQ(sink->lookup() != nullptr, can_.lookup);
  if (!sink->lookup()) return;
  const RecordView records = Records(0, 10);
  Must(sink->Write(records));
  EXPECT_EQ(Must(sink->lookup()->Count()), 10);
  const std::string absent = fixture_->id(99);
  std::vector<std::string_view> ids = Ids(Must(records.Slice(2, 3)));
  ids.push_back(absent);
  const RecordView got = Must(sink->lookup()->Get({}, ids));
  EXPECT_TRUE(Of(got).digest == Of(Must(records.Slice(2, 3))).digest);
  EXPECT_EQ(Must(sink->lookup()->CountOf({}, ids)), 3);
  EXPECT_EQ(Must(sink->lookup()->Get({}, {})).rows(), 0);
}

STORE_TEST(SinkSuite, UndoPutsBackWhatWasThere) {
  const Location location = Filled(10);
  auto sink = OpenSink(location);
  EXPECT_EQ(sink->undo() != nullptr, can_.undo);
  if (!sink->undo()) return;
  if (!can_.appends) {
    EXPECT_TRUE(IsCategory(sink->undo()->Capture({}, {"x"}).status(), Category::unsupported));
    EXPECT_TRUE(IsCategory(sink->undo()->DeleteIds({}, {"x"}), Category::unsupported));
    return;
  }
  const Content before = Of(Records(0, 10));
  Must(sink->Prepare(Spec(OnExists::upsert)));
  const RecordView changed = Must(Records(100, 12).Take({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  std::vector<std::string_view> ids = Ids(changed);
  const std::vector<std::string> overwritten = {fixture_->id(3), fixture_->id(4)};
  ids.insert(ids.end(), overwritten.begin(), overwritten.end());
  const auto images = Must(sink->undo()->Capture({}, ids));
  ASSERT_EQ(images.size(), ids.size());
  EXPECT_FALSE(images[0].has_value());
  ASSERT_TRUE(images[12] && images[13]);
  Must(sink->Write(changed));
  Must(sink->undo()->DeleteIds({}, {overwritten.begin(), overwritten.end()}));
  for (int twice = 0; twice < 2; ++twice) {
    Must(sink->undo()->DeleteIds({}, {ids.begin(), ids.begin() + 12}));
    Must(sink->undo()->Restore({}, {overwritten.begin(), overwritten.end()}, {*images[12], *images[13]}));
  }
  Must(sink->Finish());
  sink.reset();
  EXPECT_TRUE(ReadAll(*OpenSource(location)).digest == before.digest);
}

STORE_TEST(SinkSuite, UndoDropsTheDataset) {
  const Location location = Filled(3);
  auto sink = OpenSink(location);
  if (!sink->undo()) return;
  Must(sink->undo()->DropDataset());
  Must(sink->undo()->DropDataset());
  sink.reset();
  EXPECT_FALSE(Must(OpenSink(location)->Describe()).exists);
  EXPECT_TRUE(IsCategory(connector_->OpenSource(location, context_).status(), Category::not_found));
}

STORE_TEST(SinkSuite, ReplaceKeepsTheOldUntilItIsFinished) {
  if (can_.replace == ReplaceMode::none) {
    EXPECT_FALSE(OpenSink(Filled(3))->Prepare(Spec(OnExists::replace)).ok());
    return;
  }
  const Location location = Filled(3);
  auto sink = OpenSink(location);
  Must(sink->Prepare(Spec(OnExists::replace)));
  Must(sink->Write(Records(50, 2)));
  if (can_.replace == ReplaceMode::atomic) {
    EXPECT_TRUE(ReadAll(*OpenSource(location)).digest == Of(Records(0, 3)).digest);
  }
  Must(sink->Flush());
  Must(sink->Finish());
  sink.reset();
  EXPECT_TRUE(ReadAll(*OpenSource(location)).digest == Of(Records(50, 2)).digest);
}

}  // namespace
}  // namespace vecferry::conformance
