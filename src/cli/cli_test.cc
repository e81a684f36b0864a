#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/copy_options.h"
#include "cli/failure.h"
#include "cli/program.h"
#include "cli/text_out.h"
#include "connectors/builtin.h"

namespace vecferry::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Tables, GiveAFlagOneMeaningOneDefaultAndOneLetterEverywhere) {
  std::map<std::string, const FlagSpec*> seen;
  for (const auto& command : Commands()) {
    std::set<std::string> names = {"help"};
    std::set<char> letters = {'h'};
    for (const auto* group : command.groups) {
      for (const auto& flag : group->flags) {
        EXPECT_TRUE(names.insert(flag.option.name).second) << command.name << " --" << flag.option.name;
        if (flag.letter) {
          EXPECT_TRUE(letters.insert(flag.letter).second) << command.name << " -" << flag.letter;
        }
        const auto [other, fresh] = seen.emplace(flag.option.name, &flag);
        EXPECT_EQ(Spelling(*other->second), Spelling(flag));
        EXPECT_EQ(other->second->option.default_value, flag.option.default_value);
        EXPECT_EQ(other->second->option.help, flag.option.help);
      }
    }
  }
  EXPECT_EQ(VariableOf(*seen.at("batch-size")), "VECFERRY_BATCH_SIZE");
}

TEST(Words, TakeFlagsInEveryFormAndPlace) {
  const auto words = ParseCommandLine({"copy", "-j4", "a:x#y", "--batch-size=7", "b:x#y", "--ignore", "vector,document", "--ignore", "metadata.k", "--yes"}, {});
  ASSERT_TRUE(words.ok()) << words.status().ToString();
  EXPECT_THAT(words->arguments, ElementsAre("a:x#y", "b:x#y"));
  EXPECT_EQ(words->Int("jobs", 0), 4);
  EXPECT_EQ(words->Int("batch-size", 0), 7);
  EXPECT_THAT(words->List("ignore", true), ElementsAre("vector", "document", "metadata.k"));
  EXPECT_TRUE(words->Bool("yes"));
  EXPECT_FALSE(words->Bool("restart"));
  EXPECT_EQ(words->Text("on-exists"), "fail");
}

TEST(Words, BecomeTheEnginesOptions) {
  const auto words = ParseCommandLine({"copy", "a:x#y", "b:x#y", "--memory", "64MiB", "--max-rejects", "0.5%", "--max-duration", "2m", "--time-tolerance", "1ms",
                                       "--on-exists", "upsert", "--verify", "ids", "--rate", "12.5", "--unsupported", "reject"},
                                      {{"VECFERRY_JOBS", "3"}, {"VECFERRY_RATE", "99"}});
  ASSERT_TRUE(words.ok()) << words.status().ToString();
  const auto options = CopyOptionsOf(*words);
  ASSERT_TRUE(options.ok()) << options.status().ToString();
  EXPECT_EQ(options->memory_bytes, 64 << 20);
  EXPECT_DOUBLE_EQ(options->max_reject_share, 0.005);
  EXPECT_EQ(options->max_rejects, -1);
  EXPECT_DOUBLE_EQ(options->max_seconds, 120);
  EXPECT_DOUBLE_EQ(options->verify.time_tolerance, 0.001);
  EXPECT_EQ(options->on_exists, OnExists::upsert);
  EXPECT_EQ(options->verify.level, VerifyLevel::ids);
  EXPECT_DOUBLE_EQ(options->records_per_second, 12.5);
  EXPECT_EQ(options->jobs, 3);
  EXPECT_EQ(options->unsupported, "reject");
}

TEST(MaxRejects, IsANumberOrAShare) {
  CopyOptions options;
  for (const char* bad : {"", "%", "-1", "1.5", "101%", "5 %", "x", "1e99", "nan"}) EXPECT_FALSE(ParseMaxRejects(bad, &options).ok()) << bad;
  ASSERT_TRUE(ParseMaxRejects("12", &options).ok());
  EXPECT_EQ(options.max_rejects, 12);
}

TEST(Display, QuotesForAShellAndMasksCredentials) {
  EXPECT_EQ(ShellQuote("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a#b"), "'a#b'");
  const std::string line = DisplayCommand("vecferry", {"copy", "xy:file?api-key=hush#d", "./dir?mode=a&token=hush&x=y#d", "--source-opt", "token=hush", "--target-opt=password=hush", "--target-opt", "mode=fast", "p://u:hush@h/d"});
  EXPECT_THAT(line, Not(HasSubstr("hush")));
  EXPECT_THAT(line, HasSubstr("mode=fast"));
  EXPECT_THAT(line, HasSubstr("./dir?mode=a&token=***&x=y#d"));
}

struct Outcome {
  int code;
  std::string out, err;
};

Outcome RunWords(const std::vector<std::string>& words) {
  Registry registry;
  RegisterBuiltin(registry);
  CancelToken cancel;
  std::ostringstream out, err;
  Context context{out, err, false, -1, {}, registry, cancel};
  const int code = RunProgram(words, context);
  return {code, out.str(), err.str()};
}

TEST(Program, RunsInProcessWithoutTouchingTheProcesssStreams) {
  const Outcome version = RunWords({"version", "--json"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(nlohmann::json::parse(version.out)["vecferry"], "version");
  EXPECT_EQ(version.err, "");
  const Outcome unknown = RunWords({"stores", "nope"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.out, "");
}

TEST(Failure, SaysWhereWhyAndWhatNext) {
  Registry registry;
  CancelToken cancel;
  std::ostringstream out, err;
  Context context{out, err, false, -1, {}, registry, cancel};
  ErrorFacts facts;
  facts.category = Category::locked;
  facts.side = Side::sink;
  facts.dataset = "q:\x1b[2Jx";
  facts.next_step = "wait";
  EXPECT_EQ(PrintFailure(MakeError(facts, "held by process 7"), "copy", "vecferry copy a b", true, context), 11);
  EXPECT_EQ(err.str(), "vecferry: target q:\\x1b[2Jx: held by process 7\n  next: wait\n");
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["error"]["side"], "target");
  EXPECT_EQ(json["exit_code"], 11);
}

TEST(TextOut, AlignsAndWraps) {
  std::ostringstream out;
  TextTable table({"A", "N"});
  table.Right({1}).Add({"é", "1"}).Add({"long", "1,000"}).Print(out);
  EXPECT_EQ(out.str(), "A         N\né         1\nlong  1,000\n");
  EXPECT_EQ(Wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(Counted(1, "record"), "1 record");
  EXPECT_EQ(Counted(2000, "record"), "2,000 records");
}

}  // namespace
}  // namespace vecferry::cli
