#include "options/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/interpolate.h"

namespace vecferry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

YamlNode Parsed(std::string_view text) {
  auto node = ParseYaml(text, "job.yaml");
  EXPECT_TRUE(node.ok()) << node.status().ToString();
  return node.ok() ? *node : YamlNode{};
}

std::string Refused(std::string_view text) {
  const auto node = ParseYaml(text, "job.yaml");
  EXPECT_TRUE(IsCategory(node.status(), Category::usage)) << node.status().ToString() << " for " << text.substr(0, 200);
  return node.status().message();
}

TEST(Yaml, KeepsTextsPlacesAndQuotes) {
  const YamlNode root = Parsed("a: 007\nb:\n  - 'x'\n  - 1.50\nc: {d: \"q\\n\", e: ~}\n");
  ASSERT_EQ(root.kind, YamlNode::Kind::map);
  ASSERT_EQ(root.keys.size(), 3u);
  EXPECT_EQ(root.items[0].text, "007");
  EXPECT_TRUE(root.items[0].plain);
  EXPECT_EQ(root.items[1].items[0].text, "x");
  EXPECT_FALSE(root.items[1].items[0].plain);
  EXPECT_EQ(root.items[1].items[1].text, "1.50");
  EXPECT_EQ(PlaceOf("f", root.items[1].items[1]), "f:4:5");
  EXPECT_EQ(root.items[2].items[0].text, "q\n");
  EXPECT_EQ(root.items[2].items[1].kind, YamlNode::Kind::null);
  EXPECT_EQ(Parsed("").kind, YamlNode::Kind::null);
  EXPECT_EQ(Parsed("{\"json\": [1, true]}").items[0].items.size(), 2u);
  EXPECT_EQ(Parsed("\xEF\xBB\xBF" "a: b").keys[0].text, "a");
}

TEST(Yaml, RefusesWhatAJobMustNotBe) {
  EXPECT_THAT(Refused("a: 1\na: 2\n"), HasSubstr("job.yaml:2:1: the key 'a' stands twice"));
  EXPECT_THAT(Refused("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(Refused("a: 1\n...\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(Refused("? [x]\n: 1\n"), HasSubstr("key"));
  EXPECT_THAT(Refused("~: 1\n"), HasSubstr("key"));
  EXPECT_THAT(Refused("a: !!python/object/apply:os.system [id]\n"), HasSubstr("tag"));
  EXPECT_THAT(Refused("a: !!int '1'\n"), HasSubstr("tag"));
  EXPECT_THAT(Refused("a: [1\n"), HasSubstr("job.yaml:"));
  EXPECT_THAT(Refused("a: \xff\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(Refused(std::string_view("a: x\x04\nb: 1", 11)), HasSubstr("control character"));
  EXPECT_THAT(Refused(std::string(kMaxYamlBytes + 1, ' ')), HasSubstr("larger"));
  EXPECT_EQ(Parsed("a: !!str 1").items[0].text, "1");
}

TEST(Yaml, BoundsDepthAndWhatAliasesRepeat) {
  std::string deep;
  for (int i = 0; i < 20000; ++i) deep += "- ";
  EXPECT_THAT(Refused(deep), HasSubstr("deeper"));
  std::string laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) laughs += (k ? ", *a" : "*a") + std::to_string(i - 1);
    laughs += "]\n";
  }
  EXPECT_THAT(Refused(laughs), HasSubstr("too large"));
  std::string texts = "a: &a " + std::string(500'000, 'x') + "\nb: [";
  for (int i = 0; i < 9000; ++i) texts += "*a,";
  EXPECT_THAT(Refused(texts + "]"), HasSubstr("too large"));
  EXPECT_THAT(Refused("a: &a [*a]\n"), HasSubstr("job.yaml:1:"));
  const YamlNode shared = Parsed("a: &a {x: 1}\nb: *a\n");
  EXPECT_EQ(shared.items[1].items[0].text, "1");
}

TEST(Yaml, ReadsNumbersAsTheCoreSchemaDoes) {
  const auto number = [](std::string_view text, bool whole) { return NumberText(Parsed(text), whole); };
  EXPECT_EQ(number("0x10", true), "16");
  EXPECT_EQ(number("0o17", true), "15");
  EXPECT_EQ(number("+5", true), "5");
  EXPECT_EQ(number("1e6", true), "1000000");
  EXPECT_EQ(number("1e6", false), "1e6");
  EXPECT_EQ(number("007", true), "7");
  EXPECT_EQ(number("1.5", true), "1.5");
  EXPECT_EQ(number("'0x10'", true), "0x10");
  EXPECT_EQ(number("64MiB", true), "64MiB");
  EXPECT_EQ(number("1e999", true), "1e999");
  EXPECT_EQ(number("0x-5", true), "0x-5");
}

Result<Interpolated> Put(std::string_view text) {
  return Interpolate(text, [](const std::string& name) -> std::optional<std::string> {
    if (name == "A") return "1";
    if (name == "EMPTY") return "";
    if (name == "NESTED") return "${A} $${ }";
    return std::nullopt;
  });
}

TEST(Interpolate, PutsVariablesIntoText) {
  EXPECT_EQ(Put("x${A}y${A}")->text, "x1y1");
  EXPECT_EQ(Put("${B:-d:-e}")->text, "d:-e");
  EXPECT_EQ(Put("${EMPTY:-d}")->text, "d");
  EXPECT_EQ(Put("${EMPTY}")->text, "");
  EXPECT_EQ(Put("${B:-}")->text, "");
  EXPECT_EQ(Put("${NESTED}")->text, "${A} $${ }");
  EXPECT_EQ(Put("$${A} $$${A} $A $ 5$ {}")->text, "${A} $${A} $A $ 5$ {}");
  EXPECT_EQ(Put("at=${run.started_at}")->text, "at=${run.started_at}");
  EXPECT_EQ(Put("${source.store}/${metadata.a.b}/$${id}")->text, "${source.store}/${metadata.a.b}/${id}");
  EXPECT_THAT(Put("${A} ${B:-x}")->variables, ElementsAre("A", "B"));
}

TEST(Interpolate, RefusesWhatNamesNoVariable) {
  for (const char* bad : {"${", "${A", "${}", "${1A}", "${A-x}", "${A:?x}", "${ A}", "${A:-${B}}", "${A.B}", "${B}"}) {
    EXPECT_TRUE(IsCategory(Put(bad).status(), Category::usage)) << bad;
  }
  EXPECT_THAT(Put("${B}").status().message(), HasSubstr("the variable B is not set"));
}

}  // namespace
}  // namespace vecferry
