#include "connectors/pinecone/replacement.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/pinecone/names.h"

namespace vecferry::pinecone {
namespace {

constexpr std::string_view kSwapIntent = "pinecone.swap", kOldGoneIntent = "pinecone.old-gone", kNewThereIntent = "pinecone.new-there";
constexpr int kIdsPerPage = 100;

}  // namespace

Replacement::Replacement(Dataset dataset, std::string mark, SinkSpec spec)
    : dataset_(std::move(dataset)), prefix_(fmt::format("{}{}-", kStagingPrefix, mark)), spec_(std::move(spec)), intents_(spec_.intents) {}


Result<std::vector<std::string>> Replacement::Staged() const {
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.index->Stats());
  std::vector<std::string> staged;
  for (const auto& [space, count] : stats.namespaces) {
    if (space.starts_with(prefix_)) staged.push_back(space);
  }
  return staged;
}

Status Replacement::RemoveOld() {
  ARROW_ASSIGN_OR_RAISE(const auto gone, intents_.Find(kOldGoneIntent));
  if (gone) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
  for (const std::string& space : dataset_.SpacesOf(stats)) {
    VF_FAILPOINT("pinecone.remove-old.before");
    ARROW_ASSIGN_OR_RAISE(const auto number, dataset_.index->DeleteNamespace(space));
    dataset_.freshness->Written(space, number);
  }
  return intents_.Record(kOldGoneIntent, "yes");
}

Status Replacement::CopyOver(const std::string& from, const std::string& to) {
  Upserts upserts(*dataset_.index, *dataset_.freshness, to);
  std::string token;
  do {
    ARROW_ASSIGN_OR_RAISE(const IdPage page, dataset_.index->List(from, "", kIdsPerPage, token));
    ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetched::Of(*dataset_.index, from, {page.ids.begin(), page.ids.end()}, kLongestTarget));
    for (const auto& id : page.ids) {
      const VectorText* vector = fetched.Find(id);
      if (!vector) {
        ErrorFacts facts;
        facts.category = Category::transient;
        facts.retry = Retry::after_delay;
        return MakeError(std::move(facts), "a record that was written is listed and not given yet");
      }
      ARROW_RETURN_NOT_OK(upserts.Add(vector->whole));
    }
    if (!page.next.empty() && page.next == token) return BadHttpAnswer("listing ids", "the service gave a page that it had given before");
    token = page.next;
  } while (!token.empty());
  return upserts.Flush();
}

Status Replacement::TurnOver(const std::string& probe) {
  ARROW_ASSIGN_OR_RAISE(const auto there, intents_.Find(kNewThereIntent));
  if (!there) {
    // All that was written has to be visible, or it would not be copied.
    ARROW_RETURN_NOT_OK(dataset_.freshness->Check(*dataset_.index, probe));
    ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, prefix_));
    ARROW_RETURN_NOT_OK(RemoveOld());
    ARROW_ASSIGN_OR_RAISE(const auto staged, Staged());
    for (const std::string& space : staged) {
      VF_FAILPOINT("pinecone.copy-over.before");
      ARROW_RETURN_NOT_OK(CopyOver(space, space.substr(prefix_.size())));
      VF_FAILPOINT("pinecone.copy-over.after");
    }
    ARROW_RETURN_NOT_OK(dataset_.freshness->Check(*dataset_.index, probe));
    ARROW_RETURN_NOT_OK(intents_.Record(kNewThereIntent, "yes"));
  }
  return GiveUp();
}

Status Replacement::GiveUp() {
  ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
  ARROW_ASSIGN_OR_RAISE(const auto there, intents_.Find(kNewThereIntent));
  if (swapping && !there) {
    return MakeError(Category::refused, "the old records are being removed: the new ones are all there is", "run the copy again as it was begun: it finishes");
  }
  ARROW_ASSIGN_OR_RAISE(const auto staged, Staged());
  for (const std::string& space : staged) {
    VF_FAILPOINT("pinecone.remove-staging.before");
    ARROW_ASSIGN_OR_RAISE(const auto number, dataset_.index->DeleteNamespace(space));
    (void)number;
    dataset_.freshness->Forget(space);
  }
  return Status::OK();
}

}  // namespace vecferry::pinecone
