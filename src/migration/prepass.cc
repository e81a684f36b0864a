#include "migration/prepass.h"

#include <algorithm>
#include <fstream>
#include <queue>

#include <fmt/format.h>

#include "record/digest.h"

namespace vecferry {
namespace {

/// 512 Ki entries of 32 bytes: 16 MiB in memory before a piece is sorted and written out.
constexpr size_t kEntriesPerPiece = 512 << 10;

struct Entry {
  Hash128 target;       ///< of the key that the target would use
  uint64_t position;    ///< split in the upper 24 bits, row in the lower 40
  uint64_t source_key;  ///< low word of the source key's hash
  bool operator<(const Entry& other) const {
    return std::tie(target.high, target.low, position) < std::tie(other.target.high, other.target.low, other.position);
  }
  bool SameTarget(const Entry& other) const { return target == other.target; }
};

class Sorter {
 public:
  explicit Sorter(fs::path dir) : dir_(std::move(dir)) {}
  ~Sorter() {
    std::error_code ec;
    for (const auto& piece : pieces_) fs::remove(piece, ec);
  }

  Status Add(const Entry& entry) {
    entries_.push_back(entry);
    return entries_.size() < kEntriesPerPiece ? Status::OK() : Spill();
  }

  /// Gives all entries in order.
  Status Each(const std::function<void(const Entry&)>& visit) {
    std::sort(entries_.begin(), entries_.end());
    if (pieces_.empty()) {
      std::for_each(entries_.begin(), entries_.end(), visit);
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(Spill());
    return Merge(visit);
  }

 private:
  Status Spill() {
    if (entries_.empty()) return Status::OK();
    std::sort(entries_.begin(), entries_.end());
    const fs::path piece = dir_ / fmt::format("ids-{}.tmp", pieces_.size());
    std::ofstream out(piece, std::ios::binary | std::ios::trunc);
    pieces_.push_back(piece);
    out.write(reinterpret_cast<const char*>(entries_.data()), static_cast<std::streamsize>(entries_.size() * sizeof(Entry)));
    out.close();
    if (!out) return MakeError(Category::no_space, fmt::format("cannot write {}", piece.string()), "free some space there and run the same command again");
    entries_.clear();
    return Status::OK();
  }

  Status Merge(const std::function<void(const Entry&)>& visit) {
    std::vector<std::ifstream> files;
    for (const auto& piece : pieces_) files.emplace_back(piece, std::ios::binary);
    using Head = std::pair<Entry, size_t>;
    const auto later = [](const Head& a, const Head& b) { return b.first < a.first; };
    std::priority_queue<Head, std::vector<Head>, decltype(later)> heads(later);
    const auto next = [&](size_t file) {
      Entry entry;
      if (files[file].read(reinterpret_cast<char*>(&entry), sizeof entry)) heads.emplace(entry, file);
    };
    for (size_t file = 0; file < files.size(); ++file) next(file);
    while (!heads.empty()) {
      const auto [entry, file] = heads.top();
      heads.pop();
      visit(entry);
      next(file);
    }
    return Status::OK();
  }

  fs::path dir_;
  std::vector<Entry> entries_;
  std::vector<fs::path> pieces_;
};

/// Adds a batch's keys. An id that the target cannot hold is passed over: it becomes a reject later.
Status AddBatch(const RecordView& view, const Sink& sink, size_t split, int64_t* row, Sorter* sorter) {
  for (int64_t i = 0; i < view.rows(); ++i, ++*row) {
    const auto key = sink.KeyOf(view.tenant(i).value_or(""), view.id(i));
    if (IsCategory(key.status(), Category::bad_content)) continue;
    ARROW_RETURN_NOT_OK(key.status());
    ARROW_RETURN_NOT_OK(sorter->Add({RecordHasher::Key(std::nullopt, *key), static_cast<uint64_t>(split) << 40 | static_cast<uint64_t>(*row),
                                     RecordHasher::Key(view.tenant(i), view.id(i)).low}));
  }
  return Status::OK();
}

}  // namespace

Result<Duplicates> FindDuplicates(const Engine& engine, Source& source, const std::vector<SplitProgress>& splits, const Sink& sink,
                                  bool unique_ids, const fs::path& dir) {
  Sorter sorter(dir);
  ReadOptions read;
  read.keys_only = unique_ids;
  read.batch_rows = 4096;
  for (size_t split = 0; split < splits.size(); ++split) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read({splits[split].payload, splits[split].label, -1, -1}, "", read));
    int64_t row = 0;
    while (true) {
      ARROW_RETURN_NOT_OK(engine.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (!batch) break;
      ARROW_RETURN_NOT_OK(AddBatch(batch->records, sink, split, &row, &sorter));
    }
  }
  Duplicates duplicates;
  duplicates.by_key = unique_ids;
  std::optional<Entry> first;
  ARROW_RETURN_NOT_OK(sorter.Each([&](const Entry& entry) {
    if (!first || !entry.SameTarget(*first)) {
      first = entry;
    } else if (!unique_ids) {
      duplicates.rows.emplace(static_cast<int>(entry.position >> 40), static_cast<int64_t>(entry.position & ((uint64_t{1} << 40) - 1)));
    } else if (entry.source_key != first->source_key) {
      duplicates.keys.insert(entry.source_key);
    }
  }));
  return duplicates;
}

}  // namespace vecferry
