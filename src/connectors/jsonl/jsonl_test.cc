#include "connectors/jsonl/jsonl.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "connectors/jsonl/format.h"
#include "files/line_reader.h"
#include "record/digest.h"

namespace vecferry::jsonl {
namespace {

RecordSchema SchemaOf(Element element, int32_t dims) {
  RecordSchema schema;
  schema.has_tenant = schema.has_document = true;
  schema.vectors.push_back({"", VectorKind::dense, element, dims, Metric::cosine, ""});
  return schema;
}

class Jsonl : public testing::Test {
 protected:
  Jsonl() : dir_(fs::path(VECFERRY_BINARY_DIR) / "jsonl_test"), file_(dir_ / "x.jsonl") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void Write(std::string_view text) { std::ofstream(file_, std::ios::binary) << text; }
  std::string Content(const fs::path& path) { return ReadFile(path).ValueOrDie(); }

  struct All {
    std::vector<std::string> ids;
    std::vector<Reject> rejects;
    std::vector<RecordView> views;
  };
  All ReadAll(int splits = 1, ReadOptions options = {}) {
    auto source = OpenSource(files::Place(file_)).ValueOrDie();
    All all;
    for (const Split& split : source->Splits(splits).ValueOrDie()) {
      auto reader = source->Read(split, "", options).ValueOrDie();
      while (auto batch = reader->Next().ValueOrDie()) {
        for (int64_t row = 0; row < batch->records.rows(); ++row) all.ids.emplace_back(batch->records.id(row));
        all.rejects.insert(all.rejects.end(), batch->rejects.begin(), batch->rejects.end());
        all.views.push_back(batch->records);
      }
    }
    return all;
  }
  SinkSpec Spec(const RecordSchema& schema) {
    SinkSpec spec;
    spec.schema = schema;
    spec.run_id = "r1";
    return spec;
  }
  fs::path dir_, file_;
};

RecordView Rows(const RecordSchema& schema, int first, int count) {
  BatchBuilder builder(schema);
  for (int i = first; i < first + count; ++i) {
    builder.Id("id" + std::to_string(i));
    std::memset(builder.VectorSpace(0), 0, static_cast<size_t>(schema.vectors[0].width()));
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

/// Every bit pattern that is a number must come back; a NaN as some NaN.
template <class Bits>
void ExpectExact(Element element, const std::vector<Bits>& patterns, bool (*is_nan)(Bits)) {
  const auto dims = static_cast<int32_t>(patterns.size());
  const RecordSchema schema = SchemaOf(element, dims);
  BatchBuilder builder(schema);
  builder.Id("a");
  const std::string_view bytes(reinterpret_cast<const char*>(patterns.data()), patterns.size() * sizeof(Bits));
  builder.Vector(0, bytes);
  builder.EndRow();
  std::string line;
  ASSERT_TRUE(AppendLine(builder.Finish().ValueOrDie(), 0, &line).ok());
  const size_t length = line.size();
  line.append(LineParser::Padding(), '\0');
  LineParser parser(schema);
  const Status status = parser.Parse(std::string_view(line.data(), length - 1), builder);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::string back(builder.Finish().ValueOrDie().vectors()[0].Dense(0));
  ASSERT_EQ(back.size(), bytes.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    Bits pattern;
    std::memcpy(&pattern, back.data() + i * sizeof(Bits), sizeof(Bits));
    if (is_nan(patterns[i])) ASSERT_TRUE(is_nan(pattern)) << i;
    else ASSERT_EQ(pattern, patterns[i]) << i;
  }
}

TEST(JsonlNumbers, EveryHalfComesBack) {
  std::vector<uint16_t> all(1 << 16);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  ExpectExact<uint16_t>(Element::f16, all, [](uint16_t h) { return (h & 0x7C00) == 0x7C00 && (h & 0x3FF); });
  ExpectExact<uint16_t>(Element::bf16, all, [](uint16_t h) { return (h & 0x7F80) == 0x7F80 && (h & 0x7F); });
}

TEST(JsonlNumbers, FloatsOfEveryKindComeBack) {
  std::mt19937 random(3);
  std::vector<uint32_t> patterns = {0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000,
                                    0xFF800000, 0x7FC00000, 0x3F800000, 0x4B800001, 0x15AE43FD, 0x5F000000};
  while (patterns.size() < 300000) patterns.push_back(random());
  ExpectExact<uint32_t>(Element::f32, patterns, [](uint32_t f) { return (f & 0x7F800000) == 0x7F800000 && (f & 0x7FFFFF); });
}

TEST(JsonlNumbers, EveryByteComesBack) {
  std::vector<uint8_t> all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  const auto never = [](uint8_t) { return false; };
  ExpectExact<uint8_t>(Element::u8, all, never);
  ExpectExact<uint8_t>(Element::i8, all, never);
}

TEST_F(Jsonl, BrokenLinesAreRejectsWithTheirNumber) {
  const RecordSchema schema = SchemaOf(Element::f32, 2);
  const std::vector<std::pair<std::string, std::string>> lines = {
      {R"({"id":"a","vectors":{"vector":[1,2]}})", ""},
      {R"({"id":"a","vectors":{"vector":[1,2]})", "broken-line"},
      {R"({"id":"b","vectors":{"vector":[1,2]}} x)", "broken-line"},
      {"", ""},
      {R"({"id":7})", "broken-line"},
      {R"({"vectors":{"vector":[1,2]}})", "broken-line"},
      {R"({"id":"c","id":"c"})", "broken-line"},
      {R"({"id":"d","vectors":{"vector":[1]}})", "bad-vector"},
      {R"({"id":"e","vectors":{"vector":[1,2,3]}})", "bad-vector"},
      {R"({"id":"f","vectors":{"vector":[1,1e39]}})", "bad-vector"},
      {R"({"id":"g","vectors":{"vector":[1,null]}})", "bad-vector"},
      {R"({"id":"h","vectors":{"vector":[1,inf]}})", "bad-vector"},
      {R"({"id":"i","vectors":{"vector":[1,2],"vector":[1,2]}})", "bad-vector"},
      {R"({"id":"j","vectors":{"other":[1,2]}})", "unknown-field"},
      {R"({"id":"k","colour":"red"})", "unknown-field"},
      {R"({"id":"l","metadata":[1]})", "metadata-not-an-object"},
      {R"({"id":"m","metadata":{"a":1,"a":2}})", "bad-metadata"},
      {R"({"id":"n","document":"\ud800"})", "*"},
      {"{\"id\":\"\xff\"}", "invalid-utf8"},
      {R"({"id":"o","metadata":{"a":[1,{"b":null}]} , "document":"x"})", ""},
      {R"({"id":"a","reject":{"code":"x"}})", ""},
      {"[]", "broken-line"},
      {R"({"id":"p","vectors":{"vector":[1,2)", "*"}};
  std::string text = HeaderOf(schema);
  size_t good = 0;
  for (const auto& [line, code] : lines) {
    text += line + "\r\n";
    good += code.empty() && !line.empty();
  }
  text.resize(text.size() - 2);
  Write(text);
  const All all = ReadAll();
  EXPECT_EQ(all.ids, (std::vector<std::string>{"a", "o", "a"}));
  ASSERT_EQ(all.rejects.size(), lines.size() - good - 1);
  size_t at = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].second.empty()) continue;
    const Reject& reject = all.rejects[at++];
    EXPECT_TRUE(reject.message.starts_with("line " + std::to_string(i + 2) + ":")) << reject.message << lines[i].first;
    if (lines[i].second != "*") {
      EXPECT_EQ(reject.code, lines[i].second) << lines[i].first << reject.message;
    }
    EXPECT_FALSE(reject.code.empty());
  }
  EXPECT_EQ(all.rejects[5].id, "d");
  EXPECT_EQ(OpenSource(files::Place(file_)).ValueOrDie()->Describe()->count, static_cast<int64_t>(lines.size()) - 1);
}

TEST_F(Jsonl, RefusesWhatIsNoFileOfItsOwn) {
  EXPECT_TRUE(IsCategory(OpenSource(files::Place(file_)).status(), Category::not_found));
  EXPECT_TRUE(IsCategory(OpenSource(files::Place(dir_)).status(), Category::unsupported));
  const std::vector<std::pair<std::string, Category>> headers = {
      {"", Category::unsupported},
      {R"({"id":"a"})", Category::unsupported},
      {R"({"vecferry":2,"schema":{}})", Category::unsupported},
      {R"({"vecferry":1,"schema":{}})", Category::corrupt},
      {R"({"vecferry":1,"schema":{"id_kind":"u64","tenant":false,"document":false,"vectors":[{"name":"","kind":"dense","element":"f32","dims":2,"metric":"l2"},{"name":"","kind":"dense","element":"f32","dims":2,"metric":"l2"}]}})", Category::corrupt},
      {R"({"vecferry":1,"schema":{"id_kind":"u64","tenant":false,"document":false,"vectors":[{"name":"","kind":"dense","element":"f32","dims":0,"metric":"l2"}]}})", Category::corrupt}};
  for (const auto& [header, category] : headers) {
    Write(header + "\n");
    EXPECT_TRUE(IsCategory(OpenSource(files::Place(file_)).status(), category)) << header << OpenSource(files::Place(file_)).status().ToString();
    EXPECT_EQ(HasHeader(file_), header.starts_with(R"({"vecferry")"));
  }
}

TEST_F(Jsonl, SplitsHoldEachLineOnce) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  std::string text = HeaderOf(schema);
  std::vector<std::string> wanted;
  for (int i = 0; i < 60000; ++i) {
    wanted.push_back("id" + std::to_string(i) + std::string(static_cast<size_t>(i % 150), 'x'));
    text += R"({"id":")" + wanted.back() + R"("})" + "\n";
  }
  Write(text);
  for (const int splits : {1, 2, 3, 7, 1000}) EXPECT_EQ(ReadAll(splits).ids, wanted) << splits;
  EXPECT_EQ(OpenSource(files::Place(file_)).ValueOrDie()->Splits(3)->size(), 3u);
}

