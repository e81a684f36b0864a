#include "connectors/chroma_local/vector_map.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <xxhash.h>

#include "connectors/chroma_local/queue.h"

namespace vecferry::chroma_local {
namespace {

constexpr int64_t kDeleted = -1;
constexpr uint64_t kMostPickleBytes = uint64_t{1} << 30;

struct LabelAt {
  uint64_t label;
  uint32_t position;
};

}  // namespace

IdHash IdHash::Of(std::string_view id) {
  const XXH128_hash_t hash = XXH3_128bits(id.data(), id.size());
  return {hash.low64, static_cast<uint32_t>(hash.high64)};
}

Result<std::shared_ptr<const FileVectors>> FileVectors::Load(const fs::path& segment, bool norms, int32_t dims, const CancelToken* cancel) {
  auto files = std::make_shared<FileVectors>();
  files->stamps = StampsOf(segment);
  if (files->stamps[0].size < 0 && files->stamps[3].size < 0) return files;
  ARROW_ASSIGN_OR_RAISE(HnswFile file, HnswFile::Open(segment, norms));
  files->header = file.header();
  if (file.header().elements == 0) return files;
  if (file.header().dims() != dims) {
    return MakeError(Category::corrupt, fmt::format("the HNSW segment has {} dimensions, and its collection {}", file.header().dims(), dims),
                     "restore the folder from a backup, or read what is left with ?damaged=missing");
  }
  files->file_ = std::move(file);
  ARROW_ASSIGN_OR_RAISE(const std::string pickle, ReadFile(segment / kLabelsFile, kMostPickleBytes));
  ARROW_RETURN_NOT_OK(files->Join(pickle, cancel));
  return files;
}

Status FileVectors::Join(std::string_view pickle, const CancelToken* cancel) {
  std::vector<LabelAt> elements;
  elements.reserve(static_cast<size_t>(header->elements));
  ARROW_RETURN_NOT_OK(file_->EachElement(cancel, [&](uint32_t position, uint64_t label, bool gone) {
    deleted += gone;
    if (!gone) elements.push_back({label, position});
  }));
  // As Chroma counts labels up they are nearly in order.
  std::sort(elements.begin(), elements.end(), [](const LabelAt& a, const LabelAt& b) { return a.label < b.label; });
  entries_.reserve(elements.size());
  ARROW_ASSIGN_OR_RAISE(labels, ReadLabels(pickle, [&](std::string_view id, uint64_t label) {
    const auto at = std::lower_bound(elements.begin(), elements.end(), label, [](const LabelAt& a, uint64_t b) { return a.label < b; });
    if (at == elements.end() || at->label != label) {
      ++lost;
      return;
    }
    const IdHash hash = IdHash::Of(id);
    entries_.push_back({hash.low, hash.high, at->position});
  }));
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.low < b.low || (a.low == b.low && a.high < b.high); });
  return Status::OK();
}

std::optional<uint32_t> FileVectors::Find(const IdHash& id) const {
  auto at = std::lower_bound(entries_.begin(), entries_.end(), id, [](const Entry& a, const IdHash& b) { return a.low < b.low; });
  for (; at != entries_.end() && at->low == id.low; ++at) {
    if (at->high == id.high) return at->position;
  }
  return std::nullopt;
}

Result<std::shared_ptr<const VectorMap>> VectorMap::Load(sqlite::Db& db, const Collection& collection, std::shared_ptr<const FileVectors> files,
                                                         const CancelToken* cancel) {
  auto map = std::make_shared<VectorMap>();
  map->files_ = std::move(files);
  // Up to where the files are is said by the pickle in 0.4 and by the table later; both stand there after a migration.
  ARROW_ASSIGN_OR_RAISE(const int64_t in_table, Watermark(db, collection.vector_segment));
  map->watermark_ = std::max(in_table, map->files_->labels.max_seq_id.value_or(0));
  ARROW_RETURN_NOT_OK(EachQueued(db, collection, map->watermark_, cancel, [&](const QueuedRow& row) {
    ++map->queued_;
    return map->Play(row.operation, row.id, row.seq, row.has_vector);
  }));
  return map;
}

Status VectorMap::Play(int64_t operation, std::string_view id, int64_t seq, bool has_vector) {
  const IdHash hash = IdHash::Of(id);
  const auto known = queue_.find(hash);
  const bool there = known != queue_.end() ? known->second != kDeleted : files_->Find(hash).has_value();
  switch (operation) {
    case kAdd:
      if (!there && has_vector) queue_[hash] = seq;
      return Status::OK();
    case kUpdate:
      if ((there || (files_->damaged && known == queue_.end())) && has_vector) queue_[hash] = seq;
      return Status::OK();
    case kUpsert:
      if (has_vector) queue_[hash] = seq;
      return Status::OK();
    case kDelete:
      if (there) queue_[hash] = kDeleted;
      return Status::OK();
    default:
      return MakeError(Category::corrupt, fmt::format("row {} of embeddings_queue has the unknown operation {}", seq, operation),
                       "it may be of a newer version of Chroma than this program knows");
  }
}

Place VectorMap::Find(std::string_view id) const {
  const IdHash hash = IdHash::Of(id);
  if (!queue_.empty()) {
    const auto known = queue_.find(hash);
    if (known != queue_.end()) return known->second == kDeleted ? Place{} : Place{Place::In::queue, known->second};
  }
  if (const auto position = files_->Find(hash)) return {Place::In::file, *position};
  return {};
}

}  // namespace vecferry::chroma_local
