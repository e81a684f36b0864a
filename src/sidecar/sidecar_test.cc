#include "sidecar/sidecar.h"

#include <fstream>

#include <gtest/gtest.h>

#include "sidecar/splitter.h"
#include "sidecar/spool.h"

namespace vecferry::sidecar {
namespace {

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return std::move(result).ValueOrDie();
}

class SideCarTest : public testing::Test {
 protected:
  SideCarTest() : dir_(fs::path(VECFERRY_BINARY_DIR) / "sidecar_test" / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  fs::path File(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return dir_ / name;
  }
  static std::string Told(const Entry& entry) {
    return entry.id.value_or("-") + "|" + entry.tenant.value_or("-") + "|" + entry.document.value_or("-") + "|" + entry.metadata;
  }
  /// Entries from one on; "!CODE" for one that is at fault.
  static std::vector<std::string> All(const SideCar& side, int64_t from = 0) {
    std::vector<std::string> all;
    const auto entries = Must(side.From(from));
    Entry entry;
    while (true) {
      const auto any = entries->Next(&entry);
      if (!any.ok()) all.push_back("!" + FactsOf(any.status()).code);
      else if (!*any) return all;
      else all.push_back(Told(entry));
    }
  }
  fs::path dir_;
};

/// A dataset's lines as a sink spools them.
std::string OwnLines(int rows) {
  RecordSchema schema;
  schema.has_tenant = schema.has_document = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::l2, ""}};
  BatchBuilder builder(schema);
  for (int i = 0; i < rows; ++i) {
    builder.Id("id" + std::to_string(i));
    if (i % 2) builder.Tenant("t");
    if (i % 3) builder.Document("Text\n" + std::to_string(i));
    builder.Metadata(R"({"n":)" + std::to_string(i) + R"(,"a":[1.5,null,{"b":true}],"big":{"$vf":"bigint","v":"36893488147419103232"}})");
    const float vector[2] = {1, 2};
    builder.Vector(0, {reinterpret_cast<const char*>(vector), 8});
    builder.EndRow();
  }
  const RecordView view = builder.Finish().ValueOrDie();
  std::string lines = HeaderLine(schema, "mine");
  for (int64_t row = 0; row < rows; ++row) EXPECT_TRUE(AppendLine(view, row, &lines).ok());
  return lines;
}

TEST_F(SideCarTest, OwnLinesComeBackFromAnyEntryOn) {
  const auto side = Must(Open(File("s.jsonl", OwnLines(1000)), Format::jsonl));
  EXPECT_EQ(side->facts().count, 1000);
  EXPECT_EQ(side->facts().layout, "mine");
  EXPECT_TRUE(side->facts().has_ids && side->facts().has_tenant && side->facts().has_document);
  ASSERT_TRUE(side->facts().schema);
  EXPECT_EQ(side->facts().schema->vectors[0].metric, Metric::l2);
  const auto all = All(*side);
  ASSERT_EQ(all.size(), 1000u);
  EXPECT_EQ(all[0], R"(id0|-|-|{"n":0,"a":[1.5,null,{"b":true}],"big":{"$vf":"bigint","v":"36893488147419103232"}})");
  EXPECT_EQ(all[5].substr(0, 15), "id5|t|Text\n5|{\"");
  for (const int64_t from : {1, 127, 128, 129, 999, 1000}) EXPECT_EQ(All(*side, from), std::vector<std::string>(all.begin() + from, all.end())) << from;
}

TEST_F(SideCarTest, EveryFormatHoldsTheSameEntries) {
  const auto lines = Must(Open(File("s.jsonl", OwnLines(2500)), Format::jsonl));
  const auto wanted = All(*lines);
  ASSERT_TRUE(Convert(*lines, Format::parquet, dir_ / "s.parquet").ok());
  EXPECT_EQ(Must(FormatOf(dir_ / "s.parquet")), Format::parquet);
  const auto parquet = Must(Open(dir_ / "s.parquet", Format::parquet));
  EXPECT_EQ(All(*parquet), wanted);
  EXPECT_EQ(All(*parquet, 2400), std::vector<std::string>(wanted.begin() + 2400, wanted.end()));
  EXPECT_TRUE(parquet->facts().schema.has_value());
  ASSERT_TRUE(Convert(*lines, Format::pickle, dir_ / "s.meta").ok());
  const auto list = Must(Open(dir_ / "s.meta", Must(FormatOf(dir_ / "s.meta"))));
  EXPECT_EQ(All(*list), wanted);
  ASSERT_TRUE(Convert(*lines, Format::langchain, dir_ / "s.pkl").ok());
  const auto langchain = Must(Open(dir_ / "s.pkl", Format::langchain));
  ASSERT_EQ(langchain->facts().count, 2500);
  EXPECT_EQ(All(*langchain)[7], "id7|-|Text\n7|" + wanted[7].substr(wanted[7].find('{')));
}

