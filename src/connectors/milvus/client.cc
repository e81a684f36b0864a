#include "connectors/milvus/client.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/milvus/query.h"
#include "net/do_once.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

constexpr std::string_view kService = "/milvus.proto.milvus.MilvusService/";

/// MsgBase{1 msg_type}: older servers look at it.
void AppendBase(int type, std::string* out) {
  std::string base;
  AppendUintField(1, static_cast<uint64_t>(type), &base);
  AppendBytesField(1, base, out);
}

std::string What(std::string_view act, std::string_view collection) { return fmt::format("{} the collection '{}'", act, Printable(collection, 300)); }

Result<Index> ParseIndex(std::string_view message) {
  Index out;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) out.name = field.bytes;
    else if (field.is(4, WireType::length)) out.field = field.bytes;
    else if (field.is(5, WireType::varint)) out.indexed = static_cast<int64_t>(field.value);
    else if (field.is(6, WireType::varint)) out.total = static_cast<int64_t>(field.value);
    else if (field.is(7, WireType::varint)) out.state = static_cast<int>(field.value);
    else if (field.is(9, WireType::varint)) out.pending = static_cast<int64_t>(field.value);
    else if (field.is(3, WireType::length)) {
      ARROW_ASSIGN_OR_RAISE(auto pair, ParsePair(field.bytes));
      out.params.push_back(std::move(pair));
    }
  }
  if (!reader.ok()) return MakeError(Category::corrupt, "the description of an index cannot be read");
  return out;
}

/// Milvus Lite keeps no descriptions, but properties: what fields say of themselves stands there as one JSON object.
constexpr const char* kMarksProperty = "vecferry.fields";

std::string MarksOf(const CollectionSchema& schema) {
  nlohmann::json marks = nlohmann::json::object();
  for (const Field& field : schema.fields) {
    if (!field.description.empty()) marks[field.name] = field.description;
  }
  return marks.empty() ? "" : marks.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void TakeMarks(Collection* collection) {
  const auto marks = nlohmann::json::parse(ValueOf(collection->properties, kMarksProperty), nullptr, false);
  std::erase_if(collection->properties, [](const auto& pair) { return pair.first == kMarksProperty; });
  if (!marks.is_object()) return;
  for (Field& field : collection->schema.fields) {
    const auto at = marks.find(field.name);
    if (field.description.empty() && at != marks.end() && at->is_string()) field.description = at->get<std::string>();
  }
}

Result<Collection> ParseCollection(std::string_view message) {
  Collection out;
  bool has_schema = false;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(2, WireType::length)) {
      ARROW_ASSIGN_OR_RAISE(out.schema, ParseSchema(field.bytes));
      has_schema = true;
    } else if (field.is(3, WireType::varint)) out.id = static_cast<int64_t>(field.value);
    else if (field.is(8, WireType::varint)) out.shards = static_cast<int64_t>(field.value);
    else if (field.is(9, WireType::length)) out.aliases.emplace_back(field.bytes);
    else if (field.is(11, WireType::varint)) out.consistency = static_cast<int>(field.value);
    else if (field.is(12, WireType::length)) out.name = field.bytes;
    else if (field.is(15, WireType::varint)) out.partitions = static_cast<int64_t>(field.value);
    else if (field.is(13, WireType::length)) {
      ARROW_ASSIGN_OR_RAISE(auto pair, ParsePair(field.bytes));
      out.properties.push_back(std::move(pair));
    }
  }
  if (!reader.ok() || !has_schema) return MakeError(Category::corrupt, "the collection's description cannot be read");
  if (out.name.empty()) out.name = out.schema.name;
  TakeMarks(&out);
  return out;
}

/// Field 1 of an answer, or the answer itself. An answer that ends early is none, wherever it ends.
Result<StoreStatus> StatusIn(std::string_view answer, bool answer_is_status) {
  StoreStatus status;
  WireReader reader(answer);
  WireField field;
  while (reader.Next(&field)) {
    if (answer_is_status || !field.is(1, WireType::length)) continue;
    ARROW_ASSIGN_OR_RAISE(status, ParseStatus(field.bytes));
  }
  if (!reader.ok()) return MakeError(Category::corrupt, "the server's answer ends early");
  return answer_is_status ? ParseStatus(answer) : status;
}

}  // namespace

