#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <set>
#include <unordered_map>
#include <vector>

#include "connector/connector.h"
#include "connectors/pinecone/client.h"
#include "connectors/pinecone/records.h"

/// An index, or one namespace of it, and what its readers and writers share.
namespace vecferry::pinecone {

/// Tags of an index that Vecferry made: what the records have that an index does not know.
inline constexpr const char* kDenseTag = "vecferry_vector";
inline constexpr const char* kSparseTag = "vecferry_sparse";
inline constexpr const char* kIdsTag = "vecferry_ids";

struct Dataset {
  Target target;
  std::shared_ptr<ControlPlane> control;
  std::shared_ptr<Index> index;          ///< none where the index does not exist
  std::optional<IndexInfo> info;         ///< of the control plane, where it is asked
  std::shared_ptr<Freshness> freshness = std::make_shared<Freshness>();
  Layout layout;                         ///< as this service uses it
  std::string layout_name;
  const CancelToken* cancel = nullptr;
  std::string staging;                   ///< what its namespaces' names begin with while it is to take another's place; else ""

  /// Finds the index by its name. One that does not exist leaves `index` empty.
  Status Locate();
  /// Those of its own namespaces: what replacements have written so far is no part of what they replace.
  Result<IndexStats> Stats() const;
  /// The namespaces that the dataset is: of those, or the one that was named.
  std::vector<std::string> SpacesOf(const IndexStats& stats) const;
  int64_t CountOf(const IndexStats& stats) const;
  /// The namespace of a record. Codes of NamespaceOf.
  Result<std::string> SpaceOf(std::string_view tenant) const;
  /// What the statistics and the control plane say of the vectors: names from the options, the tags, or as usual. `sparse` says that dense vectors
  /// have sparse ones beside them.
  Result<RecordSchema> SchemaOf(const IndexStats& stats, bool sparse) const;
  RecordForm FormOf(RecordSchema schema) const;
};

/// Metadata policies of reading and writing, the query that asks how far the index is.
std::string ProbeOf(const RecordSchema& schema);

/// Records by the ids that their vectors have, as far as they are there.
class Fetched {
 public:
  /// Several fetches at once, as long as a URL may be.
  static Result<Fetched> Of(const Index& index, std::string_view space, const std::vector<std::string_view>& ids, size_t longest);
  /// Null where the id was not found.
  const VectorText* Find(std::string_view id) const;

 private:
  std::vector<VectorsText> answers_;
  std::unordered_map<std::string_view, const VectorText*> by_id_;
};

/// Reads and writes vectors by the keys of their records. Thread-safe.
class VectorsByKey final : public Lookup, public Undo {
 public:
  VectorsByKey(const Dataset& dataset, RecordForm form) : dataset_(dataset), form_(std::move(form)), probe_(ProbeOf(form_.schema)) {}
  /// Of another dataset from now on, while no other call is under way.
  void Become(const Dataset& dataset, RecordForm form) { dataset_ = dataset, form_ = std::move(form); }

  Result<int64_t> Count() override;
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// An image is the vector as the service shows it, which is how an upsert takes it.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a dataset is dropped by its sink"); }

 private:
  struct Group {
    std::vector<std::string> ids;  ///< of the vectors
    std::vector<size_t> at;        ///< their places in the caller's list
    std::vector<std::string_view> views() const { return {ids.begin(), ids.end()}; }
  };
  /// By namespace. An id or tenant that no vector can have is left out.
  std::map<std::string, Group> Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const;
  Result<Fetched> Fetch(const std::string& space, const Group& group) const;

  Dataset dataset_;
  RecordForm form_;
  const std::string probe_;
};

/// A source on an index that exists. `known` is the schema of records that were written there, where it is known.
std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known);
std::unique_ptr<Sink> MakeSink(Dataset dataset);
std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, RecordForm form);

/// One upsert after the other while rows come, each within the service's limits.
class Upserts {
 public:
  Upserts(const Index& index, Freshness& freshness, std::string space);
  /// Adds vectors as an upsert takes them.
  Status Add(std::string_view vector);
  Status Flush();

 private:
  Status Send();
  const Index& index_;
  Freshness& freshness_;
  const std::string space_;
  std::string body_;
  int64_t vectors_ = 0;
};

}  // namespace vecferry::pinecone
