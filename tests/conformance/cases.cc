#include "conformance/cases.h"

#include <cstring>

namespace vecferry::conformance {
namespace {

/// A row that is built up by a case; what it does not set is as in a plain record.
struct Row {
  std::string id;
  std::optional<std::string> tenant, document, metadata, extra;
  std::set<size_t> missing;  ///< vectors left out
};

/// Numbers that are exact in every element type, and never a zero vector.
std::string DenseBytes(const VectorSpec& spec, int seed) {
  std::string bytes;
  for (int i = 0; i < spec.dims && spec.element != Element::bit; ++i) {
    const int value = 1 + (seed * 7 + i * 3) % 5;
    const float number = static_cast<float>(value) * 0.5f;
    uint32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    if (spec.element == Element::f32) bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
    if (spec.element == Element::u8 || spec.element == Element::i8) bytes.push_back(static_cast<char>(value));
    const uint16_t half[5] = {0x3800, 0x3C00, 0x3E00, 0x4000, 0x4100};  // 0.5, 1.0, 1.5, 2.0, 2.5
    const auto bfloat = static_cast<uint16_t>(bits >> 16);
    if (spec.element == Element::f16) bytes.append(reinterpret_cast<const char*>(&half[value - 1]), 2);
    if (spec.element == Element::bf16) bytes.append(reinterpret_cast<const char*>(&bfloat), 2);
  }
  if (spec.element == Element::bit) bytes.assign(static_cast<size_t>(spec.width()), static_cast<char>(0x5A + seed % 16));
  return bytes;
}

void PutVector(const VectorSpec& spec, size_t column, int seed, BatchBuilder& builder) {
  switch (spec.kind) {
    case VectorKind::dense: return builder.Vector(column, DenseBytes(spec, seed));
    case VectorKind::sparse: {
      const uint32_t indices[3] = {1, 70000, 4000000000u};
      const float values[3] = {0.25f, -1.5f, static_cast<float>(seed + 1)};
      return builder.Sparse(column, indices, values, static_cast<size_t>(1 + seed % 3));
    }
    case VectorKind::multi: return builder.Multi(column, DenseBytes(spec, seed) + DenseBytes(spec, seed + 1), 2);
  }
}

RecordView Build(const Fixture& fixture, const RecordSchema& schema, const std::vector<Row>& rows) {
  BatchBuilder builder(schema);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    builder.Id(row.id.empty() ? fixture.id(static_cast<int>(i)) : row.id);
    if (row.tenant) builder.Tenant(*row.tenant);
    if (row.document) builder.Document(*row.document);
    else if (fixture.document_required) builder.Document("text");
    builder.Metadata(row.metadata.value_or("{}"));
    for (size_t v = 0; v < schema.vectors.size(); ++v) {
      if (!row.missing.contains(v)) PutVector(schema.vectors[v], v, static_cast<int>(i), builder);
    }
    if (row.extra && !schema.extras.empty()) builder.Extra(0, *row.extra);
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

class Table {
 public:
  Table(const Fixture& fixture, const Capabilities& can) : fixture_(fixture), can_(can) {}

  std::vector<Case> Make() {
    Ids();
    Vectors();
    Texts();
    Json();
    Sizes();
    return std::move(cases_);
  }

 private:
  RecordSchema Plain() const { return PlainSchema(fixture_, can_); }
  void Add(std::string name, const RecordSchema& schema, const std::vector<Row>& rows) {
    cases_.push_back({std::move(name), schema, Build(fixture_, schema, rows)});
  }
  static std::vector<Row> WithIds(const std::vector<std::string>& ids) {
    std::vector<Row> rows;
    for (const auto& id : ids) rows.push_back({id, {}, {}, {}, {}, {}});
    return rows;
  }

  void AddIds(const std::string& name, IdKind kind, const std::vector<std::string>& ids) {
    RecordSchema schema = Plain();
    schema.id_kind = kind;
    Add(name, schema, WithIds(ids));
  }

  void Ids() {
    const std::string uuid = "c5f5b2a8-1111-4222-8333-444455556666";
    AddIds("ids_string", IdKind::string, {"a", "A", "7", "007", " x ", "ü/日本#?%", "C5F5B2A8-1111-4222-8333-444455556666", std::string(900, 'k'), "quote\"'\\", "line\nbreak"});
    AddIds("ids_u64", IdKind::u64, {"0", "9007199254740993", "9223372036854775808", "18446744073709551615"});
    AddIds("ids_i64", IdKind::i64, {"0", "-1", "-9223372036854775808", "9223372036854775807"});
    AddIds("ids_uuid", IdKind::uuid, {uuid, "00000000-0000-0000-0000-000000000000"});
    AddIds("ids_mixed", IdKind::mixed, {uuid, "12", "18446744073709551615"});
  }

  void Vectors() {
    for (const Element element : {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit}) {
      RecordSchema schema = Plain();
      schema.vectors = {{"", VectorKind::dense, element, element == Element::bit ? 16 : 4, element == Element::bit ? Metric::hamming : schema.vectors[0].metric, ""}};
      Add("element_" + std::string(Name(element)), schema, {{}, {}, {}});
    }
    for (const Metric metric : {Metric::unknown, Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard}) {
      RecordSchema schema = Plain();
      schema.vectors[0].metric = metric;
      Add("metric_" + std::string(Name(metric)), schema, {{}, {}, {}});
    }
    const VectorSpec dense = Plain().vectors[0];
    const VectorSpec a = {"a", VectorKind::dense, dense.element, 3, dense.metric, ""}, b = {"b", VectorKind::dense, dense.element, 5, dense.metric, ""};
    const VectorSpec sparse = {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}, multi = {"m", VectorKind::multi, Element::f32, 3, dense.metric, ""};
    AddVectors("named_vector", {a}, {{}, {}});
    AddVectors("several_vectors", {a, b}, {{}, {}, {}});
    AddVectors("sparse", {sparse}, {{}, {}, {}});
    AddVectors("dense_and_sparse", {a, sparse}, {{}, {}, {}});
    AddVectors("multi", {multi}, {{}, {}});
    AddVectors("no_vectors", {}, {{}, {}});
    Row lacking;
    lacking.missing = {0};
    AddVectors("missing_vector", {dense}, {{}, lacking, {}});
    AddVectors("missing_one_of_two", {a, b}, {{}, lacking, {}});
  }

  void AddVectors(const std::string& name, std::vector<VectorSpec> vectors, const std::vector<Row>& rows) {
    RecordSchema schema = Plain();
    schema.vectors = std::move(vectors);
    Add(name, schema, rows);
  }

  void Texts() {
    RecordSchema schema = Plain();
    schema.has_document = true;
    const auto document = [](std::string text) { return Row{{}, {}, std::move(text), {}, {}, {}}; };
    Add("document", schema, {document("plain"), document("Ünïcødé 日本 \xf0\x9f\x9a\xa2"), document("a\n\"b\"\\\t\x01"), document(std::string("nul\0inside", 10))});
    if (!fixture_.document_required) Add("document_null_and_empty", schema, {document(""), {}, document("x")});
    Add("document_huge", schema, {document(std::string(10 << 20, 'd')), document("small")});
    schema = Plain();
    schema.has_tenant = true;
    Add("tenant", schema, {Row{{}, "acme", {}, {}, {}, {}}, Row{{}, "ü-tenant", {}, {}, {}, {}}, {}});
    schema = Plain();
    schema.extras = {"blob"};
    Add("extras", schema, {Row{{}, {}, {}, {}, std::string("\0\xff\n\"", 4), {}}, Row{{}, {}, {}, {}, "", {}}, {}});
  }

  void AddJson(const std::string& name, const std::vector<std::string>& metadata) {
    std::vector<Row> rows;
    for (const auto& text : metadata) rows.push_back({{}, {}, {}, text, {}, {}});
    Add("json_" + name, Plain(), rows);
  }

  void Json() {
    AddJson("plain", {R"({"s":"x","n":1,"f":1.5})", "{}", R"({"s":""})"});
    AddJson("nested_object", {R"({"a":{"b":{"c":1}},"e":{}})"});
    AddJson("array", {R"({"a":["x","y","x"],"e":[]})"});
    AddJson("nested_array", {R"({"a":[[1],[2,3]]})"});
    AddJson("mixed_array", {R"({"a":[1,"x"]})"});
    AddJson("null_and_missing", {R"({"a":null})", "{}"});
    AddJson("boolean", {R"({"a":true,"b":false})"});
    AddJson("int64", {R"({"a":9007199254740993,"b":-9223372036854775808,"c":9223372036854775807})"});
    AddJson("uint64", {R"({"a":18446744073709551615,"b":9223372036854775808})"});
    AddJson("real", {R"({"a":1.0,"b":-0.0,"c":1e300})", R"({"a":1})"});
    AddJson("fraction", {R"({"a":0.1,"b":5e-324,"c":-2.2250738585072014e-308})"});
    AddJson("non_finite", {R"({"a":{"$vf":"f64","v":"NaN"},"b":{"$vf":"f64","v":"-Infinity"}})"});
    AddJson("bigint", {R"({"a":{"$vf":"bigint","v":"18446744073709551616"}})"});
    AddJson("decimal", {R"({"a":{"$vf":"decimal","v":"1.10"}})"});
    AddJson("bytes", {R"({"a":{"$vf":"bytes","v":"AAEC"}})"});
    AddJson("date", {R"({"a":{"$vf":"date","v":"2024-05-06"}})"});
    AddJson("datetime", {R"({"a":{"$vf":"datetime","v":"2024-05-06T07:08:09.123456Z"}})"});
    AddJson("time", {R"({"a":{"$vf":"time","v":"07:08:09"}})"});
    AddJson("empty_key", {R"({"":1})"});
    AddJson("any_key", {R"({"a.b":1,"a\"b":2,"$gt":3,"日本":4," ":5,"\\":6,"a/b":7,"a[0]":8})"});
    AddJson("vf_key", {R"({"$vf":"object","v":{"$vf":"mine","x":1}})"});
    AddJson("layout_keys", {R"({"_id":"x","document":"y","tenant":"z","\\_id":1,"\\\\document":2,"content":"c","content_hash":"h","tags":[],"memory_type":""})"});
    AddJson("unicode", {R"({"a":"\u0000\u001f\u2028 é 日本 \ud83d\udea2"})"});
  }

  void Sizes() {
    Add("empty_dataset", Plain(), {});
    Add("one_record", Plain(), {{}});
    Add("a_thousand_records", Plain(), std::vector<Row>(1000));
  }

  const Fixture& fixture_;
  const Capabilities& can_;
  std::vector<Case> cases_;
};

}  // namespace

RecordSchema PlainSchema(const Fixture& fixture, const Capabilities& can) {
  RecordSchema schema;
  schema.id_kind = fixture.id_kind;
  schema.has_document = fixture.document_required;
  const Element element = can.dense.contains(Element::f32) || can.dense.empty() ? Element::f32 : *can.dense.begin();
  const bool dot = can.metrics.contains(Metric::dot) || can.metrics.empty();
  const Metric metric = fixture.metric != Metric::unknown ? fixture.metric : dot ? Metric::dot : *can.metrics.begin();
  schema.vectors = {{"", VectorKind::dense, element, 4, metric, ""}};
  return schema;
}

RecordView PlainRecords(const Fixture& fixture, const RecordSchema& schema, int first, int count) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) rows.push_back({fixture.id(i), {}, {}, "{\"n\":" + std::to_string(i) + "}", {}, {}});
  return Build(fixture, schema, rows);
}

std::vector<Case> AllCases(const Fixture& fixture, const Capabilities& can) { return Table(fixture, can).Make(); }

}  // namespace vecferry::conformance
