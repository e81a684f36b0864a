#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "base/error.h"

namespace vecferry::chroma_local {

/// A program that runs beside us and ends with us: by its id when this is destroyed, and by the kernel where we are killed. It has a process
/// group of its own, so that a Ctrl-C meant for us does not reach it.
class Process {
 public:
  Process() = default;
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Once. `arguments[0]` is the program's path; `environment` is set beside ours ("NAME=VALUE"). Its output is kept to be quoted.
  Status Start(std::vector<std::string> arguments, std::vector<std::string> environment);
  pid_t pid() const { return pid_; }
  /// Waits at most so long for the end of the process; true where it has ended.
  bool WaitForEnd(int milliseconds);
  /// Its last lines, printable.
  std::string LastWords() const;

 private:
  void Keep();
  pid_t Spawn(std::string* error);
  void Reap(pid_t pid);

  std::vector<std::string> arguments_, environment_;
  int output_ = -1;                ///< a file without a name that the process writes to
  std::atomic<pid_t> pid_{0};
  /// The kernel ends the process with the thread that made it: this one lives as long as it does.
  std::thread keeper_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false, ended_ = false, stop_ = false;
  std::string error_;
};

}  // namespace vecferry::chroma_local
