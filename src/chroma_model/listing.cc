#include "chroma_model/listing.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "chroma_model/page.h"
#include "chroma_model/records.h"
#include "net/buffers.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMostListed = 1'000'000;
constexpr int64_t kLeastPerSplit = 2'000;
/// Ids that are listed at once, and what that may shrink to where a server wants less.
constexpr int64_t kListPage = 50'000, kLeastPage = 100;
/// Times that all ids are listed while others delete.
constexpr int kMostListings = 3;

/// Ids at an offset; fewer than `limit` at the end, or where the server gives no more at once.
Result<std::vector<std::string>> IdsAt(const Client& client, const std::string& collection, int64_t offset, int64_t limit) {
  constexpr std::string_view kWhat = "listing the ids";
  const Wanted nothing{.vectors = false, .documents = false, .metadatas = false, .uris = false};
  ARROW_ASSIGN_OR_RAISE(std::string answer, client.Records(collection, "get", GetBody(limit, offset, nothing), HttpAct::read, kWhat));
  Page page;
  ARROW_RETURN_NOT_OK(Understood(answer, nothing, kWhat, &page));
  std::vector<std::string> ids;
  std::string buffer;
  for (const RawText& raw : page.ids) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view id, Unescape(raw, &buffer));
    ids.emplace_back(id);
  }
  GiveBuffer(std::move(answer));
  return ids;
}

/// The same with a page that shrinks to what the server allows.
Result<std::vector<std::string>> IdsAt(const Client& client, const std::string& collection, int64_t offset, int64_t* page) {
  while (true) {
    auto ids = IdsAt(client, collection, offset, *page);
    const bool too_many = IsCategory(ids.status(), Category::refused) || IsCategory(ids.status(), Category::too_large);
    if (ids.ok() || !too_many || *page <= kLeastPage) return ids;
    *page = std::max(kLeastPage, *page / 4);
  }
}

Result<std::vector<std::string>> AllIds(const Client& client, const std::string& collection) {
  std::vector<std::string> all;
  std::unordered_set<std::string> seen;
  int64_t page = kListPage;
  for (int64_t offset = 0;;) {
    ARROW_ASSIGN_OR_RAISE(auto ids, IdsAt(client, collection, offset, &page));
    if (ids.empty()) return all;
    offset += static_cast<int64_t>(ids.size());
    const size_t before = all.size();
    for (auto& id : ids) {
      if (seen.insert(id).second) all.push_back(std::move(id));
    }
    if (all.size() == before) return BadHttpAnswer("listing the ids", "a page repeats what was answered before");
    if (static_cast<int64_t>(all.size()) > 2 * kMostListed) return BadHttpAnswer("listing the ids", "there are more than were counted");
  }
}

std::string Payload(const std::string& collection, const std::string* first, size_t n) {
  std::string text = "{\"collection\":";
  AppendJsonString(collection, &text);
  text += ",\"ids\":[";
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) text += ',';
    AppendJsonString(first[i], &text);
  }
  return text + "]}";
}

Split Labelled(std::string payload, int64_t first, int64_t count) {
  return {std::move(payload), fmt::format("records {}..{}", first + 1, first + count), count, -1};
}

Status NoSplit(std::string_view payload) { return MakeError(Category::corrupt, fmt::format("the split '{}' is none of a chroma source", Printable(payload, 200))); }

}  // namespace

Result<std::vector<Split>> SplitsOf(const Client& client, const std::string& collection, int wanted) {
  ARROW_ASSIGN_OR_RAISE(int64_t count, client.Count(collection));
  std::vector<std::string> ids;
  if (count <= kMostListed) {
    for (int i = 0; i < kMostListings; ++i) {
      ARROW_ASSIGN_OR_RAISE(ids, AllIds(client, collection));
      // Rows that are deleted meanwhile shift others out of sight.
      ARROW_ASSIGN_OR_RAISE(count, client.Count(collection));
      if (static_cast<int64_t>(ids.size()) == count) break;
    }
    count = static_cast<int64_t>(ids.size());
  }
  std::vector<Split> splits;
  const int64_t parts = std::clamp<int64_t>(count / kLeastPerSplit, 1, std::max(wanted, 1));
  for (int64_t i = 0; i < parts && count > 0; ++i) {
    const int64_t first = count * i / parts, end = count * (i + 1) / parts;
    if (!ids.empty()) {
      splits.push_back(Labelled(Payload(collection, ids.data() + first, static_cast<size_t>(end - first)), first, end - first));
      continue;
    }
    // The last one goes on to wherever the end is by then.
    Json json = {{"collection", collection}, {"offset", first}, {"count", i + 1 == parts ? -1 : end - first}};
    if (first > 0) {
      ARROW_ASSIGN_OR_RAISE(const auto before, IdsAt(client, collection, first - 1, int64_t{1}));
      if (!before.empty()) json["before"] = before.front();
    }
    splits.push_back(Labelled(json.dump(), first, end - first));
  }
  return splits;
}

