#include "migration/keyed_source.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vecferry {
namespace {

constexpr std::string_view kMark = "vecferry-ids:";
constexpr size_t kIdsOfASplit = 5000;
constexpr int64_t kMostAtOnce = 500;

/// The records of a list, in its order. One that is no longer there is left out.
class KeyedReader final : public SplitReader {
 public:
  KeyedReader(Lookup& lookup, std::vector<std::string> tenants, std::vector<std::string> ids, size_t at, int64_t rows)
      : lookup_(lookup), tenants_(std::move(tenants)), ids_(std::move(ids)), at_(at), rows_(static_cast<size_t>(std::clamp<int64_t>(rows, 1, kMostAtOnce))) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (at_ >= ids_.size()) return std::optional<SourceBatch>();
    const size_t end = std::min(ids_.size(), at_ + rows_);
    const auto part = [&](const std::vector<std::string>& of) {
      return of.empty() ? std::vector<std::string_view>() : std::vector<std::string_view>(of.begin() + static_cast<ptrdiff_t>(at_), of.begin() + static_cast<ptrdiff_t>(end));
    };
    SourceBatch batch;
    ARROW_ASSIGN_OR_RAISE(batch.records, lookup_.Get(part(tenants_), part(ids_)));
    at_ = end;
    batch.next = fmt::format("{}", at_);
    return std::optional<SourceBatch>(std::move(batch));
  }

 private:
  Lookup& lookup_;
  const std::vector<std::string> tenants_, ids_;
  size_t at_;
  const size_t rows_;
};

Status Damaged() { return MakeError(Category::corrupt, "a list of records in the journal cannot be read", "start anew with --restart"); }

}  // namespace

Result<std::unique_ptr<SplitReader>> KeyedSource::Read(const Split& split, const Cursor& from, const ReadOptions& options) {
  if (!split.payload.starts_with(kMark)) return inner_->Read(split, from, options);
  size_t at = 0;
  if (!from.empty() && std::from_chars(from.data(), from.data() + from.size(), at).ec != std::errc()) return Damaged();
  const auto json = nlohmann::json::parse(std::string_view(split.payload).substr(kMark.size()), nullptr, false);
  if (!json.is_array()) return Damaged();
  std::vector<std::string> tenants, ids;
  for (const auto& entry : json) {
    const bool whole = entry.is_array() && !entry.empty() && entry.size() <= 2 && std::all_of(entry.begin(), entry.end(), [](const auto& text) { return text.is_string(); });
    if (!whole) return Damaged();
    ids.push_back(entry[0].get<std::string>());
    if (entry.size() == 2) tenants.push_back(entry[1].get<std::string>());
  }
  if (!tenants.empty() && tenants.size() != ids.size()) return Damaged();
  return std::make_unique<KeyedReader>(*inner_->lookup(), std::move(tenants), std::move(ids), at, options.batch_rows);
}

std::vector<Split> KeyedSplits(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  std::vector<Split> splits;
  for (size_t at = 0; at < ids.size(); at += kIdsOfASplit) {
    const size_t end = std::min(ids.size(), at + kIdsOfASplit);
    nlohmann::json list = nlohmann::json::array();
    for (size_t i = at; i < end; ++i) {
      nlohmann::json entry = nlohmann::json::array({std::string(ids[i])});
      if (!tenants.empty()) entry.push_back(std::string(tenants[i]));
      list.push_back(std::move(entry));
    }
    const auto n = static_cast<int64_t>(end - at);
    splits.push_back({std::string(kMark) + list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), fmt::format("{} records by id", n), n, -1});
  }
  return splits;
}

}  // namespace vecferry
