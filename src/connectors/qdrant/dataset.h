#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/qdrant/client.h"
#include "connectors/qdrant/requests.h"

/// One collection of a server, and what its readers and writers share.
namespace vecferry::qdrant {

struct Dataset {
  std::shared_ptr<Client> client;
  std::string name;         ///< as the user wrote it; may be an alias
  std::string collection;   ///< what it stands for, or the name itself
  const Layout* layout = nullptr;
  const CancelToken* cancel = nullptr;

  bool is_alias() const { return name != collection; }
  /// The same for the same name on the same server, whatever an alias stands for meanwhile.
  std::string identity() const { return std::string(kScheme) + "://" + client->endpoint().Display() + "#" + name; }
};

/// What is known of a collection that exists.
struct Shape {
  RecordSchema schema;          ///< of its records
  bool custom_sharding = false; ///< a record's tenant is its shard key
  int64_t most_points = INT64_MAX;  ///< the collection's strict mode takes so many in one request
};

/// Reads and writes points by the keys of their records. Thread-safe.
class PointsByKey final : public Lookup, public Undo {
 public:
  /// The dataset's collection is the one that is meant, also where it is not what the name stands for so far.
  PointsByKey(Dataset dataset, Shape shape) : dataset_(std::move(dataset)), shape_(std::move(shape)) {}

  Result<int64_t> Count() override;
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// An image is the point as field 3 of UpsertPoints.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                          const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                 const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a collection is dropped by its sink"); }

  Result<PointId> IdOf(std::string_view tenant, std::string_view id) const;

 private:
  struct Group {
    Shard shard;
    std::vector<PointId> ids;
    std::vector<size_t> at;  ///< their places in the caller's list
  };
  /// By shard, where the collection has shard keys, and as many at once as it takes. An id that no point can have is left out.
  std::vector<Group> Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const;
  /// The bytes of the answer for one group, and its points taken apart.
  Result<Page> Fetch(const Group& group, const Wanted& wanted, std::string* bytes) const;

  const Dataset dataset_;
  const Shape shape_;
};

/// The page of an answer. Bytes that are none are a failure of the server, to be tried again; so is an empty answer, which
/// would be taken for the end of the collection, and a next page behind no points.
Result<Page> Understood(Result<Page> page, std::string_view what);

/// The payload's fields that a record's key is made of.
std::vector<std::string> KeyFields(const RecordSchema& schema, const Layout& layout);
/// The server's own search. Thread-safe.
std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, Shape shape);

/// UpsertPoints with wait; OK only where the server says that it is completed.
Status Upsert(const Client& client, std::string request);

/// The application's own point of a layout: 1 where the collection has it, else 0.
Result<int64_t> CountBookkeeping(const Dataset& dataset, const Shape& shape);

/// What a look at some points told.
struct SchemaFacts {
  bool numbers = false, uuids = false;  ///< exact
  bool document = false, tenant = false, mapped = false;  ///< of a sample
};

/// A source on a collection that exists. `known` is the schema of records that were written there, where it is known.
std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known);
std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can);

/// Cuts a collection into about `wanted` ranges of ids of about the same number of points. See source.cc for their text.
Result<std::vector<Split>> RangesOf(const Dataset& dataset, bool custom_sharding, int wanted, int64_t count);
/// A range of ids: from the first, to below the second.
struct Range {
  std::string collection;
  Shard shard;
  std::optional<PointId> from, to;
  std::string Text() const;
  static Result<Range> Parse(std::string_view text);
};

}  // namespace vecferry::qdrant
