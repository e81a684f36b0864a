// Backups of the stores of this process: what comes back, what is found, what is deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/failpoint.h"
#include "base/sha256.h"
#include "connectors/builtin.h"
#include "migration/backup.h"
#include "test_name.h"

namespace vecferry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    name_ = FreshTestName();
    dir_ = fs::path(testing::TempDir()) / ("backup_" + name_);
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    setenv("XDG_STATE_HOME", (dir_ / "state").c_str(), 1);
    fs::create_directories(dir_ / "kept");
    file_ = dir_ / "kept" / "a.jsonl";
    RegisterBuiltin(registry_);
    options_.batch_rows = 3;
  }
  void TearDown() override {
    failpoint::Arm("");
    fs::remove_all(dir_);
  }

  Location At(const std::string& uri) { return registry_.Resolve(uri).ValueOrDie(); }
  Location Memory(const std::string& dataset, const std::string& options = "") { return At("memory:" + name_ + options + "#" + dataset); }

  static RecordSchema EveryType() {
    RecordSchema schema;
    schema.has_tenant = schema.has_document = true;
    schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::dot, "model"},
                      {"half", VectorKind::dense, Element::f16, 2, Metric::cosine, ""},
                      {"bits", VectorKind::dense, Element::bit, 16, Metric::hamming, ""},
                      {"words", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
    schema.extras = {"blob"};
    schema.field_types = {{"n", "int4"}};
    return schema;
  }

  static RecordView Rows(int first, int count, const std::string& text = "line\none \xc3\xa9 ") {
    BatchBuilder builder(EveryType());
    for (int i = first; i < first + count; ++i) {
      builder.Id("id \"" + std::to_string(i) + "\"");
      builder.Tenant(i % 2 ? "odd" : "even");
      builder.Document(text + std::to_string(i));
      builder.Metadata(R"({"n":18446744073709551615,"f":1.0,"null":null,"date":{"$vf":"datetime","v":"2026-01-02T03:04:05Z"},"deep":[[{"x":)" + std::to_string(i) + "}]]}");
      const float dense[2] = {static_cast<float>(i), -0.0f};
      builder.Vector(0, {reinterpret_cast<const char*>(dense), sizeof dense});
      if (i % 3) builder.Vector(1, std::string_view("\x00\x3c\x00\xc0", 4));
      builder.Vector(2, std::string_view("\x01\xff", 2));
      builder.Extra(0, std::string_view("\0bytes\xff", 7));
      builder.EndRow();
    }
    return *builder.Finish();
  }

  void Put(const Location& location, const RecordView& batch, std::map<std::string, std::string> settings = {}) {
    OpenContext context;
    context.cancel = &cancel_;
    context.layout = *registry_.FindLayout("default");
    auto sink = (*registry_.Find(location.scheme))->OpenSink(location, context).ValueOrDie();
    SinkSpec spec;
    spec.schema = batch.schema();
    spec.layout = context.layout;
    spec.on_exists = OnExists::upsert;
    spec.settings = std::move(settings);
    ASSERT_TRUE(sink->Prepare(spec).ok());
    ASSERT_TRUE(sink->Write(batch)->rejects.empty());
    ASSERT_TRUE(sink->Finish().ok());
  }

  std::string DigestOf(const Location& location) {
    const auto report = Verify(engine_, location, location, {});
    return report.ok() ? report->source_digest : report.status().ToString();
  }

  Result<BackupReport> BackUp(bool yes = false) {
    options_.yes = yes;
    return Backup(engine_, Memory("a"), file_, options_);
  }

  std::vector<std::string> Problems() {
    const auto report = VerifyBackups(engine_, file_, 1);
    if (!report.ok()) return {report.status().message()};
    return report->backups.at(0).problems;
  }

  /// A backup made up, so many days ago.
  void Make(const std::string& name, const std::string& source, double days, std::string_view data = "data") {
    BackupManifest manifest;
    manifest.kind = BackupManifest::Kind::sqlite;
    manifest.created = Clock::System().WallSeconds() - days * 86400;
    manifest.source = manifest.identity = source;
    manifest.file = {name, 4, Sha256::Of("data")};
    if (!data.empty()) std::ofstream(dir_ / "kept" / name) << data;
    std::ofstream(ManifestOf(dir_ / "kept" / name)) << manifest.ToText();
  }

  std::vector<std::string> Pruned(double days, int64_t keep, bool yes = false) {
    const auto report = PruneBackups(engine_, dir_ / "kept", {days, keep, yes});
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->deleted, yes);
    std::vector<std::string> names;
    for (const auto& entry : report->backups) names.push_back(entry.file.filename().string());
    return names;
  }

  std::string name_;
  fs::path dir_, file_;
  Registry registry_;
  Events events_;
  CancelToken cancel_;
  Engine engine_{registry_, events_, cancel_};
  CopyOptions options_;
};

