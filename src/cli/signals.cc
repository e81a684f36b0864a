#include "cli/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace vecferry::cli {
namespace {

CancelToken* g_cancel = nullptr;
std::atomic<bool> g_stopping{false};

// Only what is safe in a signal handler.
void OnSignal(int signal) {
  const int saved = errno;
  if (!g_stopping.exchange(true)) {
    g_cancel->Request();
    static constexpr char kMessage[] =
        "\nstopping: what is in flight is finished and recorded; Ctrl-C once more stops at once, which is safe too\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  } else if (signal == SIGINT) {
    ::_exit(130);
  }
  errno = saved;
}

}  // namespace

void InstallSignals(CancelToken* cancel) {
  g_cancel = cancel;
  struct sigaction action {};
  action.sa_handler = OnSignal;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    // One that the parent ignores (nohup) stays ignored.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN && signal != SIGINT) continue;
    ::sigaction(signal, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace vecferry::cli
