#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

/// What the service answers, taken apart. Every byte is hostile: what is not of the shape that was asked for is Category::corrupt.
namespace vecferry::pinecone {

/// Data plane calls are made with this version, which the shapes here are those of.
inline constexpr const char* kApiVersion = "2025-04";

struct IndexInfo {
  std::string name, host;
  int32_t dims = 0;              ///< 0 of an index of sparse vectors
  Metric metric = Metric::unknown;
  bool sparse = false;           ///< it holds sparse vectors alone
  bool pod = false;              ///< pods cannot list ids
  bool ready = true;
  std::string state, cloud, region;
  bool is_protected = false;     ///< against deletion
  std::map<std::string, std::string> tags;
};
Result<IndexInfo> ParseIndex(std::string_view json);
Result<std::vector<IndexInfo>> ParseIndexes(std::string_view json);

struct IndexStats {
  std::map<std::string, int64_t> namespaces;  ///< those that hold vectors; the default one is ""
  int64_t total = 0;
  int32_t dims = 0;
  Metric metric = Metric::unknown;            ///< unknown where the service does not say
  std::optional<bool> sparse;                 ///< nothing where it does not say
  double fullness = 0;
};
Result<IndexStats> ParseStats(std::string_view json);

struct IdPage {
  std::vector<std::string> ids;
  std::string next;              ///< token of the next page, "" at the end
};
Result<IdPage> ParseIdPage(std::string_view json);

/// A vector as it stands in an answer; the views point into it.
struct VectorText {
  std::string id;
  std::string_view whole, values, sparse, metadata;  ///< JSON; empty where absent or null
  double score = 0;              ///< of a query's match
};
/// An answer to a fetch or query. Keeps the text that its vectors point into; simdjson's parser is kept too. Reuse it; not for two threads.
class VectorsText {
 public:
  VectorsText();
  ~VectorsText();
  VectorsText(VectorsText&&) noexcept;
  VectorsText& operator=(VectorsText&&) noexcept;
  /// Of GET /vectors/fetch: an object of vectors by their ids.
  Status ParseFetch(std::string json);
  /// Of POST /query: a list.
  Status ParseMatches(std::string json);
  const std::vector<VectorText>& vectors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The service's code and words in the body of a failure, as far as it has any.
struct ErrorBody {
  int code = -1;                 ///< gRPC's; also of the names that the control plane uses
  std::string message;
};
ErrorBody ParseError(std::string_view body);

Result<Metric> MetricOf(std::string_view name);
/// "" for one that the service does not have.
std::string_view NameOf(Metric metric);

}  // namespace vecferry::pinecone
