#pragma once
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "base/files.h"

namespace vecferry::chroma_local {

/// The vendor's own server on a folder: `chroma run` on a free port of the loopback address, for as long as somebody here uses it. One for a
/// folder in this process. It ends with us, also where we are killed.
class Server {
 public:
  /// `program`: as the user named it; "" for $VECFERRY_CHROMA, else `chroma` on the PATH. Category::not_found where there is none, locked
  /// where another process has the folder open, refused where the server ends at once, with its last words.
  static Result<std::shared_ptr<Server>> Start(const fs::path& folder, const std::string& program, const CancelToken* cancel);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  /// Of the process, 0 where it has ended.
  int pid() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The program that Start would run. Category::not_found with how it is installed.
Result<fs::path> FindProgram(const std::string& named);

}  // namespace vecferry::chroma_local
