#include "migration/backup_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"

namespace vecferry {
namespace {

using testing::HasSubstr;

BackupManifest Sample() {
  BackupManifest m;
  m.created = 1700000000.25;
  m.program = "1.2.3";
  m.source = "memory:x#\"docs\"";
  m.identity = "memory:x#docs";
  m.store = "memory";
  m.dataset = "docs";
  m.consistency = "live";
  m.layout = "mine";
  m.schema.emplace();
  m.schema->vectors = {{"", VectorKind::dense, Element::f32, 4, Metric::cosine, ""}};
  m.settings = {{"qdrant.create_collection", "{\"vectors\":{}}"}, {"odd \"name\"\n", ""}};
  m.facts = {{"version", "1.9"}};
  m.records = 12;
  m.rejected = 3;
  m.digest = "vf1:12:0:0:0";
  m.file = {"a.jsonl", 77, Sha256::Of("x")};
  return m;
}

/// A manifest whose check sum is right for whatever is in it.
std::string Sealed(std::string json) {
  json.resize(json.rfind("\n}"));
  return json + ",\n  \"check\": \"" + Sha256::Of(json) + "\"\n}\n";
}

/// The sample's text with something else in place of a part, and the check sum made right.
std::string Edited(const std::string& from, const std::string& to) {
  std::string text = Sample().ToText();
  text.resize(text.rfind(",\n  \"check\""));
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  text.replace(at, from.size(), to);
  return Sealed(text + "\n}");
}

TEST(BackupManifestTest, ComesBackAsItWas) {
  const auto back = BackupManifest::Parse(Sample().ToText(), "a.jsonl");
  ASSERT_TRUE(back.ok()) << back.status();
  const BackupManifest sample = Sample();
  EXPECT_EQ(back->ToText(), sample.ToText());
  EXPECT_EQ(back->schema, sample.schema);
  EXPECT_EQ(back->settings, sample.settings);
  EXPECT_NEAR(back->created, sample.created, 1e-3);
  BackupManifest database = sample;
  database.kind = BackupManifest::Kind::sqlite;
  database.schema.reset();
  database.records = -1;
  database.digest.clear();
  const auto other = BackupManifest::Parse(database.ToText(), "a.jsonl");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->ToText(), database.ToText());
  EXPECT_EQ(other->records, -1);
  EXPECT_FALSE(other->schema);
}

TEST(BackupManifestTest, NoByteCanChange) {
  const std::string text = Sample().ToText();
  for (size_t i = 0; i < text.size(); ++i) {
    for (const int bit : {1, 4, 32}) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ bit);
      ASSERT_TRUE(IsCategory(BackupManifest::Parse(changed, "a.jsonl").status(), Category::corrupt)) << i;
    }
    ASSERT_FALSE(BackupManifest::Parse(text.substr(0, i), "a.jsonl").ok()) << i;
  }
  EXPECT_FALSE(BackupManifest::Parse(text + "\n", "a.jsonl").ok());
}

TEST(BackupManifestTest, ForgedOnesAreRefused) {
  ASSERT_TRUE(BackupManifest::Parse(Edited("\"live\"", "\"frozen\""), "a.jsonl").ok());
  for (const char* name : {"../x", "/etc/passwd", "..", ".", "", "b/a.jsonl", "b.jsonl", "a.jsonl\\u0000"}) {
    const auto status = BackupManifest::Parse(Edited("\"a.jsonl\"", "\"" + std::string(name) + "\""), "a.jsonl").status();
    EXPECT_TRUE(IsCategory(status, Category::corrupt)) << name;
  }
  const std::pair<const char*, const char*> edits[] = {
      {"\"bytes\": 77", "\"bytes\": -1"}, {"\"bytes\": 77", "\"bytes\": \"77\""}, {"\"records\": 12", "\"records\": []"}, {"\"rejected\": 3", "\"rejected\": {}"},
      {"\"rejected\": 3,", ""},           {"\"mine\"", "7"},                      {"\"settings\": {", "\"settings\": {\"x\": {},"}, {"\"sha256\": \"", "\"sha256\": \"0"}};
  for (const auto& [from, to] : edits) EXPECT_FALSE(BackupManifest::Parse(Edited(from, to), "a.jsonl").ok()) << to;
  EXPECT_TRUE(IsCategory(BackupManifest::Parse(Edited("\"vecferry_backup\": 1", "\"vecferry_backup\": 2"), "a.jsonl").status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(BackupManifest::Parse(Edited("\"kind\": \"records\"", "\"kind\": \"parquet\""), "a.jsonl").status(), Category::unsupported));
  const std::string deep = "\"layout\": " + std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(BackupManifest::Parse(Edited("\"layout\": \"mine\"", deep), "a.jsonl").status().message(), HasSubstr("too deeply"));
}

TEST(BackupManifestTest, StandsBesideItsData) {
  EXPECT_EQ(ManifestOf("d/a.jsonl"), fs::path("d/a.jsonl.manifest.json"));
  EXPECT_EQ(DataOf("d/a.jsonl.manifest.json"), fs::path("d/a.jsonl"));
  EXPECT_EQ(DataOf("d/a.jsonl"), fs::path("d/a.jsonl"));
  EXPECT_TRUE(IsCategory(ReadManifest("no/such/file").status(), Category::not_found));
}

}  // namespace
}  // namespace vecferry
