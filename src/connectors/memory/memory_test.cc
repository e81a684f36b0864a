#include "connectors/memory/memory.h"

#include <gtest/gtest.h>

#include "connectors/memory/dataset.h"

namespace vecferry::memory {
namespace {

RecordSchema Schema() {
  RecordSchema schema;
  schema.vectors.push_back({"", VectorKind::dense, Element::f32, 2, Metric::cosine, ""});
  return schema;
}

RecordView Rows(int first, int count, std::string_view metadata = "{}") {
  BatchBuilder builder(Schema());
  for (int i = first; i < first + count; ++i) {
    builder.Id(std::to_string(i));
    builder.Metadata(metadata);
    const float vector[2] = {static_cast<float>(i), 1};
    builder.Vector(0, {reinterpret_cast<const char*>(vector), sizeof(vector)});
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

class Memory : public testing::Test {
 protected:
  Memory() : connector_(MakeMemoryConnector()) {
    for (const auto& name : Names("t")) Drop("t", name);
  }
  std::unique_ptr<vecferry::Sink> Open(const std::string& uri) { return connector_->OpenSink(*ParseLocation(uri), {}).ValueOrDie(); }
  std::vector<std::string> Ids(const std::string& uri) {
    auto source = connector_->OpenSource(*ParseLocation(uri), {}).ValueOrDie();
    std::vector<std::string> ids;
    for (const Split& split : source->Splits(1).ValueOrDie()) {
      auto reader = source->Read(split, "", {}).ValueOrDie();
      while (auto batch = reader->Next().ValueOrDie()) {
        for (int64_t row = 0; row < batch->records.rows(); ++row) ids.emplace_back(batch->records.id(row));
      }
    }
    return ids;
  }
  SinkSpec Spec(OnExists on_exists = OnExists::fail) {
    SinkSpec spec;
    spec.schema = Schema();
    spec.on_exists = on_exists;
    spec.run_id = "r1";
    return spec;
  }
  std::unique_ptr<Connector> connector_;
};

TEST_F(Memory, DeclaresLessWhenAsked) {
  const Capabilities can = *connector_->CapabilitiesOf(*ParseLocation("memory:t?metrics=cosine,dot&sparse=no&ids=u64,uuid&json=null&replay=restart_split&unordered=yes"));
  EXPECT_EQ(can.metrics, (std::set{Metric::cosine, Metric::dot}));
  EXPECT_EQ(can.ids, (std::set{IdKind::u64, IdKind::uuid}));
  EXPECT_EQ(can.json, (std::set{JsonFeature::null}));
  EXPECT_FALSE(can.sparse);
  EXPECT_TRUE(can.multi);
  EXPECT_EQ(can.replay, Replay::restart_split);
  EXPECT_EQ(can.order, Order::unstable);
  EXPECT_TRUE(IsCategory(connector_->CapabilitiesOf(*ParseLocation("memory:t?metrics=cosinus")).status(), Category::usage));
  EXPECT_TRUE(IsCategory(connector_->CapabilitiesOf(*ParseLocation("memory:t?metric=cosine")).status(), Category::usage));
}

TEST_F(Memory, WhatIsNotDeclaredIsRefused) {
  EXPECT_TRUE(IsCategory(Open("memory:t?metrics=dot#a")->Prepare(Spec()), Category::unsupported));
  auto sink = Open("memory:t?json=none#a");
  ASSERT_TRUE(sink->Prepare(Spec()).ok());
  const auto outcome = sink->Write(Rows(0, 1, R"({"a":null})")).ValueOrDie();
  ASSERT_EQ(outcome.rejects.size(), 1u);
  EXPECT_EQ(outcome.rejects[0].code, "metadata-null");
}

TEST_F(Memory, AppendInsertsOnlyAndUpsertOverwrites) {
  auto first = Open("memory:t#a");
  ASSERT_TRUE(first->Prepare(Spec()).ok() && first->Write(Rows(0, 2)).ok());
  EXPECT_TRUE(IsCategory(Open("memory:t#a")->Prepare(Spec()), Category::refused));
  auto append = Open("memory:t#a");
  ASSERT_TRUE(append->Prepare(Spec(OnExists::append)).ok());
  EXPECT_TRUE(append->Write(Rows(1, 2)).ValueOrDie().rejects.empty());
  const auto outcome = append->Write(Rows(1, 1, R"({"new":1})")).ValueOrDie();
  ASSERT_EQ(outcome.rejects.size(), 1u);
  EXPECT_EQ(outcome.rejects[0].code, "exists-different");
  auto upsert = Open("memory:t#a");
  ASSERT_TRUE(upsert->Prepare(Spec(OnExists::upsert)).ok());
  EXPECT_TRUE(upsert->Write(Rows(1, 1, R"({"new":1})")).ValueOrDie().rejects.empty());
  EXPECT_EQ(upsert->lookup()->Get({}, {"1"}).ValueOrDie().metadata(0), R"({"new":1})");
  EXPECT_EQ(Ids("memory:t#a"), (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(Memory, AReplacementIsSeenWhenItIsFinished) {
  auto first = Open("memory:t#a");
  ASSERT_TRUE(first->Prepare(Spec()).ok() && first->Write(Rows(0, 2)).ok());
  auto sink = Open("memory:t#a");
  ASSERT_TRUE(sink->Prepare(Spec(OnExists::replace)).ok() && sink->Write(Rows(7, 1)).ok());
  EXPECT_EQ(Ids("memory:t#a"), (std::vector<std::string>{"0", "1"}));
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_EQ(Ids("memory:t#a"), (std::vector<std::string>{"7"}));
  EXPECT_EQ(Names("t"), std::vector<std::string>{"a"});
  EXPECT_TRUE(sink->OpenReadBack().ok());
}

TEST_F(Memory, ASourceThatPromisesNoOrderGivesNone) {
  auto sink = Open("memory:t#a");
  ASSERT_TRUE(sink->Prepare(Spec()).ok() && sink->Write(Rows(0, 50)).ok());
  EXPECT_EQ(Ids("memory:t#a"), Ids("memory:t#a"));
  auto once = Ids("memory:t?unordered=yes#a"), sorted = once, plain = Ids("memory:t#a");
  EXPECT_NE(once, plain);
  std::sort(sorted.begin(), sorted.end());
  std::sort(plain.begin(), plain.end());
  EXPECT_EQ(sorted, plain);
}

TEST_F(Memory, AFrozenSourceDoesNotMoveUnderItsReader) {
  auto sink = Open("memory:t#a");
  ASSERT_TRUE(sink->Prepare(Spec()).ok() && sink->Write(Rows(0, 3)).ok());
  auto frozen = connector_->OpenSource(*ParseLocation("memory:t#a"), {}).ValueOrDie();
  auto live = connector_->OpenSource(*ParseLocation("memory:t?consistency=live#a"), {}).ValueOrDie();
  const Split all = {"0-3", "", -1, -1};
  ASSERT_TRUE(sink->undo()->DeleteIds({}, {"1"}).ok());
  EXPECT_EQ((*frozen->Read(all, "", {}).ValueOrDie()->Next().ValueOrDie()).records.rows(), 3);
  EXPECT_EQ((*live->Read(all, "", {}).ValueOrDie()->Next().ValueOrDie()).records.rows(), 2);
}

TEST_F(Memory, ASplitOfAnotherKindIsRefused) {
  ASSERT_TRUE(Open("memory:t#a")->Prepare(Spec()).ok());
  auto source = connector_->OpenSource(*ParseLocation("memory:t#a"), {}).ValueOrDie();
  for (const char* payload : {"", "1", "2-1", "a-b", "1-2x", "-1-2", "1-"}) {
    EXPECT_TRUE(IsCategory(source->Read({payload, "", -1, -1}, "", {}).status(), Category::usage)) << payload;
  }
}

TEST_F(Memory, AMissingDatasetIsAnsweredWithTheNearest) {
  ASSERT_TRUE(Open("memory:t#memories")->Prepare(Spec()).ok());
  const Status status = connector_->OpenSource(*ParseLocation("memory:t#memorys"), {}).status();
  EXPECT_TRUE(IsCategory(status, Category::not_found));
  EXPECT_NE(status.message().find("memories"), std::string::npos);
}

}  // namespace
}  // namespace vecferry::memory
