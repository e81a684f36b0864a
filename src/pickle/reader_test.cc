#include "pickle/reader.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/error.h"
#include "pickle/writer.h"

namespace vecferry::pickle {
namespace {

using std::string_literals::operator""s;

/// What a pickle of protocol 4 says, as the JSON of Vecferry; "!CODE" where it has none, "?" where it is no pickle.
std::string Told(const std::string& body) {
  PickleReader reader;
  const std::string pickle = "\x80\x04" + body;
  if (const Status status = reader.Parse(pickle); !status.ok()) {
    EXPECT_EQ(FactsOf(status).category, Category::bad_content);
    return "?";
  }
  std::string json;
  JsonWriter writer(&json);
  const Fault fault = reader.Visit(reader.root(), writer);
  return fault ? "!" + fault.code : json;
}

std::string Text(std::string_view text) {
  std::string out;
  AppendText(text, &out);
  return out;
}
std::string Class(std::string_view module, std::string_view name) { return Text(module) + Text(name) + "\x93"; }

TEST(PickleReader, PairsThatAreStreamedAreNotKept) {
  PickleReader reader;
  std::string told;
  reader.StreamPairs([&](std::string_view key, const PyValue* pairs, uint32_t count) {
    if (key != "big") return false;
    for (uint32_t i = 0; i + 1 < count; i += 2) told += std::string(pairs[i].view()) + "=" + std::to_string(pairs[i + 1].integer) + " ";
    return true;
  });
  const std::string pickle = "\x80\x04}(" + Text("big") + "}(" + Text("a") + "K\x01" + Text("b") + "K\x02u" + Text("c") + "K\x03s" + Text("small") + "}" + Text("d") + "K\x04su.";
  ASSERT_TRUE(reader.Parse(pickle).ok());
  EXPECT_EQ(told, "a=1 b=2 c=3 ");
  EXPECT_EQ(reader.Count(*reader.Find(reader.root(), "big")), 0U);
  EXPECT_EQ(reader.Count(*reader.Find(reader.root(), "small")), 2U);
}

TEST(PickleReader, Scalars) {
  EXPECT_EQ(Told("N."), "null");
  EXPECT_EQ(Told("\x88."), "true");
  EXPECT_EQ(Told("\x89."), "false");
  EXPECT_EQ(Told("K\xff."), "255");
  EXPECT_EQ(Told("M\x01\x02."), "513");
  EXPECT_EQ(Told("J\xfb\xff\xff\xff."), "-5");
  EXPECT_EQ(Told("\x8a\x00."s), "0");
  EXPECT_EQ(Told("\x8a\x01\xff."), "-1");
  EXPECT_EQ(Told("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s), "-9223372036854775808");
  EXPECT_EQ(Told("\x8b\x02\x00\x00\x00\x00\x01."s), "256");
  EXPECT_EQ(Told("G\x3f\xf8\x00\x00\x00\x00\x00\x00."s), "1.5");
  EXPECT_EQ(Told("G\x7f\xf0\x00\x00\x00\x00\x00\x00."s), R"({"$vf":"f64","v":"Infinity"})");
  EXPECT_EQ(Told("G\xff\xf0\x00\x00\x00\x00\x00\x00."s), R"({"$vf":"f64","v":"-Infinity"})");
  EXPECT_EQ(Told("G\x7f\xf8\x00\x00\x00\x00\x00\x00."s), R"({"$vf":"f64","v":"NaN"})");
}

TEST(PickleReader, IntegersBeyondInt64) {
  EXPECT_EQ(Told("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."s), "18446744073709551615");
  EXPECT_EQ(Told("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x40."s), R"({"$vf":"bigint","v":"1180591620717411303424"})");
  EXPECT_EQ(Told("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\xc0."s), R"({"$vf":"bigint","v":"-1180591620717411303424"})");
  EXPECT_EQ(Told("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff."s), R"({"$vf":"bigint","v":"-9223372036854775809"})");
}

TEST(PickleReader, TextsFramesAndMemo) {
  EXPECT_EQ(Told("\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x02hi."s), "\"hi\"");
  EXPECT_EQ(Told("X\x02\x00\x00\x00hi."s), "\"hi\"");
  EXPECT_EQ(Told("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s), "\"hi\"");
  EXPECT_EQ(Told("C\x02hi."), R"({"$vf":"bytes","v":"aGk="})");
  EXPECT_EQ(Told("]\x94(\x8c\x01" "a\x94h\x01" "e."s), R"(["a","a"])");
  EXPECT_EQ(Told("](\x8c\x01" "aq\x05h\x05j\x05\x00\x00\x00" "e."s), R"(["a","a","a"])");
  EXPECT_EQ(Told("](\x8c\x01" "ar\x05\x00\x00\x00h\x05" "e."s), R"(["a","a"])");
  EXPECT_EQ(Told("\x8c\x02\xed\xa0."), "!invalid-utf8");
}

TEST(PickleReader, Containers) {
  EXPECT_EQ(Told("]."), "[]");
  EXPECT_EQ(Told("](e."), "[]");
  EXPECT_EQ(Told("]K\x01" "a."), "[1]");
  EXPECT_EQ(Told("](K\x01K\x02" "e(K\x03" "e."), "[1,2,3]");
  EXPECT_EQ(Told(")."), "[]");
  EXPECT_EQ(Told("K\x01\x85."), "[1]");
  EXPECT_EQ(Told("K\x01K\x02\x86."), "[1,2]");
  EXPECT_EQ(Told("K\x01K\x02K\x03\x87."), "[1,2,3]");
  EXPECT_EQ(Told("}."), "{}");
  EXPECT_EQ(Told("}\x8c\x01" "aK\x01s."), R"({"a":1})");
  EXPECT_EQ(Told("}(\x8c\x01" "aK\x01\x8c\x00Nu."s), R"({"a":1,"":null})");
  EXPECT_EQ(Told("\x8f(K\x01\x90."), "!unsupported-value");
  EXPECT_EQ(Told("}(\x8c\x01" "aN\x8c\x01" "aNu."), "!corrupt-point");
  EXPECT_EQ(Told("}K\x01Ns."), "!unsupported-value");
}

TEST(PickleReader, RunsOfFloatsMixWithOtherItems) {
  const std::string one = "G\x3f\xf0\x00\x00\x00\x00\x00\x00"s;
  EXPECT_EQ(Told("](" + one + one + "e."), "[1.0,1.0]");
  EXPECT_EQ(Told("](" + one + "K\x02" "e."), "[1.0,2]");
  EXPECT_EQ(Told("](" + one + "e(" + one + "e" + one + "a."), "[1.0,1.0,1.0]");
  EXPECT_EQ(Told("}(\x8c\x01" "a](" + one + "eu."), R"({"a":[1.0]})");
}

TEST(PickleReader, DatesUuidsAndDecimals) {
  const auto date_time = Class("datetime", "datetime") + "C\x0a\x07\xe8\x05\x06\x07\x08\x09\x01\xe2\x40"s;
  const auto delta = Class("datetime", "timedelta") + "J\xff\xff\xff\xffJ\x38\x31\x01\x00K\x00\x87R"s;  // -1 day, 78136 s
  EXPECT_EQ(Told(Class("datetime", "date") + "C\x04\x07\xe8\x05\x06\x85R."s), R"({"$vf":"date","v":"2024-05-06"})");
  EXPECT_EQ(Told(date_time + "\x85R."), R"({"$vf":"datetime","v":"2024-05-06T07:08:09.123456"})");
  EXPECT_EQ(Told(date_time + Class("datetime", "timezone") + delta + "\x85R\x86R."),
            R"({"$vf":"datetime","v":"2024-05-06T07:08:09.123456-02:17:44"})");
  EXPECT_EQ(Told(Class("datetime", "time") + "C\x06\x07\x08\x09\x00\x00\x00\x85R."s), R"({"$vf":"time","v":"07:08:09"})");
  EXPECT_EQ(Told(Class("datetime", "date") + "C\x04\x07\xe8\x0d\x06\x85R."s), "!corrupt-point");
  EXPECT_EQ(Told(Class("decimal", "Decimal") + Text("1.50") + "\x85R."), R"({"$vf":"decimal","v":"1.50"})");
  EXPECT_EQ(Told(Class("uuid", "UUID") + ")\x81}" + Text("int") + "K\x05sb."), "\"00000000-0000-0000-0000-000000000005\"");
  const std::string top = "\x8a\x11\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\x00"s;
  EXPECT_EQ(Told(Class("uuid", "UUID") + ")\x81}" + Text("int") + top + "sb."), "\"ff000000-0000-0000-0000-000000000001\"");
}

TEST(PickleReader, NothingRuns) {
  EXPECT_EQ(Told(Class("os", "system") + Text("touch /tmp/x") + "\x85R."), "?");
  EXPECT_EQ(Told(Class("posix", "system") + ")\x81."), "?");
  EXPECT_EQ(Told("cos\nsystem\n(X\x04\x00\x00\x00true\x85R."s), "?");
  EXPECT_EQ(Told(Class("builtins", "eval") + Text("1") + "\x85R."), "?");
  // A class may only be made the way it is: no REDUCE of a point, no NEWOBJ of a date.
  EXPECT_EQ(Told(Class("qdrant_client.http.models.models", "PointStruct") + ")R."), "?");
  EXPECT_EQ(Told(Class("datetime", "date") + ")\x81."), "?");
  EXPECT_EQ(Told(Class("uuid", "UUID") + "K\x01\x85\x81."), "?");
  for (const char* opcode : {"c", "i", "o", "\x81", "\x92", "P", "Q", "\x82", "\x98", "\x97", "I", "F", "S", "V", "L", "0", "1", "2", "\x91", "\x96"}) {
    EXPECT_EQ(Told("NN" + std::string(opcode) + "."), "?") << opcode;
  }
}

TEST(PickleReader, MalformedStacks) {
  for (const auto& body : {""s, "."s, "NN."s, "(."s, "e."s, "](N."s, "N(e."s, "](Na."s, "}(Nu."s, "}Ns."s, "(Ne."s, "h\x00."s, "\x94."s,
                           "(\x94."s, "Nq\xff."s, "Nr\xff\xff\xff\xff."s, "\x93."s, "NN\x93."s, "b."s, "}}b."s, "NR."s, "\x86."s, "K\x01(\x86."s,
                           "](K\x01(a."s, "N.N"s, "\x8c\x05hi."s, "X\xff\xff\xff\xffhi."s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi."s,
                           "\x8b\xff\xff\xff\xff\x01."s, "\x8a\xff\x01."s, "\x95\x00."s}) {
    EXPECT_EQ(Told(body), "?") << testing::PrintToString(body);
  }
  PickleReader reader;
  EXPECT_FALSE(reader.Parse("").ok());
  EXPECT_FALSE(reader.Parse("\x80").ok());
  EXPECT_FALSE(reader.Parse("\x80\x01N.").ok());
  EXPECT_FALSE(reader.Parse("\x80\x06N.").ok());
  EXPECT_TRUE(reader.Parse("\x80\x05N.").ok());
  EXPECT_TRUE(reader.Parse("\x80\x02N.").ok());
}

TEST(PickleReader, DeepAndCyclicAndExplodingValues) {
  std::string deep, close;
  for (int i = 0; i < 100'000; ++i) deep += ']', close += 'a';
  EXPECT_EQ(Told(deep + close.substr(1) + "."), "!unsupported-value");
  EXPECT_EQ(Told("]\x94h\x00" "a."s), "!unsupported-value");  // a list that holds itself
  std::string bomb = "]\x94K\x01" "a"s;  // each list holds the one before twice
  for (int i = 0; i < 100; ++i) bomb += "]\x94(h"s + static_cast<char>(i) + "h" + static_cast<char>(i) + "e";
  EXPECT_EQ(Told("](" + bomb + "e."), "!unsupported-value");
}

TEST(PickleReader, TuplesOfAnySizeAndClassesOfOldProtocols) {
  EXPECT_EQ(Told("(K\x01K\x02K\x03K\x04t."), "[1,2,3,4]");
  EXPECT_EQ(Told("t."), "?");
  EXPECT_EQ(Told("cdecimal\nDecimal\n" + Text("1.5") + "\x85R."), R"({"$vf":"decimal","v":"1.5"})");
  EXPECT_EQ(Told("cdecimal\nDecimal"), "?");
}

TEST(PickleReader, ScalarsOfNumpy) {
  const auto scalar = [](const std::string& type, const std::string& bytes) {
    std::string out = Class("numpy.core.multiarray", "scalar") + Class("numpy", "dtype") + Text(type) + "\x89\x88\x87R(K\x03" + Text("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"s;
    AppendBytes(bytes, &out);
    return Told(out + "\x86R.");
  };
  EXPECT_EQ(scalar("i8", "\xfe\xff\xff\xff\xff\xff\xff\xff"), "-2");
  EXPECT_EQ(scalar("u8", "\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
  EXPECT_EQ(scalar("f4", "\x00\x00\xc0\x3f"s), "1.5");
  EXPECT_EQ(scalar("b1", "\x01"), "true");
  EXPECT_EQ(scalar("i8", "\x01"), "!unsupported-value") << "another size than it says";
  EXPECT_EQ(scalar("O8", "12345678"), "!unsupported-value");
}

TEST(PickleWriter, ValuesOfPythonReadBack) {
  for (const std::string json : {R"({"a":{"$vf":"bytes","v":"AAEC"},"b":{"$vf":"decimal","v":"-1.10"},"c":{"$vf":"date","v":"2024-05-06"}})", R"({"a":[1,-5,1.5,null,{"b":true}]})"}) {
    std::string pickled;
    ValueWriter writer(&pickled, ValueWriter::Specials::python);
    writer.Begin();
    JsonReader reader;
    ASSERT_TRUE(reader.Visit(json, writer).ok());
    EXPECT_EQ(Told(pickled + "."), json);
  }
}

TEST(Base64, RefusesAllButOneSpelling) {
  std::string bytes;
  EXPECT_TRUE(ParseBase64("aGk=", &bytes));
  EXPECT_EQ(bytes, "hi");
  for (const char* text : {"aGk", "aGl=", "a===", "====", "aG k", "aGk=aGk=", "a"}) EXPECT_FALSE(ParseBase64(text, &bytes)) << text;
}

}  // namespace
}  // namespace vecferry::pickle
