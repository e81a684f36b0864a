#include <random>

#include <gtest/gtest.h>

#include "layouts/layouts.h"

namespace vecferry {
namespace {

struct Record {
  std::string id;
  std::optional<std::string> tenant, document;
  std::string metadata = "{}";
};

RecordView ViewOf(const Record& record, IdKind kind = IdKind::string) {
  RecordSchema schema;
  schema.id_kind = kind;
  schema.has_tenant = schema.has_document = true;
  BatchBuilder builder(schema);
  builder.Id(record.id);
  if (record.tenant) builder.Tenant(*record.tenant);
  if (record.document) builder.Document(*record.document);
  builder.Metadata(record.metadata);
  builder.EndRow();
  return builder.Finish().ValueOrDie();
}

std::string Canonical(std::string_view json) {
  std::string out;
  const Status status = JsonReader().AppendCanonical(json, &out);
  EXPECT_TRUE(status.ok()) << json << status.ToString();
  return out;
}

std::string PointIdOf(const MappedId& mapped) { return mapped.is_integer ? std::to_string(mapped.integer) : mapped.uuid; }

Result<std::string> Encode(const Layout& layout, const Record& record, IdKind kind = IdKind::string) {
  ARROW_ASSIGN_OR_RAISE(const MappedId mapped, MapId(layout, kind, record.tenant, record.id));
  std::optional<std::string_view> original;
  if (mapped.mapped || layout.id_field_always) original = record.id;
  std::string text;
  JsonWriter writer(&text);
  ARROW_RETURN_NOT_OK(PayloadEncoder(layout).Encode(ViewOf(record, kind), 0, original, writer));
  return text;
}

Result<Record> Decode(const Layout& layout, std::string_view payload, std::string_view point_id) {
  PayloadDecoder decoder(layout);
  decoder.Begin();
  ARROW_RETURN_NOT_OK(JsonReader().Visit(payload, decoder));
  ARROW_ASSIGN_OR_RAISE(const DecodedPayload decoded, decoder.End(point_id));
  return Record{UnmapId(layout, point_id, decoded), decoded.tenant, decoded.document, decoded.metadata};
}

void ExpectRoundTrip(const Layout& layout, const Record& record, IdKind kind = IdKind::string) {
  const auto payload = Encode(layout, record, kind);
  ASSERT_TRUE(payload.ok()) << payload.status().ToString();
  const std::string point = PointIdOf(*MapId(layout, kind, record.tenant, record.id));
  const auto back = Decode(layout, *payload, point);
  ASSERT_TRUE(back.ok()) << *payload << back.status().ToString();
  EXPECT_EQ(back->id, record.id) << *payload;
  EXPECT_EQ(back->tenant, record.tenant) << *payload;
  EXPECT_EQ(back->document, record.document) << *payload;
  EXPECT_EQ(Canonical(back->metadata), Canonical(record.metadata)) << *payload;
}

const std::string kHash = "4e1067a9aabbccdd00112233445566778899aabbccddeeff0011223344550863";
const std::string kHashPoint = "4e1067a9-aabb-ccdd-0011-223344556677";

TEST(DefaultLayout, WritesFieldsSideBySide) {
  const Layout layout = DefaultLayout();
  EXPECT_EQ(*Encode(layout, {"a", {}, "text", R"({"x":1})"}), R"({"_id":"a","document":"text","x":1})");
  EXPECT_EQ(*Encode(layout, {"7", "t1", {}, R"({"x":1.0})"}, IdKind::u64), R"({"tenant":"t1","x":1.0})");
}

TEST(DefaultLayout, EscapesOnlyWhatWouldBeMisread) {
  const Layout layout = DefaultLayout();
  EXPECT_EQ(*Encode(layout, {"7", {}, {}, R"({"document":5,"tenant":[],"_id":"x"})"}, IdKind::u64), R"({"document":5,"tenant":[],"_id":"x"})");
  EXPECT_EQ(*Encode(layout, {"7", {}, {}, R"({"document":"s","tenant":"t"})"}, IdKind::u64), R"({"\\document":"s","\\tenant":"t"})");
  EXPECT_EQ(*Encode(layout, {"a", "t", "d", R"({"document":5,"tenant":null,"_id":1})"}),
            R"({"_id":"a","document":"d","tenant":"t","\\document":5,"\\tenant":null,"\\_id":1})");
  EXPECT_EQ(*Encode(layout, {"7", {}, {}, R"({"\\document":5,"\\\\_id":1,"\\other":2})"}, IdKind::u64), R"({"\\\\document":5,"\\\\\\_id":1,"\\other":2})");
}

TEST(DefaultLayout, AForeignPayloadKeepsItsFields) {
  const Layout layout = DefaultLayout();
  const auto record = Decode(layout, R"({"_id":"not mine","document":{"a":1},"tenant":3,"n":null})", "5");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->id, "5");
  EXPECT_FALSE(record->document || record->tenant);
  EXPECT_EQ(Canonical(record->metadata), Canonical(R"({"_id":"not mine","document":{"a":1},"tenant":3,"n":null})"));
  EXPECT_EQ(*Encode(layout, {"5", {}, {}, record->metadata}, IdKind::u64), R"({"document":{"a":1},"tenant":3,"n":null,"_id":"not mine"})");
}

TEST(DefaultLayout, AnAmbiguousForeignPayloadIsRefused) {
  const Layout layout = DefaultLayout();
  for (const char* payload : {R"({"_id":"x","\\_id":"y"})", R"({"\\document":1,"document":2})"}) {
    const Status status = Decode(layout, payload, "5").status();
    EXPECT_TRUE(IsCategory(status, Category::bad_content)) << payload;
    EXPECT_EQ(FactsOf(status).code, "ambiguous-key");
  }
  for (const char* payload : {"[1]", "1", "\"x\"", "null"}) EXPECT_FALSE(Decode(layout, payload, "5").ok()) << payload;
}

TEST(DefaultLayout, BooksOfHostileKeysRoundTrip) {
  std::mt19937 random(42);
  const Layout layout = DefaultLayout();
  Layout ordered = layout;
  ordered.field_order = {"tenant", "x"};
  ordered.absent_as = {{"kind", "\"\""}, {"list", "[]"}, {"map", "{}"}};
  const std::vector<std::string> names = {"_id", "document", "tenant", "kind", "list", "map", "x", "", "$vf", "a.b", "docu", "documents", "é"};
  const std::vector<std::string> values = {"1", "1.0", "null", "\"\"", "\"text\"", "[]", "{}", "[1]", R"({"document":"x"})", R"(["a",{"_id":1}])",
                                           R"({"$vf":"f64","v":"NaN"})", "18446744073709551615", "true", R"({"\\_id":"y"})"};
  const auto key = [&] { return std::string(random() % 4, '\\') + names[random() % names.size()]; };
  for (int i = 0; i < 20000; ++i) {
    Record record;
    record.id = random() % 2 ? std::to_string(random() % 100) : "id" + std::to_string(random() % 100);
    if (random() % 2) record.document = random() % 4 ? "text" : "";
    if (random() % 2) record.tenant = "t" + std::to_string(random() % 3);
    std::set<std::string> keys;
    std::string body;
    for (size_t n = random() % 6; n > 0; --n) {
      const std::string name = key();
      if (name == "$vf" || !keys.insert(name).second) continue;
      if (!body.empty()) body += ',';
      AppendJsonString(name, &body);
      // Now and then the field holds the very id, which only its escape keeps from being read as the record's own.
      body += ":" + (random() % 8 ? values[random() % values.size()] : "\"" + record.id + "\"");
    }
    record.metadata = "{" + body + "}";
    const IdKind kind = random() % 2 ? IdKind::u64 : IdKind::string;
    ExpectRoundTrip(layout, record, kind);
    ExpectRoundTrip(ordered, record, kind);
    if (HasFailure()) FAIL() << record.metadata;
  }
}

TEST(DefaultLayout, AFieldThatNamesItsOwnPointIsNotTakenForTheId) {
  const Layout layout = DefaultLayout();
  const std::string point = MapId(layout, IdKind::string, {}, "abc")->uuid;
  ExpectRoundTrip(layout, {point, {}, {}, R"({"_id":"abc"})"}, IdKind::uuid);
  ExpectRoundTrip(layout, {point, {}, {}, R"({"_id":")" + point + R"("})"}, IdKind::uuid);
}

TEST(McpMemoryLayout, WritesThePayloadOfTheApplication) {
  const Layout layout = McpMemoryLayout();
  const Record record = {kHash, {}, "First", R"({"created_at":1700000000.25,"updated_at":1700000100.5,"tags":["a","b"],"memory_type":"note","metadata":{"k":1}})"};
  EXPECT_EQ(*Encode(layout, record),
            R"({"content":"First","tags":["a","b"],"metadata":{"k":1},"created_at":1700000000.25,"updated_at":1700000100.5,"memory_type":"note","content_hash":")" + kHash + R"("})");
  ExpectRoundTrip(layout, record);
  EXPECT_EQ(MapId(layout, IdKind::string, {}, kHash)->uuid, kHashPoint);
}

TEST(McpMemoryLayout, WhatIsAbsentStaysAbsentAndWhatIsEmptyStaysEmpty) {
  const Layout layout = McpMemoryLayout();
  EXPECT_EQ(*Encode(layout, {kHash, {}, "x", R"({"other":1})"}),
            R"({"content":"x","tags":[],"metadata":{},"memory_type":"","content_hash":")" + kHash + R"(","other":1})");
  for (const char* metadata : {"{}", R"({"tags":[]})", R"({"memory_type":"","metadata":{}})", R"({"memory_type":null,"tags":"x","metadata":[]})",
                               R"({"content":"s","content_hash":"h","\\tags":[],"tags":[[]],"metadata":{"a":{}}})"}) {
    ExpectRoundTrip(layout, {kHash, {}, "x", metadata});
  }
}

TEST(McpMemoryLayout, RefusesWhatHasNoPlace) {
  const Layout layout = McpMemoryLayout();
  EXPECT_EQ(FactsOf(Encode(layout, {kHash, {}, {}, "{}"}).status()).code, "missing-document");
  EXPECT_EQ(FactsOf(Encode(layout, {kHash, "t", "x", "{}"}).status()).code, "tenant-not-carried");
  for (const std::string& id : {std::string("abc"), std::string(31, 'a'), std::string(64, 'g'), kHashPoint}) {
    EXPECT_EQ(FactsOf(MapId(layout, IdKind::string, {}, id).status()).code, "id-not-a-hash") << id;
  }
}

TEST(McpMemoryLayout, AForeignHashIsMetadata) {
  const auto record = Decode(McpMemoryLayout(), R"({"content":"x","content_hash":"00"})", kHashPoint);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->id, kHashPoint);
  EXPECT_EQ(record->metadata, R"({"content_hash":"00"})");
}

