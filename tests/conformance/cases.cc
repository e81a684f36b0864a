#include "conformance/cases.h"

#include <cstring>
#include <limits>
#include <stdexcept>

namespace vecferry::conformance {
namespace {

/// A row that is built up by a case; what it does not set is as in a plain record.
struct Row {
  std::string id;
  std::optional<std::string> tenant, document, metadata, extra;
  std::set<size_t> missing;  ///< vectors left out
  std::string bytes;         ///< of the first vector, "" for the usual ones
  bool large_indices = false;  ///< of sparse vectors: up to the end of uint32
  int seed = -1;             ///< of the usual vectors, -1: the place in the dataset
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

void PutVector(const Row& row, const VectorSpec& spec, size_t column, int seed, BatchBuilder& builder) {
  switch (spec.kind) {
    case VectorKind::dense: return builder.Vector(column, column == 0 && !row.bytes.empty() ? row.bytes : DenseBytes(spec, seed));
    case VectorKind::sparse: {
      const uint32_t indices[3] = {1, 700, row.large_indices ? 4294967295u : 70000u};
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
      if (!row.missing.contains(v)) PutVector(row, schema.vectors[v], v, row.seed < 0 ? static_cast<int>(i) : row.seed, builder);
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
    Elements();
    Vectors();
    Texts();
    JsonValues();
    JsonShapes();
    Sizes();
    return std::move(cases_);
  }

 private:
  RecordSchema Plain() const { return PlainSchema(fixture_, can_); }
  void Add(std::string name, const RecordSchema& schema, std::vector<Row> rows) {
    cases_.push_back({std::move(name), schema, [&fixture = fixture_, schema, rows = std::move(rows)] { return Build(fixture, schema, rows); }});
  }
  void AddLater(std::string name, const RecordSchema& schema, std::function<std::vector<Row>()> rows) {
    cases_.push_back({std::move(name), schema, [&fixture = fixture_, schema, rows = std::move(rows)] { return Build(fixture, schema, rows()); }});
  }

  void AddIds(const std::string& name, IdKind kind, const std::vector<std::string>& ids) {
    RecordSchema schema = Plain();
    schema.id_kind = kind;
    std::vector<Row> rows(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) rows[i].id = ids[i];
    Add("ids_" + name, schema, rows);
  }

  void Ids() {
    const std::string uuid = "c5f5b2a8-1111-4222-8333-444455556666";
    AddIds("string", IdKind::string, {"a", "A", " x ", "a/b", "a#b?c%20", "quote\"'\\", "C5F5B2A8-1111-4222-8333-444455556666"});
    AddIds("digits", IdKind::string, {"7", "007", "7.0", "1e3", "-1", "18446744073709551616"});
    AddIds("unicode", IdKind::string, {"ü/日本", "\xf0\x9f\x9a\xa2", "e\xcc\x81", "\xc3\xa9"});
    AddIds("control", IdKind::string, {"line\nbreak", "tab\tstop", "\x01"});
    AddIds("long", IdKind::string, {std::string(900, 'k'), std::string(900, 'l')});
    AddIds("u64", IdKind::u64, {"0", "9007199254740993", "9223372036854775808", "18446744073709551615"});
    AddIds("i64", IdKind::i64, {"0", "-1", "-9223372036854775808", "9223372036854775807"});
    AddIds("uuid", IdKind::uuid, {uuid, "00000000-0000-0000-0000-000000000000"});
    AddIds("mixed", IdKind::mixed, {uuid, "12", "18446744073709551615"});
  }

  RecordSchema OfElement(Element element) const {
    RecordSchema schema = Plain();
    const bool bit = element == Element::bit;
    schema.vectors = {{"", VectorKind::dense, element, bit ? 16 : 4, bit ? Metric::hamming : schema.vectors[0].metric, ""}};
    return schema;
  }

  void Elements() {
    Row lacking;
    lacking.missing = {0};
    for (const Element element : {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit}) {
      RecordSchema schema = OfElement(element);
      const std::string name = "element_" + std::string(Name(element));
      Add(name, schema, {{}, {}, {}});
      Add(name + "_missing", schema, {{}, lacking, {}});
      schema.vectors[0].name = "named";
      Add(name + "_named", schema, {{}, {}, {}});
    }
    for (const Metric metric : {Metric::unknown, Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard}) {
      RecordSchema schema = Plain();
      schema.vectors[0].metric = metric;
      Add("metric_" + std::string(Name(metric)), schema, {{}, {}, {}});
    }
    for (const int dims : {1, 3, 384, 1536}) {
      RecordSchema schema = Plain();
      schema.vectors[0].dims = schema.vectors[0].element == Element::bit ? dims * 8 : dims;
      Add("dims_" + std::to_string(dims), schema, {{}, {}, {}});
    }
    const RecordSchema real = OfElement(Element::f32);
    Add("values_extreme", real, {OfFloats({3.0e18f, -3.0e18f, 1.0f, 0.1f}), OfFloats({1.1754944e-38f, 1.0e-45f, 0.0f, -1.0f})});
    Add("values_negative_zero", real, {OfFloats({-0.0f, 0.0f, 1.0f, -1.0f})});
    Add("values_zero_vector", real, {OfFloats({0, 0, 0, 0}), {}});
    const float infinite = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
    Add("values_not_a_number", real, {OfFloats({std::numeric_limits<float>::quiet_NaN(), 1.0f, 1.0f, 1.0f}), {}});
    Add("values_infinite", real, {OfFloats({infinite, 1.0f, 1.0f, 1.0f}), OfFloats({-infinite, 1.0f, 1.0f, 1.0f}), {}});
    Add("values_largest", real, {OfFloats({most, most, 1.0f, 1.0f}), OfFloats({-most, 1.0f, 1.0f, 1.0f}), {}});
  }

  static Row OfFloats(const std::vector<float>& values) {
    Row row;
    row.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    return row;
  }

  void Vectors() {
    const VectorSpec dense = Plain().vectors[0];
    const int32_t step = dense.element == Element::bit ? 8 : 1;
    const VectorSpec a = {"a", VectorKind::dense, dense.element, 3 * step, dense.metric, ""}, b = {"b", VectorKind::dense, dense.element, 5 * step, dense.metric, ""};
    const VectorSpec odd = {"with space & \"quote\"", VectorKind::dense, dense.element, 3 * step, dense.metric, ""};
    const VectorSpec sparse = {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}, multi = {"m", VectorKind::multi, Element::f32, 3, dense.metric, ""};
    Row lacking, large;
    lacking.missing = {0};
    large.large_indices = true;
    AddVectors("named_vector", {a}, {{}, {}});
    AddVectors("named_vector_odd", {odd}, {{}, {}});
    AddVectors("several_vectors", {a, b}, {{}, {}, {}});
    AddVectors("several_vectors_one_unnamed", {dense, b}, {{}, {}});
    AddVectors("sparse", {sparse}, {{}, {}, {}});
    AddVectors("sparse_large_index", {sparse}, {large, large, large});
    AddVectors("sparse_missing", {sparse}, {{}, lacking, {}});
    AddVectors("dense_and_sparse", {a, sparse}, {{}, {}, {}});
    AddVectors("multi", {multi}, {{}, {}});
    AddVectors("multi_missing", {multi}, {{}, lacking, {}});
    AddVectors("dense_and_multi", {a, multi}, {{}, {}});
    AddVectors("dense_sparse_and_multi", {a, sparse, multi}, {{}, {}, {}});
    AddVectors("no_vectors", {}, {{}, {}});
    AddVectors("missing_vector", {dense}, {{}, lacking, {}});
    AddVectors("missing_vector_first", {dense}, {lacking, {}, {}});
    AddVectors("missing_vector_everywhere", {dense}, {lacking, lacking});
    AddVectors("missing_one_of_two", {a, b}, {{}, lacking, {}});
  }

  void AddVectors(const std::string& name, std::vector<VectorSpec> vectors, const std::vector<Row>& rows) {
    RecordSchema schema = Plain();
    schema.vectors = std::move(vectors);
    Add(name, schema, rows);
  }

  static Row OfDocument(std::string text) {
    Row row;
    row.document = std::move(text);
    return row;
  }
  static Row OfTenant(std::string tenant, std::string id = "") {
    Row row;
    row.tenant = std::move(tenant);
    row.id = std::move(id);
    return row;
  }
  static Row OfExtra(std::string bytes) {
    Row row;
    row.extra = std::move(bytes);
    return row;
  }

  void Texts() {
    RecordSchema schema = Plain();
    schema.has_document = true;
    Add("document", schema, {OfDocument("plain"), OfDocument("other")});
    Add("document_unicode", schema, {OfDocument("Ünïcødé 日本 \xf0\x9f\x9a\xa2"), OfDocument("\xe2\x80\xa8\xef\xbb\xbf")});
    Add("document_control", schema, {OfDocument("a\n\"b\"\\\t\x01\r\n"), OfDocument("\\N"), OfDocument("\\."), OfDocument("a,b;c\"")});
    Add("document_nul", schema, {OfDocument(std::string("nul\0inside", 10)), OfDocument("none")});
    if (!fixture_.document_required) Add("document_null_and_empty", schema, {OfDocument(""), {}, OfDocument("x")});
    AddLater("document_huge", schema, [] { return std::vector<Row>{OfDocument(std::string(10 << 20, 'd')), OfDocument("small")}; });
    schema.has_tenant = true;
    Row both = OfDocument("text");
    both.tenant = "acme";
    Add("document_and_tenant", schema, {both, both});
    schema = Plain();
    schema.has_tenant = true;
    Add("tenant", schema, {OfTenant("acme"), OfTenant("other"), {}});
    Add("tenant_unicode", schema, {OfTenant("ü-tenant \"日本\""), OfTenant("a/b#c")});
    if (fixture_.id_kind == IdKind::string) Add("tenant_same_id", schema, {OfTenant("acme", "one"), OfTenant("other", "one"), OfTenant("acme", "two")});
    schema = Plain();
    schema.extras = {"blob"};
    Add("extras", schema, {OfExtra(std::string("\0\xff\n\"", 4)), OfExtra(""), {}});
  }

  void AddJson(const std::string& name, const std::vector<std::string>& metadata) {
    std::vector<Row> rows;
    for (const auto& text : metadata) {
      rows.emplace_back();
      rows.back().metadata = text;
    }
    Add("json_" + name, Plain(), rows);
  }

  void JsonValues() {
    AddJson("plain", {R"({"s":"x","n":1,"f":1.5})", "{}", R"({"s":""})"});
    AddJson("empty_string", {R"({"a":""})", R"({"a":"x"})"});
    AddJson("boolean", {R"({"a":true,"b":false})"});
    AddJson("null_and_missing", {R"({"a":null})", "{}"});
    AddJson("null_and_value", {R"({"a":null})", R"({"a":1})", R"({"a":2})"});
    AddJson("int64", {R"({"a":9007199254740993,"b":-9223372036854775808,"c":9223372036854775807})"});
    AddJson("uint64", {R"({"a":18446744073709551615,"b":9223372036854775808})"});
    AddJson("real", {R"({"a":1.0,"b":-0.0,"c":1e300})", R"({"a":1})"});
    AddJson("real_only", {R"({"a":1.0})", R"({"a":2.5})"});
    AddJson("int_then_fraction", {R"({"a":1})", R"({"a":1.5})"});
    AddJson("fraction", {R"({"a":0.1,"b":5e-324,"c":-2.2250738585072014e-308})"});
    AddJson("non_finite", {R"({"a":{"$vf":"f64","v":"NaN"},"b":{"$vf":"f64","v":"-Infinity"}})"});
    AddJson("bigint", {R"({"a":{"$vf":"bigint","v":"18446744073709551616"}})"});
    AddJson("decimal", {R"({"a":{"$vf":"decimal","v":"1.10"}})"});
    AddJson("bytes", {R"({"a":{"$vf":"bytes","v":"AAEC"}})"});
    AddJson("date", {R"({"a":{"$vf":"date","v":"2024-05-06"}})"});
    AddJson("datetime", {R"({"a":{"$vf":"datetime","v":"2024-05-06T07:08:09.123456Z"}})"});
    AddJson("time", {R"({"a":{"$vf":"time","v":"07:08:09"}})"});
    AddJson("geo", {R"({"a":{"$vf":"geo","v":"1.5,-2"}})"});
    AddJson("vf_key", {R"({"$vf":"object","v":{"$vf":"mine","x":1}})"});
    AddJson("types_differ", {R"({"a":1})", R"({"a":"x"})", R"({"a":true})"});
    AddJson("strings_like_others", {R"({"a":"1","b":"true","c":"null","d":"2024-05-06","e":"NaN","f":"{}","g":"1.0"})"});
    AddJson("unicode", {R"({"a":"\u001f\u2028 é 日本 \ud83d\udea2"})"});
    AddJson("nul", {R"({"a":"x\u0000y"})", R"({"a":"z"})"});
    AddJson("control", {R"({"a":"\n\t\"\\,;\r\n"})"});
    AddJson("long_string", {R"({"a":")" + std::string(100000, 'x') + R"("})"});
  }

  void JsonShapes() {
    AddJson("nested_object", {R"({"a":{"b":{"c":1}},"d":{"e":"x"}})"});
    AddJson("empty_object", {R"({"a":{}})", R"({"a":{"b":1}})"});
    AddJson("nested_null", {R"({"a":{"b":null}})", R"({"a":{}})"});
    std::string deep = "1";
    for (int i = 0; i < 20; ++i) deep = R"({"a":)" + deep + "}";
    AddJson("deep", {deep});
    AddJson("array", {R"({"a":["x","y","x"],"e":[]})"});
    AddJson("array_empty", {R"({"a":[]})", R"({"a":["x"]})"});
    AddJson("array_of_numbers", {R"({"a":[1,2,9007199254740993]})"});
    AddJson("array_of_reals", {R"({"a":[0.5,1.0]})"});
    AddJson("array_of_objects", {R"({"a":[{"b":1},{"b":2,"c":"x"}]})"});
    AddJson("nested_array", {R"({"a":[[1],[2,3]]})"});
    AddJson("mixed_array", {R"({"a":[1,"x"]})"});
    AddJson("array_with_null", {R"({"a":[null,"x"]})"});
    AddJson("empty_key", {R"({"":1})"});
    AddJson("any_key", {R"({"a.b":1,"a\"b":2,"$gt":3,"日本":4," ":5,"\\":6,"a/b":7,"a[0]":8})"});
    AddJson("key_dot", {R"({"a.b":1,"a":"x"})"});
    AddJson("key_quote", {R"({"it's":1,"say \"x\"":2})"});
    AddJson("key_dollar", {R"({"$set":1,"$":2})"});
    AddJson("key_case", {R"({"Name":1,"name":2,"NAME":3})"});
    AddJson("key_long", {R"({")" + std::string(200, 'k') + R"(":1})"});
    AddJson("layout_keys", {R"({"_id":"x","document":"y","tenant":"z","\\_id":1,"\\\\document":2,"content":"c","content_hash":"h","tags":[],"memory_type":""})"});
    AddJson("column_keys", {R"({"id":"x","vector":"v","embedding":"e","metadata":"m","text":"t","extra":1})"});
    std::string many;
    for (int i = 0; i < 100; ++i) many += (i ? ",\"f" : "\"f") + std::to_string(i) + "\":" + std::to_string(i);
    AddJson("many_fields", {"{" + many + "}", "{}"});
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
  const std::set<Metric>& metrics = can.MetricsOf(element);
  const bool dot = metrics.contains(Metric::dot) || metrics.empty();
  const Metric metric = fixture.metric != Metric::unknown ? fixture.metric : dot ? Metric::dot : *metrics.begin();
  schema.vectors = {{"", VectorKind::dense, element, element == Element::bit ? 32 : 4, metric, ""}};
  return schema;
}

RecordView PlainRecords(const Fixture& fixture, const RecordSchema& schema, int first, int count, int version) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    rows.emplace_back();
    rows.back().id = fixture.id(i);
    rows.back().seed = i;
    rows.back().metadata = "{\"n\":" + std::to_string(i + 1000 * version) + "}";
  }
  return Build(fixture, schema, rows);
}

std::vector<Case> AllCases(const Fixture& fixture, const Capabilities& can) { return Table(fixture, can).Make(); }

Case FindCase(const Fixture& fixture, const Capabilities& can, const std::string& name) {
  for (Case& each : Table(fixture, can).Make()) {
    if (each.name == name) return std::move(each);
  }
  throw std::runtime_error("there is no case " + name + " for " + fixture.name());
}

}  // namespace vecferry::conformance
