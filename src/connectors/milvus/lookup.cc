#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/milvus/dataset.h"
#include "connectors/milvus/query.h"
#include "net/wire.h"

namespace vecferry::milvus {

std::string Dataset::identity() const {
  const std::string& database = client->target().database;
  return std::string(kScheme) + "://" + client->endpoint().Display() + (database.empty() || database == "default" ? "" : "/" + database) + "#" + name;
}

Result<std::optional<Found>> Look(const Client& client, const std::string& name, const Layout& layout) {
  Found found;
  ARROW_ASSIGN_OR_RAISE(auto collection, client.Describe(name));
  if (!collection) return std::nullopt;
  found.collection = std::move(*collection);
  for (Field& field : found.collection.schema.fields) {
    // Milvus Lite takes the word and mixes up the rows: a vector that lacks is nothing it can keep.
    if (client.is_lite() && IsVector(field.type)) field.nullable = false;
  }
  ARROW_ASSIGN_OR_RAISE(found.indexes, client.Indexes(found.collection.name));
  const auto& fields = found.collection.schema.fields;
  const bool keyed = std::any_of(fields.begin(), fields.end(), [](const Field& field) { return field.partition_key; });
  if (!keyed) {
    ARROW_ASSIGN_OR_RAISE(found.partitions, client.Partitions(found.collection.name));
  }
  Wishes wishes;
  wishes.layout = &layout;
  wishes.tenant_field = client.target().tenant_field;
  wishes.document_field = client.target().document_field;
  wishes.has_partitions = std::any_of(found.partitions.begin(), found.partitions.end(), [](const auto& each) { return each != kDefaultPartition; });
  ARROW_ASSIGN_OR_RAISE(found.shape, ShapeOf(found.collection, found.indexes, wishes));
  return found;
}

Status Loaded::Ensure(const std::shared_ptr<Client>& client, const std::string& collection) {
  std::lock_guard guard(mutex_);
  const uint64_t unloaded = client->unloaded();
  if (ready_ && collection == collection_ && unloaded == unloaded_) return Status::OK();
  client_ = client, collection_ = collection;
  ARROW_ASSIGN_OR_RAISE(const LoadState state, client->State(collection));
  if (state == LoadState::loaded) return ready_ = true, unloaded_ = unloaded, Status::OK();
  if (state == LoadState::gone) return MakeError(Category::not_found, fmt::format("there is no collection '{}'", Printable(collection)), "see which there are with `vecferry inspect`");
  if (state == LoadState::released) {
    ARROW_RETURN_NOT_OK(client->Load(collection));
    // One that was in memory before the server forgot it stays there.
    ours_ |= !ready_;
    ARROW_ASSIGN_OR_RAISE(const LoadState now, client->State(collection));
    if (now == LoadState::loaded) return ready_ = true, unloaded_ = unloaded, Status::OK();
  }
  ErrorFacts facts;
  facts.category = Category::transient;
  facts.retry = Retry::after_delay;
  facts.retry_after = std::chrono::milliseconds(500);
  facts.next_step = "wait until the server has loaded it, then run the same command again";
  return MakeError(std::move(facts), fmt::format("the collection '{}' is being loaded into memory", Printable(collection)));
}

Loaded::~Loaded() {
  // What cannot be put back stays loaded: the reader has nobody left to tell.
  if (ours_) (void)client_->Release(collection_);
}

Status Upsert(const Client& client, std::string request, int64_t rows, Act act) {
  constexpr std::string_view kWhat = "writing rows";
  ARROW_ASSIGN_OR_RAISE(const std::string answer, client.Call("Upsert", std::move(request), act, kWhat));
  int64_t counted = -1;
  WireReader reader(answer);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(8, WireType::varint)) counted = static_cast<int64_t>(field.value);  // upsert_cnt
    if (field.is(6, WireType::varint) && counted < 0) counted = static_cast<int64_t>(field.value);  // insert_cnt, of older servers
  }
  if (!reader.ok()) return BadAnswer(kWhat, "the server's answer cannot be read");
  if (counted != rows) return BadAnswer(kWhat, fmt::format("the server says that it wrote {} of {} rows", std::max<int64_t>(counted, 0), rows));
  return Status::OK();
}

Status RowsByKey::EnsureLoaded() {
  return loaded_->Ensure(dataset_.client, dataset_.collection);
}

std::vector<RowsByKey::Group> RowsByKey::Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const {
  std::map<std::string, Group> open;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string_view tenant = i < tenants.size() ? tenants[i] : std::string_view();
    auto key = KeyOf(shape_, tenant, ids[i]);
    if (!key.ok()) continue;
    const std::string partition = !shape_.partition_tenants ? "" : tenant.empty() ? std::string(kDefaultPartition) : std::string(tenant);
    Group& group = open[partition];
    group.partition = partition;
    group.keys.push_back(std::move(*key));
    group.at.push_back(i);
  }
  std::vector<Group> list;
  for (auto& [partition, group] : open) list.push_back(std::move(group));
  return list;
}

