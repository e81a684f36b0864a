#include "chroma_model/client.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "chroma_model/page.h"
#include "connector/location.h"
#include "net/failure_facts.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kListPage = 500;
/// More collections than this are taken for a server that repeats itself.
constexpr size_t kMostCollections = 1'000'000;

std::string TextOf(const Json& object, const char* key) {
  const auto at = object.is_object() ? object.find(key) : object.end();
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string DumpOf(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() || at->is_null() ? std::string() : at->dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Id and name alone; nothing where it is no collection.
std::optional<Collection> HeadOf(const Json& json) {
  Collection collection{TextOf(json, "id"), TextOf(json, "name"), 0, {}};
  if (collection.id.empty() || collection.name.empty()) return std::nullopt;
  if (const auto at = json.find("dimension"); at != json.end() && at->is_number_integer()) {
    const auto dims = at->get<int64_t>();
    if (dims < 0 || dims > (1 << 20)) return std::nullopt;
    collection.dimension = static_cast<int32_t>(dims);
  }
  return collection;
}

Status AddParameters(const Json& json, Collection* collection) {
  const Kept kept{DumpOf(json, "configuration_json"), DumpOf(json, "schema"), DumpOf(json, "metadata")};
  ARROW_ASSIGN_OR_RAISE(collection->parameters, ParametersOf(kept));
  return Status::OK();
}

Result<Collection> CollectionOf(std::string_view body, std::string_view what) {
  if (!IsShallow(body)) return BadHttpAnswer(what, "the answer nests too deep");
  const Json json = Json::parse(body, nullptr, false);
  auto collection = HeadOf(json);
  if (!collection) return BadHttpAnswer(what, "the answer is no collection");
  ARROW_RETURN_NOT_OK(AddParameters(json, &*collection));
  return *std::move(collection);
}

}  // namespace

Status FailureOf(const HttpReply& reply, HttpAct act, std::string_view what) {
  ServerError error = ParseServerError(reply.body);
  if (reply.fault == HttpFault::none && reply.status == 409 && act == HttpAct::manage) {
    return MakeError(Category::refused, fmt::format("{}: {}", what, Printable(error.message, 500)), "another program made it meanwhile: run the command again and look");
  }
  // The server deletes a collection and its segments one after the other, and answers so in between: asked again, it tells what is left.
  if (reply.fault == HttpFault::none && reply.status == 412) {
    return MakeError(PassingFailure(Delivery::not_applied, "see whether the collection is being deleted, or was deleted in part"), fmt::format("{}: {} (HTTP 412)", what, Printable(error.message, 500)));
  }
  return Classify(reply, act, what, error.message.empty() ? error.name : error.message);
}

Client::Client(Address address, const CancelToken* cancel, std::unique_ptr<HttpClient> http) : address_(std::move(address)), cancel_(cancel), http_(std::move(http)) {}

Result<std::shared_ptr<Client>> Client::Connect(Address address, const CancelToken* cancel) {
  HttpClient::Options options;
  options.headers = address.headers;
  options.base = address.base + "/api/v2";
  options.deadline = address.deadline;
  ARROW_ASSIGN_OR_RAISE(auto http, HttpClient::Make(address.endpoint, std::move(options)));
  std::shared_ptr<Client> client(new Client(std::move(address), cancel, std::move(http)));
  ARROW_RETURN_NOT_OK(client->ReadFacts());
  return client;
}

Status Client::ReadFacts() {
  const std::string what = fmt::format("connecting to {}", address_.endpoint.Display());
  const HttpReply limits = Send("GET", "/pre-flight-checks");
  if (limits.fault == HttpFault::none && (limits.status == 404 || limits.status == 410 || limits.status == 405)) {
    return MakeError(Category::unsupported, fmt::format("{}: there is no Chroma API v2 at {}/api/v2", what, address_.base),
                     "update the server, or read its directory with chroma-local:; behind a proxy, say ?base=/PATH");
  }
  if (!limits.ok()) return FailureOf(limits, HttpAct::look, what);
  const Json json = Json::parse(limits.body, nullptr, false);
  if (!json.is_object()) return BadHttpAnswer(what, "the answer is not that of Chroma");
  if (const auto at = json.find("max_batch_size"); at != json.end() && at->is_number_integer()) facts_.max_batch = std::max<int64_t>(0, at->get<int64_t>());
  if (const auto at = json.find("supports_base64_encoding"); at != json.end() && at->is_boolean()) facts_.base64 = at->get<bool>();
  const HttpReply version = Send("GET", "/version");
  if (!version.ok()) return FailureOf(version, HttpAct::look, what);
  const Json text = Json::parse(version.body, nullptr, false);
  facts_.version = Printable(text.is_string() ? text.get<std::string>() : version.body, 50);
  return Status::OK();
}

HttpReply Client::Send(const char* method, const std::string& path, std::string body, bool safe) const {
  HttpCall call;
  call.method = method;
  call.target = path;
  call.body = std::move(body);
  call.safe = safe;
  return http_->Call(call, cancel_);
}

Result<std::string> Client::Ask(const char* method, const std::string& path, std::string body, HttpAct act, std::string_view what) const {
  HttpReply reply = Send(method, path, std::move(body), act == HttpAct::look || act == HttpAct::read);
  if (!reply.ok()) return FailureOf(reply, act, what);
  return std::move(reply.body);
}

std::string Client::CollectionsPath() const {
  return fmt::format("/tenants/{}/databases/{}/collections", PercentEncode(address_.tenant), PercentEncode(address_.database));
}

Result<std::vector<Client::Listed>> Client::Collections() const {
  constexpr std::string_view kWhat = "listing the collections";
  std::vector<Listed> all;
  while (all.size() < kMostCollections) {
    const std::string path = fmt::format("{}?limit={}&offset={}", CollectionsPath(), kListPage, all.size());
    ARROW_ASSIGN_OR_RAISE(const std::string body, Ask("GET", path, {}, HttpAct::look, kWhat));
    const Json json = IsShallow(body) ? Json::parse(body, nullptr, false) : Json();
    if (!json.is_array()) return BadHttpAnswer(kWhat, "the answer is no list");
    for (const Json& each : json) {
      auto collection = HeadOf(each);
      if (!collection) return BadHttpAnswer(kWhat, "an entry of the list is no collection");
      Listed listed{*std::move(collection), Status::OK()};
      listed.fault = AddParameters(each, &listed.collection);
      all.push_back(std::move(listed));
    }
    if (static_cast<int64_t>(json.size()) < kListPage) break;
  }
  std::sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.collection.name < b.collection.name; });
  const auto same = [](const Listed& a, const Listed& b) { return a.collection.id == b.collection.id; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

Result<std::optional<Collection>> Client::Find(const std::string& name) const {
  const std::string what = fmt::format("looking at the collection '{}'", Printable(name, 300));
  const HttpReply reply = Send("GET", CollectionsPath() + "/" + PercentEncode(name));
  if (reply.fault == HttpFault::none && reply.status == 404) return std::nullopt;
  if (!reply.ok()) return FailureOf(reply, HttpAct::look, what);
  ARROW_ASSIGN_OR_RAISE(Collection collection, CollectionOf(reply.body, what));
  if (collection.name != name) return BadHttpAnswer(what, "the answer is another collection");
  return collection;
}

Result<Collection> Client::Create(const Creation& creation) const {
  constexpr std::string_view kWhat = "creating the collection";
  ARROW_ASSIGN_OR_RAISE(const std::string body, Ask("POST", CollectionsPath(), creation.body, HttpAct::manage, kWhat));
  ARROW_ASSIGN_OR_RAISE(Collection collection, CollectionOf(body, kWhat));
  if (!creation.put_metadata.empty()) {
    ARROW_RETURN_NOT_OK(Ask("PUT", CollectionsPath() + "/" + PercentEncode(collection.id), MetadataBody(creation.put_metadata), HttpAct::manage, kWhat).status());
  }
  return collection;
}

Status Client::Drop(const std::string& name, const std::string& id) const {
  ARROW_ASSIGN_OR_RAISE(const auto there, Find(name));
  if (!there || there->id != id) return Status::OK();
  const HttpReply reply = Send("DELETE", CollectionsPath() + "/" + PercentEncode(name));
  if (reply.ok() || (reply.fault == HttpFault::none && reply.status == 404)) return Status::OK();
  return FailureOf(reply, HttpAct::manage, "deleting the collection");
}

Status Client::Rename(const std::string& id, const std::string& new_name) const {
  return Ask("PUT", CollectionsPath() + "/" + PercentEncode(id), RenameBody(new_name), HttpAct::manage, "renaming the collection").status();
}

Result<int64_t> Client::Count(const std::string& id) const {
  constexpr std::string_view kWhat = "counting the records";
  ARROW_ASSIGN_OR_RAISE(const std::string body, Ask("GET", CollectionsPath() + "/" + PercentEncode(id) + "/count", {}, HttpAct::look, kWhat));
  const auto count = ParseInt(body);
  if (!count.ok() || *count < 0) return BadHttpAnswer(kWhat, "the answer is no number");
  return *count;
}

Result<std::string> Client::Records(const std::string& id, const char* verb, std::string body, HttpAct act, std::string_view what) const {
  return Ask("POST", CollectionsPath() + "/" + PercentEncode(id) + "/" + verb, std::move(body), act, what);
}

Result<std::vector<std::string>> Client::Databases() const {
  constexpr std::string_view kWhat = "listing the databases";
  ARROW_ASSIGN_OR_RAISE(const std::string body, Ask("GET", fmt::format("/tenants/{}/databases?limit=1000", PercentEncode(address_.tenant)), {}, HttpAct::look, kWhat));
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_array()) return BadHttpAnswer(kWhat, "the answer is no list");
  std::vector<std::string> names;
  for (const Json& each : json) names.push_back(TextOf(each, "name"));
  return names;
}

Result<bool> Client::HasDatabase() const {
  const HttpReply reply = Send("GET", fmt::format("/tenants/{}/databases/{}", PercentEncode(address_.tenant), PercentEncode(address_.database)));
  if (reply.ok()) return true;
  if (reply.fault == HttpFault::none && reply.status == 404) return false;
  return FailureOf(reply, HttpAct::look, "looking at the database");
}

Result<std::string> Client::Identity() const {
  constexpr std::string_view kWhat = "asking who we are";
  ARROW_ASSIGN_OR_RAISE(const std::string body, Ask("GET", "/auth/identity", {}, HttpAct::look, kWhat));
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return BadHttpAnswer(kWhat, "the answer is no object");
  const std::string user = TextOf(json, "user_id"), tenant = TextOf(json, "tenant");
  return user.empty() ? std::string() : Printable(fmt::format("{} at {}", user, tenant), 200);
}

}  // namespace vecferry::chroma_model