TEST_F(SideCarTest, ShapesOfOthers) {
  const auto told = [&](const std::string& line) {
    const auto side = Must(Open(File("s.jsonl", line + "\n"), Format::jsonl));
    return All(*side).at(0);
  };
  EXPECT_EQ(told(R"({"id":"a","properties":{"x":1}})"), R"(a|-|-|{"x":1})");
  EXPECT_EQ(told(R"({"id":7,"text":"t","metadata":{}})"), R"(7|-|t|{})");
  EXPECT_EQ(told(R"({"page_content":"t","metadata":{"a":1},"namespace":"n"})"), R"(-|n|t|{"a":1})");
  EXPECT_EQ(told(R"({"id":"a","document":"d","x":1,"y":{"z":[]}})"), R"(a|-|d|{"x":1,"y":{"z":[]}})");
  EXPECT_EQ(told(R"({"id":"a","metadata":{"m":1},"other":2})"), R"(a|-|-|{"metadata":{"m":1},"other":2})") << "more than an entry's keys: a plain dict";
  EXPECT_EQ(told(R"({"id":1.5,"x":null})"), R"(-|-|-|{"id":1.5,"x":null})");
  EXPECT_EQ(told("[1]"), "!bad-entry");
  EXPECT_EQ(told("{\"a\":1,\"a\":2}")[0], '!');
  EXPECT_EQ(told("nonsense")[0], '!');
}

TEST_F(SideCarTest, KindsOfIds) {
  const auto kind = [&](const std::string& ids) {
    std::string text;
    for (const char c : ids) text += std::string(R"({"id":)") + (c == 'n' ? "5" : c == '-' ? "-5" : c == 'u' ? R"("c5f5b2a8-1111-4222-8333-444455556666")" : R"("x")") + "}\n";
    return Must(Open(File("s.jsonl", text), Format::jsonl))->facts().id_kind;
  };
  EXPECT_EQ(kind("nn"), IdKind::u64);
  EXPECT_EQ(kind("n-"), IdKind::i64);
  EXPECT_EQ(kind("uu"), IdKind::uuid);
  EXPECT_EQ(kind("nx"), IdKind::string);
}

TEST_F(SideCarTest, WhatIsNoneIsRefused) {
  EXPECT_TRUE(IsCategory(FormatOf(File("s", "hello")).status(), Category::unsupported));
  EXPECT_FALSE(Open(File("p", "\x80\x04]"), Format::pickle).ok());
  EXPECT_FALSE(Open(File("p2", std::string("\x80\x04K\x01.", 5)), Format::pickle).ok());
  EXPECT_FALSE(Open(File("q", "PAR1garbagePAR1"), Format::parquet).ok());
  EXPECT_FALSE(Open(File("h", "{\"vecferry_sidecar\":9,\"schema\":{}}\n"), Format::jsonl).ok());
  EXPECT_FALSE(Open(File("h2", "{\"vecferry_sidecar\":\"x\",\"schema\":{}}\n"), Format::jsonl).ok());
  EXPECT_FALSE(Open(File("l", std::string("\x80\x04]\x85.", 5)), Format::langchain).ok());
}

TEST_F(SideCarTest, StatesOfASpool) {
  const SpoolState state{7, 100, 42};
  const SpoolState again = Must(SpoolState::Parse(state.ToText()));
  EXPECT_EQ(again.rows, 7);
  EXPECT_EQ(again.lines, 100);
  EXPECT_EQ(again.inode, 42u);
  for (const char* text : {"", "1", "1 2", "1 2 3 4", "-1 2 3", "a b c"}) EXPECT_FALSE(SpoolState::Parse(text).ok()) << text;
}

}  // namespace
}  // namespace vecferry::sidecar
