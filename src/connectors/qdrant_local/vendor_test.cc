#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "connectors/qdrant_local/test_support.h"
#include "record/distance.h"

/// The vendor's client as the judge: what it wrote is read, and what we write it opens, queries and changes.
namespace vecferry::qdrant_local {
namespace {

const fs::path kSource = VECFERRY_SOURCE_DIR;

int RunPython(const std::string& arguments, const fs::path& log) {
  return std::system(fmt::format("'{}' {} > '{}' 2>&1", (kSource / ".venv/bin/python").string(), arguments, log.string()).c_str());
}

class VendorTest : public StoreTest {
 protected:
  static float Element_(const VectorColumn& column, const char* bytes, int32_t i) {
    if (column.spec.element == Element::u8) return static_cast<float>(static_cast<unsigned char>(bytes[i]));
    uint16_t half;
    float value;
    std::memcpy(&half, bytes + 2 * i, 2);
    if (column.spec.element == Element::f16) return HalfToFloat(half);
    std::memcpy(&value, bytes + 4 * i, 4);
    return value;
  }
  static std::string Floats(const VectorColumn& column, const char* bytes) {
    std::string text = "[";
    for (int32_t i = 0; i < column.spec.dims; ++i) text += (i ? "," : "") + fmt::format("{:.9e}", Element_(column, bytes, i));
    return text + "]";
  }
  static std::string Vector(const VectorColumn& column, int64_t row) {
    if (column.spec.kind == VectorKind::dense) return Floats(column, column.Dense(row).data());
    const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
    std::string first, second;
    for (int32_t i = begin; i < end; ++i) {
      const char* comma = i > begin ? "," : "";
      if (column.spec.kind == VectorKind::multi) {
        first += comma + Floats(column, reinterpret_cast<const char*>(column.data) + i * column.width);
      } else {
        first += fmt::format("{}{}", comma, column.indices[i]);
        second += fmt::format("{}{:.9e}", comma, column.values[i]);
      }
    }
    return column.spec.kind == VectorKind::multi ? "[" + first + "]" : fmt::format("{{\"indices\":[{}],\"values\":[{}]}}", first, second);
  }
  static void Tell(const std::string& collection, const RecordView& view, std::ofstream& out) {
    for (int64_t row = 0; row < view.rows(); ++row) {
      std::string line = "{\"collection\":";
      AppendJsonString(collection, &line);
      line += ",\"id\":";
      AppendJsonString(view.id(row), &line);
      line += ",\"metadata\":" + std::string(view.metadata(row).value_or("{}")) + ",\"vectors\":{";
      bool first = true;
      for (const auto& column : view.vectors()) {
        if (column.IsNull(row)) continue;
        if (!std::exchange(first, false)) line += ",";
        AppendJsonString(column.spec.name, &line);
        line += ":" + Vector(column, row);
      }
      out << line << "}}\n";
    }
  }

  /// Reads every collection of `root_` into READ.jsonl and, where asked, copies it.
  void ReadAndCopy(const fs::path& told, const fs::path& copy) {
    std::ofstream out(told);
    const auto summaries = connector_->List(At(""), context_);
    VF_ASSERT_OK(summaries);
    for (const auto& summary : *summaries) {
      auto source = Source_(summary.name);
      const auto info = source->Describe();
      VF_ASSERT_OK(info);
      EXPECT_EQ(info->count, summary.count);
      std::unique_ptr<Sink> sink;
      if (!copy.empty()) {
        sink = connector_->OpenSink({.scheme = "qdrant-local", .path = copy.string(), .dataset = summary.name}, context_).ValueOrDie();
        auto spec = Spec(info->schema);
        spec.settings = info->settings;
        VF_ASSERT_OK(sink->Prepare(spec));
      }
      for (const auto& split : *source->Splits(2)) {
        auto reader = source->Read(split, "", {.batch_rows = 10}).ValueOrDie();
        for (;;) {
          auto batch = reader->Next();
          VF_ASSERT_OK(batch);
          if (!*batch) break;
          for (const auto& reject : (*batch)->rejects) ADD_FAILURE() << summary.name << " " << reject.id << ": " << reject.message;
          Tell(summary.name, (*batch)->records, out);
          if (!sink) continue;
          const auto outcome = sink->Write((*batch)->records);
          VF_ASSERT_OK(outcome);
          for (const auto& reject : outcome->rejects) ADD_FAILURE() << summary.name << ": " << reject.message;
        }
      }
      if (sink) VF_ASSERT_OK(sink->Finish());
    }
  }

  void Judge(const std::string& client, bool copied) {
    const fs::path log = scratch_ / "log";
    const auto shown = [&] { return ReadFile(log).ValueOr("no log"); };
    root_ = scratch_ / "samples";
    const fs::path copy = copied ? scratch_ / "copy" : fs::path();
    const int made = RunPython(fmt::format("'{}/tools/fixtures/qdrant_local_samples.py' '{}' --client {}", kSource.string(), root_.string(), client), log);
    if (made != 0 && client != "current" && shown().find("no environment") != std::string::npos) {
      GTEST_SKIP() << "the environment of that version cannot be made here: " << shown();
    }
    ASSERT_EQ(made, 0) << shown();
    ReadAndCopy(scratch_ / "read.jsonl", copy);
    const int judged = RunPython(fmt::format("'{}/tests/vendor/qdrant_local.py' '{}.json' '{}' {}", kSource.string(), root_.string(),
                                             (scratch_ / "read.jsonl").string(), copied ? "'" + copy.string() + "'" : ""), log);
    EXPECT_EQ(judged, 0) << shown();
  }
};

TEST_F(VendorTest, CurrentClient) { Judge("current", true); }
TEST_F(VendorTest, OldClient) { Judge("old", false); }
TEST_F(VendorTest, ClientOfPydantic1) { Judge("1.7", false); }

}  // namespace
}  // namespace vecferry::qdrant_local
