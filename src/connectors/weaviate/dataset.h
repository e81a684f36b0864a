#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/weaviate/client.h"
#include "connectors/weaviate/objects.h"
#include "connectors/weaviate/tenants.h"

/// One class of a server, and what its readers and writers share.
namespace vecferry::weaviate {

/// Tenants that were counted before a call failed: the count goes on behind them.
struct Counted {
  std::mutex mutex;
  std::map<std::string, int64_t> tenants;
};

struct Dataset {
  std::shared_ptr<Client> client;
  std::string name;          ///< as the user wrote it, with a capital letter; may be an alias
  std::string written;       ///< as the user wrote it
  std::string class_name;    ///< what it stands for, or the name itself
  const Layout* layout = nullptr;
  const CancelToken* cancel = nullptr;
  bool wake = true;          ///< tenants that sleep may be woken to be read
  std::shared_ptr<TenantKeeper> tenants;
  std::shared_ptr<Counted> counted = std::make_shared<Counted>();

  bool is_alias() const { return name != class_name; }
  /// The same for the same name on the same server.
  std::string identity() const {
    const Target& target = client->target();
    return std::string(kScheme) + "://" + target.rest.endpoint.Display() + target.rest.path + "#" + name + (target.tenant.empty() ? "" : "/" + target.tenant);
  }
};

/// Reads and writes objects by the keys of their records. Thread-safe.
class ObjectsByKey final : public Lookup, public Undo {
 public:
  ObjectsByKey(Dataset dataset, Shape shape) : dataset_(std::move(dataset)), shape_(std::move(shape)) {}

  Result<int64_t> Count() override;
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// An image is the object as a BatchObject without its class and tenant.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a class is dropped by its sink"); }

 private:
  struct Group {
    std::string tenant;               ///< of the class
    std::vector<std::string> uuids;
    std::vector<size_t> at;           ///< their places in the caller's list
  };
  std::vector<Group> Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const;
  /// Calls `each` with every object that is there.
  template <class Each>
  Status Fetch(const ClassSchema& schema, const Group& group, bool keys_only, Each each) const;
  /// The class as it is now: while it is written it gets properties.
  Result<ClassSchema> Fresh() const;
  /// What an object refers to, which an answer over gRPC does not tell.
  Result<References> ReferencesOf(const ClassSchema& schema, const std::string& tenant, const std::string& uuid) const;

  const Dataset dataset_;
  const Shape shape_;
};

/// Objects of a class, all or those of one tenant; -1 where some tenant sleeps.
Result<int64_t> CountObjects(const Dataset& dataset, const ClassSchema& schema);

/// References of the objects of one page, by id. Category::transient where the page is not one.
Result<std::map<std::string, References, std::less<>>> ParseReferences(std::string_view json, const std::vector<std::string>& properties);

/// A source on a class that exists. `known` is the schema of records that were written there, where it is known.
std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known);
std::unique_ptr<Sink> MakeSink(Dataset dataset, const Capabilities& can);
std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, ClassSchema schema, Shape shape);

/// What a look at some objects told.
struct Look {
  ClassSchema schema;
  Shape shape;
  std::vector<Tenant> tenants;
  std::vector<Note> notes;
};
/// Looks at a class and at some of its objects.
Result<Look> LookAt(const Dataset& dataset, const std::optional<RecordSchema>& known);

}  // namespace vecferry::weaviate