TEST_F(Jsonl, ALargeRecordTravelsAlone) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  const std::string small = R"({"id":"s"})", large = R"({"id":"l","document":")" + std::string(5000, 'x') + "\"}";
  Write(HeaderOf(schema) + small + "\n" + small + "\n" + large + "\n" + small + "\n");
  ReadOptions options;
  options.batch_bytes = 1000;
  auto source = OpenSource(files::Place(file_)).ValueOrDie();
  const Split split = source->Splits(1)->at(0);
  auto reader = source->Read(split, "", options).ValueOrDie();
  std::vector<int64_t> rows;
  while (auto batch = reader->Next().ValueOrDie()) {
    rows.push_back(batch->records.rows());
    int64_t rest = 0;
    auto again = source->Read(split, batch->next, {}).ValueOrDie();
    while (auto more = again->Next().ValueOrDie()) rest += more->records.rows();
    EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), rest), 4) << batch->next;
  }
  EXPECT_EQ(rows, (std::vector<int64_t>{2, 1, 1}));
}

TEST_F(Jsonl, AFileThatChangedIsNotReadOn) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  Write(HeaderOf(schema) + "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
  auto source = OpenSource(files::Place(file_)).ValueOrDie();
  const Split split = source->Splits(1)->at(0);
  ReadOptions one;
  one.batch_rows = 1;
  auto reader = source->Read(split, "", one).ValueOrDie();
  ASSERT_EQ((*reader->Next())->records.id(0), "a");
  std::ofstream(file_, std::ios::app) << "{\"id\":\"c\"}\n";
  EXPECT_TRUE(IsCategory(reader->Next().status(), Category::refused));
  EXPECT_TRUE(IsCategory(OpenSource(files::Place(file_)).ValueOrDie()->Read(split, "", {}).status(), Category::refused));
  for (const char* payload : {"", "1 2", "0 9 1 0 0", "-1 2 3 4 5", "1 2 3 4 5 6", "a b c d e"}) {
    EXPECT_TRUE(IsCategory(source->Read({payload, "", -1, -1}, "", {}).status(), Category::usage)) << payload;
  }
  EXPECT_TRUE(IsCategory(OpenSource(files::Place(file_)).ValueOrDie()->Read(OpenSource(files::Place(file_)).ValueOrDie()->Splits(1)->at(0), "999999", {}).status(), Category::usage));
}

