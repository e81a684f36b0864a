#include "cli/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/invocation.h"
#include "cli/job_schema.h"
#include "cli/session.h"
#include "connectors/builtin.h"

namespace vecferry::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::map<std::string, std::string> kEnvironment = {{"QDRANT_API_KEY", "hush"}, {"HOST", "h"}, {"EVIL", "x\nyes: true\n#"}, {"BATCH", "7"}, {"EMPTY", ""}, {"PGPASSWORD", "hush"}};

Job Parsed(std::string_view text) {
  auto job = ParseJob(text, "job.yaml", kEnvironment);
  EXPECT_TRUE(job.ok()) << job.status().ToString();
  return job.ok() ? *job : Job{};
}

std::string Refused(std::string_view text) {
  const auto job = ParseJob(text, "job.yaml", kEnvironment);
  EXPECT_TRUE(IsCategory(job.status(), Category::usage)) << job.status().ToString() << " for " << text;
  return Describe(job.status());
}

TEST(JobFile, GivesBothSidesAndFlagsOfEveryKind) {
  const Job job = Parsed("version: 1\nsource: jsonl:a.jsonl\ntarget:\n  uri: qdrant://${HOST}:6334\n  dataset: 'a#b %41'\n  options:\n    api-key: ${QDRANT_API_KEY}\n"
                         "    timeout: 5\nbatch-size: ${BATCH}\nlimit: 1e3\nyes: on\nignore: [vector, 'metadata.a']\nmodel: ${EMPTY}\nmemory: 64MiB\nfile: 007\n");
  EXPECT_EQ(job.places.at("source").uri, "jsonl:a.jsonl");
  const JobPlace& target = job.places.at("target");
  EXPECT_EQ(target.uri, "qdrant://h:6334");
  EXPECT_EQ(target.dataset, "a#b %41");
  EXPECT_EQ(target.options.at("api-key").value, "hush");
  EXPECT_TRUE(target.options.at("api-key").from_credential);
  EXPECT_EQ(target.options.at("timeout").value, "5");
  EXPECT_THAT(job.values.at("batch-size"), ElementsAre("7"));
  EXPECT_THAT(job.values.at("limit"), ElementsAre("1000"));
  EXPECT_THAT(job.values.at("yes"), ElementsAre("true"));
  EXPECT_THAT(job.values.at("ignore"), ElementsAre("vector", "metadata.a"));
  EXPECT_FALSE(job.values.contains("model"));
  EXPECT_EQ(job.arguments.at("file"), "007");
}

TEST(JobFile, NamesWhatIsWrongAndWhere) {
  EXPECT_THAT(Refused("source: a:b\nbatch_size: 5\n"), AllOf(HasSubstr("job.yaml:2:1"), HasSubstr("did you mean batch-size")));
  EXPECT_THAT(Refused("source:\n  uri: a:b\n  data-set: x\n"), AllOf(HasSubstr("job.yaml:3:3"), HasSubstr("did you mean dataset")));
  EXPECT_THAT(Refused("jobs: many\n"), AllOf(HasSubstr("job.yaml:1:7"), HasSubstr("a whole number")));
  EXPECT_THAT(Refused("on-exists: upset\n"), HasSubstr("did you mean upsert"));
  EXPECT_THAT(Refused("source: ${NOT_SET}\n"), AllOf(HasSubstr("job.yaml:1:9"), HasSubstr("NOT_SET is not set"), HasSubstr("${NOT_SET:-...}")));
  EXPECT_THAT(Refused("source-opt: [a=b]\n"), HasSubstr("under options"));
  EXPECT_THAT(Refused("config: other.yaml\n"), HasSubstr("names no other"));
  EXPECT_THAT(Refused("jobs:\n"), HasSubstr("no value"));
  EXPECT_THAT(Refused("jobs: [1]\n"), HasSubstr("one value"));
  EXPECT_THAT(Refused("source: {dataset: x}\n"), HasSubstr("no uri"));
  EXPECT_THAT(Refused("source: [a]\n"), HasSubstr("a side is"));
  EXPECT_THAT(Refused("- a\n"), HasSubstr("KEY: VALUE"));
  EXPECT_THAT(Refused("version: 2\n"), HasSubstr("version 1"));
  EXPECT_THAT(Refused("source: {uri: a:b, layout: x, options: {layout: y}}\n"), HasSubstr("twice"));
  EXPECT_THAT(Refused("source: ${EMPTY}\n"), HasSubstr("empty"));
}

