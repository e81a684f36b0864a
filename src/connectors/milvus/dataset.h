#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/milvus/client.h"
#include "connectors/milvus/columns.h"
#include "connectors/milvus/row_decoder.h"
#include "connectors/milvus/shape.h"

/// One collection of a server, and what its readers and writers share.
namespace vecferry::milvus {

struct Dataset {
  std::shared_ptr<Client> client;
  std::string name;         ///< as the user wrote it; may be an alias
  std::string collection;   ///< what it stands for, or the name itself
  const Layout* layout = nullptr;
  const CancelToken* cancel = nullptr;

  bool is_alias() const { return name != collection; }
  /// The same for the same name on the same server, whatever an alias stands for meanwhile.
  std::string identity() const;
};

/// Nothing where there is no collection or alias of that name.
struct Found {
  Collection collection;
  std::vector<Index> indexes;
  std::vector<std::string> partitions;   ///< made by hand; empty where a partition key makes them
  Shape shape;
};
Result<std::optional<Found>> Look(const Client& client, const std::string& collection, const Layout& layout);

/// A collection that is in memory for as long as this lives, and then as it was before.
class Loaded {
 public:
  /// Begins loading where it is not loaded, and again where the server forgot it. Category::transient until it is: to be called again. Thread-safe.
  Status Ensure(const std::shared_ptr<Client>& client, const std::string& collection);
  /// It stays loaded.
  void Keep() { ours_ = false; }
  bool ours() const { return ours_; }
  ~Loaded();

 private:
  std::shared_ptr<Client> client_;
  std::mutex mutex_;
  std::string collection_;
  uint64_t unloaded_ = 0;   ///< the client's count when it was last seen in memory
  bool ours_ = false, ready_ = false;
};

/// Reads and writes rows by the keys of their records. Thread-safe.
class RowsByKey final : public Lookup, public Undo {
 public:
  RowsByKey(Dataset dataset, Shape shape, std::shared_ptr<Loaded> loaded) : dataset_(std::move(dataset)), shape_(std::move(shape)), loaded_(std::move(loaded)) {}

  Result<int64_t> Count() override;
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// An image is each field's name and value: ImageOf.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                          const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                 const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a collection is dropped by its sink"); }

 private:
  struct Group {
    std::string partition;   ///< "" for all
    std::vector<Key> keys;
    std::vector<size_t> at;  ///< their places in the caller's list
  };
  /// By partition, where partitions are tenants. An id that no row can have is left out.
  std::vector<Group> Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const;
  /// The answer for one group; nothing where its partition does not exist.
  Result<std::optional<std::string>> Fetch(const Group& group, bool keys_only) const;
  Status EnsureLoaded();

  const Dataset dataset_;
  const Shape shape_;
  const std::shared_ptr<Loaded> loaded_;
};

/// OK only where the server counts as many rows as were sent.
Status Upsert(const Client& client, std::string request, int64_t rows, Act act = Act::write);

/// A source on a collection that exists. `known` is the schema of records that were written there, where it is known.
std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known);
std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can);
std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, const Shape& shape, std::shared_ptr<Loaded> loaded);

/// A range of keys of a collection: above the first, up to the second.
struct Range {
  std::string collection, partition;
  int64_t collection_id = 0;
  uint64_t timestamp = 0;
  std::optional<Key> after, to;
  std::string Text() const;
  static Result<Range> Parse(std::string_view text);
};
/// Cuts a collection into about `wanted` ranges of keys of about the same number of rows, as of one time.
Result<std::vector<Split>> RangesOf(const Dataset& dataset, const Found& found, int wanted, int64_t count);

}  // namespace vecferry::milvus
