#include "connectors/faiss/index_vectors.h"

#include <algorithm>
#include <cstring>

#include "connectors/faiss/library.h"

namespace vecferry::faiss_files {
namespace {

using sidecar::ConvertElements;
using files::File;
using sidecar::ReadExactly;
using sidecar::Stored;

Status BadIds(const File& file) {
  return MakeError(Category::corrupt, file.path().string() + " is no sound index of FAISS: the ids of its lists are not the rows of its IDMap", "write it again with FAISS");
}

/// The ids of the vectors inside FAISS and those that an IDMap gives them.
class Ids {
 public:
  Ids(std::shared_ptr<const File> file, std::optional<int64_t> map_at) : file_(std::move(file)), map_at_(map_at) {}
  /// The sorted ids of inverted lists.
  Status TakeLists(std::shared_ptr<const std::vector<int64_t>> sorted) {
    bool rows = true;
    for (size_t i = 0; i < sorted->size() && rows; ++i) rows = (*sorted)[i] == static_cast<int64_t>(i);
    if (rows) return Status::OK();
    if (map_at_) return BadIds(*file_);
    listed_ = std::move(sorted);
    return Status::OK();
  }
  bool any() const { return map_at_ || listed_; }
  Status Read(int64_t first, int64_t n, int64_t* out) const {
    if (map_at_) return ReadExactly(*file_, *map_at_ + 8 * first, out, 8 * n);
    std::copy_n(listed_->begin() + first, n, out);
    return Status::OK();
  }

 private:
  std::shared_ptr<const File> file_;
  std::optional<int64_t> map_at_;
  std::shared_ptr<const std::vector<int64_t>> listed_;
};

class IndexVectors : public sidecar::Vectors {
 public:
  IndexVectors(std::shared_ptr<const File> file, const Shape& shape, Element element)
      : file_(file), shape_(shape), stored_(shape.binary ? Stored::bits : Stored::f32), element_(element), ids_(file, shape.ids_at) {}
  int64_t count() const override { return shape_.count; }
  bool has_ids() const override { return ids_.any(); }
  Status Ids(int64_t first, int64_t n, int64_t* out) const override { return ids_.Read(first, n, out); }

 protected:
  int64_t wide() const { return shape_.binary ? shape_.width() : int64_t{shape_.dims} * (element_ == Element::f16 ? 2 : 4); }
  int64_t elements() const { return shape_.binary ? shape_.width() : shape_.dims; }

  std::shared_ptr<const File> file_;
  Shape shape_;
  Stored stored_;
  Element element_;
  faiss_files::Ids ids_;
};

class FlatVectors final : public IndexVectors {
 public:
  using IndexVectors::IndexVectors;
  Status Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const override {
    return sidecar::RowVectors(file_, {shape_.rows_at, shape_.count, elements(), stored_, element_}).Read(first, n, out, rounded);
  }
};

/// A vector of an inverted list: its id and where it stands.
struct Spot {
  int64_t id, at;
};

class ListVectors final : public IndexVectors {
 public:
  using IndexVectors::IndexVectors;

  /// Reads all ids: what order the vectors were added in.
  Status Load() {
    spots_.reserve(static_cast<size_t>(shape_.count));
    std::vector<int64_t> ids;
    for (const List& list : shape_.lists) {
      ids.resize(static_cast<size_t>(list.count));
      ARROW_RETURN_NOT_OK(ReadExactly(*file_, list.ids_at, ids.data(), 8 * list.count));
      for (int64_t i = 0; i < list.count; ++i) spots_.push_back({ids[static_cast<size_t>(i)], list.codes_at + i * shape_.width()});
    }
    shape_.lists = {};
    std::stable_sort(spots_.begin(), spots_.end(), [](const Spot& a, const Spot& b) { return a.id < b.id; });
    auto sorted = std::make_shared<std::vector<int64_t>>();
    for (const Spot& spot : spots_) sorted->push_back(spot.id);
    return ids_.TakeLists(std::move(sorted));
  }

  Status Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const override {
    std::vector<uint8_t> row(static_cast<size_t>(shape_.width()));
    for (int64_t i = 0; i < n; ++i) {
      ARROW_RETURN_NOT_OK(ReadExactly(*file_, spots_[static_cast<size_t>(first + i)].at, row.data(), shape_.width()));
      rounded[i] = !ConvertElements(stored_, element_, row.data(), elements(), out + i * wide());
    }
    return Status::OK();
  }

 private:
  std::vector<Spot> spots_;
};

class LibraryVectors final : public IndexVectors {
 public:
  LibraryVectors(std::shared_ptr<const File> file, const Shape& shape, Element element) : IndexVectors(file, shape, element), index_(file->path()) {}

  Status Load() {
    if (shape_.lists.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto ids, index_.ListIds());
    return ids ? ids_.TakeLists(std::move(ids)) : Status::OK();
  }
  Status Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const override {
    std::vector<float> floats(static_cast<size_t>(n * shape_.dims));
    ARROW_RETURN_NOT_OK(index_.Decode(first, n, floats.data()));
    std::fill_n(rounded, n, false);
    for (int64_t i = 0; i < n; ++i) {
      (void)ConvertElements(Stored::f32, element_, reinterpret_cast<const uint8_t*>(floats.data() + i * shape_.dims), shape_.dims, out + i * wide());
    }
    return Status::OK();
  }

 private:
  mutable LibraryIndex index_;
};

template <class V>
Result<std::shared_ptr<const sidecar::Vectors>> Loaded(std::shared_ptr<V> vectors) {
  ARROW_RETURN_NOT_OK(vectors->Load());
  return vectors;
}

}  // namespace

Result<std::shared_ptr<const sidecar::Vectors>> OpenVectors(std::shared_ptr<const File> file, const Shape& shape, Element element) {
  switch (shape.storage) {
    case Shape::Storage::rows: return std::make_shared<FlatVectors>(std::move(file), shape, element);
    case Shape::Storage::lists: return Loaded(std::make_shared<ListVectors>(std::move(file), shape, element));
    case Shape::Storage::library: return Loaded(std::make_shared<LibraryVectors>(std::move(file), shape, element));
  }
  return MakeError(Category::internal, "no such storage");
}

}  // namespace vecferry::faiss_files
