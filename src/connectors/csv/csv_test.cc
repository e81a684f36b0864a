#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "connectors/csv/dataset.h"
#include "connectors/csv/rows.h"
#include "connectors/csv/vector_text.h"
#include "record/distance.h"

namespace vecferry::csv {
namespace {

constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

/// Gives `step` bytes at a time, so that every cut is met.
ReadBytes Pieces(std::string text, size_t step) {
  return [text = std::move(text), at = size_t{0}, step](char* out, size_t size) mutable -> Result<size_t> {
    const size_t n = std::min({size, step, text.size() - at});
    std::memcpy(out, text.data() + at, n);
    at += n;
    return n;
  };
}

using Rows = std::vector<std::vector<std::string>>;
Rows Read(const std::string& text, size_t step = 1 << 20, const Dialect& dialect = {}) {
  RowReader reader(Pieces(text, step), dialect, 0, kNoEnd);
  EXPECT_TRUE(reader.SkipMark().ok());
  Rows rows;
  while (const auto row = reader.Next().ValueOrDie()) {
    EXPECT_EQ(row->fault, Row::Fault::none) << text;
    auto& fields = rows.emplace_back();
    for (size_t i = 0; i < row->fields->size(); ++i) {
      const Field& field = (*row->fields)[i];
      fields.push_back(row->IsNull(i, dialect) ? "NULL" : std::string(field.text));
    }
  }
  EXPECT_EQ(reader.offset(), static_cast<int64_t>(text.size()));
  return rows;
}

TEST(RowReader, ReadsWhatTheRfcAllows) {
  const std::pair<std::string, Rows> cases[] = {
      {"a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
      {"a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
      {"a,b\r\nc,d", {{"a", "b"}, {"c", "d"}}},
      {"\"a\",\"b,c\"\n", {{"a", "b,c"}}},
      {"\"a\"\"b\",\"\"\"\"\n", {{"a\"b", "\""}}},
      {"\"line\nbreak\",\"cr\r\nlf\"\n", {{"line\nbreak", "cr\r\nlf"}}},
      {"a,,\"\"\n,\n", {{"a", "NULL", ""}, {"NULL", "NULL"}}},
      {"\xef\xbb\xbf" "a,b\n", {{"a", "b"}}},
      {"\n\na\n\r\nb\n\n", {{"a"}, {"b"}}},
      {"a\rb,c\n", {{"a\rb", "c"}}},
      {"\"a\"", {{"a"}}},
      {"\"\"\"\"\"\"", {{"\"\""}}},
      {"", {}},
      {" a , \"b\n", {}},
  };
  for (const auto& [text, rows] : cases) {
    if (rows.empty() && !text.empty()) continue;
    for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{1} << 20}) EXPECT_EQ(Read(text, step), rows) << text << step;
  }
  Dialect tabs;
  tabs.delimiter = '\t';
  tabs.null = "\\N";
  EXPECT_EQ(Read("a,b\t\\N\t\t\"\\N\"\n", 1, tabs), (Rows{{"a,b", "NULL", "", "\\N"}}));
}

TEST(RowReader, SaysWhatIsWrongAndGoesOn) {
  const auto faults = [](const std::string& text, size_t step, size_t max_row = kMaxRow) {
    RowReader reader(Pieces(text, step), {}, 0, kNoEnd, max_row);
    std::vector<Row::Fault> found;
    while (const auto row = reader.Next().ValueOrDie()) found.push_back(row->fault);
    return found;
  };
  using enum Row::Fault;
  for (const size_t step : {size_t{1}, size_t{7}, size_t{1} << 20}) {
    EXPECT_EQ(faults("a,b\"c\nd\n", step), (std::vector{stray_quote, none}));
    EXPECT_EQ(faults("\"a\"b,c\nd\n", step), (std::vector{stray_quote, none}));
    EXPECT_EQ(faults("a\n\"b,c\nd\n", step), (std::vector{none, open_quote}));
    const std::string large = "\"" + std::string(3 << 20, 'x') + "\n\"\"\"";
    EXPECT_EQ(faults("a\n" + large + "\nb\n", step == 1 ? 1 << 16 : step * 1000, 1 << 20), (std::vector{none, too_long, none})) << step;
    EXPECT_EQ(faults(large, step == 1 ? 1 << 16 : step * 1000, 1 << 20), (std::vector{too_long}));
  }
}

TEST(RowReader, CountsLinesAndOffsets) {
  const std::string text = "a\n\"b\nc\"\n\nd\n";
  RowReader reader(Pieces(text, 1), {}, 0, kNoEnd);
  std::vector<std::pair<int64_t, int64_t>> seen;
  while (const auto row = reader.Next().ValueOrDie()) seen.emplace_back(row->begin, row->line);
  EXPECT_EQ(seen, (std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {2, 1}, {9, 4}}));
  RowReader part(Pieces(text, 1), {}, 0, 3);
  EXPECT_TRUE(part.Next().ValueOrDie() && part.Next().ValueOrDie());
  EXPECT_FALSE(part.Next().ValueOrDie());
}

TEST(AppendField, WhatIsWrittenIsRead) {
  std::mt19937 random(7);
  const std::string letters = "a,\"\n\r \\.;\t";
  for (int i = 0; i < 20000; ++i) {
    Dialect dialect;
    if (random() % 2) dialect.delimiter = '\t';
    if (random() % 3 == 0) dialect.null = "a";
    std::string text, line;
    for (size_t n = random() % 6; n > 0; --n) text += letters[random() % letters.size()];
    AppendField("x", dialect, &line);
    line += dialect.delimiter;
    AppendField(text, dialect, &line);
    line += "\n";
    RowReader reader(Pieces(line, 1 + random() % 3), dialect, 0, kNoEnd);
    const auto row = reader.Next().ValueOrDie();
    ASSERT_TRUE(row && row->fault == Row::Fault::none && row->fields->size() == 2u) << line;
    EXPECT_EQ((*row->fields)[1].text, text);
    EXPECT_FALSE(row->IsNull(1, dialect)) << line;
    EXPECT_FALSE(reader.Next().ValueOrDie());
  }
}

RecordView OneVector(const VectorSpec& spec, const std::string& text, Status* status, bool* rounded) {
  RecordSchema schema;
  schema.vectors = {spec};
  BatchBuilder builder(schema);
  builder.Id("a");
  *status = VectorReader().Read(text, spec, 0, builder, rounded);
  if (!status->ok()) builder.DropRow();
  else builder.EndRow();
  return builder.Finish().ValueOrDie();
}

std::string Again(const VectorSpec& spec, const std::string& text) {
  Status status;
  bool rounded = false;
  const RecordView view = OneVector(spec, text, &status, &rounded);
  if (!status.ok()) return "refused";
  std::string out;
  AppendVector(view.vectors()[0], 0, 0, &out);
  return out + (rounded ? " rounded" : "");
}

VectorSpec Spec(VectorKind kind, Element element, int32_t dims) { return {"", kind, element, dims, Metric::unknown, ""}; }

TEST(VectorText, IsThatOfPgvector) {
  const auto dense = Spec(VectorKind::dense, Element::f32, 3);
  EXPECT_EQ(Again(dense, "[1,-2.5,3e-05]"), "[1,-2.5,3e-05]");
  EXPECT_EQ(Again(dense, " [ 1 , -0 , 1e-45 ] "), "[1,-0,1e-45]");
  EXPECT_EQ(Again(dense, "[3.4028235e+38,0.1,-1.17549435e-38]"), "[3.4028235e+38,0.1,-1.1754944e-38]");
  EXPECT_EQ(Again(dense, "[NaN,Infinity,-Infinity]"), "[NaN,Infinity,-Infinity]");
  EXPECT_EQ(Again(dense, "[0.100000001490116119384765625,.5,5.]"), "[0.1,0.5,5]");
  for (const char* bad : {"", "[1,2]", "[1,2,3,4]", "[1,2,3", "1,2,3]", "[1,2,x]", "[1,,3]", "[1,2,3]]", "[1e39,2,3]", "[inf,2,3]", "[nan,2,3]", "[+1,2,3]", "[0x1,2,3]", "{1,2,3}", "[1 2 3]", "[-,2,3]"}) {
    EXPECT_EQ(Again(dense, bad), "refused") << bad;
  }
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::f16, 3), "[0.099975586,65504,-0]"), "[0.099975586,65504,-0]");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::f16, 1), "[0.1]"), "[0.099975586] rounded");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::bf16, 2), "[1.5,0.100097656]"), "[1.5,0.100097656]");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::u8, 2), "[0,255]"), "[0,255]");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::u8, 2), "[0,256]"), "refused");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::i8, 2), "[-128,127]"), "[-128,127]");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::bit, 10), "1010000011"), "1010000011");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::bit, 10), "101000001"), "refused");
  EXPECT_EQ(Again(Spec(VectorKind::dense, Element::bit, 2), "12"), "refused");
  const auto sparse = Spec(VectorKind::sparse, Element::f32, 0);
  EXPECT_EQ(Again(sparse, "{1:1.5,5:-2}/5"), "{1:1.5,5:-2}/1000000000");
  EXPECT_EQ(Again(sparse, "{}/5"), "{}/1000000000");
  EXPECT_EQ(Again(sparse, "{4294967296:1}/4294967296"), "{4294967296:1}/4294967296");
  for (const char* bad : {"{0:1}/5", "{6:1}/5", "{1:1}", "{1}/5", "{1:x}/5", "{-1:1}/5", "{4294967297:1}/4294967297", "[1]"}) EXPECT_EQ(Again(sparse, bad), "refused") << bad;
  const auto multi = Spec(VectorKind::multi, Element::f32, 2);
  EXPECT_EQ(Again(multi, "[[1,2],[3,4]]"), "[[1,2],[3,4]]");
  EXPECT_EQ(Again(multi, "[]"), "[]");
  for (const char* bad : {"[[1,2],]", "[[1,2]", "[[1]]", "[1,2]"}) EXPECT_EQ(Again(multi, bad), "refused") << bad;
}

