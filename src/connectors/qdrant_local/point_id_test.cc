#include "connectors/qdrant_local/point_id.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "connectors/qdrant_local/point_pickle.h"

namespace vecferry::qdrant_local {
namespace {

std::string Key(const PointId& id) {
  std::string key;
  AppendKey(id, &key);
  return key;
}
PointId Parsed(const std::string& key) {
  PickleReader reader;
  std::string buffer;
  PointId id;
  EXPECT_TRUE(ParseKey(key, reader, buffer, &id)) << key;
  return id;
}

/// base64(pickle.dumps(id, protocol=4)) of CPython 3.11.
TEST(PointKey, IsWhatPythonWrites) {
  const std::pair<uint64_t, const char*> kIntegers[] = {
      {0, "gARLAC4="}, {1, "gARLAS4="}, {255, "gARL/y4="},
      {256, "gASVBAAAAAAAAABNAAEu"}, {300, "gASVBAAAAAAAAABNLAEu"}, {65535, "gASVBAAAAAAAAABN//8u"},
      {65536, "gASVBgAAAAAAAABKAAABAC4="}, {70000, "gASVBgAAAAAAAABKcBEBAC4="}, {2147483647, "gASVBgAAAAAAAABK////fy4="},
      {2147483648, "gASVCAAAAAAAAACKBQAAAIAALg=="}, {2147483655, "gASVCAAAAAAAAACKBQcAAIAALg=="},
      {uint64_t{1} << 40, "gASVCQAAAAAAAACKBgAAAAAAAS4="},
      {(uint64_t{1} << 63) + 5, "gASVDAAAAAAAAACKCQUAAAAAAACAAC4="}, {UINT64_MAX, "gASVDAAAAAAAAACKCf//////////AC4="}};
  for (const auto& [integer, key] : kIntegers) {
    EXPECT_EQ(Key(PointId::Of(integer)), key) << integer;
    EXPECT_EQ(Parsed(key), PointId::Of(integer));
  }
  const auto uuid = PointId::Of("5c56c793-69f3-4fbf-87e6-c4bf54c28c26");
  const std::string key = "gASVKAAAAAAAAACMJDVjNTZjNzkzLTY5ZjMtNGZiZi04N2U2LWM0YmY1NGMyOGMyNpQu";
  EXPECT_EQ(Key(uuid), key);
  EXPECT_EQ(Parsed(key), uuid);
}

TEST(PointId, SpellingsOfOneUuid) {
  const auto canonical = PointId::Of("5c56c793-69f3-4fbf-87e6-c4bf54c28c26");
  EXPECT_EQ(canonical.kind, PointId::Kind::uuid);
  for (const char* text : {"5C56C793-69F3-4FBF-87E6-C4BF54C28C26", "5c56c79369f34fbf87e6c4bf54c28c26",
                           "{5c56c793-69f3-4fbf-87e6-c4bf54c28c26}", "urn:uuid:5c56c793-69F3-4fbf-87e6-c4bf54c28c26"}) {
    EXPECT_EQ(PointId::Of(text), canonical) << text;
  }
  // What uuid.UUID() would take and the client does not.
  for (const char* text : {"{5c56c79369f34fbf87e6c4bf54c28c26}", "URN:UUID:5c56c793-69f3-4fbf-87e6-c4bf54c28c26",
                           "urn:uuid:5c56c79369f34fbf87e6c4bf54c28c26", "5c56c793-69f3-4fbf-87e6-c4bf54c28c2", "5", ""}) {
    EXPECT_EQ(PointId::Of(text).kind, PointId::Kind::other_text) << text;
  }
  EXPECT_NE(PointId::Of("5").Identity(), PointId::Of(uint64_t{5}).Identity());
}

TEST(PointId, IdsThatOldClientsTook) {
  EXPECT_EQ(Parsed("gARLAS4=").Spelled(), "1");
  EXPECT_EQ(Parsed("gAVLAS4=").Spelled(), "1");                                     // protocol 5
  EXPECT_EQ(Parsed("gASVBgAAAAAAAABK+////y4=").Spelled(), "-5");
  EXPECT_EQ(Parsed("gASVDAAAAAAAAACKCQAAAAAAAAAAQC4=").Spelled(), "1180591620717411303424");
  PickleReader reader;
  std::string buffer;
  PointId id;
  for (const char* key : {"", "gAROLg==", "gARLAS4", "K", "gARdLg=="}) EXPECT_FALSE(ParseKey(key, reader, buffer, &id)) << key;
}

TEST(PickleWriter, BigIntegers) {
  const std::pair<const char*, const char*> kCases[] = {
      {"0", "4b00"}, {"-1", "4affffffff"}, {"2147483648", "8a050000008000"}, {"-2147483649", "8a05ffffff7fff"},
      {"18446744073709551616", "8a09000000000000000001"}, {"-9223372036854775808", "8a080000000000000080"},
      {"-9223372036854775809", "8a09ffffffffffffff7fff"}, {"1180591620717411303424", "8a09000000000000000040"},
      {"-36893488147419103232", "8a090000000000000000fe"}};
  for (const auto& [digits, hex] : kCases) {
    std::string out;
    ASSERT_TRUE(AppendBigInteger(digits, &out)) << digits;
    EXPECT_EQ(ToHex(out), hex) << digits;
  }
  std::string out;
  EXPECT_FALSE(AppendBigInteger("", &out));
  EXPECT_FALSE(AppendBigInteger("-", &out));
  EXPECT_FALSE(AppendBigInteger("1x", &out));
  EXPECT_FALSE(AppendBigInteger(std::string(4001, '9'), &out));
  EXPECT_TRUE(out.empty());
}

TEST(PickleReader, AnyPrefixIsRefused) {
  const auto Text = [](std::string_view text) {
    std::string out;
    AppendText(text, &out);
    return out;
  };
  std::string point;
  BeginPoint(&point);
  AppendUnsigned(300, &point);
  BeforeVector(&point);
  const float values[] = {1, 2};
  const uint32_t indices[] = {7, 3};
  point += "}(" + Text("") ;
  AppendFloats(values, 2, &point);
  point += Text("s");
  AppendSparse(indices, values, 2, &point);
  point += "u";
  BeforePayload(&point);
  point += "}" + Text("k") + "Ns";
  EndPoint(&point);
  PickleReader reader;
  ASSERT_TRUE(reader.Parse(point).ok());
  for (size_t n = 0; n < point.size(); ++n) EXPECT_FALSE(reader.Parse(std::string_view(point).substr(0, n)).ok()) << n;
}

TEST(PickleWriter, SparseVectorsAreWrittenByIndex) {
  const uint32_t mixed[] = {7, 70000, 3}, ordered[] = {3, 7, 70000};
  const float a[] = {1, 2, 3}, b[] = {3, 1, 2};
  std::string first, second;
  AppendSparse(mixed, a, 3, &first);
  AppendSparse(ordered, b, 3, &second);
  EXPECT_EQ(first, second);
}

TEST(PayloadPickler, NamesTheFieldThatItCannotHold) {
  std::string out;
  PayloadPickler pickler(&out);
  pickler.Begin();
  ASSERT_TRUE(pickler.BeginObject().ok());
  ASSERT_TRUE(pickler.Key("price").ok());
  ASSERT_TRUE(pickler.BeginArray().ok());
  const Status status = pickler.Special("decimal", "1.5");
  EXPECT_EQ(FactsOf(status).category, Category::bad_content);
  EXPECT_NE(status.message().find("price"), std::string::npos);
}

}  // namespace
}  // namespace vecferry::qdrant_local