Client::Client(Target target, const CancelToken* cancel, std::unique_ptr<GrpcChannel> channel)
    : target_(std::move(target)), cancel_(cancel), channel_(std::move(channel)) {}
Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::Connect(const Target& target, const CancelToken* cancel) {
  GrpcChannel::Options options;
  options.connections = target.service.connections;
  options.deadline = target.service.deadline;
  // The client's own form: without the word Basic, for tokens too.
  if (!target.token.empty()) options.metadata.emplace_back("authorization", Base64(target.token));
  if (!target.database.empty()) options.metadata.emplace_back("dbname", target.database);
  ARROW_ASSIGN_OR_RAISE(auto channel, GrpcChannel::Make(target.service.endpoint, std::move(options)));
  std::shared_ptr<Client> client(new Client(target, cancel, std::move(channel)));
  ARROW_RETURN_NOT_OK(client->AskVersion());
  return client;
}

Status Client::AskVersion() {
  const std::string what = fmt::format("connecting to {}", endpoint().Display());
  const GrpcReply reply = channel_->Call({.method = fmt::format("{}GetVersion", kService), .request = {}, .safe = true}, cancel_);
  if (reply.code == grpc_code::kUnimplemented) {
    // Milvus Lite 2 has no such call; what is no Milvus at all has no collections either.
    lite_ = true;
    major_ = 2, minor_ = 4;
    return Collections().status();
  }
  if (reply.code == grpc_code::kUnavailable || reply.code == grpc_code::kUnknown) ARROW_RETURN_NOT_OK(Diagnose(endpoint()));
  if (reply.code != grpc_code::kOk) return Classify(reply, Act::look, what);
  WireReader reader(reply.bytes);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(2, WireType::length)) version_ = Printable(field.bytes, 100);
    if (!field.is(1, WireType::length)) continue;
    ARROW_ASSIGN_OR_RAISE(const StoreStatus status, ParseStatus(field.bytes));
    ARROW_RETURN_NOT_OK(Classify(status, Act::look, what));
  }
  if (!reader.ok()) return BadAnswer(what, "the server's answer is not that of Milvus");
  lite_ = version_.find("lite") != std::string::npos;
  const size_t digit = version_.find_first_of("0123456789");
  int major = 0, minor = 0;
  if (digit != std::string::npos && std::sscanf(version_.c_str() + digit, "%d.%d", &major, &minor) == 2 && major > 0) major_ = major, minor_ = minor;
  return Status::OK();
}

Result<std::string> Client::Call(const char* method, std::string request, Act act, std::string_view what, bool answer_is_status) const {
  return Ask(method, std::move(request), act, what, answer_is_status, act == Act::look || act == Act::read);
}

Result<std::string> Client::CallSafely(const char* method, std::string request, std::string_view what, bool answer_is_status) const {
  return Ask(method, std::move(request), Act::manage, what, answer_is_status, true);
}

Result<std::string> Client::Ask(const char* method, std::string request, Act act, std::string_view what, bool answer_is_status, bool safe) const {
  const auto failed = [&](std::string_view answer) {
    const auto status = StatusIn(answer, answer_is_status);
    if (!status.ok()) return true;
    const ErrorFacts facts = FactsOf(Classify(*status, act, what));
    return facts.retry != Retry::never && facts.retry_after.count() == 0;
  };
  GrpcReply reply = channel_->Call({.method = fmt::format("{}{}", kService, method), .request = std::move(request), .safe = safe, .failed = failed}, cancel_);
  if (reply.code != grpc_code::kOk) return Classify(reply, act, what);
  const auto status = StatusIn(reply.bytes, answer_is_status);
  if (!status.ok()) return BadAnswer(what, "the server's answer cannot be read");
  if (status->code == kNotLoaded) ++unloaded_;
  ARROW_RETURN_NOT_OK(Classify(*status, act, what));
  return std::move(reply.bytes);
}

std::string Client::For(std::string_view collection) const {
  std::string out;
  if (!target_.database.empty()) AppendBytesField(2, target_.database, &out);
  AppendBytesField(3, collection, &out);
  return out;
}

Result<std::vector<std::string>> Texts(std::string_view message, uint32_t number) {
  std::vector<std::string> texts;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(number, WireType::length)) texts.emplace_back(field.bytes);
  }
  if (!reader.ok()) return MakeError(Category::corrupt, "the server's answer cannot be read");
  return texts;
}

