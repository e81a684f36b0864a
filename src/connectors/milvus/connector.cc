#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/milvus/dataset.h"
#include "connectors/milvus/milvus.h"

namespace vecferry {
namespace milvus {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Milvus, Zilliz Cloud or Milvus Lite, over gRPC";
  info.example = "milvus://localhost:19530#docs";
  info.default_layout = "default";
  info.options = Options();
  info.notes =
      "Servers of 2.3 and later; a token of Zilliz Cloud, or USER:PASSWORD, comes from MILVUS_TOKEN or a file. A collection is read in order of its keys,\n"
      "as of one time that the server fixes; one that is not loaded is loaded for the reading and released again. In a new collection an id is the key,\n"
      "an Int64 where ids are integers with a sign and a VARCHAR else; documents and tenants are VARCHAR fields of the layout's names, the tenant's being the\n"
      "partition key; other metadata stand in the dynamic field. A collection that comes from Milvus keeps its fields, indexes and properties. Values that a\n"
      "field of a fixed type cannot take, and texts longer than 65,535 bytes, are rejects.";
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = Consistency::live;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bf16, Element::i8, Element::bit};
  can.sparse = can.named_vectors = can.missing_vectors = true;
  can.max_vectors = 10;
  can.non_finite = false;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2};
  can.bit_metrics = {Metric::hamming, Metric::jaccard};
  can.json = AllJsonFeatures();
  can.replace = ReplaceMode::window;
  can.max_in_flight = 8;
  can.expansion = 3.0;  // the columns and the request beside the batch
  can.batch_rows = 2000;
  can.batch_bytes = 4 << 20;
  return info;
}

class Milvus final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(target, context.cancel));
    ARROW_ASSIGN_OR_RAISE(const auto names, client->Collections());
    std::vector<DatasetSummary> summaries;
    for (const auto& name : names) {
      DatasetSummary summary{.name = name};
      const Status status = Summarise(*client, context, &summary);
      if (!status.ok()) summary.description = status.message();
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset.client->Describe(dataset.name));
    if (!there) return NoCollection(dataset);
    dataset.collection = there->name;
    return MakeSource(std::move(dataset), std::nullopt);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_RETURN_NOT_OK(CheckCollectionName(dataset.name));
    return MakeSink(std::move(dataset), context, info_.capabilities);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    const auto target = ParseTarget(location);
    if (!target.ok()) return {{"location", target.status().message(), -1, true}};
    const auto client = Client::Connect(*target, context.cancel);
    if (!client.ok()) return {{"connect", vecferry::Describe(client.status()), -1, true}};
    const std::string version = (*client)->version().empty() ? "Lite 2" : (*client)->version();
    std::vector<Note> notes = {{"server", fmt::format("Milvus {} answers at {}", version, (*client)->endpoint().Display()), -1, false}};
    const auto names = (*client)->Collections();
    if (names.ok()) notes.push_back({"collections", fmt::format("{} collections can be seen", names->size()), static_cast<int64_t>(names->size()), false});
    else notes.push_back({"collections", vecferry::Describe(names.status()), -1, true});
    return notes;
  }

 private:
  static Status Summarise(const Client& client, const OpenContext& context, DatasetSummary* summary) {
    static const Layout plain;
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(client, summary->name, context.layout ? *context.layout : plain));
    if (!found) return MakeError(Category::not_found, "gone meanwhile");
    for (const VectorSpec& spec : found->shape.schema.vectors) {
      if (!summary->description.empty()) summary->description += "; ";
      if (!spec.name.empty()) summary->description += Printable(spec.name, 100) + ": ";
      if (spec.kind == VectorKind::sparse) summary->description += "sparse";
      else summary->description += fmt::format("{} x {}, {}", spec.dims, Name(spec.element), Name(spec.metric));
    }
    ARROW_ASSIGN_OR_RAISE(summary->count, client.Statistics(summary->name));
    return Status::OK();
  }

  static Result<Dataset> Open(const Location& location, const OpenContext& context) {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    if (location.dataset.empty()) return MakeError(Category::usage, "no collection is named", "write it after a #: milvus://HOST:19530#NAME");
    Dataset dataset;
    ARROW_ASSIGN_OR_RAISE(dataset.client, Client::Connect(target, context.cancel));
    dataset.name = dataset.collection = location.dataset;
    dataset.layout = context.layout;
    dataset.cancel = context.cancel;
    return dataset;
  }

  static Status NoCollection(const Dataset& dataset) {
    ARROW_ASSIGN_OR_RAISE(const auto names, dataset.client->Collections());
    const std::string known = names.empty() ? "the server has none" : "see which there are with `vecferry inspect`";
    return MakeError(Category::not_found, fmt::format("there is no collection '{}'{}", Printable(dataset.name), Suggestion(dataset.name, names)), known);
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace milvus

std::unique_ptr<Connector> MakeMilvusConnector() { return std::make_unique<milvus::Milvus>(); }

}  // namespace vecferry
