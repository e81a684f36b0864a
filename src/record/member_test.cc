#include <gtest/gtest.h>

#include <fmt/format.h>

#include "record/member_forwarder.h"
#include "record/member_splitter.h"

namespace vecferry {
namespace {

constexpr std::string_view kEach =
    R"({"n":null,"b":true,"i":-5,"u":18446744073709551615,"r":1.0,"s":"a\"b","d":{"$vf":"date","v":"2024-05-06"},"o":{"x":[{}]},"a":[1,[]]})";

TEST(MemberSplitter, GivesEachMemberItsTexts) {
  JsonReader reader;
  MemberSplitter splitter;
  for (const std::string_view object : {kEach, std::string_view(R"({"d":1,"s":2})"), kEach}) {
    splitter.Begin();
    ASSERT_TRUE(reader.Visit(object, splitter).ok());
  }
  std::string seen;
  for (const auto& member : splitter.members()) seen += fmt::format("{} <{}> <{}> {}\n", member.key, member.type, member.text, member.json);
  EXPECT_EQ(seen, R"(n <> <> null
b <> <true> true
i <> <-5> -5
u <> <18446744073709551615> 18446744073709551615
r <> <1> 1.0
s <> <a"b> "a\"b"
d <date> <2024-05-06> {"$vf":"date","v":"2024-05-06"}
o <> <> {"x":[{}]}
a <> <> [1,[]]
)");
  EXPECT_EQ(splitter.members()[4].kind, JsonMember::Kind::real);
  EXPECT_EQ(splitter.members()[7].kind, JsonMember::Kind::object);
  EXPECT_EQ(splitter.members()[8].kind, JsonMember::Kind::array);
}

TEST(MemberSplitter, WhatIsNoObjectIsRefused) {
  JsonReader reader;
  MemberSplitter splitter(BadRecord("bad-entry", "no entry"));
  for (const char* other : {"1", "null", "\"x\"", "[{}]", "[]"}) {
    splitter.Begin();
    EXPECT_EQ(FactsOf(reader.Visit(other, splitter)).code, "bad-entry") << other;
  }
  splitter.Begin();
  EXPECT_TRUE(reader.Visit("{}", splitter).ok());
  EXPECT_TRUE(splitter.members().empty());
}

/// Members behind others, their keys in capitals.
class Beside final : public MemberForwarder {
 public:
  explicit Beside(std::string* out) : writer_(out) {}
  JsonVisitor& to() override { return writer_; }
  Status TopKey(std::string_view key) override { return writer_.Key(fmt::format("<{}>", key)); }
  Status TopValue(const std::string_view* text) override { return texts += text ? *text : "-", Status::OK(); }
  std::string texts;

 private:
  JsonWriter writer_;
};

TEST(MemberForwarder, SendsOnWhatIsBetweenTheBraces) {
  JsonReader reader;
  std::string out;
  Beside beside(&out);
  ASSERT_TRUE(beside.to().BeginObject().ok());
  ASSERT_TRUE(reader.Visit(R"({"a":{"b":{"c":[]}},"s":"t","l":[[1],{"k":"v"}]})", beside).ok());
  ASSERT_TRUE(reader.Visit(R"({"z":{"$vf":"bytes","v":"AA=="}})", beside).ok());
  ASSERT_TRUE(beside.to().EndObject().ok());
  EXPECT_EQ(out, R"({"<a>":{"b":{"c":[]}},"<s>":"t","<l>":[[1],{"k":"v"}],"<z>":{"$vf":"bytes","v":"AA=="}})");
  EXPECT_EQ(beside.texts, "-t--");
  for (const char* other : {"1", "null", "\"x\"", "[{}]", "[]"}) {
    std::string none;
    Beside alone(&none);
    EXPECT_EQ(FactsOf(reader.Visit(other, alone)).code, "metadata-not-an-object") << other;
  }
}

}  // namespace
}  // namespace vecferry
