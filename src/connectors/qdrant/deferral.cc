#include "connectors/qdrant/deferral.h"

#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {
namespace {

/// A server may say green just before it begins: it is believed the second time.
constexpr int kGreensThatCount = 2;

Status Gone(const Dataset& dataset) {
  return MakeError(Category::not_found, "the collection '" + Printable(dataset.collection) + "' is gone", "see what removed it");
}

}  // namespace

Result<std::optional<std::string>> Deferral::Settings() {
  ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(dataset_.collection));
  if (!info) return Gone(dataset_);
  const auto& optimizers = info->config().optimizer_config();
  // A threshold of 0 is the user's own choice: nothing is built, so nothing is put off.
  if (!optimizers.has_indexing_threshold() || optimizers.indexing_threshold() == 0) return std::nullopt;
  return std::optional(nlohmann::json{{"indexing_threshold", optimizers.indexing_threshold()}}.dump());
}

Status Deferral::Defer() {
  pb::OptimizersConfig config;
  config.set_indexing_threshold(0);
  green_ = 0;
  VF_FAILPOINT("qdrant.defer.before");
  ARROW_RETURN_NOT_OK(dataset_.client->UpdateOptimizers(dataset_.collection, config));
  VF_FAILPOINT("qdrant.defer.after");
  return Status::OK();
}

Status Deferral::PutBack(std::string_view settings) {
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  if (!json.is_object() || !json.contains("indexing_threshold") || !json["indexing_threshold"].is_number_unsigned()) {
    return MakeError(Category::corrupt, "the settings of the index that were kept cannot be read", "set the collection's indexing_threshold by hand");
  }
  ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(dataset_.collection));
  if (!info) return Status::OK();
  green_ = 0;
  // Another value than ours was set by somebody meanwhile: it is theirs.
  if (info->config().optimizer_config().indexing_threshold() != 0) return Status::OK();
  pb::OptimizersConfig config;
  config.set_indexing_threshold(json["indexing_threshold"].get<uint64_t>());
  VF_FAILPOINT("qdrant.putback.before");
  const Status status = dataset_.client->UpdateOptimizers(dataset_.collection, config);
  if (IsCategory(status, Category::not_found)) return Status::OK();
  ARROW_RETURN_NOT_OK(status);
  VF_FAILPOINT("qdrant.putback.after");
  return Status::OK();
}

Result<IndexDeferral::State> Deferral::Progress() {
  ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(dataset_.collection));
  if (!info) return Gone(dataset_);
  State state;
  state.indexed = static_cast<int64_t>(info->indexed_vectors_count());
  state.total = static_cast<int64_t>(info->points_count());
  const auto& queue = info->update_queue();
  const bool idle = info->status() == pb::CollectionInfo::green && queue.length() == 0 && queue.deferred_points() == 0;
  green_ = idle ? green_ + 1 : 0;
  state.ready = green_ >= kGreensThatCount;
  // After a restart a server waits for an update before it goes on; one that changes nothing will do.
  if (info->status() == pb::CollectionInfo::grey) ARROW_RETURN_NOT_OK(dataset_.client->UpdateOptimizers(dataset_.collection, pb::OptimizersConfig()));
  if (info->status() == pb::CollectionInfo::red) {
    return MakeError(Category::refused, "the server says that the collection is broken: " + Printable(info->optimizer_status().error(), 500), "look into the server's log");
  }
  return state;
}

}  // namespace vecferry::qdrant
