#include "conformance/harness.h"

namespace vecferry::conformance {
namespace {

class SourceSuite : public Harness {
 public:
  using Harness::Harness;
};

STORE_TEST(SourceSuite, SplitsHoldEachRecordOnce) {
  const Location location = Filled(200);
  auto source = OpenSource(location);
  const Content one = ReadAll(*source);
  EXPECT_GE(one.keys.size(), 3u);
  for (const int splits : {2, 3, 7, 1000}) {
    const Content several = ReadAll(*source, {}, splits);
    EXPECT_EQ(several.keys.size(), one.keys.size()) << splits;
    EXPECT_TRUE(several.digest == one.digest) << splits;
  }
}

STORE_TEST(SourceSuite, EveryCursorGivesTheRest) {
  const Location location = Filled(40);
  ReadOptions few;
  few.batch_rows = 3;
  auto source = OpenSource(location);
  const std::vector<Split> splits = Must(source->Splits(2));
  source.reset();
  for (const Split& split : splits) {
    auto first = OpenSource(location);
    auto reader = Must(first->Read(split, "", few));
    std::vector<std::pair<Cursor, size_t>> cursors = {{"", 0}};
    Content all;
    while (auto batch = Must(reader->Next())) {
      EXPECT_LE(batch->records.rows(), few.batch_rows);
      Add(batch->records, &all);
      cursors.emplace_back(batch->next, all.keys.size());
    }
    for (const auto& [cursor, done] : cursors) {
      // As another process would, days later.
      auto again = OpenSource(location);
      auto rest = Must(again->Read(split, cursor, ReadOptions{}));
      Content got;
      while (auto batch = Must(rest->Next())) Add(batch->records, &got);
      EXPECT_EQ(got.keys, std::vector<std::string>(all.keys.begin() + static_cast<ptrdiff_t>(done), all.keys.end())) << cursor;
    }
  }
}

STORE_TEST(SourceSuite, BatchesStayWithinTheBytesAskedFor) {
  const Location location = Filled(50);
  ReadOptions small;
  small.batch_bytes = 1;
  auto source = OpenSource(location);
  size_t total = 0;
  for (const Split& split : Must(source->Splits(1))) {
    auto reader = Must(source->Read(split, "", small));
    while (auto batch = Must(reader->Next())) {
      EXPECT_LE(batch->records.rows(), 1);
      total += static_cast<size_t>(batch->records.rows());
    }
  }
  EXPECT_EQ(total, ReadAll(*source).keys.size());
}

STORE_TEST(SourceSuite, DescribeSaysWhatIsThere) {
  const Location location = Filled(12);
  auto source = OpenSource(location);
  const DatasetInfo info = Must(source->Describe());
  EXPECT_EQ(info.store, fixture_->scheme);
  EXPECT_FALSE(info.identity.empty());
  EXPECT_EQ(info.identity, Must(OpenSource(location)->Describe()).identity);
  if (info.count_exact) {
    EXPECT_EQ(info.count, static_cast<int64_t>(ReadAll(*source).keys.size()));
  }
  EXPECT_EQ(info.schema.vectors.size(), 1u);
  const auto listed = Must(connector_->List(location, context_));
  const auto named = [&](const DatasetSummary& each) { return each.name == location.dataset || each.name == info.dataset || location.dataset.empty(); };
  EXPECT_TRUE(std::any_of(listed.begin(), listed.end(), named));
}

STORE_TEST(SourceSuite, WhatDoesNotExistIsNotFoundAndNotMade) {
  Location missing = can_.sink ? Fresh("none") : Filled(3);
  if (!can_.sink) missing.path += ".none";
  EXPECT_TRUE(IsCategory(connector_->OpenSource(missing, context_).status(), Category::not_found));
  EXPECT_TRUE(IsCategory(connector_->OpenSource(missing, context_).status(), Category::not_found)) << "looking for it has made it";
}

STORE_TEST(SourceSuite, AnUnknownOptionIsRefused) {
  Location location = Filled(3);
  location.options["no-such-option"] = "1";
  EXPECT_TRUE(IsCategory(connector_->OpenSource(location, context_).status(), Category::usage));
}

TEST(Registry, EveryKindOfStoreIsDescribed) {
  for (const auto& connector : Stores().connectors()) {
    const Connector::Info& info = connector->info();
    SCOPED_TRACE(info.scheme);
    EXPECT_FALSE(info.title.empty() || info.example.empty());
    EXPECT_TRUE(info.capabilities.source || info.capabilities.sink);
    EXPECT_EQ(Must(Stores().Resolve(info.example)).scheme, info.scheme);
    if (!info.default_layout.empty()) {
      EXPECT_TRUE(Stores().FindLayout(info.default_layout).ok());
    }
    for (const OptionSpec& option : info.options) EXPECT_FALSE(option.help.empty()) << option.name;
  }
}

}  // namespace
}  // namespace vecferry::conformance
