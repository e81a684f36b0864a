#include "connectors/chroma_local/server.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "connectors/chroma_local/catalog.h"
#include "connectors/chroma_local/process.h"
#include "net/http.h"

namespace vecferry::chroma_local {
namespace {

using namespace std::chrono_literals;

/// A server of ours whose run was killed is on its way to its end.
constexpr auto kFreeWithin = 10s;
/// Python and all that Chroma loads may take their time on a busy machine.
constexpr auto kReadyWithin = 90s;
constexpr int kStarts = 3;

Result<uint16_t> FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoError(errno, "cannot open a socket", "127.0.0.1");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  const int error = errno;
  ::close(fd);
  if (!bound) return ErrnoError(error, "cannot find a free port", "127.0.0.1");
  return ntohs(address.sin_port);
}

bool IsProgram(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec) && ::access(path.c_str(), X_OK) == 0;
}

Status NoProgram(std::string_view what) {
  return MakeError(Category::not_found, fmt::format("writing into a folder of Chroma needs Chroma's own server, and {}", what),
                   "install it with `pip install chromadb`, or name it with ?chroma=PATH or $VECFERRY_CHROMA");
}

/// An flock of the folder itself: it leaves no file behind, and holds other runs of ours off.
class FolderLock {
 public:
  static Result<std::unique_ptr<FolderLock>> Take(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ErrnoError(errno, "cannot open", folder.string());
    auto lock = std::unique_ptr<FolderLock>(new FolderLock(fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    return MakeError({.category = Category::locked, .retry = Retry::after_delay, .next_step = "wait for the other run to end"},
                     fmt::format("another run writes into {}", folder.string()));
  }
  ~FolderLock() { ::close(fd_); }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

std::string HoldersOfDatabase(const fs::path& folder) {
  for (const char* suffix : {"", "-wal", "-journal"}) {
    std::string holders = HoldersOf(folder / (std::string(kDatabaseFile) + suffix));
    if (!holders.empty()) return holders;
  }
  return "";
}

Status CheckNobody(const fs::path& folder, const CancelToken* cancel) {
  const auto deadline = std::chrono::steady_clock::now() + kFreeWithin;
  for (;;) {
    if (cancel) ARROW_RETURN_NOT_OK(cancel->Check());
    const std::string holders = HoldersOfDatabase(folder);
    if (holders.empty()) return Status::OK();
    if (std::chrono::steady_clock::now() > deadline) {
      return MakeError({.category = Category::locked, .next_step = "end that program, or write through its server: chroma://HOST:PORT"},
                       fmt::format("{} is open in another process ({}): two must not write the folder at once", folder.string(), holders));
    }
    std::this_thread::sleep_for(100ms);
  }
}

/// The inode of the socket that listens on the port of 127.0.0.1, from /proc; "" where it cannot be told.
std::string ListenerOf(uint16_t port) {
  std::ifstream table("/proc/net/tcp");
  const std::string wanted = fmt::format("0100007F:{:04X}", port);
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retries, user, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >> inode;
    if (local == wanted && state == "0A") return inode;
  }
  return "";
}

/// Whether it is the process that listens there: somebody else may have taken the port in between, another server even. True where
/// this system does not tell.
bool ListensOn(int pid, uint16_t port) {
  const std::string inode = ListenerOf(port);
  if (inode.empty()) return true;
  std::error_code ec;
  bool told = false;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), ec)) {
    told = true;
    const fs::path target = fs::read_symlink(entry.path(), ec);
    if (target == "socket:[" + inode + "]") return true;
  }
  return !told;
}

Status WaitUntilReady(Process& process, uint16_t port, const CancelToken* cancel) {
  const Endpoint endpoint{.host = "127.0.0.1", .port = port};
  ARROW_ASSIGN_OR_RAISE(const auto http, HttpClient::Make(endpoint, {.deadline = 5s, .connect_deadline = 2s}));
  const auto deadline = std::chrono::steady_clock::now() + kReadyWithin;
  while (std::chrono::steady_clock::now() < deadline) {
    if (cancel) ARROW_RETURN_NOT_OK(cancel->Check());
    if (process.WaitForEnd(50)) {
      return MakeError(Category::refused, fmt::format("Chroma's server ended at once: {}", process.LastWords()),
                       "start it by hand, `chroma run --path FOLDER`, and see what it says");
    }
    if (http->Call({.target = "/api/v2/heartbeat"}, cancel).ok() && ListensOn(process.pid(), port)) return Status::OK();
  }
  return MakeError({.category = Category::transient, .retry = Retry::after_delay},
                   fmt::format("Chroma's server did not answer within {} s: {}", std::chrono::seconds(kReadyWithin).count(), process.LastWords()));
}

std::mutex g_servers_mutex;
std::map<std::string, std::weak_ptr<Server>>& Servers() {
  static std::map<std::string, std::weak_ptr<Server>> servers;
  return servers;
}

}  // namespace

Result<fs::path> FindProgram(const std::string& named) {
  const char* variable = std::getenv("VECFERRY_CHROMA");
  const std::string wanted = !named.empty() ? named : variable ? variable : "";
  if (!wanted.empty()) {
    const fs::path path = ExpandHome(wanted);
    if (IsProgram(path)) return fs::absolute(path);
    return NoProgram(fmt::format("{} is no program", Printable(path.string(), 500)));
  }
  const char* text = std::getenv("PATH");
  std::string_view rest = text ? text : "";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const fs::path folder(rest.substr(0, end));
    if (!folder.empty() && IsProgram(folder / "chroma")) return fs::absolute(folder / "chroma");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return NoProgram("there is no `chroma` on the PATH");
}

struct Server::Impl {
  std::unique_ptr<FolderLock> lock;
  Process process;
  uint16_t port = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
uint16_t Server::port() const { return impl_->port; }
int Server::pid() const { return impl_->process.pid(); }

Result<std::shared_ptr<Server>> Server::Start(const fs::path& folder, const std::string& program, const CancelToken* cancel) {
  const fs::path canonical = CanonicalPath(folder);
  std::lock_guard guard(g_servers_mutex);
  auto& slot = Servers()[canonical.string()];
  if (auto running = slot.lock(); running && running->pid() > 0) return running;
  ARROW_ASSIGN_OR_RAISE(const fs::path path, FindProgram(program));
  std::error_code ec;
  fs::create_directories(canonical, ec);
  if (ec) return ErrnoError(ec.value(), "cannot create", canonical.string());
  ARROW_ASSIGN_OR_RAISE(auto lock, FolderLock::Take(canonical));
  ARROW_RETURN_NOT_OK(CheckNobody(canonical, cancel));
  Status failure;
  for (int start = 0; start < kStarts; ++start) {
    auto impl = std::make_unique<Impl>();
    ARROW_ASSIGN_OR_RAISE(impl->port, FreePort());
    ARROW_RETURN_NOT_OK(impl->process.Start({path.string(), "run", "--host", "127.0.0.1", "--port", std::to_string(impl->port), "--path", canonical.string()},
                                            {"ANONYMIZED_TELEMETRY=False"}));
    failure = WaitUntilReady(impl->process, impl->port, cancel);
    if (failure.ok()) {
      impl->lock = std::move(lock);
      auto server = std::shared_ptr<Server>(new Server(std::move(impl)));
      slot = server;
      return server;
    }
    // Somebody else may have taken the port in between.
    if (!IsCategory(failure, Category::refused)) break;
  }
  return failure;
}

}  // namespace vecferry::chroma_local
