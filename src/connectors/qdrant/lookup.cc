#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/qdrant/dataset.h"
#include "qdrant_pb/points.pb.h"

namespace vecferry::qdrant {

Result<Page> Understood(Result<Page> page, std::string_view what) {
  if (!page.ok()) return BadAnswer(what, page.status().message());
  if (!page->timed || (page->next && page->points.empty())) return BadAnswer(what, "the server's answer is not one to this question");
  return page;
}

Status Upsert(const Client& client, std::string request) {
  constexpr std::string_view kWhat = "writing points";
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, client.Call("/qdrant.Points/Upsert", std::move(request), Act::write, kWhat));
  pb::PointsOperationResponse response;
  if (!response.ParseFromString(bytes)) return BadAnswer(kWhat, "the server's answer cannot be read");
  switch (response.result().status()) {
    case pb::UpdateResult::completed: return Status::OK();
    case pb::UpdateResult::wait_timeout: return BadAnswer(kWhat, "the server did not complete it in time");
    default: return BadAnswer(kWhat, "the server does not say that it is completed");
  }
}

Result<PointId> PointsByKey::IdOf(std::string_view tenant, std::string_view id) const {
  const bool has_tenant = shape_.schema.has_tenant && !shape_.custom_sharding && !tenant.empty();
  ARROW_ASSIGN_OR_RAISE(const MappedId mapped, MapId(*dataset_.layout, shape_.schema.id_kind, has_tenant ? std::optional(tenant) : std::nullopt, id));
  return PointId::Of(mapped);
}

std::vector<PointsByKey::Group> PointsByKey::Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const {
  std::map<std::string_view, Group> open;
  std::vector<Group> list;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string_view tenant = i < tenants.size() ? tenants[i] : std::string_view();
    auto id = IdOf(tenant, ids[i]);
    if (!id.ok()) continue;
    Group& group = open[shape_.custom_sharding ? tenant : std::string_view()];
    if (static_cast<int64_t>(group.ids.size()) >= shape_.most_points) list.push_back(std::exchange(group, Group()));
    if (shape_.custom_sharding) group.shard = tenant;
    group.ids.push_back(std::move(*id));
    group.at.push_back(i);
  }
  for (auto& [key, group] : open) list.push_back(std::move(group));
  return list;
}

Result<Page> PointsByKey::Fetch(const Group& group, const Wanted& wanted, std::string* bytes) const {
  auto answer = dataset_.client->Call("/qdrant.Points/Get", GetRequest(dataset_.collection, group.shard, group.ids, wanted), Act::read, "reading points by id");
  ARROW_RETURN_NOT_OK(answer.status());
  *bytes = std::move(*answer);
  return Understood(ParseGetResponse(*bytes), "reading points by id");
}

Result<int64_t> PointsByKey::Count() {
  ARROW_ASSIGN_OR_RAISE(const int64_t count, dataset_.client->Count(dataset_.collection));
  ARROW_ASSIGN_OR_RAISE(const int64_t own, CountBookkeeping(dataset_, shape_));
  return count - own;
}

Result<RecordView> PointsByKey::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  BatchBuilder builder(shape_.schema);
  PointDecoder decoder(shape_.schema, *dataset_.layout);
  for (const Group& group : Groups(tenants, ids)) {
    std::string bytes;
    ARROW_ASSIGN_OR_RAISE(const Page page, Fetch(group, {}, &bytes));
    PointFacts facts;
    // A point that cannot be read is not there: the source tells of it.
    for (const auto& point : page.points) (void)decoder.Append(point, builder, &facts, shape_.custom_sharding);
  }
  return builder.Finish();
}

Result<int64_t> PointsByKey::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  int64_t count = 0;
  for (const Group& group : Groups(tenants, ids)) {
    std::string bytes;
    ARROW_ASSIGN_OR_RAISE(const Page page, Fetch(group, {.vectors = false, .payload = false}, &bytes));
    count += static_cast<int64_t>(page.points.size());
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> PointsByKey::Capture(const std::vector<std::string_view>& tenants,
                                                                     const std::vector<std::string_view>& ids) {
  std::vector<std::optional<std::string>> images(ids.size());
  for (const Group& group : Groups(tenants, ids)) {
    std::string bytes;
    ARROW_ASSIGN_OR_RAISE(const Page page, Fetch(group, {}, &bytes));
    std::map<PointId, std::string> found;
    for (const auto& point : page.points) {
      ARROW_ASSIGN_OR_RAISE(const PointId id, PointDecoder::IdOf(point));
      ARROW_RETURN_NOT_OK(AppendAsPoint(point, dataset_.client->dialect(), &found[id]));
    }
    for (size_t i = 0; i < group.ids.size(); ++i) {
      if (const auto at = found.find(group.ids[i]); at != found.end()) images[group.at[i]] = at->second;
    }
  }
  return images;
}

Status PointsByKey::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                            const std::vector<std::string_view>& images) {
  for (const Group& group : Groups(tenants, ids)) {
    std::string request = UpsertHead(dataset_.collection, group.shard);
    for (const size_t at : group.at) {
      if (at < images.size()) request += images[at];
    }
    VF_FAILPOINT("qdrant.restore.before");
    ARROW_RETURN_NOT_OK(Upsert(*dataset_.client, std::move(request)));
    VF_FAILPOINT("qdrant.restore.after");
  }
  return Status::OK();
}

Status PointsByKey::DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  for (const Group& group : Groups(tenants, ids)) {
    VF_FAILPOINT("qdrant.delete.before");
    pb::PointsOperationResponse response;
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, dataset_.client->Call("/qdrant.Points/Delete", DeleteRequest(dataset_.collection, group.shard, group.ids),
                                                                         Act::manage, "deleting points"));
    if (!response.ParseFromString(bytes) || response.result().status() != pb::UpdateResult::completed) {
      return BadAnswer("deleting points", "the server does not say that it is completed");
    }
    VF_FAILPOINT("qdrant.delete.after");
  }
  return Status::OK();
}

Result<int64_t> CountBookkeeping(const Dataset& dataset, const Shape& shape) {
  const auto& own = dataset.layout->bookkeeping;
  if (!own) return 0;
  const auto id = ParsePointId(own->point_id);
  if (!id.ok()) return 0;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, dataset.client->Call("/qdrant.Points/Get", GetRequest(dataset.collection, std::nullopt, {*id}, {}), Act::read,
                                                                      "looking for the application's own point"));
  ARROW_ASSIGN_OR_RAISE(const Page page, Understood(ParseGetResponse(bytes), "looking for the application's own point"));
  BatchBuilder builder(shape.schema);
  PointDecoder decoder(shape.schema, *dataset.layout);
  PointFacts facts;
  const bool found = !page.points.empty() && !decoder.Append(page.points.front(), builder, &facts) && facts.bookkeeping;
  return found ? 1 : 0;
}

}  // namespace vecferry::qdrant
