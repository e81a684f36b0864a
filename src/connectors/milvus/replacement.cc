#include "connectors/milvus/replacement.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/layout.h"
#include "record/digest.h"

namespace vecferry::milvus {
namespace {

constexpr std::string_view kReplaceIntent = "replace-collection";    ///< the collection that takes the place of what the name stood for
constexpr std::string_view kReplacedIntent = "replaced-collection";  ///< what the name stood for; "" for itself, a plain collection
constexpr std::string_view kSwapIntent = "swap-collection";          ///< the name is being turned over

}  // namespace


Result<std::optional<std::string>> Replacement::Staging() const { return intents_.Find(kReplaceIntent); }

Result<std::string> Replacement::Begin(const std::string& run_id, const std::string& behind_alias) {
  const std::string mark = FormatUuid(UuidV5(kIdNamespace, run_id + dataset_.name)).substr(0, 8);
  const std::string staging = fmt::format("{}_{}", dataset_.name.substr(0, 230), mark);
  ARROW_RETURN_NOT_OK(intents_.Record(kReplacedIntent, behind_alias));
  ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, staging));
  return staging;
}

Result<std::string> Replacement::Where(const std::string& staging) const {
  ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
  if (!swapping) return staging;
  ARROW_ASSIGN_OR_RAISE(const bool there, dataset_.client->Has(staging));
  return there ? staging : dataset_.name;
}

Status Replacement::TurnOver(const std::string& active) {
  ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
  ARROW_ASSIGN_OR_RAISE(const auto staging, Staging());
  const std::string behind = replaced.value_or(""), made = staging.value_or(active);
  ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, made));
  if (!behind.empty()) {
    VF_FAILPOINT("milvus.alias.before");
    ARROW_RETURN_NOT_OK(dataset_.client->PointAlias(dataset_.name, made, true));
    VF_FAILPOINT("milvus.alias.after");
    ARROW_ASSIGN_OR_RAISE(const auto old, dataset_.client->Describe(behind));
    // What further names stand for is not this run's to remove.
    if (!old || old->name != behind || !old->aliases.empty()) return Status::OK();
    return dataset_.client->Drop(behind);
  }
  ARROW_ASSIGN_OR_RAISE(const bool waiting, dataset_.client->Has(made));
  if (waiting) {
    ARROW_ASSIGN_OR_RAISE(const bool old, dataset_.client->Has(dataset_.name));
    VF_FAILPOINT("milvus.rename-old.before");
    if (old) ARROW_RETURN_NOT_OK(dataset_.client->Rename(dataset_.name, OldName(made)));
    VF_FAILPOINT("milvus.rename-new.before");
    ARROW_RETURN_NOT_OK(dataset_.client->Rename(made, dataset_.name));
    VF_FAILPOINT("milvus.rename-new.after");
  }
  ARROW_ASSIGN_OR_RAISE(const auto old, dataset_.client->Describe(OldName(made)));
  if (!old || old->name != OldName(made)) return Status::OK();
  // Its aliases are names of what it held, and go with it to what takes its place.
  for (const auto& alias : old->aliases) ARROW_RETURN_NOT_OK(dataset_.client->PointAlias(alias, dataset_.name, true));
  VF_FAILPOINT("milvus.drop-old.before");
  return dataset_.client->Drop(OldName(made));
}

Status Replacement::GiveBack() {
  ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
  if (!swapping) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
  const std::string behind = replaced.value_or("");
  if (!behind.empty()) {
    ARROW_ASSIGN_OR_RAISE(const bool old, dataset_.client->Has(behind));
    if (old) return dataset_.client->PointAlias(dataset_.name, behind, true);
  } else {
    ARROW_ASSIGN_OR_RAISE(const bool old, dataset_.client->Has(OldName(*swapping)));
    ARROW_ASSIGN_OR_RAISE(const bool waiting, dataset_.client->Has(*swapping));
    ARROW_ASSIGN_OR_RAISE(const bool named, dataset_.client->Has(dataset_.name));
    if (old && named && !waiting) {
      ARROW_RETURN_NOT_OK(dataset_.client->Rename(dataset_.name, *swapping));
      return dataset_.client->Rename(OldName(*swapping), dataset_.name);
    }
    if (old && !named) return dataset_.client->Rename(OldName(*swapping), dataset_.name);
    if (named && waiting) return Status::OK();
  }
  return MakeError(Category::refused, fmt::format("the collection that '{}' stood for is gone: what takes its place is all there is", Printable(dataset_.name)),
                   "run the copy again as it was begun: it finishes");
}

}  // namespace vecferry::milvus