TEST(JobFile, LetsNoVariableBecomeYaml) {
  const Job job = Parsed("model: ${EVIL}\n");
  EXPECT_FALSE(job.values.contains("yes"));
  EXPECT_THAT(job.values.at("model"), ElementsAre("x\nyes: true\n#"));
  EXPECT_THAT(Refused("source: qdrant://${EVIL}\n"), HasSubstr("control character"));
}

TEST(JobFile, ShowsNoCredential) {
  EXPECT_THAT(Refused("model: ${QDRANT_API_KEY}\n"), AllOf(HasSubstr("QDRANT_API_KEY"), Not(HasSubstr("hush"))));
  EXPECT_THAT(Refused("source: {uri: 'qdrant://h:6334', dataset: '${PGPASSWORD}'}\n"), Not(HasSubstr("hush")));
  EXPECT_THAT(Refused("source: qdrant://${PGPASSWORD}:6334\n"), Not(HasSubstr("hush")));
  EXPECT_THAT(Refused("source: qdrant://h:6334?timeout=${PGPASSWORD}\n"), Not(HasSubstr("hush")));
  EXPECT_THAT(Refused("source: ./${PGPASSWORD}\n"), Not(HasSubstr("hush")));
  EXPECT_THAT(Refused("jobs: ${PGPASSWORD}\n"), Not(HasSubstr("hush")));
  const Job job = Parsed("source: postgresql://app:${PGPASSWORD}@h/db\ntarget: qdrant://:lit@h:6334\n");
  EXPECT_FALSE(job.places.at("source").literal_credential);
  const auto odd = ParseJob("source: qdrant://:${A_SECRET}@h:6334\ntarget: ${A_SECRET_URL}\n", "j", {{"A_SECRET", "p/q#r@s?%41"}, {"A_SECRET_URL", "qdrant://:x%40@h#d"}});
  ASSERT_TRUE(odd.ok()) << odd.status().ToString();
  EXPECT_EQ(odd->places.at("source").uri, "qdrant://:p%2Fq%23r%40s%3F%41@h:6334");
  EXPECT_EQ(odd->places.at("target").uri, "qdrant://:x%40@h#d");
  EXPECT_TRUE(job.places.at("target").literal_credential);
}

Location Located(const JobPlace& place) {
  Registry registry;
  RegisterBuiltin(registry);
  auto located = LocateJob(registry, place);
  EXPECT_TRUE(located.ok()) << located.status().ToString();
  return located.ok() ? *located : Location{};
}

Status NotLocated(const JobPlace& place) {
  Registry registry;
  RegisterBuiltin(registry);
  return LocateJob(registry, place).status();
}

