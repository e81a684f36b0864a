#include "connectors/chroma_local/process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/text.h"
#include "base/threads.h"

extern char** environ;

namespace vecferry::chroma_local {
namespace {

using namespace std::chrono_literals;

/// How long a process that was asked to end may take before it is ended.
constexpr auto kPatience = 15s;
constexpr size_t kWords = 1500;

/// A file without a name, for what the process prints.
int OpenOutput() {
  const char* base = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/vecferry-XXXXXX", base && *base ? base : "/tmp");
  const int fd = ::mkostemp(name.data(), O_CLOEXEC | O_APPEND);
  if (fd >= 0) ::unlink(name.c_str());
  return fd;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* arguments, char* const* environment, int output, pid_t parent, int report) {
  ::setpgid(0, 0);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
#else
  (void)parent;
#endif
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(arguments[0], arguments, environment);
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Status Process::Start(std::vector<std::string> arguments, std::vector<std::string> environment) {
  arguments_ = std::move(arguments);
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    bool replaced = false;
    for (const auto& own : environment) replaced |= std::string_view(own).substr(0, own.find('=')) == name;
    if (!replaced) environment_.emplace_back(*entry);
  }
  environment_.insert(environment_.end(), environment.begin(), environment.end());
  output_ = OpenOutput();
  if (output_ < 0) return ErrnoError(errno, "cannot create a temporary file for", arguments_[0]);
  keeper_ = std::thread([this] { Keep(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return started_; });
  if (error_.empty()) return Status::OK();
  return MakeError(Category::not_found, fmt::format("{} cannot be run: {}", arguments_[0], error_), "check the path and that it may be executed");
}

pid_t Process::Spawn(std::string* error) {
  auto arguments = Pointers(arguments_), environment = Pointers(environment_);
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    *error = std::strerror(errno);
    return 0;
  }
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) Become(arguments.data(), environment.data(), output_, parent, report[1]);
  ::close(report[1]);
  int failure = child < 0 ? errno : 0;
  if (child > 0 && ::read(report[0], &failure, sizeof failure) != sizeof failure) failure = 0;
  ::close(report[0]);
  if (failure == 0) return child;
  *error = std::strerror(failure);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return 0;
}

void Process::Keep() {
  NameThread("vf-server");
  std::string error;
  const pid_t pid = Spawn(&error);
  {
    std::lock_guard guard(mutex_);
    pid_ = pid;
    error_ = error;
    started_ = true;
    ended_ = pid == 0;
  }
  changed_.notify_all();
  if (pid > 0) Reap(pid);
}

void Process::Reap(pid_t pid) {
  auto deadline = std::chrono::steady_clock::time_point::max();
  std::unique_lock lock(mutex_);
  for (;;) {
    if (::waitpid(pid, nullptr, WNOHANG) != 0) break;
    if (stop_ && deadline == std::chrono::steady_clock::time_point::max()) {
      ::kill(pid, SIGTERM);
      deadline = std::chrono::steady_clock::now() + kPatience;
    }
    if (std::chrono::steady_clock::now() > deadline) ::kill(pid, SIGKILL);
    changed_.wait_for(lock, 20ms);
  }
  pid_ = 0;
  ended_ = true;
  changed_.notify_all();
}

bool Process::WaitForEnd(int milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return ended_; });
}

std::string Process::LastWords() const {
  std::string words(kWords, '\0');
  const off_t end = output_ < 0 ? 0 : ::lseek(output_, 0, SEEK_END);
  const ssize_t n = ::pread(output_, words.data(), words.size(), std::max<off_t>(0, end - static_cast<off_t>(kWords)));
  words.resize(n > 0 ? static_cast<size_t>(n) : 0);
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  return Printable(words, kWords);
}

Process::~Process() {
  {
    std::lock_guard guard(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  if (output_ >= 0) ::close(output_);
}

}  // namespace vecferry::chroma_local
