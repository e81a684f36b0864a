#pragma once
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connector/connector.h"
#include "connectors/qdrant_local/qdrant_local.h"

/// What the tests of this folder share: a scratch folder, records and a journal of intents.
namespace vecferry::qdrant_local {

#define VF_ASSERT_OK(expression)                                          \
  do {                                                                    \
    const ::vecferry::Status vf_status = ::vecferry::StatusOf(expression); \
    ASSERT_TRUE(vf_status.ok()) << ::vecferry::Describe(vf_status);       \
  } while (false)

}  // namespace vecferry::qdrant_local

namespace vecferry {
inline Status StatusOf(const Status& status) { return status; }
template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.status();
}
}  // namespace vecferry

namespace vecferry::qdrant_local {

/// Intents in a file, as a journal keeps them: they outlive the process.
class FileIntents final : public IntentLog {
 public:
  explicit FileIntents(fs::path dir) : dir_(std::move(dir)) { fs::create_directories(dir_); }
  Status Record(std::string_view kind, std::string_view payload) override {
    return WriteFileAtomic(dir_ / std::string(kind), payload);
  }
  Result<std::optional<std::string>> Find(std::string_view kind) override {
    if (!fs::exists(dir_ / std::string(kind))) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(auto payload, ReadFile(dir_ / std::string(kind)));
    return payload;
  }

 private:
  fs::path dir_;
};

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vf_qdrant_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    scratch_ = pattern;
    root_ = scratch_ / "store";
    layout_.name = "default";
    context_.layout = &layout_;
  }
  void TearDown() override { fs::remove_all(scratch_); }

  Location At(const std::string& dataset) const { return {.scheme = "qdrant-local", .path = root_.string(), .dataset = dataset}; }
  std::unique_ptr<Source> Source_(const std::string& dataset) {
    auto source = connector_->OpenSource(At(dataset), context_);
    EXPECT_TRUE(source.ok()) << Describe(source.status());
    return source.ok() ? std::move(*source) : nullptr;
  }
  std::unique_ptr<Sink> Sink_(const std::string& dataset) { return connector_->OpenSink(At(dataset), context_).ValueOrDie(); }

  static RecordSchema Plain(int32_t dims = 3, Metric metric = Metric::dot) {
    RecordSchema schema;
    schema.id_kind = IdKind::mixed;
    schema.has_document = true;
    schema.vectors = {{.dims = dims, .metric = metric}};
    return schema;
  }
  /// Ids first, first + 1, ..., each with a vector, a document and a field.
  static RecordView Records(const RecordSchema& schema, int64_t first, int64_t count, const std::string& note = "n") {
    BatchBuilder builder(schema);
    for (int64_t id = first; id < first + count; ++id) {
      builder.Id(std::to_string(id));
      builder.Document("text " + std::to_string(id));
      builder.Metadata("{\"" + note + "\":" + std::to_string(id) + "}");
      std::vector<float> vector(static_cast<size_t>(schema.vectors[0].dims), static_cast<float>(id));
      builder.Vector(0, {reinterpret_cast<const char*>(vector.data()), vector.size() * 4});
      builder.EndRow();
    }
    return builder.Finish().ValueOrDie();
  }

  struct Everything {
    std::map<std::string, std::string> records;  ///< id -> document, metadata and vectors as text
    std::vector<Reject> rejects;
    int64_t rounded = 0;
    int64_t yielded = 0;
  };
  static std::string Shown(const RecordView& view, int64_t row) {
    std::string text = std::string(view.document(row).value_or("(none)")) + " " + std::string(view.metadata(row).value_or("{}"));
    for (const auto& column : view.vectors()) {
      text += " " + column.spec.name + ":";
      if (column.IsNull(row)) {
        text += "null";
      } else if (column.spec.kind == VectorKind::dense) {
        for (const char c : column.Dense(row)) text += "0123456789abcdef"[c >> 4 & 15], text += "0123456789abcdef"[c & 15];
      } else {
        for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
          if (column.spec.kind == VectorKind::sparse) text += std::to_string(column.indices[i]) + "=" + std::to_string(column.values[i]) + ",";
          else text += std::to_string(reinterpret_cast<const float*>(column.data)[i * column.spec.dims]) + ",";
        }
      }
    }
    return text;
  }
  static Everything ReadAll(Source& source, int splits = 1, int64_t batch_rows = 7, bool reopen_at_each_cursor = false) {
    Everything all;
    const auto wanted = source.Splits(splits);
    EXPECT_TRUE(wanted.ok()) << Describe(wanted.status());
    for (const auto& split : *wanted) {
      Cursor cursor;
      auto reader = source.Read(split, cursor, {.batch_rows = batch_rows}).ValueOrDie();
      for (;;) {
        auto batch = reader->Next();
        EXPECT_TRUE(batch.ok()) << Describe(batch.status());
        if (!batch.ok() || !*batch) break;
        for (int64_t row = 0; row < (*batch)->records.rows(); ++row) {
          all.records[std::string((*batch)->records.id(row))] = Shown((*batch)->records, row);
        }
        all.yielded += (*batch)->records.rows();
        all.rounded += static_cast<int64_t>((*batch)->rounded.size());
        all.rejects.insert(all.rejects.end(), (*batch)->rejects.begin(), (*batch)->rejects.end());
        if (reopen_at_each_cursor) reader = source.Read(split, (*batch)->next, {.batch_rows = batch_rows}).ValueOrDie();
      }
    }
    return all;
  }
  Everything ReadAll(const std::string& dataset) {
    auto source = Source_(dataset);
    return source ? ReadAll(*source) : Everything{};
  }

  /// A whole run: prepare, write, finish.
  Status Fill(const std::string& dataset, const SinkSpec& spec, const std::vector<RecordView>& batches) {
    auto sink = Sink_(dataset);
    ARROW_RETURN_NOT_OK(sink->Prepare(spec));
    for (const auto& batch : batches) {
      ARROW_ASSIGN_OR_RAISE(const auto outcome, sink->Write(batch));
      EXPECT_TRUE(outcome.rejects.empty());
    }
    return sink->Finish();
  }
  SinkSpec Spec(const RecordSchema& schema, OnExists on_exists = OnExists::fail) {
    SinkSpec spec;
    spec.schema = schema;
    spec.layout = &layout_;
    spec.on_exists = on_exists;
    spec.run_id = "run1";
    return spec;
  }

  fs::path scratch_, root_;
  Layout layout_;
  OpenContext context_;
  std::unique_ptr<Connector> connector_ = MakeQdrantLocalConnector();
};

}  // namespace vecferry::qdrant_local
