#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/object_image.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

constexpr size_t kMostIds = 500;  ///< asked for at once

void SetIds(const std::vector<std::string>& uuids, pb::Filters* filters) {
  filters->set_operator_(pb::Filters::OPERATOR_CONTAINS_ANY);
  filters->mutable_target()->set_property("_id");
  for (const auto& uuid : uuids) filters->mutable_value_text_array()->add_values(uuid);
}

/// A tenant that is awake for as long as this is.
struct Awake {
  Awake(const Dataset& dataset, const std::string& tenant) : keeper(dataset.tenants.get()), name(tenant) {}
  ~Awake() {
    if (held) keeper->LetGo(name);
  }
  Result<bool> Need(bool wake) {
    if (name.empty() || !keeper) return true;
    ARROW_ASSIGN_OR_RAISE(held, keeper->Need(name, wake));
    return held;
  }
  TenantKeeper* keeper;
  const std::string name;
  bool held = false;
};

}  // namespace

Result<ClassSchema> ObjectsByKey::Fresh() const {
  ARROW_ASSIGN_OR_RAISE(auto found, dataset_.client->FindClass(dataset_.class_name));
  if (!found) return MakeError(Category::not_found, fmt::format("the class '{}' is gone", dataset_.class_name), "see what removed it");
  return std::move(*found);
}

std::vector<ObjectsByKey::Group> ObjectsByKey::Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const {
  std::map<std::string, Group> open;
  std::vector<Group> list;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto tenant = i < tenants.size() && !tenants[i].empty() ? std::optional(tenants[i]) : std::nullopt;
    const auto of_class = ClassTenantOf(shape_, tenant);
    auto id = ObjectIdOf(*dataset_.layout, shape_, shape_.schema.has_tenant ? tenant : std::nullopt, ids[i]);
    if (!of_class.ok() || !id.ok()) continue;  // an object of that key cannot be there
    Group& group = open[*of_class];
    if (group.uuids.size() >= kMostIds) list.push_back(std::exchange(group, Group()));
    group.tenant = *of_class;
    group.uuids.push_back(std::move(id->uuid));
    group.at.push_back(i);
  }
  for (auto& [tenant, group] : open) list.push_back(std::move(group));
  return list;
}

template <class Each>
Status ObjectsByKey::Fetch(const ClassSchema& schema, const Group& group, bool keys_only, Each each) const {
  if (!group.tenant.empty()) {
    // A tenant that is not there has no objects.
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->FindTenant(schema.name, group.tenant));
    if (!there) return Status::OK();
  }
  Awake awake(dataset_, group.tenant);
  ARROW_ASSIGN_OR_RAISE(const bool readable, awake.Need(true));
  if (!readable) return Status::OK();
  pb::SearchRequest request;
  SetWanted(schema, shape_, *dataset_.layout, keys_only, &request);
  request.set_tenant(group.tenant);
  request.set_limit(static_cast<uint32_t>(group.uuids.size()));
  if (const auto level = dataset_.client->target().level; level != Consistency::unspecified) request.set_consistency_level(static_cast<pb::ConsistencyLevel>(level));
  SetIds(group.uuids, request.mutable_filters());
  pb::SearchReply reply;
  ARROW_RETURN_NOT_OK(dataset_.client->Ask("Search", request, &reply, HttpAct::read, "reading objects by id", schema.name, group.tenant));
  for (const auto& object : reply.results()) ARROW_RETURN_NOT_OK(each(object));
  return Status::OK();
}

Result<References> ObjectsByKey::ReferencesOf(const ClassSchema& schema, const std::string& tenant, const std::string& uuid) const {
  const auto properties = schema.References();
  if (properties.empty()) return References();
  ARROW_ASSIGN_OR_RAISE(const std::string text, dataset_.client->Object(schema.name, tenant, uuid));
  ARROW_ASSIGN_OR_RAISE(auto references, ParseReferences(text, properties));
  return references[uuid];
}

Result<int64_t> ObjectsByKey::Count() {
  ARROW_ASSIGN_OR_RAISE(const ClassSchema schema, Fresh());
  return CountObjects(dataset_, schema);
}

Result<RecordView> ObjectsByKey::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_ASSIGN_OR_RAISE(const ClassSchema schema, Fresh());
  BatchBuilder builder(shape_.schema);
  ObjectDecoder decoder(shape_, *dataset_.layout, ShowsNestedNulls(schema));
  for (const Group& group : Groups(tenants, ids)) {
    ARROW_RETURN_NOT_OK(Fetch(schema, group, false, [&](const pb::SearchResult& object) -> Status {
      ARROW_ASSIGN_OR_RAISE(const References references, ReferencesOf(schema, group.tenant, object.metadata().id()));
      ObjectFacts facts;
      // An object that cannot be read is not there: the source tells of it.
      return decoder.Append(object, group.tenant, &references, builder, &facts).status();
    }));
  }
  return builder.Finish();
}

