#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/dataset.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/pinecone.h"

namespace vecferry {
namespace pinecone {
namespace {

using Feature = JsonFeature;

/// Everything that JSON text of ours keeps; without it, what the service itself holds.
std::set<JsonFeature> FeaturesOf(const MetadataPolicy& policy) {
  if (policy.encode) return AllJsonFeatures();
  std::set<JsonFeature> held = {Feature::array, Feature::boolean, Feature::empty_key, Feature::any_key};
  if (policy.mark_reals) held.insert(Feature::real);
  return held;
}

Capabilities MakeCapabilities() {
  Capabilities can;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = Consistency::live;
  can.order = Order::stable;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32};
  can.sparse = can.named_vectors = can.missing_vectors = true;
  can.max_vectors = 2;
  can.non_finite = false;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2};
  can.json = FeaturesOf({});
  can.replay = Replay::idempotent_upsert;
  can.replace = ReplaceMode::window;
  can.max_in_flight = 8;
  can.expansion = 5.0;  // numbers as text, the request and what is on its way
  can.batch_rows = 1000;
  can.batch_bytes = 2 << 20;
  return can;
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Pinecone, a service, over REST";
  info.example = "pinecone:docs#tenant-a";
  info.has_users = false;
  info.default_layout = "default";
  info.options = Options();
  info.notes =
      "`pinecone:INDEX` asks the control plane where the index is; `pinecone://INDEX-HOST` goes there at once. The key comes from PINECONE_API_KEY or a file.\n"
      "Without `#NAMESPACE` all namespaces are one dataset, each a tenant; with it that one alone (`#__default__` is the one without a name).\n"
      "An index that does not exist is made, serverless, where `?cloud=` and `?region=` say. An index holds one dense vector a record, one sparse one,\n"
      "or both with the dot product. Metadata is flat: strings, numbers, booleans and lists of strings, 40 KB of it with the document; other values are refused,\n"
      "or kept as JSON text with `?metadata=json`. Numbers are float64: integers beyond 2^53 are refused, and 1.0 is told from 1 by a field `_reals` that names it.\n"
      "Ids that are not 1 to 512 ASCII characters become UUIDs, with the original under `_id`. Writes are waited for by the service's sequence numbers.\n"
      "An index of pods cannot list its ids: `?ids=FILE` names them.";
  info.capabilities = MakeCapabilities();
  return info;
}

class Pinecone final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    Capabilities can = info_.capabilities;
    can.json = FeaturesOf(target.metadata);
    if (!target.ids_file.empty()) {
      can.unique_ids = false;
      can.sink = can.undo = false;
    }
    return can;
  }

  /// The namespaces of an index; the indexes where none is named.
  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    if (dataset.target.index.empty() && dataset.target.host.empty()) return ListIndexes(dataset);
    ARROW_RETURN_NOT_OK(dataset.Locate());
    if (!dataset.index) return NoIndex(dataset);
    ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset.Stats());
    ARROW_ASSIGN_OR_RAISE(const RecordSchema schema, dataset.SchemaOf(stats, false));
    std::vector<DatasetSummary> summaries;
    for (const auto& [space, count] : stats.namespaces) {
      summaries.push_back({space.empty() ? std::string(kDefaultNamespace) : space, count, Described(schema)});
    }
    // An empty index is a dataset all the same.
    if (summaries.empty()) summaries.push_back({std::string(kDefaultNamespace), 0, Described(schema)});
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_RETURN_NOT_OK(dataset.Locate());
    if (!dataset.index) return NoIndex(dataset);
    if (dataset.info && dataset.info->pod && dataset.target.ids_file.empty()) {
      return MakeError(Category::unsupported, fmt::format("the index '{}' is one of pods, which cannot list their ids", Printable(dataset.info->name)), "name a file that holds them with ?ids=FILE");
    }
    ARROW_RETURN_NOT_OK(CheckNamespace(dataset));
    return MakeSource(std::move(dataset), std::nullopt);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    if (dataset.target.index.empty() && dataset.target.host.empty()) return dataset.Locate();
    if (!dataset.target.ids_file.empty()) return MakeError(Category::usage, "a file of ids is for reading", "leave ?ids= out");
    return MakeSink(std::move(dataset));
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    auto dataset = Open(location, context);
    if (!dataset.ok()) return {{"location", dataset.status().message(), -1, true}};
    std::vector<Note> notes;
    const auto indexes = dataset->control->List();
    if (indexes.ok()) notes.push_back({"control-plane", fmt::format("{} answers, {} indexes can be seen", dataset->control->Display(), indexes->size()), static_cast<int64_t>(indexes->size()), false});
    else notes.push_back({"control-plane", Describe(indexes.status()), -1, true});
    if (dataset->target.index.empty() && dataset->target.host.empty()) return notes;
    const Status located = dataset->Locate();
    if (!located.ok()) return notes.push_back({"index", Describe(located), -1, true}), notes;
    if (!dataset->index) return notes.push_back({"index", "it does not exist", -1, true}), notes;
    const auto stats = dataset->Stats();
    if (stats.ok()) notes.push_back({"index", fmt::format("{} answers, {} records", dataset->index->Display(), FormatCount(stats->total)), stats->total, false});
    else notes.push_back({"index", Describe(stats.status()), -1, true});
    return notes;
  }

 private:
  static Result<Dataset> Open(const Location& location, const OpenContext& context) {
    Dataset dataset;
    ARROW_ASSIGN_OR_RAISE(dataset.target, ParseTarget(location));
    ARROW_ASSIGN_OR_RAISE(dataset.control, ControlPlane::Open(dataset.target, context.cancel));
    dataset.layout = RecordForm::LayoutFor(context.layout ? *context.layout : Layout{}, !dataset.target.one_namespace);
    dataset.layout_name = context.layout ? context.layout->name : "default";
    dataset.cancel = context.cancel;
    return dataset;
  }

  static std::string Described(const RecordSchema& schema) {
    std::string text;
    for (const VectorSpec& spec : schema.vectors) {
      if (!text.empty()) text += " and ";
      text += spec.kind == VectorKind::sparse ? "sparse" : fmt::format("{} x f32, {}", spec.dims, Name(spec.metric));
    }
    return text;
  }

  static Result<std::vector<DatasetSummary>> ListIndexes(const Dataset& dataset) {
    ARROW_ASSIGN_OR_RAISE(const auto indexes, dataset.control->List());
    std::vector<DatasetSummary> summaries;
    for (const IndexInfo& index : indexes) {
      DatasetSummary& summary = summaries.emplace_back();
      summary.name = index.name;
      summary.description = fmt::format("an index, {}{}", index.sparse ? "sparse" : fmt::format("{} x f32, {}", index.dims, Name(index.metric)), index.pod ? ", of pods" : "");
    }
    return summaries;
  }

  static Status NoIndex(const Dataset& dataset) {
    std::vector<std::string> names;
    if (const auto indexes = dataset.control->List(); indexes.ok()) {
      for (const IndexInfo& index : *indexes) names.push_back(index.name);
    }
    return MakeError(Category::not_found, fmt::format("there is no index '{}'{}", Printable(dataset.target.index), Suggestion(dataset.target.index, names)),
                     names.empty() ? "the key's project has none" : "see which there are with `vecferry inspect pinecone:`");
  }

  /// A namespace that is not there would be read as an empty one.
  static Status CheckNamespace(const Dataset& dataset) {
    ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset.Stats());
    const std::string& space = dataset.target.name_space;
    if (!dataset.target.one_namespace || space.empty() || stats.namespaces.contains(space) || !dataset.target.ids_file.empty()) return Status::OK();
    std::vector<std::string> names;
    for (const auto& [name, count] : stats.namespaces) names.push_back(name.empty() ? std::string(kDefaultNamespace) : name);
    return MakeError(Category::not_found, fmt::format("there is no namespace '{}'{}", Printable(space), Suggestion(space, names)), "see which there are with `vecferry inspect`");
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace pinecone

std::unique_ptr<Connector> MakePineconeConnector() { return std::make_unique<pinecone::Pinecone>(); }

}  // namespace vecferry
