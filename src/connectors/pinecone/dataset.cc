#include "connectors/pinecone/dataset.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/threads.h"
#include "connectors/pinecone/names.h"
#include "net/buffers.h"

namespace vecferry::pinecone {
namespace {

/// The service's limits of an upsert. A MB is taken for the smaller of its two meanings, with room for the frame.
constexpr size_t kMostBytes = 2'000'000 - 1024;
constexpr int64_t kMostVectors = 1'000;
constexpr size_t kMostDeleted = 1'000;

std::string TagValue(const Dataset& dataset, const char* tag) {
  if (!dataset.info) return {};
  const auto at = dataset.info->tags.find(tag);
  return at == dataset.info->tags.end() ? std::string() : FromTag(at->second);
}
bool HasTag(const Dataset& dataset, const char* tag) { return dataset.info && dataset.info->tags.contains(tag); }

}  // namespace

Status Dataset::Locate() {
  if (!target.host.empty()) {
    ARROW_ASSIGN_OR_RAISE(index, Index::Open(target.data, cancel));
    // Tags and names alone: a key of the data plane need not be one of the control plane.
    if (const auto all = control->List(); all.ok()) {
      for (const auto& each : *all) {
        const auto service = ServiceAt(each.host, target.reaching);
        if (service.ok() && service->endpoint.Display() == target.data.endpoint.Display()) info = each;
      }
    }
    return Status::OK();
  }
  if (target.index.empty()) return MakeError(Category::usage, "no index is named", "write pinecone:INDEX#NAMESPACE or pinecone://INDEX-HOST#NAMESPACE");
  ARROW_ASSIGN_OR_RAISE(info, control->Find(target.index));
  if (!info || info->host.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Service service, ServiceAt(info->host, target.reaching));
  ARROW_ASSIGN_OR_RAISE(index, Index::Open(service, cancel));
  return Status::OK();
}

Result<IndexStats> Dataset::Stats() const {
  ARROW_ASSIGN_OR_RAISE(IndexStats stats, index->Stats());
  for (auto at = stats.namespaces.begin(); at != stats.namespaces.end();) {
    const bool own = staging.empty() ? !at->first.starts_with(kStagingPrefix) : at->first.starts_with(staging);
    if (!own) stats.total -= at->second;
    at = own ? std::next(at) : stats.namespaces.erase(at);
  }
  return stats;
}

std::vector<std::string> Dataset::SpacesOf(const IndexStats& stats) const {
  if (target.one_namespace) return {staging + target.name_space};
  std::vector<std::string> spaces;
  for (const auto& [name, count] : stats.namespaces) spaces.push_back(name);
  return spaces;
}

int64_t Dataset::CountOf(const IndexStats& stats) const {
  if (!target.one_namespace) return stats.total;
  const auto at = stats.namespaces.find(staging + target.name_space);
  return at == stats.namespaces.end() ? 0 : at->second;
}

Result<std::string> Dataset::SpaceOf(std::string_view tenant) const {
  if (target.one_namespace) return staging + target.name_space;
  ARROW_ASSIGN_OR_RAISE(const std::string space, NamespaceOf(tenant));
  return staging + space;
}

Result<RecordSchema> Dataset::SchemaOf(const IndexStats& stats, bool sparse) const {
  RecordSchema schema;
  const bool sparse_only = stats.sparse.value_or(info && info->sparse);
  if (!sparse_only) {
    VectorSpec dense;
    dense.dims = stats.dims > 0 ? stats.dims : info ? info->dims : 0;
    dense.metric = stats.metric != Metric::unknown ? stats.metric : info ? info->metric : Metric::unknown;
    dense.name = target.dense_named ? target.dense_name : TagValue(*this, kDenseTag);
    if (dense.dims <= 0) return MakeError(Category::unsupported, "the service does not say how many dimensions the vectors have");
    schema.vectors.push_back(std::move(dense));
  }
  if (sparse_only || sparse || target.sparse_named || HasTag(*this, kSparseTag)) {
    VectorSpec spec;
    spec.kind = VectorKind::sparse;
    spec.metric = Metric::dot;
    spec.name = target.sparse_named ? target.sparse_name : HasTag(*this, kSparseTag) ? TagValue(*this, kSparseTag) : "sparse";
    if (schema.FindVector(spec.name)) return MakeError(Category::usage, "the dense and the sparse vectors have the same name", "name them with ?vector=NAME and ?sparse=NAME");
    schema.vectors.push_back(std::move(spec));
  }
  schema.id_kind = ParseIdKind(TagValue(*this, kIdsTag)).ValueOr(IdKind::string);
  return schema;
}

RecordForm Dataset::FormOf(RecordSchema schema) const {
  RecordForm form;
  form.schema = std::move(schema);
  form.layout = layout;
  form.namespaces = !target.one_namespace;
  form.staging = staging;
  form.metadata = target.metadata;
  return form;
}

std::string ProbeOf(const RecordSchema& schema) {
  for (const VectorSpec& spec : schema.vectors) {
    if (spec.kind != VectorKind::dense) continue;
    std::string probe = "{\"vector\":[1";
    for (int32_t i = 1; i < spec.dims; ++i) probe += ",0";
    return probe + "]";
  }
  return R"({"sparseVector":{"indices":[0],"values":[1]})";
}

// ---- fetching ----

Result<Fetched> Fetched::Of(const Index& index, std::string_view space, const std::vector<std::string_view>& ids, size_t longest) {
  std::vector<std::string> targets;
  for (size_t at = 0; at < ids.size();) targets.push_back(FetchTarget(space, ids, at, longest, &at));
  Fetched fetched;
  fetched.answers_.resize(targets.size());
  const auto step = static_cast<size_t>(std::max(1, index.connections()));
  for (size_t begin = 0; begin < targets.size(); begin += step) {
    std::vector<std::future<Status>> running;
    const size_t end = std::min(targets.size(), begin + step);
    for (size_t i = begin + 1; i < end; ++i) {
      running.push_back(std::async(std::launch::async, [&, i] {
        NameThread("vf-fetch");
        return index.Fetch(targets[i], &fetched.answers_[i]);
      }));
    }
    Status status = index.Fetch(targets[begin], &fetched.answers_[begin]);
    for (auto& each : running) {
      const Status other = each.get();
      if (status.ok()) status = other;
    }
    ARROW_RETURN_NOT_OK(status);
  }
  for (const auto& answer : fetched.answers_) {
    for (const auto& vector : answer.vectors()) fetched.by_id_[vector.id] = &vector;
  }
  return fetched;
}

const VectorText* Fetched::Find(std::string_view id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

// ---- by key ----

std::map<std::string, VectorsByKey::Group> VectorsByKey::Groups(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const {
  std::map<std::string, Group> groups;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string_view tenant = i < tenants.size() ? tenants[i] : std::string_view();
    const auto space = dataset_.SpaceOf(tenant);
    if (!space.ok()) continue;
    const bool in_id = form_.schema.has_tenant && !form_.namespaces && !tenant.empty();
    bool mapped = false;
    Group& group = groups[*space];
    group.ids.push_back(VectorIdOf(form_.layout, in_id ? std::optional(tenant) : std::nullopt, ids[i], &mapped));
    group.at.push_back(i);
  }
  return groups;
}

Result<Fetched> VectorsByKey::Fetch(const std::string& space, const Group& group) const {
  ARROW_RETURN_NOT_OK(dataset_.freshness->Check(*dataset_.index, probe_, {space}));
  return Fetched::Of(*dataset_.index, space, group.views(), kLongestTarget);
}

Result<int64_t> VectorsByKey::Count() {
  ARROW_RETURN_NOT_OK(dataset_.freshness->Check(*dataset_.index, probe_));
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
  return dataset_.CountOf(stats);
}

Result<RecordView> VectorsByKey::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  BatchBuilder builder(form_.schema);
  RecordDecoder decoder(form_);
  for (const auto& [space, group] : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetch(space, group));
    VectorFacts facts;
    std::set<std::string_view> seen;
    for (const auto& id : group.ids) {
      const VectorText* vector = fetched.Find(id);
      // A vector that cannot be read is not there: the source tells of it.
      if (vector && seen.insert(id).second) (void)decoder.Append(*vector, space, builder, &facts);
    }
  }
  return builder.Finish();
}

