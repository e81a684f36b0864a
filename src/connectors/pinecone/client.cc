#include "connectors/pinecone/client.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "net/buffers.h"

namespace vecferry::pinecone {
namespace {

constexpr std::chrono::milliseconds kMoment{250};

Result<std::unique_ptr<HttpClient>> HttpFor(const Service& service) {
  HttpClient::Options options;
  options.headers = {{"X-Pinecone-Api-Version", kApiVersion}};
  if (!service.key.empty()) options.headers.emplace_back("Api-Key", service.key);
  options.base = service.path;
  options.deadline = service.deadline;
  return HttpClient::Make(service.endpoint, std::move(options));
}

/// An answer whose shape is not the one that was asked for: somebody else may have given it, so it is asked again.
template <class T>
Result<T> Understood(Result<T> parsed, std::string_view what) {
  if (!parsed.ok()) return BadHttpAnswer(what, parsed.status().message());
  return parsed;
}
Status Understood(const Status& parsed, std::string_view what) { return parsed.ok() ? parsed : BadHttpAnswer(what, parsed.message()); }

std::optional<int64_t> NumberOf(const HttpReply& reply, std::string_view header) {
  const std::string_view text = reply.header(header);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return text.empty() || error != std::errc() || end != text.data() + text.size() ? std::nullopt : std::optional(number);
}

/// A write's place in the sequence; the newer API has another name for it.
std::optional<int64_t> WrittenAs(const HttpReply& reply) {
  const auto number = NumberOf(reply, "x-pinecone-request-lsn");
  return number ? number : NumberOf(reply, "x-pinecone-lsn-committed");
}

}  // namespace

Status FailureOf(const HttpReply& reply, HttpAct act, std::string_view what) {
  if (reply.fault != HttpFault::none) return Classify(reply, act, what);
  const ErrorBody error = ParseError(reply.body);
  ErrorFacts facts;
  facts.delivery = Delivery::not_applied;
  // OUT_OF_RANGE of a write is its size; a path that is too long has statuses of its own.
  const bool large = (reply.status == 400 && error.code == 11 && act == HttpAct::write) || reply.status == 414 || reply.status == 431;
  if (large) {
    facts.category = Category::too_large;
    facts.next_step = "use a smaller --batch-size";
  } else if (error.code == 12 && reply.status < 500) {
    facts.category = Category::unsupported;
    facts.next_step = "this kind of index does not do it";
  } else if (reply.status == 401) {
    facts.category = Category::unauthorized;
    facts.next_step = "set PINECONE_API_KEY, or name a file with ?api-key-file=FILE; a key is of one project, and may have been revoked";
  } else {
    return Classify(reply, act, what, error.message);
  }
  return MakeError(std::move(facts), fmt::format("{}: {} (HTTP {})", what, error.message.empty() ? "the server gave no reason" : Printable(error.message, 1000), reply.status));
}

// ---- control plane ----

Result<std::shared_ptr<ControlPlane>> ControlPlane::Open(const Target& target, const CancelToken* cancel) {
  ARROW_ASSIGN_OR_RAISE(auto http, HttpFor(target.control));
  return std::shared_ptr<ControlPlane>(new ControlPlane(std::move(http), cancel));
}

Result<std::string> ControlPlane::Call(const char* method, std::string target, std::string body, HttpAct act, std::string_view what) const {
  HttpReply reply = http_->Call({.method = method, .target = std::move(target), .headers = {}, .body = std::move(body)}, cancel_);
  if (!reply.ok()) return FailureOf(reply, act, what);
  return std::move(reply.body);
}

Result<std::vector<IndexInfo>> ControlPlane::List() const {
  constexpr std::string_view kWhat = "listing indexes";
  ARROW_ASSIGN_OR_RAISE(const std::string body, Call("GET", "/indexes", "", HttpAct::look, kWhat));
  return Understood(ParseIndexes(body), kWhat);
}

Result<std::optional<IndexInfo>> ControlPlane::Find(const std::string& name) const {
  constexpr std::string_view kWhat = "looking for the index";
  const auto body = Call("GET", "/indexes/" + PercentEncode(std::string_view(name)), "", HttpAct::look, kWhat);
  if (IsCategory(body.status(), Category::not_found)) return std::nullopt;
  ARROW_RETURN_NOT_OK(body.status());
  ARROW_ASSIGN_OR_RAISE(IndexInfo info, Understood(ParseIndex(*body), kWhat));
  return std::optional(std::move(info));
}

Status ControlPlane::Create(std::string body) const { return Call("POST", "/indexes", std::move(body), HttpAct::manage, "making the index").status(); }

Result<bool> ControlPlane::Drop(const std::string& name) const {
  const Status status = Call("DELETE", "/indexes/" + PercentEncode(std::string_view(name)), "", HttpAct::manage, "removing the index").status();
  if (IsCategory(status, Category::not_found)) return false;
  ARROW_RETURN_NOT_OK(status);
  return true;
}

// ---- data plane ----

Result<std::shared_ptr<Index>> Index::Open(const Service& service, const CancelToken* cancel) {
  ARROW_ASSIGN_OR_RAISE(auto http, HttpFor(service));
  return std::shared_ptr<Index>(new Index(std::move(http), service.connections, cancel));
}

HttpReply Index::Call(const char* method, std::string target, std::string body, bool safe) const {
  return http_->Call({.method = method, .target = std::move(target), .headers = {}, .body = std::move(body), .safe = safe}, cancel_);
}

Result<IndexStats> Index::Stats() const {
  constexpr std::string_view kWhat = "asking for the index's statistics";
  const HttpReply reply = Call("POST", "/describe_index_stats", "{}", true);
  if (!reply.ok()) return FailureOf(reply, HttpAct::look, kWhat);
  return Understood(ParseStats(reply.body), kWhat);
}

Result<IdPage> Index::List(std::string_view space, std::string_view prefix, int limit, std::string_view token) const {
  constexpr std::string_view kWhat = "listing ids";
  std::string target = fmt::format("/vectors/list?namespace={}&limit={}", PercentEncode(space), limit);
  if (!prefix.empty()) target += "&prefix=" + PercentEncode(prefix);
  if (!token.empty()) target += "&paginationToken=" + PercentEncode(token);
  const HttpReply reply = Call("GET", std::move(target), "");
  if (reply.ok()) return Understood(ParseIdPage(reply.body), kWhat);
  const Status failure = FailureOf(reply, HttpAct::read, kWhat);
  if (!IsCategory(failure, Category::unsupported)) return failure;
  return MakeError(Category::unsupported, failure.message(), "an index of pods cannot list its ids: name a file that holds them with ?ids=FILE");
}

Status Index::Fetch(std::string target, VectorsText* vectors) const {
  constexpr std::string_view kWhat = "fetching records";
  HttpReply reply = Call("GET", std::move(target), "");
  if (!reply.ok()) return FailureOf(reply, HttpAct::read, kWhat);
  return Understood(vectors->ParseFetch(std::move(reply.body)), kWhat);
}

Status Index::Query(std::string body, VectorsText* matches, std::optional<int64_t>* indexed) const {
  constexpr std::string_view kWhat = "searching";
  HttpReply reply = Call("POST", "/query", std::move(body));
  if (!reply.ok()) return FailureOf(reply, HttpAct::read, kWhat);
  if (indexed) {
    *indexed = NumberOf(reply, "x-pinecone-max-indexed-lsn");
    if (!*indexed) *indexed = NumberOf(reply, "x-pinecone-lsn-reconciled");
  }
  return Understood(matches->ParseMatches(std::move(reply.body)), kWhat);
}

Result<std::optional<int64_t>> Index::Upsert(std::string body, int64_t vectors) const {
  constexpr std::string_view kWhat = "writing records";
  const HttpReply reply = Call("POST", "/vectors/upsert", std::move(body));
  if (!reply.ok()) return FailureOf(reply, HttpAct::write, kWhat);
  const auto json = reply.body.size() < 4096 ? nlohmann::json::parse(reply.body, nullptr, false) : nlohmann::json();
  const bool told = json.is_object() && json.contains("upsertedCount") && json["upsertedCount"].is_number_integer();
  const int64_t count = told ? json["upsertedCount"].get<int64_t>() : 0;
  // An id that stands twice in a request counts once.
  if (count < 1 || count > vectors) return BadHttpAnswer(kWhat, "the service does not say that it took them");
  return WrittenAs(reply);
}

Result<std::optional<int64_t>> Index::Remove(std::string body) const {
  const HttpReply reply = Call("POST", "/vectors/delete", std::move(body));
  if (reply.ok()) return WrittenAs(reply);
  const Status failure = FailureOf(reply, HttpAct::manage, "deleting records");
  if (IsCategory(failure, Category::not_found)) return std::nullopt;
  return failure;
}

Result<std::optional<int64_t>> Index::Delete(std::string_view space, const std::vector<std::string_view>& ids) const {
  std::string body = "{\"ids\":[";
  for (const auto& id : ids) {
    if (body.back() != '[') body += ',';
    AppendJsonString(id, &body);
  }
  body += "],\"namespace\":";
  AppendJsonString(space, &body);
  return Remove(body + "}");
}

Result<std::optional<int64_t>> Index::DeleteNamespace(std::string_view space) const {
  std::string body = "{\"deleteAll\":true,\"namespace\":";
  AppendJsonString(space, &body);
  return Remove(body + "}");
}

std::string FetchTarget(std::string_view space, const std::vector<std::string_view>& ids, size_t first, size_t longest, size_t* end) {
  std::string target = "/vectors/fetch?namespace=" + PercentEncode(space);
  *end = first;
  while (*end < ids.size() && *end - first < kMostFetched) {
    const std::string part = "&ids=" + PercentEncode(ids[*end]);
    if (*end > first && target.size() + part.size() > longest) break;
    target += part;
    ++*end;
  }
  return target;
}

// ---- freshness ----

void Freshness::Written(const std::string& space, std::optional<int64_t> number) {
  if (!number) return;
  const std::lock_guard guard(mutex_);
  int64_t& last = ahead_.try_emplace(space, *number).first->second;
  last = std::max(last, *number);
}

void Freshness::Forget(const std::string& space) {
  const std::lock_guard guard(mutex_);
  ahead_.erase(space);
}

Status Freshness::Check(const Index& index, const std::string& probe, const std::vector<std::string>& spaces) {
  std::map<std::string, int64_t> wanted;
  {
    const std::lock_guard guard(mutex_);
    if (spaces.empty()) wanted = ahead_;
    for (const auto& space : spaces) {
      if (const auto at = ahead_.find(space); at != ahead_.end()) wanted.insert(*at);
    }
  }
  for (const auto& [space, number] : wanted) {
    std::string body = probe + ",\"topK\":1,\"namespace\":";
    AppendJsonString(space, &body);
    VectorsText matches;
    std::optional<int64_t> indexed;
    ARROW_RETURN_NOT_OK(index.Query(body + "}", &matches, &indexed));
    if (indexed && *indexed < number) {
      ErrorFacts facts;
      facts.category = Category::transient;
      facts.retry = Retry::after_delay;
      facts.retry_after = kMoment;
      return MakeError(std::move(facts), fmt::format("what was written is not visible yet: the index is at {} of {}", *indexed, number));
    }
    const std::lock_guard guard(mutex_);
    if (const auto at = ahead_.find(space); at != ahead_.end() && at->second <= number) ahead_.erase(at);
  }
  return Status::OK();
}

}  // namespace vecferry::pinecone
