#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "connectors/milvus/errors.h"
#include "connectors/milvus/schema.h"
#include "connectors/milvus/target.h"

namespace vecferry::milvus {

/// A collection as the server describes it.
struct Collection {
  std::string name;                  ///< the collection's own, where an alias was asked for
  int64_t id = 0;
  CollectionSchema schema;
  std::vector<std::string> aliases;
  int consistency = 0;               ///< 0 strong, 1 session, 2 bounded, 3 eventually
  int64_t shards = 1, partitions = 0;  ///< partitions: of a partition key
  Pairs properties;
};

struct Index {
  std::string name, field;
  Pairs params;                      ///< index_type, metric_type, params, or its parameters one by one
  int state = 0;                     ///< 3 is finished, 4 failed
  int64_t indexed = 0, total = 0, pending = 0;
};

enum class LoadState { gone = 0, released = 1, loading = 2, loaded = 3 };

/// A connection to a server and one of its databases, and what can be asked of it as a whole and of collections. A call that comes to the same
/// when it is made twice is made once more at once where it failed in passing (GrpcChannel); the rest is the engine's. Thread-safe.
class Client {
 public:
  /// Category::not_found, transient, refused or usage, with what is in the way, where the server cannot be reached.
  static Result<std::shared_ptr<Client>> Connect(const Target& target, const CancelToken* cancel);
  ~Client();

  const Endpoint& endpoint() const { return target_.service.endpoint; }
  const Target& target() const { return target_; }
  /// "2.5.4"; "" where the server does not say.
  const std::string& version() const { return version_; }
  bool AtLeast(int major, int minor) const { return std::pair(major_, minor_) >= std::pair(major, minor); }
  /// How often a collection turned out not to be in memory: servers forget what was loaded when they start again.
  uint64_t unloaded() const { return unloaded_; }
  /// Milvus Lite, which gives pages in no order and knows no timestamps.
  bool is_lite() const { return lite_; }
  /// Milvus Lite 2, which does not tell its version.
  bool is_lite_2() const { return lite_ && version_.empty(); }

  /// A call by its bytes; `method` is the RPC's bare name. The answer's Status is looked at: field 1 of it, or the answer itself.
  Result<std::string> Call(const char* method, std::string request, Act act, std::string_view what, bool answer_is_status = false) const;
  /// An act of managing that comes to the same when it is done twice, as each look and read does.
  Result<std::string> CallSafely(const char* method, std::string request, std::string_view what, bool answer_is_status = false) const;
  /// A request that names the database and a collection, in fields 2 and 3.
  std::string For(std::string_view collection) const;

  Result<std::vector<std::string>> Collections() const;
  /// Nothing where there is no collection or alias of that name.
  Result<std::optional<Collection>> Describe(const std::string& name) const;
  /// Whether there is a collection of that name itself, and no alias.
  Result<bool> Has(const std::string& collection) const;
  Status Create(const Collection& collection) const;
  /// OK where there was none.
  Status Drop(const std::string& collection) const;
  Status Rename(const std::string& from, const std::string& to) const;
  Status PointAlias(const std::string& alias, const std::string& collection, bool exists) const;
  /// The server has no collection's row count at hand: as far as it is flushed.
  Result<int64_t> Statistics(const std::string& collection) const;
  /// Rows, with the strongest consistency; the collection must be loaded. `expr` may be "".
  Result<int64_t> Count(const std::string& collection, std::string_view expr = {}, std::string_view partition = {}, uint64_t timestamp = 0) const;

  Result<std::vector<Index>> Indexes(const std::string& collection) const;
  Status CreateIndex(const std::string& collection, const std::string& field, const std::string& name, const Pairs& params) const;
  Result<LoadState> State(const std::string& collection) const;
  Status Load(const std::string& collection) const;
  Status Release(const std::string& collection) const;
  Status Flush(const std::string& collection) const;

  /// Sorted; where the server has none, "_default".
  Result<std::vector<std::string>> Partitions(const std::string& collection) const;
  Status CreatePartition(const std::string& collection, const std::string& partition) const;

 private:
  Client(Target target, const CancelToken* cancel, std::unique_ptr<GrpcChannel> channel);
  Status AskVersion();
  Result<std::string> Ask(const char* method, std::string request, Act act, std::string_view what, bool answer_is_status, bool safe) const;
  const Target target_;
  const CancelToken* cancel_;
  std::unique_ptr<GrpcChannel> channel_;
  std::string version_;
  int major_ = 999, minor_ = 0;
  bool lite_ = false;
  mutable std::atomic<uint64_t> unloaded_{0};
};

inline constexpr std::string_view kDefaultPartition = "_default";

/// Values of the field of that number, which is repeated and of length.
Result<std::vector<std::string>> Texts(std::string_view message, uint32_t number);

}  // namespace vecferry::milvus
