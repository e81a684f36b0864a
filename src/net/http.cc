#include "net/http.h"

#include <curl/curl.h>

#include <mutex>

#include <fmt/format.h>

#include "base/repeats.h"
#include "base/text.h"
#include "net/buffers.h"

namespace vecferry {
namespace {

constexpr int kLookAtCancelMs = 100;
constexpr size_t kMostHeaders = 200, kLongestHeader = 16 << 10;

struct List {
  curl_slist* head = nullptr;
  ~List() { curl_slist_free_all(head); }
  void Add(const std::string& line) { head = curl_slist_append(head, line.c_str()); }
};

/// An easy handle and the multi handle whose cache keeps its connection. One call at a time.
struct Lane {
  CURLM* multi = curl_multi_init();
  CURL* easy = curl_easy_init();
  char error[CURL_ERROR_SIZE] = {};
  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

/// Where the answer of one call goes.
struct Receiver {
  HttpReply* reply;
  size_t most;
  bool overflow = false;
};

size_t OnBody(char* data, size_t, size_t n, void* user) {
  auto& to = *static_cast<Receiver*>(user);
  auto& body = to.reply->body;
  if (n > to.most - body.size()) {
    to.overflow = true;
    return 0;
  }
  if (body.capacity() == 0) body = TakeBuffer(256 << 10);
  body.append(data, n);
  return n;
}

size_t OnHeader(char* data, size_t, size_t n, void* user) {
  auto& reply = *static_cast<Receiver*>(user)->reply;
  std::string_view line(data, n);
  if (line.substr(0, 5) == "HTTP/") {  // the answer proper begins after any of 1xx
    reply.headers.clear();
    return n;
  }
  const auto colon = line.find(':');
  if (colon == line.npos || n > kLongestHeader || reply.headers.size() >= kMostHeaders) return n;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  while (!value.empty() && static_cast<unsigned char>(value.front()) <= ' ') value.remove_prefix(1);
  reply.headers.emplace_back(ToLower(line.substr(0, colon)), value);
  return n;
}

HttpFault FaultOf(CURLcode code, bool connected) {
  switch (code) {
    case CURLE_OK: return HttpFault::none;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return HttpFault::resolve;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY: return HttpFault::connect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return HttpFault::tls;
    case CURLE_OPERATION_TIMEDOUT: return connected ? HttpFault::timeout : HttpFault::connect;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer of HTTP/0.9
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return HttpFault::broken;
    case CURLE_FILESIZE_EXCEEDED: return HttpFault::too_long;
    case CURLE_ABORTED_BY_CALLBACK: return HttpFault::cancelled;
    default: return HttpFault::internal;
  }
}

std::optional<std::chrono::milliseconds> RetryAfter(const HttpReply& reply) {
  constexpr int64_t kMost = 86'400;
  const std::string text(reply.header("retry-after"));
  if (text.empty()) return std::nullopt;
  int64_t seconds = -1;
  if (const auto number = ParseInt(text); number.ok()) seconds = *number;
  else if (const time_t date = curl_getdate(text.c_str(), nullptr); date >= 0) seconds = std::max<int64_t>(0, date - time(nullptr));
  if (seconds < 0 || seconds > kMost) return std::nullopt;
  return std::chrono::milliseconds(seconds * 1000);
}

/// A failure that most often has passed when a safe call is made once more: a connection that broke, a process behind the server that did.
bool MayBeGoneAlready(const HttpCall& call, const HttpReply& reply) {
  const std::string_view method = call.method;
  if (!call.safe && method != "GET" && method != "HEAD") return false;
  if (reply.fault != HttpFault::none) return reply.fault == HttpFault::broken;
  const bool named_none = !reply.retry_after || reply.retry_after->count() == 0;
  return named_none && (reply.status == 500 || reply.status == 502 || reply.status == 503 || reply.status == 504 || (reply.status == 429 && reply.retry_after));
}

/// Waits until the call is over; `cancelled` where it was given up.
CURLcode Perform(const Lane& lane, const CancelToken* cancel, bool* cancelled) {
  CURLcode code = CURLE_FAILED_INIT;
  if (curl_multi_add_handle(lane.multi, lane.easy) != CURLM_OK) return code;
  int running = 1;
  while (running != 0) {
    if (curl_multi_perform(lane.multi, &running) != CURLM_OK) break;
    if (running == 0) break;
    if (cancel && cancel->abort_requested()) {
      *cancelled = true;
      break;
    }
    if (curl_multi_poll(lane.multi, nullptr, 0, kLookAtCancelMs, nullptr) != CURLM_OK) break;
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(lane.multi, &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  curl_multi_remove_handle(lane.multi, lane.easy);
  return code;
}

}  // namespace

std::string_view HttpReply::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

struct HttpClient::Impl {
  Endpoint endpoint;
  Options options;
  std::string address, roots;
  std::mutex mutex;
  std::vector<std::unique_ptr<Lane>> idle;  ///< guarded by mutex; the last one used first, so that few are kept alive

  std::unique_ptr<Lane> Take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Lane>();
    auto lane = std::move(idle.back());
    idle.pop_back();
    return lane;
  }
  void Give(std::unique_ptr<Lane> lane) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(lane));
  }
  void Connection(CURL* easy) const;
  void Request(CURL* easy, const HttpCall& call, List* headers) const;
  HttpReply Once(const HttpCall& call, const CancelToken* cancel);
};

/// What is the same for each call. Set again for each, since a reset alone makes a handle's state certain.
void HttpClient::Impl::Connection(CURL* easy) const {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 20L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_deadline.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.deadline.count()));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "vecferry");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  if (!endpoint.tls) return;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_blob blob{const_cast<char*>(roots.data()), roots.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
}

