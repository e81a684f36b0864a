#include "connectors/qdrant/client.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "base/text.h"
#include "qdrant_pb/collections.pb.h"
#include "qdrant_pb/points.pb.h"

namespace vecferry::qdrant {

Client::Client(const Target& target, const CancelToken* cancel, std::unique_ptr<GrpcChannel> channel)
    : target_(target), cancel_(cancel), channel_(std::move(channel)) {}
Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::Connect(const Target& target, const CancelToken* cancel) {
  GrpcChannel::Options options;
  options.connections = target.connections;
  options.deadline = target.deadline;
  if (!target.api_key.empty()) options.metadata.emplace_back("api-key", target.api_key);
  ARROW_ASSIGN_OR_RAISE(auto channel, GrpcChannel::Make(target.endpoint, std::move(options)));
  std::shared_ptr<Client> client(new Client(target, cancel, std::move(channel)));
  const GrpcReply reply = client->channel_->Call({.method = "/qdrant.Qdrant/HealthCheck", .request = {}, .safe = true}, cancel);
  if (reply.code == grpc_code::kUnavailable || reply.code == grpc_code::kUnimplemented || reply.code == grpc_code::kUnknown) {
    ARROW_RETURN_NOT_OK(Diagnose(target.endpoint));
  }
  if (reply.code != grpc_code::kOk) return Classify(reply, Act::look, fmt::format("connecting to {}", target.endpoint.Display()));
  pb::HealthCheckReply health;
  if (!health.ParseFromString(reply.bytes)) return BadAnswer("connecting", "the server's answer is not that of Qdrant");
  client->version_ = Printable(health.version(), 100);
  int major = 0, minor = 0;
  if (std::sscanf(health.version().c_str(), "%d.%d", &major, &minor) == 2 && major > 0) client->major_ = major, client->minor_ = minor;
  return client;
}

Result<std::string> Client::Call(const char* method, std::string request, Act act, std::string_view what) const {
  GrpcReply reply = channel_->Call({.method = method, .request = std::move(request), .safe = act == Act::look || act == Act::read}, cancel_);
  if (reply.code != grpc_code::kOk) return Classify(reply, act, what);
  return std::move(reply.bytes);
}

Status Client::Ask(const char* method, const google::protobuf::MessageLite& request, google::protobuf::MessageLite* response, Act act,
                   std::string_view what) const {
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, Call(method, request.SerializeAsString(), act, what));
  return response->ParseFromString(bytes) ? Status::OK() : BadAnswer(what, "the server's answer cannot be read");
}

