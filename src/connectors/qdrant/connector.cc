#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant/config.h"
#include "connectors/qdrant/dataset.h"
#include "connectors/qdrant/qdrant.h"
#include "qdrant_model/collection_config.h"
#include "qdrant_model/family.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry {
namespace qdrant {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Qdrant, a server, over gRPC";
  info.example = "qdrant://localhost:6334#docs";
  info.aliases = {"http", "https"};
  info.has_users = false;
  info.default_layout = "default";
  info.options = Options();
  info.notes =
      "Servers from 1.7 on. The port is that of gRPC (6334); `http://HOST:6333` and `https://HOST:6333` are understood as the address of a\n"
      "server whose gRPC port is 6334. The API key comes from QDRANT_API_KEY or a file. Each write waits until the server has applied it.\n"
      "A collection is made as the source describes it, its payload indexes, aliases and metadata included; in a collection that is sharded by\n"
      "key a record's tenant is its shard key. While a collection is loaded its indexing_threshold is 0, so that the graph is built once, and the\n"
      "old value is put back. Vectors of cosine collections are kept with length 1, as every client's are: they are compared by direction.\n"
      "Payloads nested deeper than 32 objects are refused: the server would take them and the vendor's clients would not read them.";
  Capabilities& can = info.capabilities = qdrant_model::FamilyCapabilities();
  can.consistency = Consistency::live;
  for (const auto feature : {JsonFeature::uint64, JsonFeature::non_finite, JsonFeature::bigint}) can.json.erase(feature);
  can.search = can.defers_index = true;
  can.vector_change = VectorChange::cosine_normalised;
  can.max_in_flight = 8;
  can.expansion = 3.0;  // the request beside the batch, and what is on its way
  can.batch_rows = 2000;
  can.batch_bytes = 2 << 20;
  return info;
}

class Qdrant final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(target, context.cancel));
    ARROW_ASSIGN_OR_RAISE(const auto names, client->Collections());
    std::vector<DatasetSummary> summaries;
    for (const auto& name : names) {
      DatasetSummary summary{.name = name};
      const Status status = Summarise(*client, &summary);
      if (!status.ok()) summary.description = status.message();
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_ASSIGN_OR_RAISE(const auto names, dataset.client->Collections());
    if (std::find(names.begin(), names.end(), dataset.collection) == names.end()) {
      // A key for single collections may look at one that it cannot list.
      ARROW_ASSIGN_OR_RAISE(const auto there, dataset.client->Info(dataset.collection));
      if (!there) return NoCollection(dataset, names);
    }
    return MakeSource(std::move(dataset), std::nullopt);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    return MakeSink(std::move(dataset), context, info_.capabilities);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    const auto target = ParseTarget(location);
    if (!target.ok()) return {{"location", target.status().message(), -1, true}};
    const auto client = Client::Connect(*target, context.cancel);
    if (!client.ok()) return {{"connect", Describe(client.status()), -1, true}};
    std::vector<Note> notes = {{"server", fmt::format("Qdrant {} answers at {}", (*client)->version(), target->endpoint.Display()), -1, false}};
    const auto names = (*client)->Collections();
    if (names.ok()) notes.push_back({"collections", fmt::format("{} collections can be seen", names->size()), static_cast<int64_t>(names->size()), false});
    else notes.push_back({"collections", Describe(names.status()), -1, true});
    return notes;
  }

 private:
  static Status Summarise(const Client& client, DatasetSummary* summary) {
    ARROW_ASSIGN_OR_RAISE(const auto info, client.Info(summary->name));
    if (!info) return MakeError(Category::not_found, "gone meanwhile");
    summary->count = static_cast<int64_t>(info->points_count());
    ARROW_ASSIGN_OR_RAISE(const RecordSchema schema, SchemaOf(*info));
    summary->description = qdrant_model::DescribeVectors(schema);
    return Status::OK();
  }

  static Result<Dataset> Open(const Location& location, const OpenContext& context) {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    if (location.dataset.empty()) return MakeError(Category::usage, "no collection is named", "write it after a #: qdrant://HOST:6334#NAME");
    ARROW_RETURN_NOT_OK(CheckCollectionName(location.dataset));
    Dataset dataset;
    ARROW_ASSIGN_OR_RAISE(dataset.client, Client::Connect(target, context.cancel));
    dataset.name = location.dataset;
    dataset.layout = context.layout;
    dataset.cancel = context.cancel;
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset.client->Aliases());
    const auto alias = aliases.find(dataset.name);
    dataset.collection = alias == aliases.end() ? dataset.name : alias->second;
    return dataset;
  }

  static Status NoCollection(const Dataset& dataset, std::vector<std::string> names) {
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset.client->Aliases());
    for (const auto& [alias, collection] : aliases) names.push_back(alias);
    const std::string known = names.empty() ? "the server has none" : "see which there are with `vecferry inspect`";
    return MakeError(Category::not_found, fmt::format("there is no collection '{}'{}", Printable(dataset.name), Suggestion(dataset.name, names)), known);
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace qdrant

std::unique_ptr<Connector> MakeQdrantConnector() { return std::make_unique<qdrant::Qdrant>(); }

}  // namespace vecferry