TEST_F(Jsonl, ALineOfAnyLengthIsReadAndOneTooLongIsLetGo) {
  Write("ab\n" + std::string(3 << 20, 'x') + "\n\n" + std::string(5 << 20, 'y') + "\r\nlast");
  const auto file = files::OpenInput(files::Place(file_)).ValueOrDie();
  files::LineReader lines(*file, 0, file->size(), 64, 4 << 20);
  EXPECT_EQ((*lines.Next())->text, "ab");
  EXPECT_EQ((*lines.Next())->text.size(), size_t{3} << 20);
  EXPECT_EQ((*lines.Next())->text, "");
  const auto long_line = *lines.Next();
  EXPECT_TRUE(long_line->too_long);
  EXPECT_EQ(long_line->begin, 3 + (3 << 20) + 2);
  const auto last = *lines.Next();
  EXPECT_EQ(last->text, "last");
  EXPECT_FALSE(last->too_long);
  EXPECT_FALSE((*lines.Next()).has_value());
}

TEST_F(Jsonl, TheFileAppearsWhenItIsWhole) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec(schema)).ok());
  ASSERT_TRUE(sink->Write(Rows(schema, 0, 3)).ok() && sink->Flush().ok());
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_EQ(sink->OpenReadBack().ValueOrDie()->Describe()->count, 3);
  ASSERT_TRUE(sink->Finish().ok() && sink->Finish().ok());
  EXPECT_EQ(ReadAll().ids.size(), 3u);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
  EXPECT_EQ(sink->OpenReadBack().ValueOrDie()->Describe()->count, 3);
}

