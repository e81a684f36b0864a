#include "base/failpoint.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>
#include <unistd.h>

namespace vecferry::failpoint {
namespace {

struct Armed {
  std::string name;
  long at = 0;
  std::string action;
  std::string list_file;
  long hits = 0;
};

std::mutex g_mutex;
Armed g_armed;
std::atomic<int> g_state{-1};  // -1: environment not read yet, 0: disarmed, 1: armed

void ParseLocked(std::string_view spec) {
  g_armed = Armed{};
  if (spec.empty()) {
    g_state = 0;
    return;
  }
  if (spec.starts_with("list:")) {
    g_armed.list_file = spec.substr(5);
  } else {
    const auto first = spec.find(':');
    g_armed.name = spec.substr(0, first);
    const auto rest = first == spec.npos ? std::string_view("1") : spec.substr(first + 1);
    const auto second = rest.find(':');
    g_armed.at = std::atol(std::string(rest.substr(0, second)).c_str());
    g_armed.action = second == rest.npos ? "kill" : std::string(rest.substr(second + 1));
  }
  g_state = 1;
}

Status Act(std::string_view name) {
  if (g_armed.action == "kill") {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
  if (g_armed.action == "pause") ::pause();
  const std::string message = fmt::format("failpoint {}", name);
  if (g_armed.action == "transient") return MakeError(Category::transient, message);
  if (g_armed.action == "no_space") return MakeError(Category::no_space, message);
  return MakeError(Category::internal, message);
}

}  // namespace

void Arm(std::string_view spec) {
  std::lock_guard lock(g_mutex);
  ParseLocked(spec);
}

Status Hit(std::string_view name) {
  if (g_state.load(std::memory_order_relaxed) == 0) return Status::OK();
  std::lock_guard lock(g_mutex);
  if (g_state == -1) {
    const char* env = std::getenv("VECFERRY_FAILPOINT");
    ParseLocked(env ? env : "");
  }
  if (!g_armed.list_file.empty()) {
    if (FILE* f = std::fopen(g_armed.list_file.c_str(), "a")) {
      std::fprintf(f, "%.*s\n", static_cast<int>(name.size()), name.data());
      std::fclose(f);
    }
    return Status::OK();
  }
  if (g_armed.name != name || ++g_armed.hits != g_armed.at) return Status::OK();
  return Act(name);
}

}  // namespace vecferry::failpoint
