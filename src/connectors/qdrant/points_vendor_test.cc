#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "base/files.h"
#include "connectors/qdrant/test_support_points.h"
#include "record/elements.h"

/// The vendor's own messages as the judge: what is written they read, and what they write is read.
namespace vecferry::qdrant {
namespace {

const fs::path kSource = VECFERRY_SOURCE_DIR;

/// What the client must find in the points of EveryRow() and Deep(), in JSON as Python reads it.
constexpr std::string_view kExpected = R"([
{"id":"0","payload":{"n":null,"t":true,"f":false,"i":-1,"big":9223372036854775807,"low":-9223372036854775808},"vectors":{"":[1.5,-2.0]}},
{"id":"18446744073709551615","payload":{"document":"a text","tenant":"acme","d":1.0,"zero":-0.0,"tiny":5e-324,"huge":1e300,"e":""},
 "vectors":{"":[0.0,-0.0],"half":[1.0,-2.0],"small":[0.0,127.0,255.0],"mü":[[1.0,2.0],[3.0,4.0],[5.0,6.0]],"s":{"indices":[1,4294967295],"values":[0.5,-1.0]}}},
{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","payload":{"document":"","":1,"a.b":{"o":{},"l":[],"deep":[[1,"two",{"three":[3.5,null]}]]},"\u0000k":"v\u0000w","ü":"☃😀"},
 "vectors":{"half":[65504.0,5.960464477539063e-08]}},
{"id":"MAPPED","payload":{"_id":"a mapped id","tenant":"t","\\_id":"mine","\\document":"also mine","\\tenant":7,"\\\\tenant":1},"vectors":{"small":[97.0,98.0,99.0]}},
{"id":"7","payload":{"nothing":"but payload"},"vectors":{}},
{"id":"8","payload":{},"vectors":{"mü":[[7.0,8.0]],"s":{"indices":[],"values":[]}}},
{"id":"9","payload":DEEP,"vectors":{}}])";

/// As deep as is written.
std::string Deep() {
  const auto nest = [](int objects, int lists) {
    std::string text = "1";
    for (int i = 0; i < lists; ++i) text = "[" + text + "]";
    for (int i = 0; i < objects; ++i) text = "{\"k\":" + text + "}";
    return text;
  };
  return fmt::format(R"({{"objects":{},"lists":{},"both":{},"long":"{}"}})", nest(32, 0), nest(0, 48), nest(31, 2), std::string(20000, 'x'));
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  return at == text.npos ? text : text.replace(at, what.size(), by);
}

void AppendFloats(std::string_view floats, std::string* out) {
  *out += '[';
  for (size_t i = 0; i < floats.size(); i += 4) {
    float value;
    std::memcpy(&value, floats.data() + i, 4);
    if (i > 0) *out += ',';
    AppendJsonDouble(static_cast<double>(value), out);
  }
  *out += ']';
}

void AppendVector(const VectorColumn& column, int64_t row, std::string* out) {
  const auto floats = [&](std::string_view bytes) {
    std::vector<float> scratch;
    const auto dims = static_cast<size_t>(column.spec.dims);
    AppendFloats({reinterpret_cast<const char*>(AsFloats(column.spec.element, bytes, dims, scratch)), dims * 4}, out);
  };
  if (column.spec.kind == VectorKind::dense) return floats(column.Dense(row));
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  if (column.spec.kind == VectorKind::sparse) {
    *out += "{\"indices\":[";
    for (int32_t i = begin; i < end; ++i) *out += fmt::format("{}{}", i > begin ? "," : "", column.indices[i]);
    *out += "],\"values\":";
    AppendFloats({reinterpret_cast<const char*>(column.values + begin), static_cast<size_t>(end - begin) * 4}, out);
    *out += '}';
    return;
  }
  for (int32_t i = begin; i < end; ++i) {
    *out += i > begin ? "," : "[";
    floats({reinterpret_cast<const char*>(column.data) + i * column.width, static_cast<size_t>(column.width)});
  }
  *out += ']';
}

