#include <fstream>

#include <arrow/util/compression.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "files/input.h"
#include "files/line_reader.h"
#include "files/s3.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"

namespace vecferry::files {
namespace {

class Files : public testing::Test {
 protected:
  Files() : dir_(fs::path(VECFERRY_BINARY_DIR) / "files_test") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  fs::path Write(const std::string& name, std::string_view text) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return dir_ / name;
  }
  static std::string Compress(std::string_view text, arrow::Compression::type type) {
    const auto codec = arrow::util::Codec::Create(type).ValueOrDie();
    const auto compressor = codec->MakeCompressor().ValueOrDie();
    std::string out(2 * text.size() + (1 << 20), '\0');
    auto* data = reinterpret_cast<uint8_t*>(out.data());
    const auto size = static_cast<int64_t>(out.size());
    int64_t at = 0;
    for (size_t done = 0; done < text.size();) {
      const auto result = compressor->Compress(static_cast<int64_t>(text.size() - done), reinterpret_cast<const uint8_t*>(text.data()) + done, size - at, data + at).ValueOrDie();
      done += static_cast<size_t>(result.bytes_read);
      at += result.bytes_written;
    }
    at += compressor->End(size - at, data + at).ValueOrDie().bytes_written;
    out.resize(static_cast<size_t>(at));
    return out;
  }
  static SinkSpec Spec(const std::string& run = "r1") {
    SinkSpec spec;
    spec.run_id = run;
    return spec;
  }
  fs::path dir_;
};

class Intents final : public IntentLog {
 public:
  Status Record(std::string_view kind, std::string_view payload) override { return last_[std::string(kind)] = payload, Status::OK(); }
  Result<std::optional<std::string>> Find(std::string_view kind) override {
    const auto found = last_.find(std::string(kind));
    return found == last_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, std::string> last_;
};

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  return text;
}

TEST_F(Files, TlsIsTheSystemsOwn) {
  Dl_info facts{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&EVP_sha256), &facts), 0);
  EXPECT_NE(std::string(facts.dli_fname).find("libcrypto"), std::string::npos) << facts.dli_fname;
}

TEST_F(Files, CompressedInputIsReadAsItWas) {
  const std::string text = Lines(200000);
  for (const auto type : {arrow::Compression::GZIP, arrow::Compression::ZSTD, arrow::Compression::BZ2, arrow::Compression::LZ4_FRAME}) {
    const std::string packed = Compress(text, type);
    const auto input = OpenInput(Place(Write("a.x", packed))).ValueOrDie();
    EXPECT_EQ(input->size(), -1);
    EXPECT_NE(input->compression(), Compression::none);
    std::string got(text.size() + 10, '\0');
    ASSERT_EQ(input->ReadAt(0, got.data(), got.size()).ValueOrDie(), text.size()) << Name(input->compression());
    got.resize(text.size());
    EXPECT_EQ(got, text);
    // Backwards, and beyond the end.
    char some[20];
    ASSERT_EQ(input->ReadAt(100, some, 20).ValueOrDie(), 20u);
    EXPECT_EQ(std::string_view(some, 20), text.substr(100, 20));
    EXPECT_EQ(input->ReadAt(static_cast<int64_t>(text.size()) + 5, some, 20).ValueOrDie(), 0u);
    // Two streams one after another are one file.
    const auto twice = OpenInput(Place(Write("b.x", packed + packed))).ValueOrDie();
    ASSERT_EQ(twice->ReadAt(static_cast<int64_t>(text.size()), some, 20).ValueOrDie(), 20u);
    EXPECT_EQ(std::string_view(some, 20), text.substr(0, 20));
  }
}

TEST_F(Files, BrokenCompressedInputIsSaid) {
  const std::string text = Lines(50000);
  for (const auto type : {arrow::Compression::GZIP, arrow::Compression::ZSTD, arrow::Compression::BZ2, arrow::Compression::LZ4_FRAME}) {
    std::string packed = Compress(text, type);
    std::string got(text.size(), '\0');
    const auto cut = OpenInput(Place(Write("cut", std::string_view(packed).substr(0, packed.size() / 2)))).ValueOrDie();
    EXPECT_TRUE(IsCategory(cut->ReadAt(0, got.data(), got.size()).status(), Category::corrupt)) << Name(cut->compression());
    for (size_t i = packed.size() / 2; i < packed.size() / 2 + 50; ++i) packed[i] = '\x55';
    const auto bad = OpenInput(Place(Write("bad", packed))).ValueOrDie();
    const auto read = bad->ReadAt(0, got.data(), got.size());
    EXPECT_TRUE(!read.ok() || got != text) << Name(bad->compression());
  }
}

TEST_F(Files, LinesOfInputOfUnknownSize) {
  const auto input = OpenInput(Place(Write("a.gz", Compress("one\ntwo\n\nthree", arrow::Compression::GZIP)))).ValueOrDie();
  LineReader lines(*input, 0, LineReader::kToTheEnd, 8, 1 << 20);
  std::vector<std::string> got;
  while (const auto line = lines.Next().ValueOrDie()) got.emplace_back(line->text);
  EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "", "three"}));
}