/// "PLACE", and of a split of offsets "PLACE:ID before it".
Cursor IdRun::CursorBehind(size_t n) const {
  const int64_t place = first + static_cast<int64_t>(n);
  if (!by_offset) return std::to_string(place);
  return fmt::format("{}:{}", place, n == 0 ? before : ids[n - 1]);
}

Result<IdWalk> IdWalk::Of(std::shared_ptr<Client> client, std::string_view payload, const Cursor& from) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object() || !json.contains("collection") || !json["collection"].is_string()) return NoSplit(payload);
  IdWalk walk;
  walk.client_ = std::move(client);
  walk.collection_ = json["collection"];
  walk.by_offset_ = !json.contains("ids");
  if (walk.by_offset_) {
    if (!json.contains("offset") || !json.contains("count") || !json["offset"].is_number_integer() || !json["count"].is_number_integer()) return NoSplit(payload);
    walk.offset_ = json["offset"];
    walk.count_ = json["count"];
    if (walk.offset_ < 0) return NoSplit(payload);
    if (json.contains("before") && json["before"].is_string()) walk.before_ = json["before"];
  } else {
    if (!json["ids"].is_array()) return NoSplit(payload);
    for (const auto& id : json["ids"]) {
      if (!id.is_string()) return NoSplit(payload);
      walk.ids_.push_back(id);
    }
  }
  if (from.empty()) return walk;
  const size_t colon = from.find(':');
  ARROW_ASSIGN_OR_RAISE(walk.at_, ParseInt(std::string_view(from).substr(0, colon)));
  if (walk.at_ < 0 || (walk.by_offset_ != (colon != from.npos))) return MakeError(Category::corrupt, fmt::format("the cursor '{}' is none of a chroma source", Printable(from, 200)));
  if (walk.by_offset_) walk.before_ = from.substr(colon + 1), walk.begin_ = walk.at_;
  return walk;
}

void IdWalk::GoBack(const IdRun& run) {
  at_ = run.first;
  before_ = run.before;
  if (by_offset_) ids_.clear(), begin_ = at_;
}

/// The next ids of a split of offsets, from the one before on: it must be where it was.
Status IdWalk::Refill() {
  ids_.clear();
  begin_ = at_;
  const int64_t left = count_ < 0 ? kListPage : std::min(kListPage, count_ - at_);
  if (left <= 0) return Status::OK();
  const int64_t overlap = before_.empty() ? 0 : 1;
  int64_t page = left + overlap;
  ARROW_ASSIGN_OR_RAISE(ids_, IdsAt(*client_, collection_, offset_ + at_ - overlap, &page));
  if (overlap == 0) return Status::OK();
  if (ids_.empty() || ids_.front() != before_) {
    return MakeError(Category::refused, "records were deleted while the collection was read, so that others moved", "stop what deletes, then begin anew with --restart");
  }
  ids_.erase(ids_.begin());
  return Status::OK();
}

Result<IdRun> IdWalk::Take(size_t most) {
  if (by_offset_ && at_ - begin_ >= static_cast<int64_t>(ids_.size())) ARROW_RETURN_NOT_OK(Refill());
  IdRun run;
  run.first = at_;
  run.by_offset = by_offset_;
  run.before = before_;
  for (auto i = static_cast<size_t>(at_ - begin_); i < ids_.size() && run.ids.size() < most; ++i) run.ids.push_back(ids_[i]);
  at_ += static_cast<int64_t>(run.ids.size());
  if (by_offset_ && !run.ids.empty()) before_ = run.ids.back();
  return run;
}

}  // namespace vecferry::chroma_model
