#include "connectors/weaviate/client.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <google/protobuf/message_lite.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/weaviate/errors.h"
#include "net/buffers.h"
#include "net/do_once.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;

/// The server's own words in the body of a failure: {"error": [{"message": ..}]} or {"message": ..}.
std::string WordsOf(const std::string& body) {
  if (body.size() > (1 << 20)) return {};
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  const auto message = [](const Json& at) { return at.is_object() && at.contains("message") && at["message"].is_string() ? at["message"].get<std::string>() : std::string(); };
  if (json.contains("error") && json["error"].is_array() && !json["error"].empty()) return message(json["error"][0]);
  return message(json);
}

std::string TextOf(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Quoted(const std::string& name) { return Printable(name, 300); }

std::string TenantPath(const std::string& name) { return "/schema/" + PercentEncode(name) + "/tenants"; }

Result<Tenant> ParseTenant(const Json& json) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return BadHttpAnswer("looking at the tenants", "a tenant has no name");
  Tenant tenant{json["name"].get<std::string>(), ""};
  if (json.contains("activityStatus") && json["activityStatus"].is_string()) tenant.status = json["activityStatus"].get<std::string>();
  return tenant;
}

}  // namespace

Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::Connect(const Target& target, const CancelToken* cancel) {
  std::shared_ptr<Client> client(new Client(target, cancel));
  HttpClient::Options http;
  http.base = target.rest.path + "/v1";
  http.deadline = target.rest.deadline;
  GrpcChannel::Options grpc;
  grpc.connections = target.rest.connections;
  grpc.deadline = target.rest.deadline;
  if (!target.rest.key.empty()) {
    http.headers.emplace_back("authorization", "Bearer " + target.rest.key);
    grpc.metadata.emplace_back("authorization", "Bearer " + target.rest.key);
  }
  ARROW_ASSIGN_OR_RAISE(client->http_, HttpClient::Make(target.rest.endpoint, std::move(http)));
  ARROW_ASSIGN_OR_RAISE(client->grpc_, GrpcChannel::Make(target.grpc, std::move(grpc)));
  const std::string what = "connecting to " + target.rest.endpoint.Display();
  ARROW_ASSIGN_OR_RAISE(const std::string meta, client->Rest("GET", "/meta", "", HttpAct::look, what));
  ARROW_RETURN_NOT_OK(client->ReadMeta(meta));
  return client;
}

Status Client::ReadMeta(std::string_view text) {
  const Json meta = Json::parse(text, nullptr, false);
  if (!meta.is_object() || !meta.contains("version") || !meta["version"].is_string()) return BadHttpAnswer("connecting", "the server's answer is not that of Weaviate");
  const auto version = meta["version"].get<std::string>();
  version_ = Printable(version, 100);
  int major = 0, minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 && major > 0) major_ = major, minor_ = minor;
  if (const auto most = meta.find("grpcMaxMessageSize"); most != meta.end() && most->is_number_integer()) {
    most_bytes_ = std::clamp<int64_t>(most->get<int64_t>(), 1 << 16, int64_t{1} << 30);
  }
  return Status::OK();
}

std::shared_ptr<Client> Client::Unstoppable() const {
  std::shared_ptr<Client> copy(new Client(*this));
  copy->cancel_ = nullptr;
  return copy;
}

// ---- REST

Result<std::string> Client::Rest(const char* method, const std::string& path, std::string body, HttpAct act, std::string_view what, bool same) const {
  HttpCall call;
  call.method = method;
  call.target = path;
  call.body = std::move(body);
  call.safe = same;
  HttpReply reply = http_->Call(std::move(call), cancel_);
  if (!reply.ok()) return Classify(reply, act, what, WordsOf(reply.body));
  return std::move(reply.body);
}

Result<Json> Client::RestJson(const std::string& path, std::string_view what) const {
  ARROW_ASSIGN_OR_RAISE(const std::string text, Rest("GET", path, "", HttpAct::look, what));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return BadHttpAnswer(what, "the answer is not JSON");
  return json;
}

