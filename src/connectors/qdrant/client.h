#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "connectors/qdrant/errors.h"
#include "connectors/qdrant/points.h"
#include "connectors/qdrant/target.h"

namespace google::protobuf {
class MessageLite;
}
namespace vecferry::qdrant {
namespace pb {
class AliasOperation;
class CollectionInfo;
class CreateCollection;
class CreateFieldIndex;
class OptimizersConfig;
class ShardKey;
}  // namespace pb

/// A connection to a server, and what can be asked of it as a whole and of collections. Each call is made once: nothing is
/// tried again here. Thread-safe.
class Client {
 public:
  /// Category::not_found, transient, refused or usage, with what is in the way, where the server cannot be reached.
  static Result<std::shared_ptr<Client>> Connect(const Target& target, const CancelToken* cancel);
  ~Client();

  const Endpoint& endpoint() const { return target_.endpoint; }
  const std::string& version() const { return version_; }
  /// Of the server; a version that cannot be read is taken for a new one.
  bool AtLeast(int major, int minor) const { return std::pair(major_, minor_) >= std::pair(major, minor); }
  Dialect dialect() const { return {AtLeast(1, 13)}; }

  /// A call by its bytes; `method` is "/qdrant.Points/Upsert".
  Result<std::string> Call(const char* method, std::string request, Act act, std::string_view what) const;
  Status Ask(const char* method, const google::protobuf::MessageLite& request, google::protobuf::MessageLite* response, Act act,
             std::string_view what) const;

  Result<std::vector<std::string>> Collections() const;
  /// Nothing where there is no collection or alias of that name.
  Result<std::optional<pb::CollectionInfo>> Info(const std::string& name) const;
  /// alias -> collection. Empty where the key may not see them.
  Result<std::map<std::string, std::string>> Aliases() const;
  Status Create(const pb::CreateCollection& request) const;
  /// False where there was none.
  Result<bool> Drop(const std::string& collection) const;
  Status ChangeAliases(const std::vector<pb::AliasOperation>& operations) const;
  Status CreateIndex(const pb::CreateFieldIndex& request) const;
  Status UpdateOptimizers(const std::string& collection, const pb::OptimizersConfig& config) const;
  Result<int64_t> Count(const std::string& collection) const;
  /// Of a collection that is sharded by hand; sorted by their text.
  Result<std::vector<pb::ShardKey>> ShardKeys(const std::string& collection) const;
  Status CreateShardKey(const std::string& collection, const pb::ShardKey& key) const;

 private:
  Client(const Target& target, const CancelToken* cancel, std::unique_ptr<GrpcChannel> channel);
  const Target target_;
  const CancelToken* cancel_;
  std::unique_ptr<GrpcChannel> channel_;
  std::string version_;
  int major_ = 999, minor_ = 0;
};

/// A key as text, and the key for a text: digits without a leading zero are a number.
std::string TextOf(const pb::ShardKey& key);
pb::ShardKey ShardKeyOf(std::string_view text);

/// Category::usage for a name that no server takes.
Status CheckCollectionName(std::string_view name);

}  // namespace vecferry::qdrant
