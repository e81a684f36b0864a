#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/cancel.h"
#include "connectors/weaviate/class_schema.h"
#include "connectors/weaviate/target.h"
#include "net/grpc_channel.h"
#include "net/http.h"

namespace google::protobuf {
class MessageLite;
}
namespace vecferry::weaviate {

struct Tenant {
  std::string name;
  std::string status;   ///< as the server spells it: HOT, COLD, ACTIVE, INACTIVE, FROZEN, OFFLOADED, ...
  bool active() const { return status.empty() || status == "HOT" || status == "ACTIVE"; }
  /// Whether it can be woken at once: one that lies in an object store cannot.
  bool asleep() const { return status == "COLD" || status == "INACTIVE"; }
};

/// What the server does about vectors that are not in its index yet, and whether it takes writes.
struct ShardState {
  int64_t queued = 0;
  bool read_only = false;
};

/// A connection to a server, and what can be asked of it. What changes nothing, or comes to the
/// same made twice, is made once more at once where it failed; whether a class or an alias was made all the same is asked. Every other failure is the
/// engine's to try again. Thread-safe.
class Client {
 public:
  /// With what is in the way, where the server cannot be reached or is no Weaviate.
  static Result<std::shared_ptr<Client>> Connect(const Target& target, const CancelToken* cancel);
  ~Client();

  const Target& target() const { return target_; }
  const std::string& version() const { return version_; }
  bool AtLeast(int major, int minor) const { return std::pair(major_, minor_) >= std::pair(major, minor); }
  /// Bytes that a message over gRPC may have.
  int64_t most_bytes() const { return most_bytes_; }
  /// The same, without a thought of stopping: for what has to be put back.
  std::shared_ptr<Client> Unstoppable() const;

  // ---- REST
  Result<std::vector<ClassSchema>> Classes() const;
  /// Nothing where there is no class, and no alias, of that name.
  Result<std::optional<ClassSchema>> FindClass(const std::string& name) const;
  /// `name` is that of the body.
  Status CreateClass(const std::string& name, const std::string& body) const;
  Status UpdateClass(const std::string& name, const std::string& body) const;
  /// OK where it is gone already.
  Status DropClass(const std::string& name) const;
  /// Category::refused where it is there already, maybe by this very call, which is made twice where the first failed.
  Status AddProperty(const std::string& name, const nlohmann::json& body) const;
  /// Sorted by name.
  Result<std::vector<Tenant>> Tenants(const std::string& name) const;
  Result<std::optional<Tenant>> FindTenant(const std::string& name, const std::string& tenant) const;
  Status AddTenants(const std::string& name, const std::vector<std::string>& tenants) const;
  Status SetTenants(const std::string& name, const std::vector<std::string>& tenants, bool active) const;
  /// alias -> class; empty where the server knows no aliases.
  Result<std::map<std::string, std::string>> Aliases() const;
  Status SetAlias(const std::string& alias, const std::string& name, bool exists) const;
  Status DropAlias(const std::string& alias) const;
  Result<ShardState> Shards(const std::string& name) const;
  /// A page of objects in the order of their ids, as the REST API has them: /v1/objects.
  Result<std::string> Objects(const std::string& name, const std::string& tenant, const std::string& after, int64_t limit) const;

  Result<std::string> Object(const std::string& name, const std::string& tenant, const std::string& uuid) const;

  // ---- gRPC
  /// "Search" and the like. `name` and `tenant` are what is asked about, for a failure that the server gives no reason for.
  Status Ask(const char* call, const google::protobuf::MessageLite& request, google::protobuf::MessageLite* reply, HttpAct act, std::string_view what,
             const std::string& name, const std::string& tenant) const;
  Result<int64_t> Count(const std::string& name, const std::string& tenant) const;

 private:
  Client(const Target& target, const CancelToken* cancel) : target_(target), cancel_(cancel) {}
  /// `same` says that the call comes to the same made once or twice, so that it may be made once more at once where it failed.
  Result<std::string> Rest(const char* method, const std::string& path, std::string body, HttpAct act, std::string_view what, bool same = false) const;
  Result<nlohmann::json> RestJson(const std::string& path, std::string_view what) const;
  Status ReadMeta(std::string_view text);
  /// What a failure that says nothing was: a class or tenant that is gone or asleep, else `status`.
  Status Explain(const Status& status, const std::string& name, const std::string& tenant) const;

  const Target target_;
  const CancelToken* cancel_;
  std::shared_ptr<HttpClient> http_;
  std::shared_ptr<GrpcChannel> grpc_;
  std::string version_;
  int major_ = 999, minor_ = 0;
  int64_t most_bytes_ = 10 << 20;
};

}  // namespace vecferry::weaviate