TEST_F(Jsonl, AKilledRunGoesOnWhereItWasDurable) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  std::string state;
  {
    auto sink = OpenSink(files::Place(file_)).ValueOrDie();
    ASSERT_TRUE(sink->Prepare(Spec(schema)).ok() && sink->Write(Rows(schema, 0, 2)).ok());
    state = sink->Flush().ValueOrDie();
    ASSERT_TRUE(sink->Write(Rows(schema, 2, 5)).ok());
  }
  SinkSpec spec = Spec(schema);
  spec.resumed = true;
  {
    auto sink = OpenSink(files::Place(file_)).ValueOrDie();
    ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Resume(state).ok() && sink->Write(Rows(schema, 2, 1)).ok());
    state = sink->Flush().ValueOrDie();
    ASSERT_TRUE(sink->Finish().ok());
  }
  EXPECT_EQ(ReadAll().ids, (std::vector<std::string>{"id0", "id1", "id2"}));
  // Killed between the rename and the journal's note of it.
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok());
  ASSERT_TRUE(sink->Resume(state).ok());
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_EQ(ReadAll().ids.size(), 3u);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(Jsonl, AStateOfAnotherFileIsRefused) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  SinkSpec spec = Spec(schema);
  spec.resumed = true;
  for (const char* state : {"1 1", "99999999 1", "x", "1", "-1 2", "1 2 3"}) {
    auto sink = OpenSink(files::Place(file_)).ValueOrDie();
    ASSERT_TRUE(sink->Prepare(spec).ok());
    EXPECT_TRUE(IsCategory(sink->Resume(state), Category::corrupt)) << state;
  }
}

TEST_F(Jsonl, WhatHoldsRecordsIsReplacedOnlyWhenAskedAndOnlyAtTheEnd) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  Write(HeaderOf(schema) + "{\"id\":\"old\"}\n");
  SinkSpec spec = Spec(schema);
  for (const OnExists mode : {OnExists::fail, OnExists::append, OnExists::upsert}) {
    spec.on_exists = mode;
    EXPECT_TRUE(IsCategory(OpenSink(files::Place(file_)).ValueOrDie()->Prepare(spec), Category::refused));
  }
  spec.on_exists = OnExists::replace;
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Write(Rows(schema, 0, 1)).ok());
  EXPECT_EQ(ReadAll().ids, std::vector<std::string>{"old"});
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_EQ(ReadAll().ids, std::vector<std::string>{"id0"});
}

TEST_F(Jsonl, AFileThatAppearsMeanwhileIsNotOverwritten) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec(schema)).ok());
  Write("mine");
  EXPECT_TRUE(IsCategory(sink->Finish(), Category::refused));
  EXPECT_EQ(Content(file_), "mine");
}

TEST_F(Jsonl, TwoWritersOfOneRunExcludeEachOther) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  auto first = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(first->Prepare(Spec(schema)).ok());
  SinkSpec spec = Spec(schema);
  spec.resumed = true;
  EXPECT_TRUE(IsCategory(OpenSink(files::Place(file_)).ValueOrDie()->Prepare(spec), Category::locked));
}

/// A journal that lives as long as the test.
class Intents : public IntentLog {
 public:
  Status Record(std::string_view kind, std::string_view payload) override {
    kept_[std::string(kind)] = payload;
    return Status::OK();
  }
  Result<std::optional<std::string>> Find(std::string_view kind) override {
    const auto found = kept_.find(std::string(kind));
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, std::string> kept_;
};

TEST_F(Jsonl, TheHeaderKeepsLayoutAndSettings) {
  Layout layout;
  layout.name = "mine";
  SinkSpec spec = Spec(SchemaOf(Element::f32, 1));
  spec.layout = &layout;
  spec.settings = {{"a.b", "{\"x\": \"\\u0000\\n\"}"}, {"\"quoted\"", ""}, {"long", std::string(100000, 'y')}};
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Finish().ok());
  const DatasetInfo info = OpenSource(files::Place(file_)).ValueOrDie()->Describe().ValueOrDie();
  EXPECT_EQ(info.settings, spec.settings);
  EXPECT_EQ(info.layout, "mine");
  Write(HeaderOf(spec.schema));
  const DatasetInfo plain = OpenSource(files::Place(file_)).ValueOrDie()->Describe().ValueOrDie();
  EXPECT_TRUE(plain.settings.empty());
  EXPECT_EQ(plain.layout, "");
}

