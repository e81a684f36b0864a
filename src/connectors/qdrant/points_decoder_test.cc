#include <fmt/format.h>

#include "connectors/qdrant/test_support_points.h"

/// Points as other writers and hostile servers give them.
namespace vecferry::qdrant {
namespace {

std::string Float(float value) {
  std::string out(4, '\0');
  std::memcpy(out.data(), &value, 4);
  return out;
}
std::string Floats(const std::vector<float>& values) { return std::string(Bytes(values)); }
std::string Uint(uint32_t field, uint64_t value) {
  std::string out;
  AppendUintField(field, value, &out);
  return out;
}
std::string Id(uint64_t number) { return Message(1, Uint(1, number)); }
std::string Entry(std::string_view key, std::string_view value) { return Message(2, Message(1, key) + Message(2, value)); }
std::string Member(std::string_view key, std::string_view value) { return Message(1, Message(1, key) + Message(2, value)); }
std::string Text(std::string_view text) { return Message(4, text); }
std::string Named(std::string_view name, std::string_view vector) { return Message(4, Message(2, Message(1, Message(1, name) + Message(2, vector)))); }
std::string Unnamed(std::string_view vector) { return Message(4, Message(1, vector)); }

struct Decoded {
  std::string code, shown;
  PointFacts facts;
};

Decoded Decode(const std::string& point, const Layout& layout = DefaultLayout(), bool shard_tenant = false, const RecordSchema& schema = EveryKind()) {
  PointDecoder decoder(schema, layout);
  BatchBuilder builder(schema);
  Decoded decoded;
  // What a fault left behind is not in the next record.
  decoded.code = decoder.Append(point, builder, &decoded.facts, shard_tenant).code;
  PointFacts other;
  EXPECT_FALSE(decoder.Append(Id(5), builder, &other));
  const RecordView view = builder.Finish().ValueOrDie();
  std::string bare = "5|-|-|{}";
  for (const auto& spec : schema.vectors) bare += "|" + spec.column() + "=null";
  EXPECT_EQ(Shown(view, view.rows() - 1), bare);
  const bool made = decoded.code.empty() && !decoded.facts.bookkeeping;
  EXPECT_EQ(view.rows(), made ? 2 : 1);
  if (made) decoded.shown = Shown(view, 0);
  return decoded;
}

std::string MetadataOf(const std::string& point) {
  RecordSchema bare;
  bare.id_kind = IdKind::mixed;
  const Decoded decoded = Decode(point, DefaultLayout(), false, bare);
  return decoded.code.empty() ? decoded.shown.substr(decoded.shown.find("|-|-|") + 5) : decoded.code;
}

TEST(PointsRead, VectorsOfEveryForm) {
  const std::string packed = Message(1, Floats({1, 2}));
  const std::string wanted = Decode(Id(1) + Unnamed(Message(101, packed))).shown;
  EXPECT_NE(wanted.find("vector=0000803f00000040"), std::string::npos) << wanted;
  const std::string unpacked = "\x0d" + Float(1) + "\x0d" + Float(2);
  EXPECT_EQ(Decode(Id(1) + Unnamed(packed)).shown, wanted) << "the trio";
  EXPECT_EQ(Decode(Id(1) + Unnamed(Message(101, unpacked))).shown, wanted);
  EXPECT_EQ(Decode(Id(1) + Unnamed(unpacked)).shown, wanted);
  EXPECT_EQ(Decode(Id(1) + Unnamed(Message(101, Message(1, Floats({1})) + Message(1, Floats({2}))))).shown, wanted) << "in two pieces";
  EXPECT_EQ(Decode(Id(1) + Unnamed(Message(101, Message(1, Floats({1})) + "\x0d" + Float(2)))).shown, wanted) << "one packed, one not";
  EXPECT_EQ(Decode(Id(1) + Unnamed(packed + Message(101, packed))).shown, wanted) << "both: the oneof counts";
  EXPECT_EQ(Decode(Id(1) + Named("", Message(101, packed))).shown, wanted) << "a name that is empty is none";
  EXPECT_EQ(Decode(Unnamed(Message(101, packed)) + Id(1)).shown, wanted) << "fields in another order";
  EXPECT_EQ(Decode(Id(1) + Uint(99, 7) + Unnamed(Message(101, packed) + Uint(50, 1))).shown, wanted) << "fields that are not known";

  const std::string rows = Message(1, Message(1, Floats({1, 2}))) + Message(1, unpacked);
  const std::string multi = Decode(Id(1) + Named("m\xc3\xbc", Message(103, rows))).shown;
  EXPECT_NE(multi.find("=0000803f00000040,0000803f00000040,"), std::string::npos) << multi;
  EXPECT_EQ(Decode(Id(1) + Named("m\xc3\xbc", Message(1, Floats({1, 2, 1, 2})) + Uint(3, 2))).shown, multi);

  const std::string sparse = Decode(Id(1) + Named("s", Message(102, Message(1, Floats({5, 6})) + Message(2, Unhex("02 90 4e"))))).shown;
  EXPECT_NE(sparse.find("sparse:s=2:5.000000,10000:6.000000,"), std::string::npos) << sparse;
  EXPECT_EQ(Decode(Id(1) + Named("s", Message(102, Message(1, Floats({6, 5})) + Message(2, Unhex("90 4e 02"))))).shown, sparse) << "out of order";
  EXPECT_EQ(Decode(Id(1) + Named("s", Message(102, Message(1, Floats({5, 6})) + Uint(2, 2) + Uint(2, 10000)))).shown, sparse) << "indices not packed";
  EXPECT_EQ(Decode(Id(1) + Named("s", Message(1, Floats({5, 6})) + Message(2, Message(1, Unhex("02 90 4e"))))).shown, sparse);
  EXPECT_NE(Decode(Id(1) + Named("s", Message(102, ""))).shown.find("sparse:s="), std::string::npos);
}

TEST(PointsRead, OfANameThatStandsTwiceTheLastCounts) {
  const auto named = [](float x) { return Message(1, Message(1, "") + Message(2, Message(101, Message(1, Floats({x, 2}))))); };
  const Decoded decoded = Decode(Id(1) + Message(4, Message(2, named(3) + named(1))));
  EXPECT_NE(decoded.shown.find("vector=0000803f00000040"), std::string::npos) << decoded.code;
}

TEST(PointsRead, ElementsAreExactOrSaidToBeRounded) {
  const auto read = [](std::string_view name, std::vector<float> values) { return Decode(Id(1) + Named(name, Message(101, Message(1, Floats(values))))); };
  EXPECT_FALSE(read("half", {1.0f, 65504.0f}).facts.rounded);
  EXPECT_TRUE(read("half", {1.0f, 0.1f}).facts.rounded);
  EXPECT_FALSE(read("small", {0, 1, 255}).facts.rounded);
  for (const float odd : {1.5f, -1.0f, 256.0f, std::nanf("")}) EXPECT_TRUE(read("small", {0, odd, 1}).facts.rounded) << odd;
  EXPECT_NE(read("small", {0, 254.9f, 300}).shown.find("=00feff"), std::string::npos);
}

TEST(PointsRead, FaultsOfVectors) {
  const auto code = [](const std::string& vectors) { return Decode(Id(1) + vectors).code; };
  EXPECT_EQ(code(Unnamed(Message(101, Message(1, Floats({1, 2, 3}))))), "wrong-dimensions");
  EXPECT_EQ(code(Unnamed("")), "wrong-dimensions") << "nothing set";
  EXPECT_EQ(code(Unnamed(Message(1, Floats({1, 2})) + Uint(3, 1))), "wrong-vector-kind");
  EXPECT_EQ(code(Unnamed(Message(102, ""))), "wrong-vector-kind");
  EXPECT_EQ(code(Named("zz", Message(101, Message(1, Floats({1, 2}))))), "unknown-vector");
  EXPECT_EQ(code(Unnamed(Message(104, "text"))), "unsupported-vector");
  EXPECT_EQ(code(Named("s", Message(102, Message(1, Floats({5, 6})) + Message(2, Unhex("02 02"))))), "unsupported-vector");
  EXPECT_EQ(code(Named("s", Message(102, Message(1, Floats({5, 6})) + Message(2, Unhex("02"))))), "corrupt-point");
  EXPECT_EQ(code(Named("s", Message(102, Message(1, Floats({5})) + Message(2, Unhex("80 80 80 80 10"))))), "corrupt-point") << "an index beyond 32 bits";
  EXPECT_EQ(code(Named("m\xc3\xbc", Message(103, Message(1, Message(1, Floats({1, 2}))) + Message(1, Message(1, Floats({1})))))), "wrong-dimensions");
  EXPECT_EQ(code(Named("m\xc3\xbc", Message(1, Floats({1, 2, 3, 4})) + Uint(3, 3))), "corrupt-point");
  EXPECT_EQ(code(Named("m\xc3\xbc", Message(1, Floats({1, 2, 3, 4})) + Uint(3, 0))), "corrupt-point");
  EXPECT_EQ(code(Named("m\xc3\xbc", Uint(3, 4294967295u))), "corrupt-point") << "rows that are not there";
  EXPECT_EQ(code(Unnamed(Message(101, Message(1, "abc")))), "corrupt-point") << "no whole number of floats";
  EXPECT_EQ(code(Unnamed(Message(101, Message(1, Floats({1}))) + Message(101, Message(1, Floats({2}))))), "corrupt-point");
  EXPECT_EQ(code(Unnamed(Uint(101, 1))), "corrupt-point");
}

TEST(PointsRead, AFaultInOneVectorTakesTheOthersBack) {
  const std::string good = Message(1, Message(1, "") + Message(2, Message(101, Message(1, Floats({1, 2}))))), bad = Message(1, Message(1, "s") + Message(2, Uint(101, 1)));
  EXPECT_EQ(Decode(Id(1) + Message(4, Message(2, good + bad))).code, "corrupt-point");
}

TEST(PointsRead, APayloadKnowsNothingOfTheOneBefore) {
  const RecordSchema schema = EveryKind();
  const Layout layout = DefaultLayout();
  PointDecoder decoder(schema, layout);
  BatchBuilder builder(schema);
  PointFacts facts;
  const std::string escaped = Entry("\\document", Uint(3, 1)) + Entry("document", Text("x")), open = Entry("k", Message(6, Member("\xff", "")));
  for (const uint64_t id : {1, 2}) {
    EXPECT_FALSE(decoder.Append(Id(id) + escaped, builder, &facts));
    EXPECT_TRUE(decoder.Append(Id(3) + escaped + open, builder, &facts)) << "it ends in the middle of an object";
  }
  const RecordView view = builder.Finish().ValueOrDie();
  ASSERT_EQ(view.rows(), 2);
  EXPECT_EQ(Shown(view, 1).substr(1), Shown(view, 0).substr(1));
}

TEST(PointsRead, PayloadsOfEveryForm) {
  EXPECT_EQ(MetadataOf(Id(1)), "{}");
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", "")), R"({"a":null})") << "no kind is null";
  EXPECT_EQ(MetadataOf(Id(1) + Message(2, Message(1, "a"))), R"({"a":null})") << "nor is a value that is left out";
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Text("x")) + Entry("b", Uint(5, 1)) + Entry("a", Uint(3, 2))), R"({"a":2,"b":true})") << "the last counts";
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Text("x") + Uint(3, 4))), R"({"a":4})") << "of two kinds the last";
  EXPECT_EQ(MetadataOf(Id(1) + Entry("o", Message(6, Member("k", Uint(3, 1)) + Member("l", Message(7, "")) + Member("k", Uint(3, 2))))), R"({"o":{"k":2,"l":[]}})");
  std::string nan = "\x11", wanted = R"({"d":{"$vf":"f64","v":"NaN"}})";
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  nan.append(reinterpret_cast<const char*>(&not_a_number), 8);
  EXPECT_EQ(MetadataOf(Id(1) + Entry("d", nan)), wanted);
  EXPECT_EQ(MetadataOf(Id(1) + Entry("$vf", Uint(3, 1))), R"({"$vf":"object","v":{"$vf":1}})");
  std::string many = Id(1);
  for (int i = 0; i < 200; ++i) many += Entry(fmt::format("k{}", i % 100), Uint(3, static_cast<uint64_t>(i)));
  const std::string last = MetadataOf(many);
  EXPECT_NE(last.find(R"("k0":100,)"), std::string::npos) << last;
  EXPECT_EQ(last.find(R"("k0":0)"), std::string::npos);
}