TEST_F(BackupTest, EveryTypeComesBack) {
  Put(Memory("a"), Rows(0, 10));
  const auto report = BackUp();
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_TRUE(report->manifest);
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(report->manifest->records, 10);
  EXPECT_EQ(report->manifest->schema, EveryType());
  EXPECT_EQ(report->manifest->digest, DigestOf(Memory("a")));
  EXPECT_THAT(Problems(), ElementsAre());
  const auto back = Restore(engine_, report->manifest_file, Memory("b"), options_);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->exit_code, 0);
  EXPECT_EQ(back->state, "restored");
  EXPECT_EQ(DigestOf(Memory("b")), DigestOf(Memory("a")));
  const auto again = Restore(engine_, file_, Memory("b"), options_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state, "already-finished");
}

TEST_F(BackupTest, ACollectionKeepsItsParameters) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 1, Metric::dot, ""}};
  BatchBuilder builder(schema);
  builder.Id("7");
  const float one = 1;
  builder.Vector(0, {reinterpret_cast<const char*>(&one), sizeof one});
  builder.EndRow();
  const std::string setting = "qdrant.create_collection";
  const Location first = At("qdrant-local:" + (dir_ / "q").string() + "#a"), second = At("qdrant-local:" + (dir_ / "q2").string() + "#b");
  Put(first, *builder.Finish(), {{setting, R"({"vectors":{"size":1,"distance":"Dot","on_disk":true},"hnsw_config":{"m":5},"replication_factor":3})"}});
  const auto settings = [&](const Location& location) { return Inspect(engine_, location, std::nullopt, false, 0)->info.settings; };
  ASSERT_THAT(settings(first).at(setting), HasSubstr("on_disk"));
  ASSERT_EQ(Backup(engine_, first, file_, options_)->exit_code, 0);
  ASSERT_EQ(Restore(engine_, file_, second, options_)->exit_code, 0);
  EXPECT_EQ(settings(second), settings(first));
}

TEST_F(BackupTest, AByteChangedAnywhereIsFound) {
  Put(Memory("a"), Rows(0, 3));
  ASSERT_TRUE(BackUp().ok());
  for (const fs::path& path : {file_, ManifestOf(file_)}) {
    const std::string text = *ReadFile(path);
    for (size_t i = 0; i < text.size(); i += 7) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      std::ofstream(path, std::ios::binary) << changed;
      ASSERT_FALSE(Problems().empty()) << path << " " << i;
    }
    std::ofstream(path, std::ios::binary) << text.substr(0, text.size() - 1);
    ASSERT_FALSE(Problems().empty()) << path;
    std::ofstream(path, std::ios::binary) << text;
    ASSERT_TRUE(Problems().empty()) << path;
  }
}

