#include "connectors/memory/dataset.h"

namespace vecferry::memory {
namespace {

struct Stores {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Dataset>> datasets;
};

Stores& All() {
  static Stores stores;
  return stores;
}

void AppendVector(const VectorColumn& column, size_t index, int64_t row, BatchBuilder& builder, const ChangeVector& change) {
  if (column.IsNull(row)) return;
  const auto changed = [&](std::string_view bytes) { return change ? change(column.spec, bytes) : std::string(bytes); };
  if (column.spec.kind == VectorKind::dense) return builder.Vector(index, changed(column.Dense(row)));
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  const auto count = static_cast<size_t>(end - begin);
  if (column.spec.kind == VectorKind::sparse) {
    return builder.Sparse(index, column.indices + begin, column.values + begin, count);
  }
  const auto* bytes = reinterpret_cast<const char*>(column.data) + begin * column.width;
  builder.Multi(index, changed({bytes, count * static_cast<size_t>(column.width)}), count);
}

}  // namespace

Key KeyOf(std::optional<std::string_view> tenant, std::string_view id) {
  return {std::string(tenant.value_or("")), std::string(id)};
}

const Entry* Dataset::FindLocked(const Key& key) const {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : &entries[found->second];
}

void Dataset::PutLocked(const RecordView& view, int64_t row, bool append) {
  const Key key = KeyOf(view.tenant(row), view.id(row));
  const auto found = index.find(key);
  if (found != index.end() && !append) {
    entries[found->second] = {view, row, true};
    return;
  }
  index[key] = entries.size();
  entries.push_back({view, row, true});
}

void Dataset::EraseLocked(const Key& key) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  entries[found->second] = {RecordView(), 0, false};
  index.erase(found);
}

void Dataset::TruncateLocked(size_t entries_kept) {
  if (entries_kept >= entries.size()) return;
  entries.resize(entries_kept);
  index.clear();
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    if (entry.live) index[KeyOf(entry.view.tenant(entry.row), entry.view.id(entry.row))] = i;
  }
}

std::shared_ptr<Dataset> Find(const std::string& store, const std::string& name) {
  const std::lock_guard lock(All().mutex);
  const auto found = All().datasets.find({store, name});
  return found == All().datasets.end() ? nullptr : found->second;
}

void Put(const std::string& store, const std::string& name, std::shared_ptr<Dataset> dataset) {
  const std::lock_guard lock(All().mutex);
  All().datasets[{store, name}] = std::move(dataset);
}

void Drop(const std::string& store, const std::string& name) {
  const std::lock_guard lock(All().mutex);
  All().datasets.erase({store, name});
}

std::vector<std::string> Names(const std::string& store) {
  const std::lock_guard lock(All().mutex);
  std::vector<std::string> names;
  for (const auto& [key, dataset] : All().datasets) {
    if (key.first == store) names.push_back(key.second);
  }
  return names;
}

void AppendRow(const RecordView& view, int64_t row, BatchBuilder& builder) { AppendRow(view, row, builder, {}); }

void AppendRow(const RecordView& view, int64_t row, BatchBuilder& builder, const ChangeVector& change) {
  builder.Id(view.id(row));
  if (const auto text = view.tenant(row)) builder.Tenant(*text);
  if (const auto text = view.document(row)) builder.Document(*text);
  if (const auto text = view.metadata(row)) builder.Metadata(*text);
  for (size_t i = 0; i < view.vectors().size(); ++i) AppendVector(view.vectors()[i], i, row, builder, change);
  for (size_t i = 0; i < view.schema().extras.size(); ++i) {
    if (const auto bytes = view.extra(i, row)) builder.Extra(i, *bytes);
  }
  builder.EndRow();
}

}  // namespace vecferry::memory
