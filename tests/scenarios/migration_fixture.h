// What tests of the engine's verbs share: stores of this process and of a folder, filled as somebody else would.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/failpoint.h"
#include "connectors/builtin.h"
#include "migration/engine.h"
#include "migration/session.h"
#include "test_name.h"

/// For tests that end a child of their own process. ThreadSanitizer follows no threads that a fork left behind; the programs'
/// own kills are tested from outside (tests/scenarios/test_*kills.py).
#ifdef __SANITIZE_THREAD__
#define VF_NEEDS_FORK() GTEST_SKIP() << "a fork of a process with threads"
#else
#define VF_NEEDS_FORK() (void)0
#endif

namespace vecferry {

class MigrationTest : public testing::Test {
 protected:
  void SetUp() override {
    name_ = FreshTestName();
    dir_ = fs::path(testing::TempDir()) / ("migration_" + name_);
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    setenv("XDG_STATE_HOME", (dir_ / "state").c_str(), 1);
    RegisterBuiltin(registry_);
  }
  void TearDown() override {
    failpoint::Arm("");
    fs::remove_all(dir_);
  }

  Location At(const std::string& uri) {
    auto location = registry_.Resolve(uri);
    EXPECT_TRUE(location.ok()) << location.status();
    return *location;
  }
  Location Memory(const std::string& dataset) { return At("memory:" + name_ + "#" + dataset); }
  Location Qdrant(const std::string& dataset) { return At("qdrant-local:" + (dir_ / "qdrant").string() + "#" + dataset); }
  Location Jsonl(const std::string& file) { return At("jsonl:" + (dir_ / file).string()); }

  static RecordSchema Schema(IdKind ids) {
    RecordSchema schema;
    schema.id_kind = ids;
    schema.has_document = true;
    schema.vectors = {{"", VectorKind::dense, Element::f32, 4, Metric::cosine, ""}};
    return schema;
  }

  static RecordView Batch(const RecordSchema& schema, int first, int count, const std::string& prefix, int version = 0) {
    BatchBuilder builder(schema);
    for (int i = first; i < first + count; ++i) {
      const float vector[4] = {1.0f + static_cast<float>(i), 2, static_cast<float>(version), -1};
      builder.Id(prefix + std::to_string(i));
      builder.Document("document " + std::to_string(i));
      builder.Metadata("{\"n\":" + std::to_string(i) + ",\"v\":" + std::to_string(version) + ",\"tags\":[\"a\",\"b\"]}");
      builder.Vector(0, {reinterpret_cast<const char*>(vector), sizeof vector});
      builder.EndRow();
    }
    return *builder.Finish();
  }

  /// Writes records into a dataset as somebody else would.
  void Put(const Location& location, const RecordView& batch) {
    auto* connector = *registry_.Find(location.scheme);
    OpenContext context;
    context.cancel = &cancel_;
    context.layout = *registry_.FindLayout("default");
    auto sink = connector->OpenSink(location, context);
    ASSERT_TRUE(sink.ok()) << sink.status();
    SinkSpec spec;
    spec.schema = batch.schema();
    spec.layout = context.layout;
    spec.on_exists = OnExists::upsert;
    NoIntents intents;
    spec.intents = &intents;
    ASSERT_TRUE((*sink)->Prepare(spec).ok()) << (*sink)->Prepare(spec);
    const auto written = (*sink)->Write(batch);
    ASSERT_TRUE(written.ok()) << written.status();
    ASSERT_TRUE(written->rejects.empty()) << written->rejects[0].message;
    ASSERT_TRUE((*sink)->Finish().ok());
  }

  class NoIntents : public IntentLog {
   public:
    Status Record(std::string_view, std::string_view) override { return Status::OK(); }
    Result<std::optional<std::string>> Find(std::string_view) override { return std::optional<std::string>(); }
  };

  CopyOptions Options() const {
    CopyOptions options;
    options.command = "vecferry copy";
    options.batch_rows = 50;
    options.jobs = 2;
    return options;
  }

  /// Count and digest of a dataset as it can be read now.
  std::string DigestOf(const Location& location) {
    VerifyOptions options;
    auto report = Verify(engine_, location, location, options);
    return report.ok() ? report->source_digest : report.status().ToString();
  }

  std::string name_;
  fs::path dir_;
  Registry registry_;
  Events events_;
  CancelToken cancel_;
  Engine engine_{registry_, events_, cancel_};
};

}  // namespace vecferry
