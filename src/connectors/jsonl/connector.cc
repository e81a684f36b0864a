#include <fmt/format.h>

#include "connectors/jsonl/jsonl.h"

namespace vecferry::jsonl {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "jsonl";
  info.title = "A file of JSON lines, one record each";
  info.example = "jsonl:docs.jsonl";
  info.notes = "Every type of the record comes back as it was; docs/formats/jsonl.md is the format. The file appears when it is whole.";
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = can.unknown_metric = can.extras = true;
  can.max_vectors = 1000;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.json = AllJsonFeatures();
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::atomic;
  can.appends = false;
  can.expansion = 4.0;
  info.options = files::S3OptionSpecs();
  return info;
}

Result<files::Place> FileOf(const Connector::Info& info, const Location& location) {
  ARROW_RETURN_NOT_OK(CheckOptions(info.options, location.options, "option of jsonl").status());
  if (!location.dataset.empty()) return MakeError(Category::usage, "a jsonl file is one dataset and has no names in it", "leave out what follows the '#'");
  return files::Place::Of(location);
}

class JsonlConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} vectors", there.schema.vectors.size())}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const files::Place place, FileOf(info_, location));
    ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
    return there ? jsonl::OpenSource(place) : place.Missing();
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const files::Place place, FileOf(info_, location));
    return jsonl::OpenSink(place);
  }

  bool Recognises(const fs::path& path) const override { return HasHeader(path); }

 private:
  const Info info_ = MakeInfo();
};

}  // namespace

std::unique_ptr<Connector> MakeJsonlConnector() { return std::make_unique<JsonlConnector>(); }

}  // namespace vecferry::jsonl
