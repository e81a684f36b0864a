#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/pinecone/answers.h"
#include "connectors/pinecone/target.h"
#include "net/http.h"

namespace vecferry::pinecone {

/// The failure of a call, decided by the service's code where it says one (too large a request comes as 400 with OUT_OF_RANGE), else by
/// the status. `words` are cut and made printable here.
Status FailureOf(const HttpReply& reply, HttpAct act, std::string_view what);

/// Indexes as a whole: what api.pinecone.io is asked. Each call is made once: nothing is tried again here. Thread-safe.
class ControlPlane {
 public:
  static Result<std::shared_ptr<ControlPlane>> Open(const Target& target, const CancelToken* cancel);
  Result<std::vector<IndexInfo>> List() const;
  /// Nothing where there is no index of that name.
  Result<std::optional<IndexInfo>> Find(const std::string& name) const;
  /// `body` is the request of POST /indexes.
  Status Create(std::string body) const;
  /// False where there was none.
  Result<bool> Drop(const std::string& name) const;
  std::string Display() const { return http_->endpoint().Display(); }

 private:
  ControlPlane(std::unique_ptr<HttpClient> http, const CancelToken* cancel) : http_(std::move(http)), cancel_(cancel) {}
  Result<std::string> Call(const char* method, std::string target, std::string body, HttpAct act, std::string_view what) const;
  const std::unique_ptr<HttpClient> http_;
  const CancelToken* const cancel_;
};

/// One index: what its host is asked. Each call is made once. Thread-safe.
class Index {
 public:
  static Result<std::shared_ptr<Index>> Open(const Service& service, const CancelToken* cancel);
  std::string Display() const { return http_->endpoint().Display(); }
  int connections() const { return connections_; }

  Result<IndexStats> Stats() const;
  /// `prefix` "" for all. The token is that of the page before, "" for the first.
  Result<IdPage> List(std::string_view space, std::string_view prefix, int limit, std::string_view token) const;
  /// Those of the ids that there are. `target` is FetchTarget's.
  Status Fetch(std::string target, VectorsText* vectors) const;
  /// `body` is the request of POST /query. `indexed` is how far the answer's index is, where it says so.
  Status Query(std::string body, VectorsText* matches, std::optional<int64_t>* indexed = nullptr) const;
  /// `body` is the request of POST /vectors/upsert. The answer's number in the sequence of writes, where it says one.
  Result<std::optional<int64_t>> Upsert(std::string body, int64_t vectors) const;
  /// At most 1,000 ids. OK where they or the namespace are not there.
  Result<std::optional<int64_t>> Delete(std::string_view space, const std::vector<std::string_view>& ids) const;
  Result<std::optional<int64_t>> DeleteNamespace(std::string_view space) const;

 private:
  Index(std::unique_ptr<HttpClient> http, int connections, const CancelToken* cancel) : http_(std::move(http)), connections_(connections), cancel_(cancel) {}
  HttpReply Call(const char* method, std::string target, std::string body, bool safe = false) const;
  Result<std::optional<int64_t>> Remove(std::string body) const;
  const std::unique_ptr<HttpClient> http_;
  const int connections_;
  const CancelToken* const cancel_;
};

/// Bytes of a request's path and query, below what servers and proxies take.
inline constexpr size_t kLongestTarget = 7'000;
/// Ids of one fetch: an answer stays small enough to be held several times.
inline constexpr size_t kMostFetched = 100;
/// Ids from `first` on as one fetch, and behind the last of them. `longest` bounds the bytes; one id is always taken.
std::string FetchTarget(std::string_view space, const std::vector<std::string_view>& ids, size_t first, size_t longest, size_t* end);

/// What one process has written to an index and what its searches are known to see. Thread-safe.
class Freshness {
 public:
  void Written(const std::string& space, std::optional<int64_t> number);
  void Forget(const std::string& space);
  /// OK where searches of these namespaces see what was written, as far as the service tells; else Category::transient, to be asked
  /// again after a moment. Of all namespaces where none is named.
  Status Check(const Index& index, const std::string& probe, const std::vector<std::string>& spaces = {});

 private:
  std::mutex mutex_;
  std::map<std::string, int64_t> ahead_;  ///< the last write of a namespace that is not known to be seen
};

}  // namespace vecferry::pinecone
