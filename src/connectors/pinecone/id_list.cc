#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/pinecone/reader.h"

namespace vecferry::pinecone {
namespace {

constexpr int kIdsPerPage = 100;
/// A token that was seen once is one more time the same page. So many are remembered: 200 million ids.
constexpr size_t kMostTokens = 2'000'000;

struct Position {
  std::string token;    ///< of the page
  size_t done = 0;      ///< ids of it
  std::string last;     ///< the last of these

  Cursor Text() const { return nlohmann::json::array({token, done, last}).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }
  static Result<Position> Parse(const Cursor& text) {
    if (text.empty()) return Position{};
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const bool fits = json.is_array() && json.size() == 3 && json[0].is_string() && json[1].is_number_unsigned() && json[2].is_string();
    if (!fits) return MakeError(Category::corrupt, "the cursor cannot be read", "begin anew with --restart");
    return Position{json[0].get<std::string>(), json[1].get<size_t>(), json[2].get<std::string>()};
  }
};

class IdList final : public IdStream {
 public:
  IdList(std::shared_ptr<const Shared> shared, std::string space, int64_t expected, Position at)
      : shared_(std::move(shared)), space_(std::move(space)), expected_(expected), at_(std::move(at)) {}

  Result<Stretch> Next(int64_t rows) override {
    Stretch stretch;
    Position at = at_;
    std::unordered_set<std::string> before = page_before_, tokens;
    while (static_cast<int64_t>(stretch.wanted.size()) < rows && !stretch.ended) ARROW_RETURN_NOT_OK(TakePage(rows, &at, &before, &tokens, &stretch));
    at_ = std::move(at);
    page_before_ = std::move(before);
    for (const auto& token : tokens) {
      if (seen_.size() < kMostTokens) seen_.insert(std::hash<std::string>{}(token));
    }
    return stretch;
  }

  Result<bool> IsThere(const Wanted& wanted) const override {
    ARROW_ASSIGN_OR_RAISE(const IdPage page, shared_->dataset.index->List(space_, wanted.id, 1, ""));
    return std::find(page.ids.begin(), page.ids.end(), wanted.id) != page.ids.end();
  }

  std::pair<std::string, std::string> MissingAs() const override {
    return {"listed-not-fetched", "the index lists the id, and does not give the record"};
  }

  /// A namespace that was removed ends as one that was read to its end.
  Status CheckEnd() const override {
    if (expected_ <= 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const IndexStats stats, shared_->dataset.Stats());
    if (stats.namespaces.contains(space_)) return Status::OK();
    return MakeError(Category::not_found, fmt::format("the namespace '{}' vanished while it was read", Printable(space_.empty() ? "__default__" : space_)),
                     "see what removed it, then begin anew with --restart");
  }

 private:
  static Status Repeats() { return BadHttpAnswer("listing ids", "the service gave a page that it had given before"); }

  Status TakePage(int64_t rows, Position* at, std::unordered_set<std::string>* before, std::unordered_set<std::string>* tokens, Stretch* stretch) {
    ARROW_ASSIGN_OR_RAISE(IdPage page, shared_->dataset.index->List(space_, "", kIdsPerPage, at->token));
    if (!page.next.empty() && (page.next == at->token || seen_.contains(std::hash<std::string>{}(page.next)) || tokens->contains(page.next))) return Repeats();
    const bool same = !page.ids.empty() && at->done == 0 && std::all_of(page.ids.begin(), page.ids.end(), [&](const auto& id) { return before->contains(id); });
    if (same) return Repeats();
    std::unordered_set<std::string> here;
    size_t i = 0;
    // What the cursor says was done: that many, unless the page is another by now; then all of it is read again, which does no harm.
    if (at->done > 0) i = Behind(page.ids, *at);
    for (size_t k = 0; k < i; ++k) here.insert(page.ids[k]);
    for (; i < page.ids.size() && static_cast<int64_t>(stretch->wanted.size()) < rows; ++i) {
      at->done = i + 1;
      at->last = page.ids[i];
      // An id that a page repeats is one record.
      if (!here.insert(page.ids[i]).second || before->contains(page.ids[i])) continue;
      stretch->wanted.push_back({space_, page.ids[i], at->Text()});
    }
    if (i < page.ids.size()) return Status::OK();
    stretch->ended = page.next.empty();
    *before = std::move(here);
    tokens->insert(page.next);
    *at = Position{page.next, 0, ""};
    if (!stretch->wanted.empty()) stretch->wanted.back().behind = stretch->ended ? Cursor(kEnd) : at->Text();
    return Status::OK();
  }

  static size_t Behind(const std::vector<std::string>& ids, const Position& at) {
    if (at.done <= ids.size() && ids[at.done - 1] == at.last) return at.done;
    const auto found = std::find(ids.begin(), ids.end(), at.last);
    return found == ids.end() ? 0 : static_cast<size_t>(found - ids.begin()) + 1;
  }

  const std::shared_ptr<const Shared> shared_;
  const std::string space_;
  const int64_t expected_;
  Position at_;
  std::unordered_set<std::string> page_before_;
  std::unordered_set<size_t> seen_;  ///< hashes of tokens
};

}  // namespace

Result<std::unique_ptr<IdStream>> ListOf(std::shared_ptr<const Shared> shared, std::string space, int64_t expected, const Cursor& from) {
  ARROW_ASSIGN_OR_RAISE(Position at, Position::Parse(from));
  return std::make_unique<IdList>(std::move(shared), std::move(space), expected, std::move(at));
}

}  // namespace vecferry::pinecone
