#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "net/endpoint.h"

namespace vecferry {
namespace {

/// A connected socket; each wait is bounded.
class Socket {
 public:
  explicit Socket(int timeout_ms) : timeout_ms_(timeout_ms) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

  /// 0, or the errno of the last address that was tried.
  int Connect(const addrinfo* addresses) {
    int error = ECONNREFUSED;
    for (const addrinfo* a = addresses; a; a = a->ai_next) {
      if (fd_ >= 0) close(fd_);
      fd_ = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
      if (fd_ < 0) continue;
      if (connect(fd_, a->ai_addr, a->ai_addrlen) == 0) return 0;
      error = errno;
      if (error != EINPROGRESS) continue;
      if (!Wait(POLLOUT)) {
        error = ETIMEDOUT;
        continue;
      }
      socklen_t size = sizeof error;
      if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return 0;
    }
    return error;
  }
  bool Wait(short events) const {
    pollfd waiting{fd_, events, 0};
    return poll(&waiting, 1, timeout_ms_) > 0;
  }

 private:
  const int timeout_ms_;
  int fd_ = -1;
};

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> Resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (code == 0) return Addresses(found, &freeaddrinfo);
  const std::string message = fmt::format("the host '{}' is not known: {}", Printable(endpoint.host, 200), gai_strerror(code));
  if (code == EAI_AGAIN) return MakeError({.category = Category::transient, .retry = Retry::after_delay, .next_step = "check the network and the name"}, message);
  return MakeError(Category::not_found, message, "check the name");
}

Status NeedsTls(const Endpoint& endpoint) {
  return MakeError(Category::refused, fmt::format("{} speaks TLS", endpoint.Display()), "add ?tls=yes, or write https://");
}

/// What a plain HTTP/2 server answers a preface with is a SETTINGS frame; an HTTP/1 server says HTTP/1. True where the
/// peer hung up without a word, as some that speak TLS do.
Result<bool> LookAtPlain(const Endpoint& endpoint, const Socket& socket) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
  const std::string preface(kPreface.data(), 33);
  if (send(socket.fd(), preface.data(), preface.size(), MSG_NOSIGNAL) < 0) return true;
  char answer[16] = {};
  if (!socket.Wait(POLLIN)) return false;
  const ssize_t n = recv(socket.fd(), answer, sizeof answer, 0);
  if (n >= 5 && std::memcmp(answer, "HTTP/", 5) == 0) {
    return MakeError(Category::usage, fmt::format("{} speaks HTTP/1, as a REST port does, and not gRPC", endpoint.Display()),
                     "name the port of gRPC (Qdrant: 6334), or write the REST port's address as http://HOST:PORT");
  }
  if (n >= 2 && (answer[0] == 0x15 || answer[0] == 0x16)) return NeedsTls(endpoint);
  return n <= 0;
}

std::string LastTlsError() {
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "the connection was closed";
}

Status UseRoots(SSL_CTX* context, const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
    ++count;
  }
  ERR_clear_error();
  return count > 0 ? Status::OK() : MakeError(Category::usage, "the file of trusted authorities holds no certificate", "name a PEM file with ?ca=FILE");
}

int Handshake(SSL* tls, const Socket& socket) {
  while (true) {
    const int done = SSL_connect(tls);
    if (done == 1) return 1;
    const int why = SSL_get_error(tls, done);
    if (why == SSL_ERROR_WANT_READ && socket.Wait(POLLIN)) continue;
    if (why == SSL_ERROR_WANT_WRITE && socket.Wait(POLLOUT)) continue;
    return done;
  }
}

Status LookAtTls(const Endpoint& endpoint, const Socket& socket) {
  ARROW_ASSIGN_OR_RAISE(const std::string roots, TrustedRoots(endpoint));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  ARROW_RETURN_NOT_OK(UseRoots(context.get(), roots));
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), &SSL_free);
  SSL_set_verify(tls.get(), SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* checks = SSL_get0_param(tls.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(checks, endpoint.host.c_str()) != 1) {
    SSL_set1_host(tls.get(), endpoint.host.c_str());
    SSL_set_tlsext_host_name(tls.get(), endpoint.host.c_str());
  }
  ERR_clear_error();
  SSL_set_fd(tls.get(), socket.fd());
  if (Handshake(tls.get(), socket) == 1) return Status::OK();
  const long verdict = SSL_get_verify_result(tls.get());
  if (verdict != X509_V_OK) {
    return MakeError(Category::refused, fmt::format("the certificate of {} is not trusted: {}", endpoint.Display(), X509_verify_cert_error_string(verdict)),
                     "name the authority that signed it with ?ca=FILE, or correct the host's name");
  }
  return MakeError(Category::refused, fmt::format("{} does not speak TLS: {}", endpoint.Display(), LastTlsError()),
                   "leave ?tls=yes or https:// away if the server has none");
}

/// Whoever it is: nothing is sent over this connection.
bool SpeaksTls(const addrinfo* addresses, int timeout_ms) {
  Socket socket(timeout_ms);
  if (socket.Connect(addresses) != 0) return false;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(tls.get(), socket.fd());
  const bool spoke = Handshake(tls.get(), socket) == 1;
  ERR_clear_error();
  return spoke;
}

}  // namespace

Status Diagnose(const Endpoint& endpoint, int timeout_ms) {
  ARROW_ASSIGN_OR_RAISE(const Addresses addresses, Resolve(endpoint));
  Socket socket(timeout_ms);
  if (const int error = socket.Connect(addresses.get())) {
    return MakeError({.category = Category::transient, .retry = Retry::after_delay, .next_step = "start the server, or correct host and port"},
                     fmt::format("cannot connect to {}: {}", endpoint.Display(), std::strerror(error)));
  }
  if (endpoint.tls) return LookAtTls(endpoint, socket);
  ARROW_ASSIGN_OR_RAISE(const bool hung_up, LookAtPlain(endpoint, socket));
  return hung_up && SpeaksTls(addresses.get(), timeout_ms) ? NeedsTls(endpoint) : Status::OK();
}

}  // namespace vecferry