void HttpClient::Impl::Request(CURL* easy, const HttpCall& call, List* headers) const {
  curl_easy_setopt(easy, CURLOPT_URL, (address + call.target).c_str());
  const std::string_view method = call.method;
  if (method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (!call.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    headers->Add("Content-Type: " + call.content_type);
    headers->Add("Expect:");  // no round trip before the body
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method);
  for (const auto& [name, value] : options.headers) headers->Add(fmt::format("{}: {}", name, value));
  for (const auto& [name, value] : call.headers) headers->Add(fmt::format("{}: {}", name, value));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers->head);
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;
const Endpoint& HttpClient::endpoint() const { return impl_->endpoint; }

Result<std::unique_ptr<HttpClient>> HttpClient::Make(const Endpoint& endpoint, Options options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_ALL);
  if (ready != CURLE_OK) return MakeError(Category::internal, "the HTTP library cannot be used");
  auto impl = std::make_unique<Impl>();
  impl->address = fmt::format("{}://{}{}", endpoint.tls ? "https" : "http", endpoint.Display(), options.base);
  if (endpoint.tls) {
    ARROW_ASSIGN_OR_RAISE(impl->roots, TrustedRoots(endpoint));
  }
  impl->endpoint = endpoint;
  impl->options = std::move(options);
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpReply HttpClient::Impl::Once(const HttpCall& call, const CancelToken* cancel) {
  auto lane = Take();
  HttpReply reply;
  if (!lane->easy || !lane->multi) {
    reply.fault = HttpFault::internal;
    reply.message = "no memory for a call";
    return reply;
  }
  CURL* easy = lane->easy;
  curl_easy_reset(easy);
  lane->error[0] = 0;
  Receiver receiver{&reply, options.max_answer};
  List headers;
  Connection(easy);
  Request(easy, call, &headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, lane->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &receiver);
  bool cancelled = false;
  const CURLcode code = Perform(*lane, cancel, &cancelled);

  long status = 0, request_bytes = 0;
  curl_off_t uploaded = 0, connected = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  reply.sent = request_bytes > 0 && uploaded >= static_cast<curl_off_t>(call.body.size());
  reply.fault = cancelled ? HttpFault::cancelled : receiver.overflow ? HttpFault::too_long : FaultOf(code, connected > 0);
  if (reply.fault == HttpFault::none) {
    reply.status = static_cast<int>(status);
    reply.retry_after = RetryAfter(reply);
  } else {
    reply.message = Printable(lane->error[0] ? lane->error : curl_easy_strerror(code), 300);
  }
  if (!cancelled) Give(std::move(lane));
  return reply;
}

HttpReply HttpClient::Call(const HttpCall& call, const CancelToken* cancel) {
  HttpReply reply = impl_->Once(call, cancel);
  if (!MayBeGoneAlready(call, reply)) return reply;
  ++RepeatedCalls();
  return impl_->Once(call, cancel);
}

}  // namespace vecferry