TEST_F(BackupTest, RecordsThatAreNotTheManifestsAreFoundWhereTheSumsAreRight) {
  Put(Memory("a"), Rows(0, 3));
  BackupManifest manifest = *BackUp()->manifest;
  std::string text = *ReadFile(file_);
  text.replace(text.find("line\\none"), 4, "LINE");
  std::ofstream(file_, std::ios::binary) << text;
  manifest.file.sha256 = Sha256::Of(text);
  std::ofstream(ManifestOf(file_), std::ios::binary) << manifest.ToText();
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("digest")));
  const auto report = Restore(engine_, file_, Memory("b"), options_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 4);
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("digest")));
}

TEST_F(BackupTest, ADamagedBackupIsNotRestored) {
  Put(Memory("a"), Rows(0, 3));
  ASSERT_TRUE(BackUp().ok());
  std::ofstream(file_, std::ios::app) << "x";
  const auto report = Restore(engine_, file_, Memory("b"), options_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->state, "damaged");
  EXPECT_EQ(report->exit_code, 4);
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("a.jsonl")));
  EXPECT_FALSE(report->copy);
  EXPECT_FALSE(Inspect(engine_, Memory("b"), std::nullopt, false, 0).ok());
}

TEST_F(BackupTest, WhatExistsIsReplacedOnlyWhenAskedAndThenAnew) {
  Put(Memory("a"), Rows(0, 3));
  const std::string first = BackUp()->manifest->digest;
  EXPECT_TRUE(IsCategory(BackUp().status(), Category::refused));
  Put(Memory("a"), Rows(3, 3));
  const auto second = BackUp(true);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->manifest->records, 6);
  EXPECT_NE(second->manifest->digest, first);
  EXPECT_THAT(Problems(), ElementsAre());
  std::ofstream(file_) << "mine";
  EXPECT_FALSE(BackUp().ok());
  EXPECT_EQ(*ReadFile(file_), "mine");
}