TEST(JobFile, BecomesALocation) {
  const Location location = Located(Parsed("source: {uri: 'http://${HOST}:6333', dataset: 'a#b', layout: default, options: {api-key: '${QDRANT_API_KEY}', connections: 2}}\n").places.at("source"));
  EXPECT_EQ(location.scheme, "qdrant");
  EXPECT_EQ(location.dataset, "a#b");
  EXPECT_EQ(location.options.at("layout"), "default");
  EXPECT_EQ(location.options.at("connections"), "2");
  EXPECT_THAT(location.Display(), Not(HasSubstr("hush")));
  const Status unknown = NotLocated(Parsed("source: {uri: 'qdrant://h', options: {conections: 2}}\n").places.at("source"));
  EXPECT_THAT(Describe(unknown), AllOf(HasSubstr("job.yaml:1:39"), HasSubstr("did you mean connections")));
  EXPECT_THAT(Describe(NotLocated(Parsed("source: {uri: 'qdrant://h', options: {timeout: '${PGPASSWORD}'}}\n").places.at("source"))), Not(HasSubstr("hush")));
  EXPECT_FALSE(NotLocated(Parsed("source: {uri: 'qdrant://h#a', dataset: b}\n").places.at("source")).ok());
  EXPECT_FALSE(NotLocated(Parsed("source: {uri: 'qdrant://h?timeout=1', options: {timeout: 2}}\n").places.at("source")).ok());
}

class WordsAndJob : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = (fs::temp_directory_path() / ("vecferry-job-" + std::to_string(::getpid()) + ".yaml")).string();
    ASSERT_TRUE(WriteFileAtomic(file_, "source: jsonl:s.jsonl\ntarget: jsonl:t.jsonl\nbatch-size: 5\njobs: 3\nrate: 9\nlevel: ids\nignore: [vector]\n").ok());
  }
  void TearDown() override { fs::remove(file_); }
  std::string file_;
};

TEST_F(WordsAndJob, GoByFlagThenEnvironmentThenFile) {
  const auto words = ParseCommandLine({"copy", "--config", file_, "--batch-size", "1"}, {{"VECFERRY_JOBS", "2"}, {"VECFERRY_IGNORE", "document"}});
  ASSERT_TRUE(words.ok()) << words.status().ToString();
  EXPECT_THAT(words->arguments, ElementsAre("jsonl:s.jsonl", "jsonl:t.jsonl"));
  EXPECT_EQ(words->Int("batch-size", 0), 1);
  EXPECT_EQ(words->Int("jobs", 0), 2);
  EXPECT_EQ(words->Real("rate", 0), 9);
  EXPECT_THAT(words->List("ignore", true), ElementsAre("document"));
  EXPECT_THAT(words->from_job, ElementsAre("rate"));
  EXPECT_FALSE(words->Has("level"));
  EXPECT_EQ(words->places.size(), 2u);
}

TEST_F(WordsAndJob, LeaveASideToTheCommandLine) {
  const auto words = ParseCommandLine({"verify", "jsonl:x.jsonl"}, {{"VECFERRY_CONFIG", file_}});
  ASSERT_TRUE(words.ok()) << words.status().ToString();
  EXPECT_THAT(words->arguments, ElementsAre("jsonl:x.jsonl", "jsonl:t.jsonl"));
  EXPECT_FALSE(words->places.contains("source-opt"));
  EXPECT_EQ(words->Text("level"), "ids");
  const auto missing = ParseCommandLine({"backup", "--config", file_}, {});
  EXPECT_THAT(Describe(missing.status()), AllOf(HasSubstr("FILE is missing"), HasSubstr("file: in a job file")));
  EXPECT_EQ(ExitCodeOf(ParseCommandLine({"copy", "--config", file_ + ".not"}, {}).status()), 5);
}

TEST(JobSchemaOfTheTables, HasEveryFlagAndOption) {
  Registry registry;
  RegisterBuiltin(registry);
  const auto schema = nlohmann::json::parse(JobSchema(registry));
  for (const auto* flag : JobFlags()) EXPECT_TRUE(schema["properties"].contains(flag->option.name)) << flag->option.name;
  EXPECT_FALSE(schema["properties"].contains("source-opt"));
  EXPECT_FALSE(schema["properties"].contains("config"));
  EXPECT_EQ(schema["definitions"]["side"]["anyOf"][1]["allOf"].size(), registry.connectors().size());
  EXPECT_THAT(JobKeysMarkdown(), HasSubstr("| `ignore`, a list | copy, verify, restore |"));
}

}  // namespace
}  // namespace vecferry::cli
