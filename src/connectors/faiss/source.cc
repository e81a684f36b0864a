#include <fmt/format.h>

#include "base/text.h"
#include "connectors/faiss/index_search.h"
#include "connectors/faiss/index_vectors.h"
#include "connectors/faiss/place.h"
#include "sidecar/paired_source.h"

namespace vecferry::faiss_files {
namespace {

Metric MetricOf(const Shape& shape) {
  if (shape.binary) return Metric::hamming;
  switch (shape.metric) {
    case kInnerProduct: return Metric::dot;
    case kL2: return Metric::l2;
    case kL1: return Metric::l1;
    default: return Metric::unknown;
  }
}

void AddNotes(const Shape& shape, bool metric_told, DatasetInfo* info) {
  const auto add = [&](std::string code, std::string message, bool warning) { info->notes.push_back({std::move(code), std::move(message), -1, warning}); };
  if (shape.lossy) add("reconstructed", fmt::format("{} keeps vectors quantised or transformed: what is read are reconstructions", shape.words), true);
  if (metric_told) return;
  if (!shape.binary && shape.metric == kInnerProduct) add("metric", "the metric is the inner product; for normalised vectors that is cosine, which an index cannot say: ?metric=cosine tells it", false);
  if (MetricOf(shape) == Metric::unknown) add("metric", fmt::format("the metric {} of FAISS has no counterpart", shape.metric), true);
}

/// What Vecferry wrote of the dataset fits the index, or it is not its side-car.
Status CheckHeader(const RecordSchema& schema, const Shape& shape, const Place& place) {
  if (schema.vectors.size() == 1 && schema.vectors[0].kind == VectorKind::dense && schema.vectors[0].dims == shape.dims &&
      (schema.vectors[0].element == Element::bit) == shape.binary) {
    return Status::OK();
  }
  return MakeError(Category::corrupt, fmt::format("{} is the side-car of another index than {}", place.side->string(), place.index.string()), "name the right one with ?metadata=FILE");
}

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) {
  ARROW_ASSIGN_OR_RAISE(const Place place, FindPlace(location));
  ARROW_ASSIGN_OR_RAISE(auto opened, files::File::Open(place.index, files::File::Mode::read));
  auto file = std::make_shared<const files::File>(std::move(opened));
  ARROW_ASSIGN_OR_RAISE(const Shape shape, Walk(*file));
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file->Stat());
  sidecar::Pair pair;
  pair.info.store = "faiss";
  pair.info.dataset = (place.folder ? place.index.parent_path() : place.index).filename().string();
  pair.info.identity = fmt::format("faiss:{}", CanonicalPath(place.index).string());
  pair.info.bytes = stamp.size;
  pair.info.facts["index"] = shape.words;
  pair.files = {place.index};
  pair.join_by_id = OptionOf(location, "join") == "id";
  pair.vector = {"", VectorKind::dense, shape.binary ? Element::bit : Element::f32, shape.dims, MetricOf(shape), ""};
  bool metric_told = false;
  if (place.side) {
    const sidecar::Fields fields = context.layout ? sidecar::Fields{context.layout->document_field, context.layout->tenant_field} : sidecar::Fields{};
    ARROW_ASSIGN_OR_RAISE(pair.side, sidecar::Open(*place.side, place.format, fields));
    const sidecar::Facts& facts = pair.side->facts();
    pair.info.facts["side-car"] = fmt::format("{} ({})", place.side->filename().string(), sidecar::Name(place.format));
    pair.info.layout = facts.layout;
    if (place.format == sidecar::Format::llamaindex) pair.files.insert(pair.files.end(), {*place.side / "docstore.json", *place.side / "index_store.json"});
    else pair.files.push_back(*place.side);
    if (facts.schema) {
      ARROW_RETURN_NOT_OK(CheckHeader(*facts.schema, shape, place));
      pair.vector = facts.schema->vectors[0];
      metric_told = pair.vector.metric != Metric::unknown;
    }
  }
  if (const std::string metric = OptionOf(location, "metric"); !metric.empty()) {
    ARROW_ASSIGN_OR_RAISE(pair.vector.metric, ParseMetric(metric));
    metric_told = true;
  }
  AddNotes(shape, metric_told, &pair.info);
  ARROW_ASSIGN_OR_RAISE(pair.vectors, OpenVectors(file, shape, pair.vector.element));
  pair.search = OpenSearch(place.index, shape);
  return sidecar::MakePairedSource(std::move(pair));
}

}  // namespace vecferry::faiss_files