Result<std::vector<std::string>> Client::Collections() const {
  std::string request;
  AppendBase(104, &request);
  if (!target_.database.empty()) AppendBytesField(2, target_.database, &request);
  ARROW_ASSIGN_OR_RAISE(const std::string answer, Call("ShowCollections", std::move(request), Act::look, "listing the collections"));
  auto names = Texts(answer, 2);
  if (!names.ok()) return BadAnswer("listing the collections", names.status().message());
  std::sort(names->begin(), names->end());
  return names;
}

Result<std::optional<Collection>> Client::Describe(const std::string& name) const {
  const std::string what = What("looking at", name);
  std::string request;
  AppendBase(103, &request);
  const auto answer = Call("DescribeCollection", request + For(name), Act::look, what);
  if (IsCategory(answer.status(), Category::not_found)) return std::nullopt;
  ARROW_RETURN_NOT_OK(answer.status());
  auto collection = ParseCollection(*answer);
  if (!collection.ok()) return BadAnswer(what, collection.status().message());
  if (lite_ && !is_lite_2() && collection->aliases.empty()) {
    // Milvus Lite 3 does not name them here.
    ARROW_ASSIGN_OR_RAISE(const std::string aliases, Call("ListAliases", For(collection->name), Act::look, what));
    auto names = Texts(aliases, 4);
    if (!names.ok()) return BadAnswer(what, names.status().message());
    collection->aliases = std::move(*names);
  }
  return std::move(*collection);
}

Status Client::Create(const Collection& collection) const {
  std::string request;
  AppendBase(100, &request);
  request += For(collection.name);
  AppendBytesField(4, Encode(collection.schema), &request);
  AppendUintField(5, static_cast<uint64_t>(std::clamp<int64_t>(collection.shards, 1, 64)), &request);
  AppendUintField(6, static_cast<uint64_t>(collection.consistency), &request);
  for (const auto& [key, value] : collection.properties) AppendPair(7, key, value, &request);
  if (const std::string marks = lite_ ? MarksOf(collection.schema) : ""; !marks.empty()) AppendPair(7, kMarksProperty, marks, &request);
  if (collection.partitions > 0) AppendUintField(8, static_cast<uint64_t>(collection.partitions), &request);
  return DoOnce([&] { return Call("CreateCollection", request, Act::manage, What("creating", collection.name), true).status(); },
                [&] { return Has(collection.name); });
}

Status Client::Drop(const std::string& collection) const {
  std::string request;
  AppendBase(101, &request);
  const Status status = CallSafely("DropCollection", request + For(collection), What("deleting", collection), true).status();
  return IsCategory(status, Category::not_found) ? Status::OK() : status;
}

Status Client::Rename(const std::string& from, const std::string& to) const {
  std::string request;
  AppendBase(112, &request);
  if (!target_.database.empty()) AppendBytesField(2, target_.database, &request);
  AppendBytesField(3, from, &request);
  AppendBytesField(4, to, &request);
  return DoOnce([&] { return Call("RenameCollection", request, Act::manage, What("renaming", from), true).status(); },
                [&]() -> Result<bool> {
                  ARROW_ASSIGN_OR_RAISE(const bool there, Has(from));
                  return !there;
                });
}

Status Client::PointAlias(const std::string& alias, const std::string& collection, bool exists) const {
  const std::string what = fmt::format("pointing the alias '{}'", Printable(alias, 300));
  std::string request;
  AppendBase(exists ? 110 : 108, &request);
  request += For(collection);
  AppendBytesField(4, alias, &request);
  if (exists) return CallSafely("AlterAlias", std::move(request), what, true).status();
  return DoOnce([&] { return Call("CreateAlias", request, Act::manage, what, true).status(); },
                [&]() -> Result<bool> {
                  ARROW_ASSIGN_OR_RAISE(const auto behind, Describe(alias));
                  return behind && behind->name == collection;
                });
}

Result<bool> Client::Has(const std::string& collection) const {
  ARROW_ASSIGN_OR_RAISE(const auto there, Describe(collection));
  return there && there->name == collection;
}

Result<int64_t> Client::Statistics(const std::string& collection) const {
  std::string request;
  AppendBase(504, &request);
  ARROW_ASSIGN_OR_RAISE(const std::string answer, Call("GetCollectionStatistics", request + For(collection), Act::look, What("counting", collection)));
  ARROW_ASSIGN_OR_RAISE(const auto pairs, Texts(answer, 2));
  for (const auto& pair : pairs) {
    ARROW_ASSIGN_OR_RAISE(const auto parsed, ParsePair(pair));
    if (parsed.first == "row_count") return ParseInt(parsed.second);
  }
  return -1;
}

