#include <algorithm>
#include <charconv>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/memory/dataset.h"
#include "connectors/memory/memory.h"

namespace vecferry::memory {
namespace {

struct Range {
  size_t begin = 0, end = 0;
};

/// "BEGIN-END", positions of the dataset's entries.
Result<Range> ParseRange(std::string_view text) {
  Range range;
  const char* last = text.data() + text.size();
  const auto first = std::from_chars(text.data(), last, range.begin);
  const bool dash = first.ec == std::errc() && first.ptr != last && *first.ptr == '-';
  const auto second = dash ? std::from_chars(first.ptr + 1, last, range.end) : first;
  if (!dash || second.ec != std::errc() || second.ptr != last || range.begin > range.end) {
    return MakeError(Category::usage, fmt::format("'{}' is no split of a memory dataset", Printable(text, 100)));
  }
  return range;
}

class Reader final : public SplitReader {
 public:
  Reader(RecordSchema schema, std::vector<Entry> entries, size_t at, const ReadOptions& options)
      : schema_(std::move(schema)), entries_(std::move(entries)), at_(at), options_(options) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (at_ >= entries_.size()) return std::optional<SourceBatch>();
    BatchBuilder builder(schema_);
    while (at_ < entries_.size() && (builder.rows() == 0 || (builder.rows() < options_.batch_rows && builder.bytes() < options_.batch_bytes))) {
      const Entry& entry = entries_[at_++];
      if (entry.live && options_.keys_only) AppendKey(entry, builder);
      else if (entry.live) AppendRow(entry.view, entry.row, builder);
    }
    SourceBatch batch;
    ARROW_ASSIGN_OR_RAISE(batch.records, builder.Finish());
    batch.next = std::to_string(at_);
    return batch;
  }

 private:
  static void AppendKey(const Entry& entry, BatchBuilder& builder) {
    builder.Id(entry.view.id(entry.row));
    if (const auto tenant = entry.view.tenant(entry.row)) builder.Tenant(*tenant);
    builder.EndRow();
  }

  RecordSchema schema_;
  std::vector<Entry> entries_;
  size_t at_;
  ReadOptions options_;
};

class MemorySource final : public Source, public Lookup {
 public:
  MemorySource(const Location& location, const Capabilities& can, std::shared_ptr<Dataset> dataset)
      : location_(location), can_(can), dataset_(std::move(dataset)), entries_(Now()) {}

  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.store = "memory";
    info.dataset = location_.dataset;
    info.identity = fmt::format("memory:{}#{}", location_.path, location_.dataset);
    const std::lock_guard lock(dataset_->mutex);
    info.schema = dataset_->schema;
    info.count = std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.live; });
    info.count_exact = can_.consistency != Consistency::live;
    info.consistency = can_.consistency;
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    std::vector<Split> splits;
    const size_t total = entries_.size(), parts = std::min<size_t>(std::max(wanted, 1), total);
    for (size_t i = 0; i < parts; ++i) {
      const size_t begin = total * i / parts, end = total * (i + 1) / parts;
      splits.push_back({fmt::format("{}-{}", begin, end), fmt::format("entry {}..{}", begin, end), static_cast<int64_t>(end - begin), -1});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(const Range range, ParseRange(split.payload));
    const std::vector<Entry> all = can_.consistency == Consistency::live ? Now() : entries_;
    const size_t begin = std::min(range.begin, all.size()), end = std::min(range.end, all.size());
    std::vector<Entry> entries(all.begin() + static_cast<ptrdiff_t>(begin), all.begin() + static_cast<ptrdiff_t>(end));
    // A store that promises no order gives none: not even to a reader that goes on from a cursor.
    if (can_.order == Order::unstable) std::shuffle(entries.begin(), entries.end(), std::mt19937(++shuffles_));
    size_t at = 0;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(const int64_t position, ParseInt(from));
      at = static_cast<size_t>(std::max<int64_t>(position, 0));
    }
    return std::make_unique<Reader>(dataset_->schema, std::move(entries), at, options);
  }

  Lookup* lookup() override { return can_.lookup ? this : nullptr; }
  Result<int64_t> Count() override {
    const std::lock_guard lock(dataset_->mutex);
    return dataset_->CountLocked();
  }
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    const std::lock_guard lock(dataset_->mutex);
    BatchBuilder builder(dataset_->schema);
    for (size_t i = 0; i < ids.size(); ++i) {
      const Entry* entry = dataset_->FindLocked(KeyOf(tenants.empty() ? std::string_view() : tenants[i], ids[i]));
      if (entry) AppendRow(entry->view, entry->row, builder);
    }
    return builder.Finish();
  }

 private:
  std::vector<Entry> Now() const {
    const std::lock_guard lock(dataset_->mutex);
    return dataset_->entries;
  }

  Location location_;
  Capabilities can_;
  std::shared_ptr<Dataset> dataset_;
  std::vector<Entry> entries_;
  std::atomic<uint32_t> shuffles_ = 0;
};

}  // namespace

std::unique_ptr<Source> OpenSource(const Location& location, const Capabilities& can) {
  auto dataset = Find(location.path, location.dataset);
  return dataset ? std::make_unique<MemorySource>(location, can, std::move(dataset)) : nullptr;
}

}  // namespace vecferry::memory
