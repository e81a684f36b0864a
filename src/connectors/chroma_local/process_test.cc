#include "connectors/chroma_local/process.h"

#include <csignal>
#include <memory>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connectors/chroma_local/server.h"
#include "connectors/chroma_local/test_support.h"

namespace vecferry::chroma_local {
namespace {

bool Lives(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(Process, EndsWithItsOwner) {
  auto process = std::make_unique<Process>();
  ASSERT_TRUE(process->Start({"/bin/sleep", "60"}, {}).ok());
  const pid_t pid = process->pid();
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(Lives(pid));
  EXPECT_NE(::getpgid(pid), ::getpgid(0)) << "a Ctrl-C would reach it";
  EXPECT_FALSE(process->WaitForEnd(10));
  process.reset();
  EXPECT_FALSE(Lives(pid));
}

TEST(Process, EndsWhereItsOwnerIsKilled) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    static Process process;
    pid_t pid = process.Start({"/bin/sleep", "60"}, {}).ok() ? process.pid() : 0;
    (void)!::write(report[1], &pid, sizeof pid);
    ::pause();
    ::_exit(0);
  }
  pid_t pid = 0;
  ASSERT_EQ(::read(report[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_TRUE(pid > 0 && Lives(pid));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  for (int i = 0; i < 100 && Lives(pid); ++i) ::usleep(50'000);
  EXPECT_FALSE(Lives(pid));
}

TEST(Process, ItsLastWordsAreKept) {
  Process process;
  ASSERT_TRUE(process.Start({"/bin/sh", "-c", "echo one; echo \"$TOLD\" >&2; exit 3"}, {"TOLD=two"}).ok());
  EXPECT_TRUE(process.WaitForEnd(10'000));
  EXPECT_NE(process.LastWords().find("two"), std::string::npos) << process.LastWords();
}

TEST(Process, AProgramThatCannotBeRunIsTold) {
  Process process;
  EXPECT_TRUE(IsCategory(process.Start({"/nowhere/at/all"}, {}), Category::not_found));
}

TEST(Program, IsFoundWhereItIsNamed) {
  const test::TempFolder folder;
  EXPECT_TRUE(IsCategory(FindProgram((folder.path / "chroma").string()).status(), Category::not_found));
  test::Write(folder.path / "chroma", "#!/bin/sh\n");
  EXPECT_FALSE(FindProgram((folder.path / "chroma").string()).ok()) << "it may not be executed";
  fs::permissions(folder.path / "chroma", fs::perms::owner_all);
  EXPECT_EQ(*FindProgram((folder.path / "chroma").string()), folder.path / "chroma");
}

}  // namespace
}  // namespace vecferry::chroma_local