Result<int64_t> Client::Count(const std::string& collection, std::string_view expr, std::string_view partition, uint64_t timestamp) const {
  Query query;
  query.expr = expr;
  query.fields = {"count(*)"};
  query.partition = partition;
  query.timestamp = timestamp;
  const std::string what = What("counting", collection);
  ARROW_ASSIGN_OR_RAISE(const std::string answer, Call("Query", QueryRequest(For(collection), query), Act::read, what));
  const auto count = ParseCount(answer);
  return count.ok() ? count : BadAnswer(what, count.status().message());
}

Result<std::vector<Index>> Client::Indexes(const std::string& collection) const {
  std::string request;
  AppendBase(301, &request);
  const auto answer = Call("DescribeIndex", request + For(collection), Act::look, What("looking at the indexes of", collection));
  // A collection without an index is said to lack one, by a code of its own or by that of something that is not there.
  if (!answer.ok() && (IsCategory(answer.status(), Category::refused) || IsCategory(answer.status(), Category::not_found))) return std::vector<Index>();
  ARROW_RETURN_NOT_OK(answer.status());
  ARROW_ASSIGN_OR_RAISE(const auto messages, Texts(*answer, 2));
  std::vector<Index> indexes;
  for (const auto& message : messages) {
    ARROW_ASSIGN_OR_RAISE(Index index, ParseIndex(message));
    indexes.push_back(std::move(index));
  }
  return indexes;
}

Status Client::CreateIndex(const std::string& collection, const std::string& field, const std::string& name, const Pairs& params) const {
  std::string request;
  AppendBase(300, &request);
  request += For(collection);
  AppendBytesField(4, field, &request);
  for (const auto& [key, value] : params) AppendPair(5, key, value, &request);
  AppendBytesField(6, name, &request);
  return CallSafely("CreateIndex", std::move(request), fmt::format("creating the index of '{}'", Printable(field, 200)), true).status();
}

Result<LoadState> Client::State(const std::string& collection) const {
  std::string request;
  AppendBytesField(2, collection, &request);
  if (!target_.database.empty()) AppendBytesField(4, target_.database, &request);
  ARROW_ASSIGN_OR_RAISE(const std::string answer, Call("GetLoadState", std::move(request), Act::look, What("looking at", collection)));
  LoadState state = LoadState::gone;
  WireReader reader(answer);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(2, WireType::varint) && field.value <= 3) state = static_cast<LoadState>(field.value);
  }
  return state;
}

Status Client::Load(const std::string& collection) const {
  return CallSafely("LoadCollection", For(collection), What("loading", collection), true).status();
}

Status Client::Release(const std::string& collection) const {
  return CallSafely("ReleaseCollection", For(collection), What("releasing", collection), true).status();
}

Status Client::Flush(const std::string& collection) const {
  std::string request;
  if (!target_.database.empty()) AppendBytesField(2, target_.database, &request);
  AppendBytesField(3, collection, &request);
  return CallSafely("Flush", std::move(request), What("flushing", collection)).status();
}

Result<std::vector<std::string>> Client::Partitions(const std::string& collection) const {
  std::string request;
  AppendBase(204, &request);
  const auto answer = Call("ShowPartitions", request + For(collection), Act::look, What("listing the partitions of", collection));
  if (IsCategory(answer.status(), Category::unsupported)) return std::vector<std::string>{std::string(kDefaultPartition)};
  ARROW_RETURN_NOT_OK(answer.status());
  ARROW_ASSIGN_OR_RAISE(auto names, Texts(*answer, 2));
  std::sort(names.begin(), names.end());
  return names;
}

Status Client::CreatePartition(const std::string& collection, const std::string& partition) const {
  std::string request;
  AppendBase(200, &request);
  request += For(collection);
  AppendBytesField(4, partition, &request);
  const std::string what = fmt::format("creating the partition '{}'", Printable(partition, 200));
  return DoOnce([&] { return Call("CreatePartition", request, Act::manage, what, true).status(); },
                [&]() -> Result<bool> {
                  ARROW_ASSIGN_OR_RAISE(const auto partitions, Partitions(collection));
                  return std::binary_search(partitions.begin(), partitions.end(), partition);
                });
}

}  // namespace vecferry::milvus