Result<std::vector<std::string>> Client::Collections() const {
  pb::ListCollectionsResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/List", pb::CollectionName(), &response, Act::look, "listing the collections"));
  std::vector<std::string> names;
  for (const auto& collection : response.collections()) names.push_back(collection.collection_name());
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::optional<pb::CollectionInfo>> Client::Info(const std::string& name) const {
  pb::CollectionName request;
  request.set_collection_name(name);
  pb::GetCollectionInfoResponse response;
  const Status status = Ask("/qdrant.Collections/Get", request, &response, Act::look, fmt::format("looking at the collection '{}'", Printable(name, 300)));
  if (IsCategory(status, Category::not_found)) return std::nullopt;
  ARROW_RETURN_NOT_OK(status);
  if (!response.has_result() || !response.result().has_config()) return BadAnswer("looking at the collection", "the answer lacks its parameters");
  return std::move(*response.mutable_result());
}

Result<std::map<std::string, std::string>> Client::Aliases() const {
  pb::ListAliasesResponse response;
  std::map<std::string, std::string> aliases;
  const Status status = Ask("/qdrant.Collections/ListAliases", pb::CollectionName(), &response, Act::look, "listing the aliases");
  if (IsCategory(status, Category::unauthorized)) return aliases;
  ARROW_RETURN_NOT_OK(status);
  for (const auto& alias : response.aliases()) aliases[alias.alias_name()] = alias.collection_name();
  return aliases;
}

Status Client::Create(const pb::CreateCollection& request) const {
  pb::OperationResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/Create", request, &response, Act::manage, "creating the collection"));
  return response.result() ? Status::OK() : BadAnswer("creating the collection", "the server says that it was not created");
}

Result<bool> Client::Drop(const std::string& collection) const {
  pb::CollectionName request;
  request.set_collection_name(collection);
  pb::OperationResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/Delete", request, &response, Act::manage, "deleting the collection"));
  return response.result();
}

Status Client::ChangeAliases(const std::vector<pb::AliasOperation>& operations) const {
  if (operations.empty()) return Status::OK();
  pb::ChangeAliases request;
  for (const auto& operation : operations) *request.add_actions() = operation;
  pb::OperationResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/UpdateAliases", request, &response, Act::manage, "changing aliases"));
  return response.result() ? Status::OK() : BadAnswer("changing aliases", "the server says that they were not changed");
}

Status Client::CreateIndex(const pb::CreateFieldIndex& request) const {
  pb::PointsOperationResponse response;
  const std::string what = fmt::format("creating the index of the field '{}'", Printable(request.field_name(), 200));
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Points/CreateFieldIndex", request, &response, Act::manage, what));
  if (response.result().status() == pb::UpdateResult::completed || response.result().status() == pb::UpdateResult::acknowledged) return Status::OK();
  return BadAnswer(what, "the server did not complete it in time");
}

Status Client::UpdateOptimizers(const std::string& collection, const pb::OptimizersConfig& config) const {
  pb::UpdateCollection request;
  request.set_collection_name(collection);
  *request.mutable_optimizers_config() = config;
  pb::OperationResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/Update", request, &response, Act::manage, "changing the collection's settings"));
  return response.result() ? Status::OK() : BadAnswer("changing the collection's settings", "the server says that they were not changed");
}

Result<int64_t> Client::Count(const std::string& collection) const {
  pb::CountPoints request;
  request.set_collection_name(collection);
  request.set_exact(true);
  pb::CountResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Points/Count", request, &response, Act::look, "counting the points"));
  return static_cast<int64_t>(response.result().count());
}

Result<std::vector<pb::ShardKey>> Client::ShardKeys(const std::string& collection) const {
  pb::CollectionName request;
  request.set_collection_name(collection);
  pb::ClusterInfoResponse response;
  ARROW_RETURN_NOT_OK(Ask("/qdrant.Collections/CollectionClusterInfo", request, &response, Act::look, "listing the shard keys"));
  std::map<std::string, pb::ShardKey> keys;
  for (const auto& shard : response.local_shards()) {
    if (shard.has_shard_key()) keys.emplace(TextOf(shard.shard_key()), shard.shard_key());
  }
  for (const auto& shard : response.remote_shards()) {
    if (shard.has_shard_key()) keys.emplace(TextOf(shard.shard_key()), shard.shard_key());
  }
  std::vector<pb::ShardKey> sorted;
  for (auto& [text, key] : keys) sorted.push_back(std::move(key));
  return sorted;
}

Status Client::CreateShardKey(const std::string& collection, const pb::ShardKey& key) const {
  pb::CreateShardKeyRequest request;
  request.set_collection_name(collection);
  *request.mutable_request()->mutable_shard_key() = key;
  pb::OperationResponse response;
  const std::string what = fmt::format("creating the shard key '{}'", Printable(TextOf(key), 200));
  return Ask("/qdrant.Collections/CreateShardKey", request, &response, Act::manage, what);
}

std::string TextOf(const pb::ShardKey& key) {
  return key.key_case() == pb::ShardKey::kNumber ? std::to_string(key.number()) : key.keyword();
}

pb::ShardKey ShardKeyOf(std::string_view text) {
  pb::ShardKey key;
  const auto number = ParseInt(text);
  if (number.ok() && *number >= 0 && std::to_string(*number) == text) key.set_number(static_cast<uint64_t>(*number));
  else key.set_keyword(std::string(text));
  return key;
}

Status CheckCollectionName(std::string_view name) {
  std::string_view why;
  if (name.empty()) why = "is empty";
  else if (name.size() > 255) why = "is longer than 255 bytes";
  else if (name == "." || name == "..") why = "is a folder's name";
  else if (name.find_first_of(std::string_view("/\\:*?<>|\"\0", 10)) != name.npos) why = "holds one of / \\ : * ? < > | \"";
  else if (!IsValidUtf8(name)) why = "is not UTF-8";
  if (why.empty()) return Status::OK();
  return MakeError(Category::usage, fmt::format("the collection's name '{}' {}", Printable(name, 300), why), "name the collection after a #");
}

}  // namespace vecferry::qdrant