TEST(VectorText, EveryFloatComesBack) {
  std::mt19937 random(3);
  const auto spec = Spec(VectorKind::dense, Element::f32, 64);
  RecordSchema schema;
  schema.vectors = {spec};
  for (int i = 0; i < 500; ++i) {
    uint32_t bits[64];
    for (auto& each : bits) {
      do each = static_cast<uint32_t>(random());
      while ((each & 0x7f800000) == 0x7f800000);
    }
    BatchBuilder builder(schema);
    builder.Id("a");
    builder.Vector(0, {reinterpret_cast<const char*>(bits), sizeof(bits)});
    builder.EndRow();
    const RecordView view = builder.Finish().ValueOrDie();
    std::string text;
    AppendVector(view.vectors()[0], 0, 0, &text);
    Status status;
    bool rounded = false;
    const RecordView back = OneVector(spec, text, &status, &rounded);
    ASSERT_TRUE(status.ok()) << text;
    EXPECT_EQ(back.vectors()[0].Dense(0), view.vectors()[0].Dense(0)) << text;
  }
}

TEST(GuessVector, KnowsItsKind) {
  EXPECT_EQ(GuessVector("[1,2,3]"), Spec(VectorKind::dense, Element::f32, 3));
  EXPECT_EQ(GuessVector("0110"), Spec(VectorKind::dense, Element::bit, 4));
  EXPECT_EQ(GuessVector("{1:2}/3"), Spec(VectorKind::sparse, Element::f32, 0));
  EXPECT_EQ(GuessVector("[[1,2]]"), Spec(VectorKind::multi, Element::f32, 2));
  for (const char* none : {"", "x", "[]", "[a]", "{1}", "[1,2", "[[]]"}) EXPECT_FALSE(GuessVector(none)) << none;
}