TEST_F(Files, PlacesAsTheyAreWritten) {
  const auto place = [](const std::string& text) { return Place::Of(ParseLocation(text).ValueOrDie()); };
  EXPECT_EQ(place("jsonl:s3://bucket/a/b.jsonl")->text(), "s3://bucket/a/b.jsonl");
  EXPECT_EQ(place("jsonl:s3://bucket/a/b/")->name(), "b");
  EXPECT_EQ((*place("jsonl:s3://bucket/a/b/") / "c").text(), "s3://bucket/a/b/c");
  EXPECT_TRUE(IsCategory(place("jsonl:s3://bucket").status(), Category::usage));
  EXPECT_TRUE(IsCategory(place("jsonl:s3://bucket//a").status(), Category::usage));
  EXPECT_TRUE(IsCategory(place("jsonl:a.jsonl?s3-region=x").status(), Category::usage));
  EXPECT_EQ(place("jsonl:/a/b/")->name(), "b");
  const std::string shown = ParseLocation("jsonl:s3://b/k?s3-access-key=AKIAX&s3-secret-key=hush").ValueOrDie().Display();
  EXPECT_EQ(shown.find("hush"), std::string::npos);
  EXPECT_EQ(shown.find("AKIAX"), std::string::npos);
}

TEST_F(Files, S3CodesAreClassified) {
  EXPECT_EQ(FactsOfS3Code("NoSuchBucket").category, Category::not_found);
  EXPECT_EQ(FactsOfS3Code("SignatureDoesNotMatch").category, Category::unauthorized);
  EXPECT_EQ(FactsOfS3Code("SlowDown").retry, Retry::after_delay);
  EXPECT_EQ(FactsOfS3Code("Novel").category, Category::internal);
}

TEST_F(Files, AFolderAppearsAtOnce) {
  const Place place(dir_ / "set");
  StagedFolder folder(place, "test");
  ASSERT_TRUE(folder.Begin(Spec()).ok());
  ASSERT_TRUE(folder.MakeParents("a/one.x").ok());
  std::ofstream(folder.root() / "a/one.x") << "1";
  EXPECT_FALSE(fs::exists(place.local()));
  StagedFolder other(place, "test");
  EXPECT_TRUE(IsCategory(other.Begin(Spec()), Category::locked));
  ASSERT_TRUE(folder.Finish({"a/one.x"}).ok());
  ASSERT_TRUE(folder.Finish({"a/one.x"}).ok());
  EXPECT_EQ(place.Files()->size(), 1u);
  EXPECT_FALSE(fs::exists(folder.root()));
  std::ofstream(place.local() / "mine.txt") << "the user's";
  ASSERT_TRUE(folder.Drop({".x"}).ok());
  EXPECT_EQ(place.Files()->size(), 1u) << "a file that is not ours is left alone";
}

TEST_F(Files, AFolderIsExchangedForAnother) {
  Write("set/old.x", "old");
  const Place place(dir_ / "set");
  Intents intents;
  SinkSpec spec = Spec();
  spec.on_exists = OnExists::replace;
  spec.intents = &intents;
  StagedFolder folder(place, "test");
  ASSERT_TRUE(folder.Begin(spec).ok());
  std::ofstream(folder.root() / "new.x") << "new";
  EXPECT_EQ(place.Files()->at(0).relative, "old.x");
  ASSERT_TRUE(folder.Finish({"new.x"}).ok());
  ASSERT_EQ(place.Files()->size(), 1u);
  EXPECT_EQ(place.Files()->at(0).relative, "new.x");
  // Killed between the exchange and the removal: the old folder stands under the run's name.
  Write("set.r1.vecferry-part/old.x", "old");
  spec.resumed = true;
  StagedFolder again(place, "test");
  ASSERT_TRUE(again.Begin(spec).ok());
  EXPECT_TRUE(again.finished_before());
  EXPECT_FALSE(fs::exists(dir_ / "set.r1.vecferry-part"));
  EXPECT_EQ(place.Files()->at(0).relative, "new.x");
}

TEST_F(Files, AFolderThatAppearsMeanwhileIsNotReplaced) {
  const Place place(dir_ / "set");
  StagedFolder folder(place, "test");
  ASSERT_TRUE(folder.Begin(Spec()).ok());
  Write("set/theirs.x", "theirs");
  EXPECT_TRUE(IsCategory(folder.Finish({}), Category::refused));
  EXPECT_EQ(place.Files()->at(0).relative, "theirs.x");
}

TEST_F(Files, WhatAStateDoesNotNameIsRemoved) {
  StagedFolder folder(Place(dir_ / "set"), "test");
  ASSERT_TRUE(folder.Begin(Spec()).ok());
  std::ofstream(folder.root() / "a.x") << "1";
  std::ofstream(folder.root() / "b.x") << "1";
  ASSERT_TRUE(folder.KeepOnly({"a.x"}).ok());
  EXPECT_TRUE(fs::exists(folder.root() / "a.x"));
  EXPECT_FALSE(fs::exists(folder.root() / "b.x"));
}

TEST_F(Files, ATailIsPartOfTheFileThatAppears) {
  Intents intents;
  SinkSpec spec = Spec();
  spec.intents = &intents;
  const Place place(dir_ / "a.x");
  std::string state;
  {
    StagedFile file(place, "test");
    ASSERT_TRUE(file.Begin(spec, "HEAD").ok());
    ASSERT_TRUE(file.Append("data").ok());
    state = file.Flush().ValueOrDie();
    ASSERT_TRUE(file.Append("more").ok());
  }
  spec.resumed = true;
  {
    StagedFile file(place, "test");
    ASSERT_TRUE(file.Begin(spec, "HEAD").ok());
    ASSERT_TRUE(file.Resume(state).ok());
    EXPECT_EQ(file.size(), 8);
    ASSERT_TRUE(file.Finish("TAIL").ok());
    EXPECT_EQ(ReadFile(place.local()).ValueOrDie(), "HEADdataTAIL");
  }
  // Killed after the rename.
  StagedFile file(place, "test");
  ASSERT_TRUE(file.Begin(spec, "HEAD").ok());
  ASSERT_TRUE(file.Resume(state).ok());
  EXPECT_TRUE(file.finished());
  EXPECT_EQ(ReadFile(place.local()).ValueOrDie(), "HEADdataTAIL");
}

}  // namespace
}  // namespace vecferry::files