TEST_F(Jsonl, BadSettingsAreRefusedWhereTheyAreReadAndWhereTheyAreWritten) {
  std::string start = HeaderOf(SchemaOf(Element::f32, 1));
  start.resize(start.size() - 2);  // without "}\n"
  ASSERT_TRUE(ParseHeader(start + "}").ok()) << ParseHeader(start + "}").status();
  const std::string large(kMaxSettings, 'x');
  for (const std::string bad : {R"("settings":[])", R"("settings":{"a":{}})", R"("settings":{"a":"1","a":"2"})", R"("layout":1)"}) {
    EXPECT_TRUE(IsCategory(ParseHeader(start + "," + bad + "}").status(), Category::corrupt)) << bad;
  }
  EXPECT_TRUE(IsCategory(ParseHeader(start + ",\"settings\":{\"a\":\"" + large + "\"}}").status(), Category::corrupt));
  SinkSpec spec = Spec(SchemaOf(Element::f32, 1));
  for (const std::string& text : {std::string("\xff"), large}) {
    spec.settings = {{"a", text}};
    EXPECT_FALSE(OpenSink(files::Place(file_)).ValueOrDie()->Prepare(spec).ok());
  }
}

TEST_F(Jsonl, AResumedRunKeepsTheHeaderItBeganWith) {
  Intents intents;
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  SinkSpec spec = Spec(schema);
  spec.intents = &intents;
  spec.settings = {{"a", "1"}};
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Write(Rows(schema, 0, 3)).ok());
  const std::string state = sink->Flush().ValueOrDie();
  sink.reset();
  spec.settings = {{"a", "another, and longer"}};
  spec.resumed = true;
  sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Resume(state).ok() && sink->Finish().ok());
  EXPECT_EQ(ReadAll().ids.size(), 3u);
  EXPECT_EQ(OpenSource(files::Place(file_)).ValueOrDie()->Describe().ValueOrDie().settings.at("a"), "1");
}

TEST_F(Jsonl, UndoOfAnUnfinishedRunLeavesTheFileThatItWouldHaveReplaced) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  const std::string old = HeaderOf(schema) + "{\"id\":\"old\"}\n";
  Write(old);
  Intents intents;
  SinkSpec spec = Spec(schema);
  spec.intents = &intents;
  spec.on_exists = OnExists::replace;
  ASSERT_TRUE(OpenSink(files::Place(file_)).ValueOrDie()->Prepare(spec).ok());
  spec.resumed = true;
  auto undo = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(undo->Prepare(spec).ok() && undo->undo()->DropDataset().ok());
  EXPECT_EQ(Content(file_), old);
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok() && sink->Finish().ok());
  undo = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(undo->Prepare(spec).ok() && undo->undo()->DropDataset().ok());
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(Jsonl, UndoRemovesTheFile) {
  const RecordSchema schema = SchemaOf(Element::f32, 1);
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec(schema)).ok() && sink->Finish().ok());
  ASSERT_TRUE(OpenSink(files::Place(file_)).ValueOrDie()->undo()->DropDataset().ok());
  EXPECT_TRUE(fs::is_empty(dir_));
  EXPECT_TRUE(OpenSink(files::Place(file_)).ValueOrDie()->undo()->DropDataset().ok());
}

TEST_F(Jsonl, InvalidTextIsRejectedByRow) {
  RecordSchema schema = SchemaOf(Element::f32, 1);
  BatchBuilder builder(schema);
  for (const char* id : {"a", "\xff", "b"}) {
    builder.Id(id);
    builder.EndRow();
  }
  auto sink = OpenSink(files::Place(file_)).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec(schema)).ok());
  const auto outcome = sink->Write(builder.Finish().ValueOrDie()).ValueOrDie();
  ASSERT_EQ(outcome.rejects.size(), 1u);
  EXPECT_EQ(outcome.rejects[0].row, 1);
  EXPECT_EQ(outcome.rejects[0].code, "invalid-utf8");
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_EQ(ReadAll().ids, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace vecferry::jsonl