Result<int64_t> VectorsByKey::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  int64_t count = 0;
  for (const auto& [space, group] : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetch(space, group));
    const std::set<std::string_view> unique(group.ids.begin(), group.ids.end());
    count += std::count_if(unique.begin(), unique.end(), [&](std::string_view id) { return fetched.Find(id) != nullptr; });
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> VectorsByKey::Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  std::vector<std::optional<std::string>> images(ids.size());
  for (const auto& [space, group] : Groups(tenants, ids)) {
    ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetch(space, group));
    for (size_t i = 0; i < group.ids.size(); ++i) {
      if (const VectorText* vector = fetched.Find(group.ids[i])) images[group.at[i]] = std::string(vector->whole);
    }
  }
  return images;
}

Status VectorsByKey::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  for (const auto& [space, group] : Groups(tenants, ids)) {
    Upserts upserts(*dataset_.index, *dataset_.freshness, space);
    VF_FAILPOINT("pinecone.restore.before");
    for (const size_t at : group.at) {
      if (at < images.size()) ARROW_RETURN_NOT_OK(upserts.Add(images[at]));
    }
    ARROW_RETURN_NOT_OK(upserts.Flush());
    VF_FAILPOINT("pinecone.restore.after");
  }
  return Status::OK();
}

Status VectorsByKey::DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  for (const auto& [space, group] : Groups(tenants, ids)) {
    const std::vector<std::string_view> all = group.views();
    for (size_t at = 0; at < all.size(); at += kMostDeleted) {
      const size_t end = std::min(all.size(), at + kMostDeleted);
      VF_FAILPOINT("pinecone.delete.before");
      ARROW_ASSIGN_OR_RAISE(const auto number, dataset_.index->Delete(space, {all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(end)}));
      VF_FAILPOINT("pinecone.delete.after");
      dataset_.freshness->Written(space, number);
    }
  }
  return Status::OK();
}