Result<std::optional<std::string>> RowsByKey::Fetch(const Group& group, bool keys_only) const {
  Query query;
  const std::string expr = InExpr(shape_.key_field().name, group.keys);
  query.expr = expr;
  query.fields = shape_.FieldNames(keys_only);
  query.partition = group.partition;
  auto answer = dataset_.client->Call("Query", QueryRequest(dataset_.client->For(dataset_.collection), query), Act::read, "reading rows by key");
  if (shape_.partition_tenants && !answer.ok() && (IsCategory(answer.status(), Category::not_found) || IsCategory(answer.status(), Category::refused))) {
    ARROW_ASSIGN_OR_RAISE(const auto partitions, dataset_.client->Partitions(dataset_.collection));
    if (std::find(partitions.begin(), partitions.end(), group.partition) == partitions.end()) return std::nullopt;
  }
  ARROW_RETURN_NOT_OK(answer.status());
  return std::move(*answer);
}

Result<int64_t> RowsByKey::Count() {
  ARROW_RETURN_NOT_OK(EnsureLoaded());
  return dataset_.client->Count(dataset_.collection);
}

Result<RecordView> RowsByKey::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_RETURN_NOT_OK(EnsureLoaded());
  BatchBuilder builder(shape_.schema);
  RowDecoder decoder(shape_, *dataset_.layout);
  for (const Group& group : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const auto answer, Fetch(group, false));
    if (!answer) continue;
    const Status opened = decoder.Open(*answer);
    if (!opened.ok()) return BadAnswer("reading rows by key", opened.message());
    RowFacts facts;
    // A row that cannot be read is not there: the source tells of it.
    for (int64_t row = 0; row < decoder.rows(); ++row) (void)decoder.Append(row, group.partition, builder, &facts);
  }
  return builder.Finish();
}

Result<int64_t> RowsByKey::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_RETURN_NOT_OK(EnsureLoaded());
  int64_t count = 0;
  RowDecoder decoder(shape_, *dataset_.layout);
  for (const Group& group : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const auto answer, Fetch(group, true));
    if (!answer) continue;
    const Status opened = decoder.Open(*answer, true);
    if (!opened.ok()) return BadAnswer("reading rows by key", opened.message());
    count += decoder.rows();
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> RowsByKey::Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_RETURN_NOT_OK(EnsureLoaded());
  std::vector<std::optional<std::string>> images(ids.size());
  RowDecoder decoder(shape_, *dataset_.layout);
  for (const Group& group : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const auto answer, Fetch(group, false));
    if (!answer) continue;
    const Status opened = decoder.Open(*answer);
    if (!opened.ok()) return BadAnswer("reading rows by key", opened.message());
    std::map<Key, std::string> found;
    for (int64_t row = 0; row < decoder.rows(); ++row) found[decoder.KeyOfRow(row)] = ImageOf(decoder.columns(), row);
    for (size_t i = 0; i < group.keys.size(); ++i) {
      if (const auto at = found.find(group.keys[i]); at != found.end()) images[group.at[i]] = at->second;
    }
  }
  return images;
}

Status RowsByKey::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  for (const Group& group : Groups(tenants, ids)) {
    std::vector<std::string_view> list;
    for (const size_t at : group.at) {
      if (at < images.size()) list.push_back(images[at]);
    }
    ARROW_ASSIGN_OR_RAISE(std::string request, RequestOf(dataset_.client->For(dataset_.collection), group.partition, shape_, list));
    VF_FAILPOINT("milvus.restore.before");
    if (dataset_.client->is_lite() && !dataset_.client->is_lite_2() && shape_.dynamic) {
      // Its upsert would leave what the row has got in the dynamic field since.
      const std::string expr = InExpr(shape_.key_field().name, group.keys);
      ARROW_RETURN_NOT_OK(dataset_.client->CallSafely("Delete", DeleteRequest(dataset_.client->For(dataset_.collection), group.partition, expr), "deleting rows").status());
    }
    ARROW_RETURN_NOT_OK(Upsert(*dataset_.client, std::move(request), static_cast<int64_t>(list.size())));
    VF_FAILPOINT("milvus.restore.after");
  }
  return Status::OK();
}

Status RowsByKey::DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_RETURN_NOT_OK(EnsureLoaded());
  for (const Group& group : Groups(tenants, ids)) {
    VF_FAILPOINT("milvus.delete.before");
    const std::string expr = InExpr(shape_.key_field().name, group.keys);
    ARROW_RETURN_NOT_OK(dataset_.client->CallSafely("Delete", DeleteRequest(dataset_.client->For(dataset_.collection), group.partition, expr), "deleting rows").status());
    VF_FAILPOINT("milvus.delete.after");
  }
  return Status::OK();
}

}  // namespace vecferry::milvus