TEST_F(BackupTest, OfASourceInUseItHoldsWhatWasRead) {
  Put(Memory("a"), Rows(0, 5));
  const std::string before = DigestOf(Memory("a"));
  // The source changes once all of it is read, before anything is compared.
  class OnFinish : public EventListener {
   public:
    explicit OnFinish(std::function<void()> act) : act_(std::move(act)) {}
    void On(const Event& event) override {
      if (event.kind == Event::Kind::phase_started && event.text == "finish") act_();
    }

   private:
    std::function<void()> act_;
  } listener([this] { Put(Memory("a"), Rows(3, 2, "another ")); });
  events_.Add(&listener);
  const auto report = Backup(engine_, Memory("a", "?consistency=live"), file_, options_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
  EXPECT_EQ(report->manifest->digest, before);
  EXPECT_EQ(report->manifest->consistency, "live");
  EXPECT_NE(DigestOf(Memory("a")), before);
}

TEST_F(BackupTest, WhatIsInterruptedIsUnfinished) {
  Put(Memory("a"), Rows(0, 9));
  failpoint::Arm("backup.manifest.before:1:error");
  EXPECT_FALSE(BackUp().ok());
  failpoint::Arm("");
  const auto states = [&] {
    std::vector<std::string> text;
    const BackupList list = ListBackups(engine_, dir_ / "kept").ValueOrDie();
    for (const auto& entry : list.backups) text.push_back(entry.file.filename().string() + " " + std::string(Name(entry.state)));
    return text;
  };
  EXPECT_THAT(states(), ElementsAre("a.jsonl unfinished"));
  EXPECT_TRUE(IsCategory(VerifyBackups(engine_, dir_ / "kept", 1).status(), Category::not_found));
  const auto report = BackUp();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(states(), ElementsAre("a.jsonl complete"));
  failpoint::Arm("transfer.write.before:2:error");
  EXPECT_FALSE(BackUp(true).ok());
  failpoint::Arm("");
  EXPECT_THAT(states(), ElementsAre("a.jsonl complete", HasSubstr(".vecferry-part unfinished")));
  EXPECT_TRUE(Problems().empty());
  ASSERT_TRUE(BackUp(true).ok());
  EXPECT_THAT(states(), ElementsAre("a.jsonl complete"));
  fs::resize_file(file_, 10);
  EXPECT_THAT(states(), ElementsAre("a.jsonl damaged"));
  fs::remove(file_);
  EXPECT_THAT(states(), ElementsAre("a.jsonl damaged"));
}

TEST_F(BackupTest, PruningKeepsTheNewestOfEachSource) {
  Make("a1", "a", 50), Make("a2", "a", 40), Make("a3", "a", 20), Make("b1", "b", 90), Make("c1", "c", 1);
  std::ofstream(dir_ / "kept" / "other.txt") << "x";
  EXPECT_THAT(Pruned(30, 1), UnorderedElementsAre("a1", "a2"));
  EXPECT_THAT(Pruned(45, 1), UnorderedElementsAre("a1"));
  EXPECT_THAT(Pruned(30, 2), UnorderedElementsAre("a1"));
  EXPECT_THAT(Pruned(30, 0), UnorderedElementsAre("a1", "a2", "b1"));
  EXPECT_EQ(ListBackups(engine_, dir_ / "kept")->backups.size(), 5u);
  EXPECT_THAT(Pruned(0, 1, true), UnorderedElementsAre("a1", "a2"));
  EXPECT_FALSE(fs::exists(dir_ / "kept" / "a1"));
  EXPECT_FALSE(fs::exists(ManifestOf(dir_ / "kept" / "a1")));
  EXPECT_TRUE(fs::exists(dir_ / "kept" / "other.txt"));
  EXPECT_THAT(Pruned(0, 1, true), ElementsAre());
}

TEST_F(BackupTest, PruningCountsOnlyWhatCouldBeRestored) {
  Make("whole", "a", 50), Make("cut", "a", 40, "dat"), Make("gone", "a", 35, "");
  EXPECT_THAT(Pruned(30, 1), UnorderedElementsAre("cut", "gone"));
  Make("only", "b", 60, "dat");
  EXPECT_THAT(Pruned(30, 1), UnorderedElementsAre("cut", "gone"));
  std::ofstream(ManifestOf(dir_ / "kept" / "odd"), std::ios::binary) << "{}";
  EXPECT_THAT(Pruned(0, 0), UnorderedElementsAre("whole", "cut", "gone", "only"));
}

TEST_F(BackupTest, APruningThatIsKilledIsFinishedByTheNext) {
  Make("a1", "a", 50), Make("a2", "a", 40);
  failpoint::Arm("prune.manifest.before:1:error");
  EXPECT_FALSE(PruneBackups(engine_, dir_ / "kept", {30, 1, true}).ok());
  failpoint::Arm("");
  EXPECT_FALSE(fs::exists(dir_ / "kept" / "a1"));
  EXPECT_THAT(Pruned(30, 1, true), ElementsAre("a1"));
  EXPECT_THAT(ListBackups(engine_, dir_ / "kept")->backups.size(), 1u);
}

TEST_F(BackupTest, LinksAreNotFollowed) {
  Make("a1", "a", 50);
  fs::create_directories(dir_ / "elsewhere");
  std::ofstream(dir_ / "elsewhere" / "data") << "data";
  fs::remove(dir_ / "kept" / "a1");
  fs::create_symlink(dir_ / "elsewhere" / "data", dir_ / "kept" / "a1");
  fs::create_directory_symlink(dir_ / "elsewhere", dir_ / "kept" / "folder");
  EXPECT_EQ(ListBackups(engine_, dir_ / "kept")->backups.at(0).state, BackupState::damaged);
  EXPECT_THAT(Pruned(30, 0, true), ElementsAre("a1"));
  EXPECT_TRUE(fs::exists(dir_ / "elsewhere" / "data"));
}

}  // namespace
}  // namespace vecferry
