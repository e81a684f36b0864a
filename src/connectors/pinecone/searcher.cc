#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/dataset.h"
#include "connectors/pinecone/names.h"

namespace vecferry::pinecone {
namespace {

constexpr int kMostHits = 10'000;
/// Namespaces that a search over all of them may ask, one after the other.
constexpr size_t kMostSpaces = 1'000;

/// The service's own search, of each namespace for itself.
class IndexSearcher final : public Searcher {
 public:
  IndexSearcher(Dataset dataset, RecordForm form) : dataset_(std::move(dataset)), form_(std::move(form)) {}

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    const VectorSpec* spec = form_.schema.FindVector(query.vector);
    if (!spec || spec->kind != VectorKind::dense) return MakeError(Category::unsupported, fmt::format("the index does not search by '{}'", Printable(query.vector, 200)));
    if (static_cast<int32_t>(query.values.size()) != spec->dims) return MakeError(Category::usage, fmt::format("a query has {} numbers and not {}", query.values.size(), spec->dims));
    const std::string head = HeadOf(query);
    ARROW_ASSIGN_OR_RAISE(const auto spaces, SpacesOf(query.tenant));
    std::vector<SearchHit> hits;
    for (const std::string& space : spaces) ARROW_RETURN_NOT_OK(SearchSpace(head, space, &hits));
    const bool higher = HigherIsNearer(query.vector);
    std::stable_sort(hits.begin(), hits.end(), [&](const auto& a, const auto& b) { return higher ? a.score > b.score : a.score < b.score; });
    if (static_cast<int>(hits.size()) > query.k) hits.resize(static_cast<size_t>(std::max(0, query.k)));
    return hits;
  }

  bool HigherIsNearer(std::string_view vector) const override {
    const VectorSpec* spec = form_.schema.FindVector(std::string(vector));
    return !spec || spec->metric != Metric::l2;
  }

  Result<bool> Ready() override {
    const Status status = dataset_.freshness->Check(*dataset_.index, ProbeOf(form_.schema));
    if (status.ok()) return true;
    if (FactsOf(status).retry_after.count() == 0) return status;
    return false;
  }

 private:
  static std::string HeadOf(const SearchQuery& query) {
    std::string body = "{\"vector\":";
    char before = '[';
    char number[32];
    for (const float value : query.values) {
      body += before;
      before = ',';
      body.append(number, std::to_chars(number, number + sizeof number, value).ptr);
    }
    return body + fmt::format("],\"topK\":{},\"includeMetadata\":false,\"includeValues\":false,\"namespace\":", std::clamp(query.k, 1, kMostHits));
  }

  Result<std::vector<std::string>> SpacesOf(const std::string& tenant) const {
    if (dataset_.target.one_namespace || !form_.schema.has_tenant) return std::vector<std::string>{dataset_.staging + dataset_.target.name_space};
    if (!tenant.empty()) {
      ARROW_ASSIGN_OR_RAISE(std::string space, dataset_.SpaceOf(tenant));
      return std::vector<std::string>{std::move(space)};
    }
    ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
    auto spaces = dataset_.SpacesOf(stats);
    if (spaces.size() > kMostSpaces) return MakeError(Category::unsupported, fmt::format("{} namespaces are too many to be searched at once", spaces.size()), "name one behind '#'");
    return spaces;
  }

  Status SearchSpace(const std::string& head, const std::string& space, std::vector<SearchHit>* hits) const {
    std::string body = head;
    AppendJsonString(space, &body);
    VectorsText matches;
    ARROW_RETURN_NOT_OK(dataset_.index->Query(body + "}", &matches));
    ARROW_ASSIGN_OR_RAISE(const auto originals, Originals(matches, space));
    for (const VectorText& match : matches.vectors()) {
      SearchHit& hit = hits->emplace_back();
      const auto at = originals.find(match.id);
      hit.id = at == originals.end() ? match.id : at->second.record_id;
      hit.tenant = form_.namespaces ? (form_.schema.has_tenant ? form_.TenantIn(space) : "") : at == originals.end() ? "" : at->second.tenant;
      hit.score = match.score;
    }
    return Status::OK();
  }

  /// The records' own ids of those that may have been mapped.
  Result<std::map<std::string, VectorFacts, std::less<>>> Originals(const VectorsText& matches, const std::string& space) const {
    std::map<std::string, VectorFacts, std::less<>> originals;
    std::vector<std::string_view> mapped;
    const bool all = !form_.namespaces && form_.schema.has_tenant;
    for (const VectorText& match : matches.vectors()) {
      if (all || MayBeMapped(match.id)) mapped.push_back(match.id);
    }
    if (mapped.empty()) return originals;
    ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetched::Of(*dataset_.index, space, mapped, kLongestTarget));
    RecordDecoder decoder(form_);
    BatchBuilder builder(form_.schema);
    for (const auto& id : mapped) {
      VectorFacts facts;
      const VectorText* vector = fetched.Find(id);
      if (vector && !decoder.Append(*vector, space, builder, &facts)) originals[std::string(id)] = facts;
    }
    return originals;
  }

  const Dataset dataset_;
  const RecordForm form_;
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, RecordForm form) { return std::make_unique<IndexSearcher>(std::move(dataset), std::move(form)); }

}  // namespace vecferry::pinecone
