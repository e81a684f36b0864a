#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/endpoint.h"

namespace vecferry {

/// For tests: a server on loopback that takes one connection after the other and answers each request with what a function makes
/// of its bytes (head and, where it says its length, body). It keeps the connection until the answer says "Connection: close" or is "".
class Answering {
 public:
  using Answer = std::function<std::string(const std::string& request)>;
  explicit Answering(std::string answer) : Answering([answer = std::move(answer)](const std::string&) { return answer; }, false) {}
  explicit Answering(Answer answer, bool whole = true) : answer_(std::move(answer)), whole_(whole) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(fd_, 8) != 0) abort();
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Accept(); });
  }
  ~Answering() {
    stopping_ = true;
    shutdown(fd_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      if (open_ >= 0) shutdown(open_, SHUT_RDWR);
    }
    close(fd_);
    thread_.join();
  }
  Endpoint endpoint(bool tls = false) const { return {"127.0.0.1", port_, tls, ""}; }
  int connections() const { return connections_; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Accept() {
    for (int c; !stopping_ && (c = accept(fd_, nullptr, nullptr)) >= 0;) {
      ++connections_;
      Keep(c);
      Serve(c);
      Keep(-1);
      close(c);
    }
  }
  void Keep(int c) {
    const std::lock_guard lock(mutex_);
    open_ = c;
  }
  void Serve(int c) {
    while (!stopping_) {
      const std::string request = Receive(c);
      if (request.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const std::string answer = answer_(request);
      if (send(c, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
      if (!whole_ || answer.empty() || answer.find("Connection: close") != answer.npos) return;
    }
  }
  /// One request; or, unless whole ones are wanted, the first bytes that come.
  std::string Receive(int c) const {
    std::string request;
    char buffer[4096];
    while (true) {
      const ssize_t n = recv(c, buffer, sizeof buffer, 0);
      if (n <= 0) return {};
      request.append(buffer, static_cast<size_t>(n));
      const auto head = request.find("\r\n\r\n");
      if (!whole_) return request;
      if (head == request.npos) continue;
      const auto length = request.find("Content-Length: ");
      const size_t body = length < head ? static_cast<size_t>(std::atol(request.c_str() + length + 16)) : 0;
      if (request.size() >= head + 4 + body) return request;
    }
  }

  const Answer answer_;
  const bool whole_;
  int fd_ = -1, open_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace vecferry