/// A record as the judge's JSON line.
std::string Told(const RecordView& view, int64_t row) {
  std::string line = "{\"id\":";
  AppendJsonString(view.id(row), &line);
  line += ",\"payload\":" + std::string(view.metadata(row).value_or("{}")) + ",\"vectors\":{";
  for (const auto& column : view.vectors()) {
    if (column.IsNull(row)) continue;
    if (line.back() != '{') line += ',';
    AppendJsonString(column.spec.name, &line);
    line += ':';
    AppendVector(column, row, &line);
  }
  return line + "}}\n";
}

class PointsAndTheVendor : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vf_points_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }

  int Python(const std::string& verb, const fs::path& python = kSource / ".venv/bin/python") {
    return std::system(fmt::format("'{}' '{}/tests/vendor/qdrant_points.py' {} '{}' > '{}' 2>&1", python.string(), kSource.string(), verb, dir_.string(),
                                   (dir_ / "log").string()).c_str());
  }
  std::string Log() { return ReadFile(dir_ / "log").ValueOr("no log"); }
  void Save(const std::string& name, std::string_view bytes) { ASSERT_TRUE(WriteFileAtomic(dir_ / name, bytes).ok()); }

  /// NAME.upsert, and NAME.answer: the same points as a server would give them.
  void Encode(const std::string& name, Dialect dialect) {
    auto rows = EveryRow();
    rows.push_back({.id = "9", .metadata = Deep()});
    const RecordView view = Make(rows);
    PointEncoder encoder(view.schema(), layout_, dialect);
    std::string upsert, answer;
    for (int64_t row = 0; row < view.rows(); ++row) {
      const auto reject = encoder.Append(view, row, &upsert);
      ASSERT_FALSE(reject) << reject->message;
    }
    for (const auto point : PointsOf(upsert)) AppendBytesField(2, Retrieved(point), &answer);
    Save(name + ".upsert", upsert);
    Save(name + ".answer", answer);
  }

  /// NAME.read of NAME.scroll.
  void Decode(const fs::path& file) {
    RecordSchema schema = EveryKind();
    schema.has_document = schema.has_tenant = false;
    const std::string bytes = ReadFile(file).ValueOrDie();
    const auto page = ParseScrollResponse(bytes);
    ASSERT_TRUE(page.ok());
    ASSERT_TRUE(page->next);
    EXPECT_EQ(page->next->uuid, "0f8fad5b-d9cb-469f-a165-70867728950e");
    PointDecoder decoder(schema, layout_);
    BatchBuilder builder(schema);
    for (const auto point : page->points) {
      PointFacts facts;
      const Fault fault = decoder.Append(point, builder, &facts);
      ASSERT_FALSE(fault) << file << ": " << fault.code << " " << fault.message;
      EXPECT_FALSE(facts.rounded);
    }
    const RecordView view = builder.Finish().ValueOrDie();
    std::string lines;
    for (int64_t row = 0; row < view.rows(); ++row) lines += Told(view, row);
    Save(file.stem().string() + ".read", lines);
  }

  fs::path dir_;
  const Layout layout_ = DefaultLayout();
};

TEST_F(PointsAndTheVendor, AgreeOnWhatIsWrittenAndRead) {
  ASSERT_EQ(Python("make"), 0) << Log();
  Encode("oneof", {.vector_oneof = true});
  Encode("trio", {.vector_oneof = false});
  const auto mapped = MapId(layout_, IdKind::mixed, "t", "a mapped id").ValueOrDie();
  Save("expected.json", Replaced(Replaced(std::string(kExpected), "MAPPED", mapped.uuid), "DEEP", Deep()));
  std::vector<fs::path> scrolls;
  for (const auto& entry : fs::directory_iterator(dir_)) {
    if (entry.path().extension() == ".scroll") scrolls.push_back(entry.path());
  }
  for (const auto& file : scrolls) Decode(file);
  EXPECT_EQ(Python("judge"), 0) << Log();
  const fs::path old = kSource / ".cache/venvs/qdrant_old/bin/python";
  if (fs::exists(old)) {
    EXPECT_EQ(Python("trio", old), 0) << Log();
  }
}

}  // namespace
}  // namespace vecferry::qdrant
