#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant_local/dataset.h"
#include "connectors/qdrant_local/meta.h"
#include "connectors/qdrant_local/qdrant_local.h"
#include "qdrant_model/family.h"

namespace vecferry {
namespace qdrant_local {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Qdrant, the folder of qdrant-client's local mode";
  info.example = "qdrant-local:./qdrant#memories";
  info.default_layout = "default";
  info.notes =
      "Read and written without Python. The client must be closed meanwhile: both take the lock that the client takes.\n"
      "A collection that is being written is listed in meta.json only when it is whole. Vectors are stored as they are\n"
      "given: the client normalises those of Cosine collections when it loads them, and writes them normalised when it\n"
      "next changes such a point.";
  Capabilities& can = info.capabilities = FamilyCapabilities();
  can.consistency = Consistency::snapshot;
  can.max_in_flight = 2;
  can.expansion = 3.5;  // nine bytes for each float of four, and the page cache of a transaction
  can.batch_rows = 2000;  // a synced transaction costs as much as some hundred rows
  can.batch_bytes = 5 << 20;
  return info;
}

Status NoStore(const fs::path& root) {
  return MakeError(Category::not_found, fmt::format("{} is no folder of qdrant-client's local mode: it has no meta.json", root.string()),
                   "name the folder that was given to QdrantClient(path=...)");
}

class QdrantLocal final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    const fs::path root = ExpandHome(location.path);
    ARROW_ASSIGN_OR_RAISE(const auto lock, LockedStore(root));
    ARROW_ASSIGN_OR_RAISE(const Meta meta, Meta::Read(root));
    std::vector<DatasetSummary> summaries;
    for (const auto& name : meta.Collections()) {
      ARROW_ASSIGN_OR_RAISE(auto dataset, Find(root, meta, name, lock));
      DatasetSummary summary{.name = name};
      const auto info = MakeSource(std::move(dataset), context.layout, std::nullopt, context.cancel)->Describe();
      if (info.ok()) {
        summary.count = info->count;
        summary.description = DescribeVectors(info->schema);
      } else {
        summary.description = info.status().message();
      }
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info_.options, location.options, "option of qdrant-local"));
    const fs::path root = ExpandHome(location.path);
    ARROW_ASSIGN_OR_RAISE(auto lock, LockedStore(root));
    ARROW_ASSIGN_OR_RAISE(const Meta meta, Meta::Read(root));
    ARROW_ASSIGN_OR_RAISE(auto dataset, Find(root, meta, location.dataset, std::move(lock)));
    ARROW_RETURN_NOT_OK(CheckNotLegacy(dataset.directory));
    return MakeSource(std::move(dataset), context.layout, std::nullopt, context.cancel);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info_.options, location.options, "option of qdrant-local"));
    Dataset dataset;
    dataset.root = ExpandHome(location.path);
    dataset.name = location.dataset;
    if (dataset.name.empty()) return NoCollection();
    return MakeSink(std::move(dataset), context, info_.capabilities);
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    return fs::is_directory(path, ec) && fs::is_regular_file(path / "meta.json", ec) &&
           (fs::is_directory(path / "collection", ec) || Meta::Read(path).ok());
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext&) override {
    const fs::path root = ExpandHome(location.path);
    std::vector<Note> notes;
    const auto lock = DirectoryLock::Shared(root);
    if (!lock.ok()) notes.push_back({"locked", lock.status().message(), -1, true});
    const auto meta = Meta::Read(root);
    if (!meta.ok()) notes.push_back({"meta", meta.status().message(), -1, true});
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(root / "collection", ec)) {
      const std::string name = entry.path().filename();
      if (meta.ok() && !meta->Config(name)) notes.push_back({"not-listed", fmt::format("{} is not listed in meta.json", Printable(entry.path().string())), -1, true});
    }
    return notes;
  }

 private:
  static Status NoCollection() {
    return MakeError(Category::usage, "no collection was named", "name one after #, as in qdrant-local:./qdrant#memories");
  }

  static Result<std::shared_ptr<DirectoryLock>> LockedStore(const fs::path& root) {
    std::error_code ec;
    if (!fs::is_regular_file(root / "meta.json", ec)) return NoStore(root);
    return DirectoryLock::Shared(root);
  }

  static Result<Dataset> Find(const fs::path& root, const Meta& meta, const std::string& wanted, std::shared_ptr<DirectoryLock> lock) {
    if (wanted.empty()) return NoCollection();
    Dataset dataset;
    dataset.root = root;
    dataset.name = meta.Resolve(wanted);
    const auto config = meta.Config(dataset.name);
    if (!config) {
      return MakeError(Category::not_found,
                       fmt::format("{} has no collection '{}'{}", root.string(), Printable(wanted), Suggestion(wanted, meta.Collections())),
                       "list its collections with `vecferry inspect`");
    }
    ARROW_ASSIGN_OR_RAISE(dataset.directory, CollectionPath(root, dataset.name));
    dataset.config = *config;
    dataset.aliases = meta.AliasesOf(dataset.name);
    dataset.lock = std::move(lock);
    return dataset;
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace qdrant_local

std::unique_ptr<Connector> MakeQdrantLocalConnector() { return std::make_unique<qdrant_local::QdrantLocal>(); }

}  // namespace vecferry