// ---- writing ----

Upserts::Upserts(const Index& index, Freshness& freshness, std::string space) : index_(index), freshness_(freshness), space_(std::move(space)) {}

Status Upserts::Add(std::string_view vector) {
  if (vectors_ > 0 && (vectors_ == kMostVectors || body_.size() + vector.size() + space_.size() * 6 > kMostBytes)) ARROW_RETURN_NOT_OK(Send());
  if (vectors_ == 0) {
    if (body_.capacity() == 0) body_ = TakeBuffer(kMostBytes);
    body_ = "{\"vectors\":[";
  } else {
    body_ += ',';
  }
  body_ += vector;
  ++vectors_;
  return Status::OK();
}

Status Upserts::Send() {
  body_ += "],\"namespace\":";
  AppendJsonString(space_, &body_);
  body_ += '}';
  VF_FAILPOINT("pinecone.upsert.before");
  ARROW_ASSIGN_OR_RAISE(const auto number, index_.Upsert(body_, vectors_));
  VF_FAILPOINT("pinecone.upsert.after");
  freshness_.Written(space_, number);
  vectors_ = 0;
  return Status::OK();
}

Status Upserts::Flush() {
  if (vectors_ > 0) ARROW_RETURN_NOT_OK(Send());
  GiveBuffer(std::move(body_));
  body_.clear();
  return Status::OK();
}

}  // namespace vecferry::pinecone