TEST(MapId, NativeIdsStayAndOthersNeverCollide) {
  const Layout layout = DefaultLayout();
  const auto map = [&](IdKind kind, std::string_view id, std::optional<std::string_view> tenant = {}) { return *MapId(layout, kind, tenant, id); };
  EXPECT_EQ(map(IdKind::u64, "18446744073709551615").integer, UINT64_MAX);
  EXPECT_TRUE(map(IdKind::mixed, "0").is_integer);
  EXPECT_FALSE(map(IdKind::string, "7").is_integer);
  for (const char* id : {"007", "-1", "18446744073709551616", "1.0", "", "+1"}) EXPECT_TRUE(map(IdKind::i64, id).mapped) << id;
  const std::string uuid = "c5f5b2a8-1111-4222-8333-444455556666";
  EXPECT_FALSE(map(IdKind::string, uuid).mapped);
  std::set<std::string> points = {uuid};
  for (const char* id : {"C5F5B2A8-1111-4222-8333-444455556666", "c5f5b2a8111142228333444455556666", "urn:uuid:c5f5b2a8-1111-4222-8333-444455556666"}) {
    EXPECT_TRUE(points.insert(map(IdKind::uuid, id).uuid).second) << id;
  }
  EXPECT_TRUE(points.insert(map(IdKind::string, "x").uuid).second);
  EXPECT_TRUE(points.insert(map(IdKind::string, "x", "").uuid).second);
  EXPECT_TRUE(points.insert(map(IdKind::string, "x", "a").uuid).second);
  EXPECT_TRUE(points.insert(map(IdKind::string, "ax", "").uuid).second);
  EXPECT_TRUE(points.insert(map(IdKind::string, "1:ax", "").uuid).second);
}

/// The namespace and the name's form are on disk wherever Vecferry wrote: they never change.
/// uuid.uuid5(UUID('6f0c9a52-4d1b-5e0f-9b1d-766563667279'), 'iabc') and 't2:eu7' of Python's uuid module.
TEST(MapId, IsTheSameForEver) {
  EXPECT_EQ(MapId(DefaultLayout(), IdKind::string, {}, "abc")->uuid, "0032b224-71e3-5dea-b8ec-79f3b0c0f11c");
  EXPECT_EQ(MapId(DefaultLayout(), IdKind::string, "eu", "7")->uuid, "20a4e80d-8ddb-5fc0-9f44-a195420833ba");
}

TEST(RegisterLayouts, ListsThem) {
  Registry registry;
  RegisterLayouts(registry);
  EXPECT_TRUE(registry.FindLayout("mcp-memory").ok());
  const Status status = registry.FindLayout("mcp-memry").status();
  EXPECT_TRUE(IsCategory(status, Category::usage));
  EXPECT_NE(status.message().find("mcp-memory"), std::string::npos);
}

}  // namespace
}  // namespace vecferry