std::string Json(FieldType type, const std::string& text) {
  JsonReader reader;
  std::string out;
  const Status status = AppendAsJson(type, text, reader, &out);
  return status.ok() ? out : FactsOf(status).code;
}

TEST(FieldText, IsReadByItsType) {
  EXPECT_EQ(Json(FieldType::text, "007"), "\"007\"");
  EXPECT_EQ(Json(FieldType::integer, "-7"), "-7");
  EXPECT_EQ(Json(FieldType::integer, "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(Json(FieldType::integer, "18446744073709551616"), R"({"$vf":"bigint","v":"18446744073709551616"})");
  for (const char* bad : {"007", "1.0", "", "x", "-", "-0", " 1"}) EXPECT_EQ(Json(FieldType::integer, bad), "bad-value") << bad;
  EXPECT_EQ(Json(FieldType::real, "1"), "1.0");
  EXPECT_EQ(Json(FieldType::real, "NaN"), R"({"$vf":"f64","v":"NaN"})");
  for (const char* bad : {"", "1e400", "inf", "1x", "0x1p3"}) EXPECT_EQ(Json(FieldType::real, bad), "bad-value") << bad;
  EXPECT_EQ(Json(FieldType::boolean, "t"), "true");
  EXPECT_EQ(Json(FieldType::boolean, "yes"), "bad-value");
  EXPECT_EQ(Json(FieldType::json, "{\"a\": [1, 2]}"), R"({"a":[1,2]})");
  EXPECT_EQ(Json(FieldType::json, "{"), "bad-value");
  EXPECT_EQ(Json(FieldType::decimal, "1.10"), R"({"$vf":"decimal","v":"1.10"})");
  EXPECT_EQ(Json(FieldType::datetime, "2024-05-06 07:08:09.5+00"), R"({"$vf":"datetime","v":"2024-05-06T07:08:09.5Z"})");
  EXPECT_EQ(Json(FieldType::datetime, "2024-05-06 07:08:09+05"), R"({"$vf":"datetime","v":"2024-05-06T07:08:09+05:00"})");
  EXPECT_EQ(Json(FieldType::bytes, "\\x00ff"), R"({"$vf":"bytes","v":"AP8="})");
  EXPECT_EQ(Json(FieldType::bytes, "\\x0"), "bad-value");
  EXPECT_EQ(Json(FieldType::text, "\xff"), "invalid-utf8");
}

TEST(TypeOfName, KnowsTheNamesOfPostgresql) {
  EXPECT_EQ(*TypeOfName("timestamp(3) with time zone"), FieldType::datetime);
  EXPECT_EQ(*TypeOfName("NUMERIC(10,2)"), FieldType::decimal);
  EXPECT_EQ(*TypeOfName("text[]"), FieldType::text);
  EXPECT_TRUE(IsCategory(TypeOfName("int5").status(), Category::usage));
}

class Files : public testing::Test {
 protected:
  Files() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  ~Files() override { std::filesystem::remove_all(dir_); }

  Result<Dataset> DatasetOf(const std::string& text, std::map<std::string, std::string> options = {}) {
    std::ofstream(dir_ / "x.csv", std::ios::binary) << text;
    Dataset dataset;
    dataset.place = files::Place(dir_ / "x.csv");
    ARROW_ASSIGN_OR_RAISE(options, CheckOptions(Options(), options, "csv"));
    ARROW_ASSIGN_OR_RAISE(dataset.wishes, ParseWishes(options, nullptr));
    return dataset;
  }
  struct Content {
    std::vector<std::string> records, rejects;
    RecordSchema schema;
  };
  /// Every record as "id|tenant|document|metadata|vector".
  Result<Content> Read(const std::string& text, const std::map<std::string, std::string>& options = {}) {
    ARROW_ASSIGN_OR_RAISE(const Dataset dataset, DatasetOf(text, options));
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(dataset));
    ARROW_ASSIGN_OR_RAISE(const auto info, source->Describe());
    Content content;
    content.schema = info.schema;
    ARROW_ASSIGN_OR_RAISE(const auto splits, source->Splits(1));
    for (const Split& split : splits) {
      ARROW_ASSIGN_OR_RAISE(const auto reader, source->Read(split, "", {}));
      while (true) {
        ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
        if (!batch) break;
        for (int64_t row = 0; row < batch->records.rows(); ++row) content.records.push_back(Line(batch->records, row));
        for (const Reject& reject : batch->rejects) content.rejects.push_back(reject.code + " " + reject.message.substr(0, reject.message.find(':')));
      }
    }
    return content;
  }
  static std::string Line(const RecordView& view, int64_t row) {
    std::string line(view.id(row));
    for (const auto text : {view.tenant(row), view.document(row), view.metadata(row)}) line += "|" + std::string(text.value_or("NULL"));
    for (const VectorColumn& column : view.vectors()) {
      line += "|";
      if (column.IsNull(row)) line += "NULL";
      else AppendVector(column, row, 0, &line);
    }
    return line;
  }
  const std::filesystem::path dir_ = std::filesystem::path(VECFERRY_BINARY_DIR) / "csv_test";
};

TEST_F(Files, AForeignFileIsReadByTheNamesOfItsColumns) {
  const auto content = Read("item,body,year,emb\n1,\"a, b\",1999,\"[1,2]\"\n02,,,\n", {{"id", "item"}, {"document", "body"}, {"vector", "emb"}, {"types", "year:int4"}}).ValueOrDie();
  EXPECT_EQ(content.records, (std::vector<std::string>{R"(1|NULL|a, b|{"year":1999}|[1,2])", "02|NULL|NULL|NULL|NULL"}));
  EXPECT_EQ(content.schema.id_kind, IdKind::string);
  EXPECT_EQ(content.schema.field_types.at("year"), "int4");
  EXPECT_EQ(content.schema.vectors[0].metric, Metric::unknown);
}

TEST_F(Files, WithoutTypesEverythingIsText) {
  const auto content = Read("id,n,e,vector\n1,07,\"\",\"[1,2]\"\n").ValueOrDie();
  EXPECT_EQ(content.records, (std::vector<std::string>{R"(1|NULL|NULL|{"n":"07","e":""}|[1,2])"}));
}

TEST_F(Files, MetadataAndColumnsAreOneObject) {
  const auto content = Read("id,a,metadata,vector\n1,x,\"{\"\"b\"\": 1}\",\"[1,2]\"\n2,x,\"{\"\"a\"\":1}\",\"[1,2]\"\n3,,{},\"[1,2]\"\n4,x,[1],\"[1,2]\"\n").ValueOrDie();
  EXPECT_EQ(content.records, (std::vector<std::string>{R"(1|NULL|NULL|{"a":"x","b": 1}|[1,2])", "3|NULL|NULL|{}|[1,2]"}));
  EXPECT_EQ(content.rejects, (std::vector<std::string>{"ambiguous-key line 3", "metadata-not-an-object line 5"}));
}

TEST_F(Files, WhatIsAtFaultIsARejectWithItsLine) {
  const auto content = Read("id,vector\na,\"[1,2]\"\nb\n\"c\nd\",\"[1]\"\n,\"[1,2]\"\ne\"e,\"[1,2]\"\nf,\"[1,2]\",\n\xff,\"[1,2]\"\ng,\"[1,2]\"\nh,\"[1,2]\n").ValueOrDie();
  EXPECT_EQ(content.records, (std::vector<std::string>{"a|NULL|NULL|NULL|[1,2]", "g|NULL|NULL|NULL|[1,2]"}));
  EXPECT_EQ(content.rejects, (std::vector<std::string>{"ragged-row line 3", "bad-vector line 4", "missing-id line 6", "bad-quote line 7", "ragged-row line 8", "invalid-utf8 line 9", "open-quote line 11"}));
}

TEST_F(Files, WithoutAHeaderTheColumnsAreNamed) {
  const auto content = Read("1;\\N;[1,2]\n", {{"header", "false"}, {"columns", "id,document,vector"}, {"delimiter", ";"}, {"null", "\\N"}}).ValueOrDie();
  EXPECT_EQ(content.records, (std::vector<std::string>{"1|NULL|NULL|NULL|[1,2]"}));
}

TEST_F(Files, WhatCannotBeReadIsSaid) {
  EXPECT_TRUE(IsCategory(Read("").status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(Read("a,b\n1,2\n").status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("id,vector\n1,\n").status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("id,id\n1,2\n").status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("id,x\n1,2\n", {{"types", "y:int4"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("id,x\n1,2\n", {{"types", "x:int5"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("\xff\xfe" "i\0d\0", {}).status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(Read("1,2\n", {{"header", "false"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Read("id\n1\n", {{"delimiter", "ab"}}).status(), Category::usage));
}

TEST_F(Files, SplitsNeverCutAQuotedLineBreak) {
  std::string text = "id,document,vector\n";
  for (int i = 0; i < 3000; ++i) text += std::to_string(i) + ",\"" + std::string(static_cast<size_t>(i % 2000), 'x') + "\n\n7,y,\"\"[1,2]\"\"\n\",\"[1,2]\"\n";
  const Dataset dataset = DatasetOf(text).ValueOrDie();
  for (const int wanted : {1, 2, 3, 50}) {
    auto source = OpenSource(dataset).ValueOrDie();
    std::vector<std::string> ids;
    for (const Split& split : source->Splits(wanted).ValueOrDie()) {
      auto reader = source->Read(split, "", {}).ValueOrDie();
      while (const auto batch = reader->Next().ValueOrDie()) {
        EXPECT_TRUE(batch->rejects.empty());
        for (int64_t row = 0; row < batch->records.rows(); ++row) ids.emplace_back(batch->records.id(row));
      }
    }
    ASSERT_EQ(ids.size(), 3000u);
    for (int i = 0; i < 3000; ++i) EXPECT_EQ(ids[static_cast<size_t>(i)], std::to_string(i));
  }
}

TEST_F(Files, FieldsGoToTheirColumnsAndComeBack) {
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {Spec(VectorKind::dense, Element::f32, 2)};
  Wishes wishes = DatasetOf("", {{"columns", "id,game_id,user_id,content,embedding,metadata,created_at"}, {"document", "content"}, {"vector", "embedding"}}).ValueOrDie().wishes;
  Table table = TableFor(schema, wishes).ValueOrDie();
  RowWriter writer(&table, wishes.dialect);
  std::string text;
  writer.AppendHeader(&text);
  BatchBuilder builder(schema);
  const std::vector<std::string> metadata = {R"({"game_id":5,"user_id":"u\n","x":{"a":[1]},"created_at":"2024-05-06T07:08:09Z"})", R"({"game_id":"not a number","user_id":null})", "{}", R"({"$vf":"object","v":{"$vf":1,"game_id":5}})"};
  for (size_t i = 0; i < metadata.size(); ++i) {
    const float vector[2] = {1, 0.5};
    builder.Id(std::to_string(i));
    builder.Document("d");
    builder.Metadata(metadata[i]);
    builder.Vector(0, {reinterpret_cast<const char*>(vector), 8});
    builder.EndRow();
  }
  const RecordView view = builder.Finish().ValueOrDie();
  for (int64_t row = 0; row < view.rows(); ++row) ASSERT_TRUE(writer.Append(view, row, &text).ok());
  EXPECT_EQ(text.substr(0, text.find("\n1,")), "id,game_id,user_id,content,embedding,metadata,created_at\n"
            "0,5,\"u\n\",d,\"[1,0.5]\",\"{\"\"x\"\":{\"\"a\"\":[1]}}\",2024-05-06T07:08:09Z");
  std::ofstream(dir_ / "x.csv.schema.json") << SideCarOf(table);
  const auto content = Read(text).ValueOrDie();
  ASSERT_EQ(content.records.size(), 4u);
  EXPECT_TRUE(content.schema == schema);
  for (size_t i = 0; i < metadata.size(); ++i) {
    std::string wanted, got;
    JsonReader reader;
    const std::string read = content.records[i].substr(content.records[i].find("|d|") + 3);
    const std::string object = read.substr(0, read.rfind('|'));
    ASSERT_TRUE(reader.AppendCanonical(metadata[i], &wanted).ok());
    ASSERT_TRUE(reader.AppendCanonical(object == "NULL" ? "{}" : object, &got).ok()) << object;
    EXPECT_EQ(got, wanted);
  }
}

TEST(SideCar, ComesBackAndIsChecked) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.has_tenant = true;
  schema.vectors = {Spec(VectorKind::dense, Element::f16, 2), {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  schema.extras = {"blob"};
  Table table = TableFor(schema, Wishes()).ValueOrDie();
  table.layout = "some";
  table.settings = {{"a", "b\"\n"}};
  const std::string json = SideCarOf(table);
  const Table back = ParseSideCar(json).ValueOrDie();
  EXPECT_TRUE(back.schema == schema);
  EXPECT_EQ(back.layout, "some");
  EXPECT_EQ(back.settings, table.settings);
  EXPECT_EQ(SideCarOf(back), json);
  for (const std::string& part : {std::string("\"role\":\"id\""), std::string("\"of\":\"vector\""), std::string("\"vecferry\":1"), std::string("\"role\":\"tenant\"")}) {
    std::string broken = json;
    broken.replace(broken.find(part), part.size(), part == "\"vecferry\":1" ? "\"vecferry\":2" : "\"role\":\"metadata\"");
    EXPECT_FALSE(ParseSideCar(broken).ok()) << broken;
  }
  for (const char* broken : {"", "{}", "[1]", "{\"vecferry\":1,\"format\":\"csv\",\"columns\":[],\"schema\":{}}"}) EXPECT_FALSE(ParseSideCar(broken).ok());
}

}  // namespace
}  // namespace vecferry::csv
