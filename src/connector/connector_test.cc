#include "connector/connector.h"

#include <fstream>

#include <gtest/gtest.h>

namespace vecferry {
namespace {

class Stub final : public Connector {
 public:
  Stub(std::string scheme, std::vector<std::string> aliases, std::string extension = "\n") : extension_(std::move(extension)) {
    info_.scheme = std::move(scheme);
    info_.aliases = std::move(aliases);
    info_.has_users = info_.aliases.size() < 2;
  }
  const Info& info() const override { return info_; }
  Result<std::vector<DatasetSummary>> List(const Location&, const OpenContext&) override { return std::vector<DatasetSummary>{}; }
  bool Recognises(const fs::path& path) const override { return path.extension() == extension_; }

 private:
  Info info_;
  std::string extension_;
};

class Resolve : public testing::Test {
 protected:
  Resolve() : dir_(fs::path(VECFERRY_BINARY_DIR) / "resolve_test"), before_(fs::current_path()) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    fs::current_path(dir_);
    registry_.Add(std::make_unique<Stub>("sqlite-vec", std::vector<std::string>{"sqlite"}, ".db"));
    registry_.Add(std::make_unique<Stub>("qdrant", std::vector<std::string>{"http", "https"}));
  }
  ~Resolve() override { fs::current_path(before_); }
  void Touch(const fs::path& file) {
    fs::create_directories(fs::absolute(file).parent_path());
    std::ofstream(file) << "x";
  }
  Registry registry_;
  fs::path dir_, before_;
};

TEST_F(Resolve, KeepsASchemeAndTurnsAnAliasIntoIt) {
  EXPECT_EQ(registry_.Resolve("qdrant://h:6334#d")->alias, "");
  const auto http = registry_.Resolve("HTTPS://h:6333?a=b#d");
  ASSERT_TRUE(http.ok());
  EXPECT_EQ(http->scheme, "qdrant");
  EXPECT_EQ(http->alias, "https");
  EXPECT_EQ(http->Display(), "https://h:6333?a=b#d");
  EXPECT_EQ(registry_.Resolve("sqlite:notes.db#d")->Display(), "sqlite-vec:notes.db#d");
}

TEST_F(Resolve, AUserIsNoneWhereAStoreHasNone) {
  for (const char* text : {"qdrant://secret@h:6334#d", "https://secret@h#d", "qdrant://a@b@h#d"}) {
    const Status status = registry_.Resolve(text).status();
    EXPECT_TRUE(IsCategory(status, Category::usage)) << text;
    EXPECT_EQ(status.ToString().find("secret"), std::string::npos);
  }
  EXPECT_TRUE(registry_.Resolve("qdrant://:secret@h:6334#d").ok());
  EXPECT_TRUE(registry_.Resolve("qdrant://@h:6334#d").ok());
  EXPECT_TRUE(registry_.Resolve("sqlite://user@h/x#d").ok());
}

TEST_F(Resolve, ThreeSlashesAreTheFileThatExists) {
  Touch("rel/x.db");
  EXPECT_EQ(registry_.Resolve("sqlite:///rel/x.db")->path, "rel/x.db");
  EXPECT_EQ(registry_.Resolve("sqlite://" + (dir_ / "rel/x.db").string())->path, (dir_ / "rel/x.db").string());
  EXPECT_EQ(registry_.Resolve("sqlite:////nowhere/y.db")->path, "/nowhere/y.db");
  EXPECT_EQ(registry_.Resolve("sqlite:///nowhere/y.db")->path, "/nowhere/y.db");
  Touch("etc/passwd");
  EXPECT_TRUE(IsCategory(registry_.Resolve("sqlite:///etc/passwd").status(), Category::usage));
}

TEST_F(Resolve, ABarePathIsKnownByItsContent) {
  Touch("notes.db");
  Touch("with:colon.db");
  Touch("other.txt");
  EXPECT_EQ(registry_.Resolve("notes.db#docs")->scheme, "sqlite-vec");
  EXPECT_EQ(registry_.Resolve("notes.db#docs")->dataset, "docs");
  EXPECT_EQ(registry_.Resolve("with:colon.db")->path, "with:colon.db");
  EXPECT_TRUE(IsCategory(registry_.Resolve("other.txt").status(), Category::usage));
  EXPECT_TRUE(IsCategory(registry_.Resolve("missing.db").status(), Category::not_found));
}

TEST_F(Resolve, AnUnknownSchemeIsAnsweredWithTheNearest) {
  const Status status = registry_.Resolve("qdrnt://h").status();
  EXPECT_TRUE(IsCategory(status, Category::usage));
  EXPECT_NE(status.message().find("qdrant"), std::string::npos) << status.message();
}

TEST_F(Resolve, WhatAConnectorCannotDoIsUnsupported) {
  const Location location = *registry_.Resolve("qdrant://h#d");
  Connector* connector = *registry_.Find("qdrant");
  EXPECT_TRUE(IsCategory(connector->OpenSource(location, {}).status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(connector->OpenSink(location, {}).status(), Category::unsupported));
}

using RegistryDeathTest = Resolve;
TEST_F(RegistryDeathTest, ASecondConnectorOfTheSameNameIsADefect) {
  EXPECT_DEATH(registry_.Add(std::make_unique<Stub>("http", std::vector<std::string>{})), "named http");
}

TEST(Capabilities, EveryFeatureHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const JsonFeature feature : AllJsonFeatures()) names.insert(Name(feature));
  EXPECT_EQ(names.size(), AllJsonFeatures().size());
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(names.size(), 19u);
}

}  // namespace
}  // namespace vecferry
