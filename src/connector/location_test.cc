#include "connector/location.h"

#include <random>

#include <gtest/gtest.h>

namespace vecferry {
namespace {

Location Parse(std::string_view text) {
  auto parsed = ParseLocation(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.status().ToString();
  return parsed.ok() ? *parsed : Location{};
}

using Options = std::map<std::string, std::string>;

TEST(ParseLocation, TakesTheExamplesOfTheDocumentationApart) {
  const Location local = Parse("qdrant-local:./qdrant?layout=mcp-memory&batch=5#memories");
  EXPECT_EQ(local.scheme, "qdrant-local");
  EXPECT_EQ(local.path, "./qdrant");
  EXPECT_EQ(local.options, (Options{{"layout", "mcp-memory"}, {"batch", "5"}}));
  EXPECT_EQ(local.dataset, "memories");
  EXPECT_FALSE(local.had_secret);

  const Location server = Parse("qdrant://[::1]:6334#docs");
  EXPECT_EQ(server.path, "//[::1]:6334");
  EXPECT_EQ(Parse("pinecone://INDEX-HOST#namespace").path, "//INDEX-HOST");
  EXPECT_EQ(Parse("redis://localhost:6379#docs:*").dataset, "docs:*");
  EXPECT_EQ(Parse("parquet:s3://bucket/dir").path, "s3://bucket/dir");
  EXPECT_EQ(Parse("postgresql://h1:5432,h2:5433/db#public.items").path, "//h1:5432,h2:5433/db");
}

TEST(ParseLocation, TheLastHashSeparatesAndEverythingIsDecoded) {
  const Location location = Parse("jsonl:a#b%23c%3Fd?x%3D=%26%25#t%20%C3%A9");
  EXPECT_EQ(location.path, "a#b#c?d");
  EXPECT_EQ(location.options, (Options{{"x=", "&%"}}));
  EXPECT_EQ(location.dataset, "t é");
  EXPECT_EQ(Parse("jsonl:100%.txt").path, "100%.txt");
  EXPECT_EQ(Parse("jsonl:%4").path, "%4");
}

TEST(ParseLocation, AColonInAPathIsNoScheme) {
  EXPECT_EQ(Parse("qdrant-local:C:/data/x").path, "C:/data/x");
  EXPECT_EQ(Parse("qdrant-local:dir:with:colons#a:b").path, "dir:with:colons");
  EXPECT_EQ(SchemeOf("C:\\data"), "");
  EXPECT_EQ(SchemeOf("./a:b"), "");
  EXPECT_EQ(SchemeOf("Qdrant-Local:x"), "qdrant-local");
}

TEST(ParseLocation, RefusesWhatIsNoUri) {
  for (const std::string text : {"", "notes.db", "a:b", "jsonl:a\nb", "jsonl:a%0Ab", "jsonl:x#a%1bb", "jsonl:x?novalue", "jsonl:x?=v",
                                 "jsonl:x?a=1&a=2", "qdrant://[::1:6334", "qdrant://::1:6334", "jsonl:%ff",
                                 "jsonl:/%2Fhost/x", "parquet:s3%3A//bucket", "qdrant://a%2Fb/c", "qdrant://a%3Ab/c", "qdrant://u%40h/x"}) {
    EXPECT_TRUE(IsCategory(ParseLocation(text).status(), Category::usage)) << text;
  }
  EXPECT_TRUE(IsCategory(ParseLocation(std::string_view("jsonl:a\0b", 9)).status(), Category::usage));
}

TEST(Location, NeverShowsASecret) {
  const Location location = Parse("postgresql://me:p%2F%40ss@host:5432/db?api-key=hunter2&sslmode=require#public.items");
  EXPECT_TRUE(location.had_secret);
  EXPECT_EQ(location.Display(), "postgresql://me:***@host:5432/db?api-key=***&sslmode=require#public.items");
  EXPECT_EQ(location.path, "//me:p%2F%40ss@host:5432/db");
  EXPECT_EQ(Parse("postgresql://me:a@b@host/db").Display(), "postgresql://me:***@host/db");
  EXPECT_EQ(Parse("parquet:s3://key:sec@bucket/dir").Display(), "parquet:s3://key:***@bucket/dir");
  EXPECT_FALSE(Parse("postgresql://me@host/db").had_secret);
  EXPECT_EQ(Parse("postgresql://m#e@host/db#").Display(), "postgresql://m%23e@host/db");
}

TEST(Location, APasswordThatBreaksTheUriIsRefusedUnseen) {
  for (const std::string text : {"postgresql://me:hun/ter@host/db", "postgresql://me:hun?t=er@host/db", "postgresql://me:hun#ter@host/db"}) {
    const Status status = ParseLocation(text).status();
    EXPECT_TRUE(IsCategory(status, Category::usage)) << text;
    EXPECT_EQ(Describe(status).find("hun"), std::string::npos) << Describe(status);
  }
}

TEST(Location, WhatItDisplaysParsesBack) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {"a", "B9", "/", ":", "#", "?", "&", "=", "%", "%2", "é", " ", "@", "*", "[", "]", "+", "'", "~", "\\", "日"};
  const auto any = [&](size_t most) {
    std::string text;
    for (size_t n = random() % (most + 1); n > 0; --n) text += pieces[random() % pieces.size()];
    return text;
  };
  for (int i = 0; i < 5000; ++i) {
    Location location;
    location.scheme = "jsonl";
    location.path = "p" + any(6);
    if (location.path.find("://") != std::string::npos) continue;
    location.dataset = any(5);
    for (size_t n = random() % 3; n > 0; --n) location.options["k" + any(3)] = any(4);
    const Location back = Parse(location.Display());
    EXPECT_EQ(back.path, location.path) << location.Display();
    EXPECT_EQ(back.dataset, location.dataset) << location.Display();
    EXPECT_EQ(back.options, location.options) << location.Display();
  }
}

TEST(IsSecretName, KnowsTheUsualOnes) {
  for (const char* name : {"api-key", "API_KEY", "apikey", "password", "auth-token", "client_secret"}) EXPECT_TRUE(IsSecretName(name)) << name;
  for (const char* name : {"layout", "key-field", "tenant", "jobs", "api-key-file", "API_KEY_ENV"}) EXPECT_FALSE(IsSecretName(name)) << name;
}

}  // namespace
}  // namespace vecferry
