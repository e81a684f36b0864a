#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/weaviate.h"

namespace vecferry {
namespace weaviate {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Weaviate, a server, over gRPC and REST";
  info.example = "weaviate://localhost:8080#Docs";
  info.has_users = false;
  info.default_layout = "default";
  info.options = Options();
  info.notes =
      "Servers from 1.29 on. The port is that of REST (8080); records go over gRPC, at port 50051 unless `?grpc-port=` says another; in the vendor's\n"
      "cloud the name alone is enough. The API key comes from WEAVIATE_API_KEY or a file. A class's name begins with a capital letter: `#docs` is `Docs`.\n"
      "Properties are made as the records need them, each of the type of its first value; a value of another type, or of a key that can be no property, is kept as\n"
      "JSON text in the property `_vecferry`, and read back exactly. Integers beyond 2^53, which the server would round, null and what else it has no type for\n"
      "are refused, or kept there too with `?inexact=text`. Ids that are no UUIDs are mapped to some, the original kept in `_vecferry_id`. A record's tenant is a\n"
      "tenant of the class; one that is inactive is woken for as long as it is read or written, and put back, also after a crash, by the next command that\n"
      "has to do with the class. References are carried as metadata. See docs/formats/weaviate.md.";
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = vecferry::Consistency::live;
  can.ids = {IdKind::uuid};
  can.dense = {Element::f32};
  can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = true;
  can.max_vectors = 256;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming};
  can.json = AllJsonFeatures();
  for (const auto feature : {JsonFeature::int64, JsonFeature::uint64, JsonFeature::null, JsonFeature::non_finite, JsonFeature::bigint, JsonFeature::decimal, JsonFeature::date,
                             JsonFeature::time, JsonFeature::nested_array, JsonFeature::mixed_array}) {
    can.json.erase(feature);
  }
  can.replace = ReplaceMode::window;
  can.max_in_flight = 4;
  can.expansion = 5.0;  // the request's messages and its bytes beside the batch, and what is on its way
  can.batch_rows = 1000;
  can.batch_bytes = 4 << 20;
  return info;
}

class Weaviate final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const Inexact inexact, InexactOf(location));
    Capabilities can = info_.capabilities;
    if (inexact == Inexact::text) can.json = AllJsonFeatures();
    return can;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(target, context.cancel));
    ARROW_ASSIGN_OR_RAISE(const auto classes, client->Classes());
    std::vector<DatasetSummary> summaries;
    for (const auto& schema : classes) summaries.push_back(Summary(client, schema));
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_ASSIGN_OR_RAISE(const auto found, dataset.client->FindClass(dataset.class_name));
    if (!found) return NoClass(dataset);
    return MakeSource(std::move(dataset), std::nullopt);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    ARROW_ASSIGN_OR_RAISE(const Capabilities can, CapabilitiesOf(location));
    return MakeSink(std::move(dataset), can);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    const auto target = ParseTarget(location);
    if (!target.ok()) return {{"location", target.status().message(), -1, true}};
    const auto client = Client::Connect(*target, context.cancel);
    if (!client.ok()) return {{"connect", Describe(client.status()), -1, true}};
    std::vector<Note> notes = {{"server", fmt::format("Weaviate {} answers at {}", (*client)->version(), target->rest.endpoint.Display()), -1, false}};
    const Status grpc = vecferry::Diagnose(target->grpc);
    notes.push_back({"grpc", grpc.ok() ? fmt::format("gRPC answers at {}", target->grpc.Display()) : Describe(grpc), -1, !grpc.ok()});
    const auto classes = (*client)->Classes();
    if (!classes.ok()) notes.push_back({"classes", Describe(classes.status()), -1, true});
    else notes.push_back({"classes", fmt::format("{} classes can be seen", classes->size()), static_cast<int64_t>(classes->size()), false});
    if (classes.ok()) AddLeftAwake(**client, *classes, &notes);
    return notes;
  }

 private:
  static void AddLeftAwake(const Client& client, const std::vector<ClassSchema>& classes, std::vector<Note>* notes) {
    for (const auto& schema : classes) {
      const auto left = schema.multi_tenant ? TenantKeeper::LeftAwake(client, schema.name) : Result<int64_t>(0);
      if (!left.ok() || *left == 0) continue;
      notes->push_back({"left-awake", fmt::format("a run that was killed has left tenants of '{}' awake: the next copy or verification of the class puts them back", schema.name), *left, true});
    }
  }

  static DatasetSummary Summary(const std::shared_ptr<Client>& client, const ClassSchema& schema) {
    DatasetSummary summary{.name = schema.name};
    std::string vectors;
    for (const auto& vector : schema.vectors) vectors += fmt::format("{}{}{}", vectors.empty() ? "" : "; ", vector.name.empty() ? "" : vector.name + ": ", DistanceOf(vector.metric));
    summary.description = Printable(fmt::format("{}, {} properties{}", vectors, schema.properties.size(), schema.multi_tenant ? ", tenants apart" : ""), 500);
    Dataset dataset;
    dataset.client = client;
    summary.count = CountObjects(dataset, schema).ValueOr(-1);
    return summary;
  }

  static Result<Dataset> Open(const Location& location, const OpenContext& context) {
    ARROW_ASSIGN_OR_RAISE(const Target target, ParseTarget(location));
    if (location.dataset.empty()) return MakeError(Category::usage, "no class is named", "write it after a #: weaviate://HOST:8080#Docs");
    Dataset dataset;
    ARROW_ASSIGN_OR_RAISE(dataset.name, ClassNameOf(location.dataset));
    ARROW_ASSIGN_OR_RAISE(dataset.client, Client::Connect(target, context.cancel));
    if (!dataset.client->AtLeast(1, 29)) {
      return MakeError(Category::unsupported, fmt::format("Weaviate {} is too old: 1.29 is the first that is understood", dataset.client->version()), "update the server");
    }
    dataset.written = location.dataset;
    dataset.layout = context.layout;
    dataset.cancel = context.cancel;
    dataset.wake = !context.settings.contains("peek");
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset.client->Aliases());
    const auto alias = aliases.find(dataset.name);
    dataset.class_name = alias == aliases.end() ? dataset.name : alias->second;
    dataset.tenants = std::make_shared<TenantKeeper>(dataset.client, dataset.class_name);
    return dataset;
  }

  static Status NoClass(const Dataset& dataset) {
    ARROW_ASSIGN_OR_RAISE(const auto classes, dataset.client->Classes());
    std::vector<std::string> names;
    for (const auto& schema : classes) names.push_back(schema.name);
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset.client->Aliases());
    for (const auto& [alias, name] : aliases) names.push_back(alias);
    const std::string known = names.empty() ? "the server has none" : "see which there are with `vecferry inspect`";
    return MakeError(Category::not_found, fmt::format("there is no class '{}'{}", Printable(dataset.name), Suggestion(dataset.name, names)), known);
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace weaviate

std::unique_ptr<Connector> MakeWeaviateConnector() { return std::make_unique<weaviate::Weaviate>(); }

}  // namespace vecferry
