#include "chroma_model/page.h"

#include <cmath>

#include <gtest/gtest.h>

namespace vecferry::chroma_model {
namespace {

Page Parsed(std::string_view text) {
  Page page;
  const Status status = ParsePage(text, &page);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return page;
}
bool Refused(std::string_view text) {
  Page page;
  return IsCategory(ParsePage(text, &page), Category::corrupt);
}
std::string Text(std::string_view raw, bool escaped = true) {
  std::string buffer;
  const auto text = Unescape({raw, true, escaped}, &buffer);
  return text.ok() ? std::string(*text) : "refused";
}

TEST(Page, IsTakenApartByColumns) {
  const Page page = Parsed(R"({"ids":["a","b\"\\","c"], "embeddings":[[1.5,-2],[3e+18,0.1],null],"documents":["x",null,""],"uris":null,)"
                           R"("metadatas":[{"a":{"b":"}]"}},null,{}],"include":["embeddings",{"x":[1]}],"later":7})");
  ASSERT_EQ(page.rows(), 3u);
  EXPECT_EQ(page.ids[1].text, R"(b\"\\)");
  EXPECT_TRUE(page.ids[1].escaped);
  EXPECT_EQ(page.vector_size(1), 2u);
  EXPECT_EQ(page.vector(1)[0], 3e18f);
  EXPECT_EQ(page.vector(1)[1], 0.1f);
  EXPECT_FALSE(page.has_vector(2));
  EXPECT_TRUE(page.documents[0].present);
  EXPECT_FALSE(page.documents[1].present);
  EXPECT_TRUE(page.documents[2].present);
  EXPECT_TRUE(page.uris.empty());
  EXPECT_EQ(page.metadatas[0], R"({"a":{"b":"}]"}})");
  EXPECT_EQ(page.metadatas[1], "");
  EXPECT_EQ(page.metadatas[2], "{}");
}

TEST(Page, VectorsOfOtherLengthsAndOfNoNumbersAreToldApart) {
  const Page page = Parsed(R"({"ids":["a","b","c","d"],"embeddings":[[1,2],[1],[null,2],[]]})");
  EXPECT_EQ(page.vector_size(0), 2u);
  EXPECT_EQ(page.vector_size(1), 1u);
  EXPECT_TRUE(std::isnan(page.vector(2)[0]));
  EXPECT_EQ(page.vector(2)[1], 2.0f);
  EXPECT_FALSE(page.has_vector(3));
}

TEST(Page, WhatIsCutOrOfAnotherShapeIsRefused) {
  const std::string whole = R"({"ids":["a"],"embeddings":[[1.5,2]],"documents":["x\"y"],"metadatas":[{"k":"v"}]})";
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_TRUE(Refused(whole.substr(0, n))) << n;
  EXPECT_FALSE(Refused(whole));
  for (const char* text : {"{}", "[]", R"({"ids":null})", R"({"ids":[null]})", R"({"ids":[1]})", R"({"ids":["a"],"embeddings":[[1],[2]]})", R"({"ids":["a"],"embeddings":[]})",
                           R"({"ids":["a"],"documents":[]})", R"({"ids":["a"],"metadatas":["x"]})", R"({"ids":["a"],"embeddings":[["1"]]})", R"({"ids":["a"],"embeddings":[[[1]]]})",
                           R"({"ids":["a"],"embeddings":{}})", R"({"ids":["a"]}x)", R"({"ids" ["a"]})", R"({"ids":["a"],"embeddings":[[1e999]]})"}) {
    EXPECT_TRUE(Refused(text)) << text;
  }
}

TEST(Page, ADeepAnswerIsPassedOver) {
  const std::string deep = std::string(1'000'000, '['), close = std::string(1'000'000, ']');
  EXPECT_EQ(Parsed("{\"x\":" + deep + close + ",\"ids\":[\"a\"]}").rows(), 1u);
}

TEST(Page, EscapesAreWhatTheyStandFor) {
  EXPECT_EQ(Text(R"(a\n\t\"\\\/\b\f\r)"), "a\n\t\"\\/\b\f\r");
  EXPECT_EQ(Text(R"(\u00e9\u65e5\ud83d\udea2\u0000x)"), std::string("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x9a\xa2\0x", 11));
  for (const char* text : {R"(\ud83d)", R"(\udea2)", R"(\ud83dx)", R"(\ud83d\u0041)", R"(\x)", R"(\u12)", R"(\u12g4)", "\\"}) EXPECT_EQ(Text(text), "refused") << text;
  EXPECT_EQ(Text("\xff", false), "refused");
  EXPECT_EQ(Text("plain", false), "plain");
}

TEST(Neighbours, AreOneListOfEach) {
  const auto found = ParseNeighbours(R"({"ids":[["b","a"]],"embeddings":null,"distances":[[0.5,2]],"include":["distances"]})");
  EXPECT_EQ(found->ids, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(found->distances, (std::vector<double>{0.5, 2}));
  for (const char* text : {"", "{}", R"({"ids":[["a"]],"distances":[[]]})", R"({"ids":[],"distances":[]})", R"({"ids":[[1]],"distances":[[1]]})"}) EXPECT_FALSE(ParseNeighbours(text).ok()) << text;
}

TEST(Errors, AreToldInTheServersWords) {
  EXPECT_EQ(ParseServerError(R"({"error":"NotFoundError","message":"Collection [x] does not exist"})").message, "Collection [x] does not exist");
  EXPECT_EQ(ParseServerError("<html>").message, "");
}

}  // namespace
}  // namespace vecferry::chroma_model