TEST(PointsRead, FaultsOfPayloads) {
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Text("\xff"))), "invalid-utf8");
  EXPECT_EQ(MetadataOf(Id(1) + Entry("\xc3", Text("x"))), "invalid-utf8");
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Message(8, "x"))), "unsupported-value") << "a kind of servers to come";
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Message(6, "") + Message(6, ""))), "corrupt-point");
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", Message(7, "\x0a"))), "corrupt-point");
  std::string deep = Uint(3, 1), list = deep;
  for (int i = 0; i < 127; ++i) list = Message(7, Message(1, list));
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", list)).substr(0, 8), R"({"a":[[[)");
  for (int i = 0; i < 128; ++i) deep = Message(7, Message(1, deep));
  EXPECT_EQ(MetadataOf(Id(1) + Entry("a", deep)), "too-deep");
}

TEST(PointsRead, FaultsOfPoints) {
  EXPECT_EQ(Decode("").code, "corrupt-point");
  EXPECT_EQ(Decode(Message(1, "")).code, "corrupt-point") << "an id of no kind";
  EXPECT_EQ(Decode(Message(1, Message(2, "zz"))).code, "corrupt-point");
  EXPECT_EQ(Decode(Id(1) + "\x0b").code, "corrupt-point") << "a group";
  EXPECT_EQ(Decode(Id(1) + Unhex("02 00")).code, "corrupt-point") << "field 0";
  EXPECT_EQ(Decode(Id(1) + Unhex("22 ff ff ff ff 0f")).code, "corrupt-point");
  EXPECT_EQ(Decode(Id(1) + Unhex("18 ff ff ff ff ff ff ff ff ff ff 01")).code, "corrupt-point");
  EXPECT_EQ(Decode(Id(7) + Entry("a", Text("\xff"))).facts.id, PointId::Of(7)) << "the id is known where the payload is at fault";
  EXPECT_EQ(Decode(Message(1, Message(2, "{0F8FAD5B-D9CB-469F-A165-70867728950E}"))).facts.id.uuid, "0f8fad5b-d9cb-469f-a165-70867728950e");
}

TEST(PointsRead, ShardKeysMayBeTenants) {
  const std::string point = Id(1) + Entry("tenant", Text("of the payload")) + Entry("x", Message(6, Member("tenant", Text("t"))));
  const Decoded keyword = Decode(point + Message(5, Message(1, "shard")), DefaultLayout(), true);
  EXPECT_EQ(keyword.shown.substr(0, 66), R"(1|shard|-|{"tenant":"of the payload","x":{"tenant":"t"}}|vector=nu)");
  EXPECT_EQ(keyword.facts.tenant, "shard");
  EXPECT_EQ(keyword.facts.shard_key, "shard");
  EXPECT_EQ(Decode(point + Message(5, Uint(2, 18)), DefaultLayout(), true).facts.tenant, "18");
  const Decoded none = Decode(point, DefaultLayout(), true);
  EXPECT_FALSE(none.facts.has_tenant);
  const Decoded own = Decode(point + Message(5, Message(1, "shard")));
  EXPECT_EQ(own.facts.tenant, "of the payload");
  EXPECT_EQ(own.facts.shard_key, "shard");
  EXPECT_EQ(Decode(point + Message(5, Message(1, "\xff"))).code, "corrupt-point");
}

TEST(PointsRead, BookkeepingIsNoRecord) {
  Layout layout = DefaultLayout();
  layout.bookkeeping = Layout::Bookkeeping{"1", {"a", "b"}};
  const std::string keys = Entry("b", Uint(3, 1)) + Entry("a", Uint(3, 1)) + Entry("c", Uint(3, 1));
  EXPECT_TRUE(Decode(Id(1) + keys, layout).facts.bookkeeping);
  EXPECT_FALSE(Decode(Id(2) + keys, layout).facts.bookkeeping);
  EXPECT_FALSE(Decode(Id(1) + Entry("a", Uint(3, 1)), layout).facts.bookkeeping);
}

TEST(PointsRead, AnswersAreTakenApart) {
  const std::string scroll = Message(2, Id(1)) + Message(2, Id(2)) + Message(1, Uint(1, 3));
  const Page page = ParseScrollResponse(scroll).ValueOrDie();
  ASSERT_EQ(page.points.size(), 2u);
  EXPECT_EQ(page.points[1], Id(2));
  EXPECT_EQ(page.next, PointId::Of(3));
  EXPECT_FALSE(ParseScrollResponse("").ValueOrDie().next);
  EXPECT_EQ(ParseGetResponse(Message(1, Id(9))).ValueOrDie().points.at(0), Id(9));
  EXPECT_TRUE(IsCategory(ParseScrollResponse(Message(1, "")).status(), Category::corrupt)) << "an id of no kind";
  for (size_t n = 1; n < scroll.size(); ++n) {
    const auto part = ParseScrollResponse(scroll.substr(0, n));
    EXPECT_TRUE(part.ok() || IsCategory(part.status(), Category::corrupt)) << n;
  }
  EXPECT_TRUE(IsCategory(PointDecoder::IdOf("").status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(PointDecoder::IdOf("\x0a\x05").status(), Category::corrupt));
}

TEST(PointsRead, EveryTruncationIsAnswered) {
  const RecordView view = Make(EveryRow());
  const Layout layout = DefaultLayout();
  PointEncoder encoder(view.schema(), layout, {});
  std::string bytes;
  for (int64_t row = 0; row < view.rows(); ++row) ASSERT_FALSE(encoder.Append(view, row, &bytes));
  PointDecoder decoder(view.schema(), layout);
  BatchBuilder builder(view.schema());
  for (const auto point : PointsOf(bytes)) {
    const std::string whole = Retrieved(point);
    for (size_t n = 0; n < whole.size(); ++n) {
      PointFacts facts;
      const std::string part = whole.substr(0, n);  // of its own, so that a sanitizer sees a byte too many
      const int64_t before = builder.rows();
      const bool fault = static_cast<bool>(decoder.Append(part, builder, &facts));
      EXPECT_EQ(builder.rows(), before + (fault ? 0 : 1));
    }
  }
  EXPECT_TRUE(builder.Finish().ok());
}

}  // namespace
}  // namespace vecferry::qdrant