Result<std::vector<ClassSchema>> Client::Classes() const {
  constexpr std::string_view kWhat = "listing the classes";
  ARROW_ASSIGN_OR_RAISE(const Json json, RestJson("/schema", kWhat));
  std::vector<ClassSchema> classes;
  if (!json.is_object() || !json.contains("classes")) return BadHttpAnswer(kWhat, "the answer has no list of classes");
  if (json["classes"].is_null()) return classes;
  if (!json["classes"].is_array()) return BadHttpAnswer(kWhat, "the answer has no list of classes");
  for (const Json& each : json["classes"]) {
    ARROW_ASSIGN_OR_RAISE(ClassSchema parsed, ParseClassJson(each));
    classes.push_back(std::move(parsed));
  }
  std::sort(classes.begin(), classes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return classes;
}

Result<std::optional<ClassSchema>> Client::FindClass(const std::string& name) const {
  auto text = Rest("GET", "/schema/" + PercentEncode(name), "", HttpAct::look, fmt::format("looking at the class '{}'", Quoted(name)));
  if (IsCategory(text.status(), Category::not_found)) return std::nullopt;
  ARROW_RETURN_NOT_OK(text.status());
  ARROW_ASSIGN_OR_RAISE(ClassSchema schema, ParseClass(*text));
  return std::optional(std::move(schema));
}

Status Client::CreateClass(const std::string& name, const std::string& body) const {
  return DoOnce([&] { return Rest("POST", "/schema", body, HttpAct::manage, "creating the class").status(); },
                [&]() -> Result<bool> {
                  ARROW_ASSIGN_OR_RAISE(const auto found, FindClass(name));
                  return found.has_value();
                });
}

Status Client::UpdateClass(const std::string& name, const std::string& body) const {
  return Rest("PUT", "/schema/" + PercentEncode(name), body, HttpAct::manage, fmt::format("changing the class '{}'", Quoted(name)), true).status();
}

Status Client::DropClass(const std::string& name) const {
  const Status status = Rest("DELETE", "/schema/" + PercentEncode(name), "", HttpAct::manage, fmt::format("deleting the class '{}'", Quoted(name)), true).status();
  return IsCategory(status, Category::not_found) ? Status::OK() : status;
}

Status Client::AddProperty(const std::string& name, const Json& body) const {
  return Rest("POST", "/schema/" + PercentEncode(name) + "/properties", TextOf(body), HttpAct::manage, fmt::format("adding a property to the class '{}'", Quoted(name)), true).status();
}

Result<std::vector<Tenant>> Client::Tenants(const std::string& name) const {
  ARROW_ASSIGN_OR_RAISE(const Json json, RestJson(TenantPath(name), fmt::format("listing the tenants of '{}'", Quoted(name))));
  std::vector<Tenant> tenants;
  if (json.is_null()) return tenants;
  if (!json.is_array()) return BadHttpAnswer("listing the tenants", "the answer is no list");
  for (const Json& each : json) {
    ARROW_ASSIGN_OR_RAISE(Tenant tenant, ParseTenant(each));
    tenants.push_back(std::move(tenant));
  }
  std::sort(tenants.begin(), tenants.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return tenants;
}

Result<std::optional<Tenant>> Client::FindTenant(const std::string& name, const std::string& tenant) const {
  const auto json = RestJson(TenantPath(name) + "/" + PercentEncode(tenant), fmt::format("looking at the tenant '{}'", Quoted(tenant)));
  if (IsCategory(json.status(), Category::not_found)) return std::nullopt;
  ARROW_RETURN_NOT_OK(json.status());
  ARROW_ASSIGN_OR_RAISE(Tenant found, ParseTenant(*json));
  return std::optional(std::move(found));
}

Status Client::AddTenants(const std::string& name, const std::vector<std::string>& tenants) const {
  Json body = Json::array();
  for (const auto& tenant : tenants) body.push_back({{"name", tenant}});
  return Rest("POST", TenantPath(name), TextOf(body), HttpAct::manage, fmt::format("adding tenants to '{}'", Quoted(name)), true).status();
}

Status Client::SetTenants(const std::string& name, const std::vector<std::string>& tenants, bool active) const {
  Json body = Json::array();
  // HOT and COLD are understood by every server; later ones say ACTIVE and INACTIVE for the same.
  for (const auto& tenant : tenants) body.push_back({{"name", tenant}, {"activityStatus", active ? "HOT" : "COLD"}});
  return Rest("PUT", TenantPath(name), TextOf(body), HttpAct::manage, fmt::format("{} tenants of '{}'", active ? "waking" : "putting back", Quoted(name)), true).status();
}

Result<std::map<std::string, std::string>> Client::Aliases() const {
  std::map<std::string, std::string> aliases;
  if (!AtLeast(1, 32)) return aliases;
  const auto json = RestJson("/aliases", "listing the aliases");
  // A key may see classes and not aliases.
  if (IsCategory(json.status(), Category::unauthorized) || IsCategory(json.status(), Category::not_found)) return aliases;
  ARROW_RETURN_NOT_OK(json.status());
  if (!json->is_object() || !json->contains("aliases") || (*json)["aliases"].is_null()) return aliases;
  for (const Json& each : (*json)["aliases"]) {
    if (each.is_object() && each.contains("alias") && each.contains("class") && each["alias"].is_string() && each["class"].is_string()) {
      aliases[each["alias"].get<std::string>()] = each["class"].get<std::string>();
    }
  }
  return aliases;
}

Status Client::SetAlias(const std::string& alias, const std::string& name, bool exists) const {
  const std::string what = fmt::format("turning over the alias '{}'", Quoted(alias));
  if (exists) return Rest("PUT", "/aliases/" + PercentEncode(alias), TextOf({{"class", name}}), HttpAct::manage, what, true).status();
  return DoOnce([&] { return Rest("POST", "/aliases", TextOf({{"alias", alias}, {"class", name}}), HttpAct::manage, what).status(); },
                [&]() -> Result<bool> {
                  ARROW_ASSIGN_OR_RAISE(const auto aliases, Aliases());
                  const auto at = aliases.find(alias);
                  return at != aliases.end() && at->second == name;
                });
}

Status Client::DropAlias(const std::string& alias) const {
  const Status status = Rest("DELETE", "/aliases/" + PercentEncode(alias), "", HttpAct::manage, fmt::format("deleting the alias '{}'", Quoted(alias)), true).status();
  return IsCategory(status, Category::not_found) ? Status::OK() : status;
}

Result<ShardState> Client::Shards(const std::string& name) const {
  ARROW_ASSIGN_OR_RAISE(const Json json, RestJson("/schema/" + PercentEncode(name) + "/shards", fmt::format("looking at the shards of '{}'", Quoted(name))));
  ShardState state;
  if (!json.is_array()) return state;
  for (const Json& shard : json) {
    if (!shard.is_object()) continue;
    if (const auto queue = shard.find("vectorQueueSize"); queue != shard.end() && queue->is_number_integer()) state.queued += queue->get<int64_t>();
    if (const auto status = shard.find("status"); status != shard.end() && *status == "READONLY") state.read_only = true;
  }
  return state;
}

Result<std::string> Client::Objects(const std::string& name, const std::string& tenant, const std::string& after, int64_t limit) const {
  std::string target = fmt::format("/objects?class={}&limit={}&after={}", PercentEncode(name), limit, PercentEncode(after));
  if (!tenant.empty()) target += "&tenant=" + PercentEncode(tenant);
  return Rest("GET", target, "", HttpAct::read, "reading references");
}

Result<std::string> Client::Object(const std::string& name, const std::string& tenant, const std::string& uuid) const {
  std::string target = fmt::format("/objects/{}/{}", PercentEncode(name), PercentEncode(uuid));
  if (!tenant.empty()) target += "?tenant=" + PercentEncode(tenant);
  return Rest("GET", target, "", HttpAct::read, "reading references");
}

// ---- gRPC

Status Client::Ask(const char* call, const google::protobuf::MessageLite& request, google::protobuf::MessageLite* reply, HttpAct act, std::string_view what,
                   const std::string& name, const std::string& tenant) const {
  const std::string method = fmt::format("/weaviate.v1.Weaviate/{}", call);
  std::string bytes = TakeBuffer(request.ByteSizeLong());
  if (!request.AppendToString(&bytes)) return MakeError(Category::too_large, fmt::format("{}: the message is larger than 2 GiB", what), "use a smaller --batch-size");
  GrpcReply answer = grpc_->Call({.method = method, .request = std::move(bytes), .safe = act == HttpAct::look || act == HttpAct::read}, cancel_);
  if (answer.code != grpc_code::kOk) {
    const Status status = Classify(answer, act, what);
    return SaysNothing(answer) ? Explain(status, name, tenant) : status;
  }
  const bool parsed = reply->ParseFromString(answer.bytes);
  GiveBuffer(std::move(answer.bytes));
  return parsed ? Status::OK() : BadGrpcAnswer(what);
}

Status Client::Explain(const Status& status, const std::string& name, const std::string& tenant) const {
  const auto found = FindClass(name);
  if (!found.ok()) return IsCategory(found.status(), Category::unauthorized) ? found.status() : status;
  if (!*found) return MakeError(Category::not_found, fmt::format("the class '{}' is gone", Quoted(name)), "see what removed it");
  if (tenant.empty()) return status;
  const auto there = FindTenant(name, tenant);
  if (!there.ok() || *there) return status;
  return MakeError(Category::not_found, fmt::format("the tenant '{}' of the class '{}' is gone", Quoted(tenant), Quoted(name)), "see what removed it");
}

Result<int64_t> Client::Count(const std::string& name, const std::string& tenant) const {
  pb::AggregateRequest request;
  request.set_collection(name);
  request.set_tenant(tenant);
  request.set_objects_count(true);
  pb::AggregateReply reply;
  ARROW_RETURN_NOT_OK(Ask("Aggregate", request, &reply, HttpAct::look, "counting the objects", name, tenant));
  if (!reply.single_result().has_objects_count()) return BadGrpcAnswer("counting the objects");
  return reply.single_result().objects_count();
}

}  // namespace vecferry::weaviate