Result<int64_t> ObjectsByKey::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_ASSIGN_OR_RAISE(const ClassSchema schema, Fresh());
  int64_t count = 0;
  for (const Group& group : Groups(tenants, ids)) {
    ARROW_RETURN_NOT_OK(Fetch(schema, group, true, [&](const pb::SearchResult&) { return ++count, Status::OK(); }));
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> ObjectsByKey::Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  ARROW_ASSIGN_OR_RAISE(const ClassSchema schema, Fresh());
  std::vector<std::optional<std::string>> images(ids.size());
  for (const Group& group : Groups(tenants, ids)) {
    std::map<std::string, std::string> found;
    ARROW_RETURN_NOT_OK(Fetch(schema, group, false, [&](const pb::SearchResult& object) -> Status {
      if (!IsObjectId(object.metadata().id())) return BadGrpcAnswer("reading objects by id");
      ARROW_ASSIGN_OR_RAISE(const References references, ReferencesOf(schema, group.tenant, object.metadata().id()));
      pb::BatchObject image;
      ImageOf(object, schema, references, &image);
      found[object.metadata().id()] = image.SerializeAsString();
      return Status::OK();
    }));
    for (size_t i = 0; i < group.uuids.size(); ++i) {
      if (const auto at = found.find(group.uuids[i]); at != found.end()) images[group.at[i]] = at->second;
    }
  }
  return images;
}

Status ObjectsByKey::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  for (const Group& group : Groups(tenants, ids)) {
    if (!group.tenant.empty()) ARROW_RETURN_NOT_OK(dataset_.tenants->NeedOrMake(group.tenant));
    pb::BatchObjectsRequest request;
    for (const size_t at : group.at) {
      if (at >= images.size()) continue;
      auto* object = request.add_objects();
      if (!object->ParseFromArray(images[at].data(), static_cast<int>(images[at].size()))) return MakeError(Category::corrupt, "an object that was kept cannot be read");
      object->set_collection(dataset_.class_name);
      object->set_tenant(group.tenant);
    }
    VF_FAILPOINT("weaviate.restore.before");
    pb::BatchObjectsReply reply;
    ARROW_RETURN_NOT_OK(dataset_.client->Ask("BatchObjects", request, &reply, HttpAct::manage, "restoring objects", dataset_.class_name, group.tenant));
    if (reply.errors_size() > 0) {
      return MakeError(Category::refused, fmt::format("restoring objects: {} of {} were not taken: {}", reply.errors_size(), request.objects_size(), Printable(reply.errors(0).error(), 500)),
                       "see the server's words above");
    }
    VF_FAILPOINT("weaviate.restore.after");
  }
  return Status::OK();
}

Status ObjectsByKey::DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  for (const Group& group : Groups(tenants, ids)) {
    if (!group.tenant.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->FindTenant(dataset_.class_name, group.tenant));
      if (!there) continue;
    }
    Awake awake(dataset_, group.tenant);
    ARROW_RETURN_NOT_OK(awake.Need(true).status());
    pb::BatchDeleteRequest request;
    request.set_collection(dataset_.class_name);
    if (!group.tenant.empty()) request.set_tenant(group.tenant);
    SetIds(group.uuids, request.mutable_filters());
    VF_FAILPOINT("weaviate.delete.before");
    pb::BatchDeleteReply reply;
    ARROW_RETURN_NOT_OK(dataset_.client->Ask("BatchDelete", request, &reply, HttpAct::manage, "deleting objects", dataset_.class_name, group.tenant));
    if (reply.failed() > 0) {
      ErrorFacts facts;
      facts.category = Category::transient;
      facts.retry = Retry::after_delay;
      facts.delivery = Delivery::unknown;
      return MakeError(std::move(facts), fmt::format("deleting objects: {} of {} were not deleted", reply.failed(), reply.matches()));
    }
    VF_FAILPOINT("weaviate.delete.after");
  }
  return Status::OK();
}

Result<int64_t> CountObjects(const Dataset& dataset, const ClassSchema& schema) {
  if (!schema.multi_tenant) return dataset.client->Count(schema.name, "");
  ARROW_ASSIGN_OR_RAISE(const auto tenants, dataset.client->Tenants(schema.name));
  const std::string& only = dataset.client->target().tenant;
  Counted& counted = *dataset.counted;
  std::lock_guard guard(counted.mutex);
  int64_t count = 0;
  for (const Tenant& tenant : tenants) {
    if (!only.empty() && tenant.name != only) continue;
    if (!tenant.active()) return -1;
  }
  for (const Tenant& tenant : tenants) {
    if (!only.empty() && tenant.name != only) continue;
    if (dataset.cancel) ARROW_RETURN_NOT_OK(dataset.cancel->Check());
    const auto at = counted.tenants.find(tenant.name);
    if (at != counted.tenants.end()) {
      count += at->second;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t in_tenant, dataset.client->Count(schema.name, tenant.name));
    counted.tenants[tenant.name] = in_tenant;
    count += in_tenant;
  }
  counted.tenants.clear();
  return count;
}

}  // namespace vecferry::weaviate
