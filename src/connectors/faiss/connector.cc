#include <fmt/format.h>

#include "base/text.h"
#include "connectors/faiss/capabilities.h"
#include "connectors/faiss/faiss.h"
#include "connectors/faiss/shape.h"
#include "files/file.h"
#include "options/make_option.h"

namespace vecferry::faiss_files {

Capabilities SinkCapabilities(const IndexKind& kind, sidecar::Format side) {
  Capabilities can;
  can.source = can.sink = can.search = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16};
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2};
  if (kind.name == "flat" || kind.name == "hnsw") can.metrics.insert(Metric::l1);
  can.vector_change = VectorChange::cosine_normalised;
  if (kind.binary()) {
    can.dense = {Element::bit};
    can.metrics = {Metric::hamming};
    can.vector_change = VectorChange::none;
  }
  if (kind.quantised()) {
    can.vector_change = VectorChange::reduced_precision;
    can.least_cosine = kind.tolerance;
  }
  can.named_vectors = false;
  can.non_finite = !kind.bounded();
  can.json = AllJsonFeatures();
  if (side == sidecar::Format::pickle || side == sidecar::Format::langchain) {
    for (const JsonFeature feature : {JsonFeature::datetime, JsonFeature::time, JsonFeature::geo}) can.json.erase(feature);
  }
  can.tenant = side != sidecar::Format::langchain;
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::window;
  can.appends = false;
  can.expansion = 3.0;
  return can;
}

namespace {

std::vector<OptionSpec> MakeOptions() {
  return {MakeOption::Text("metadata", "FILE|KIND", "The side-car with ids, documents and metadata: a file, or of which kind it is (jsonl, parquet, pickle, langchain); a source finds it by itself, and takes none with 'none'.").Example("docs.meta"),
          MakeOption::Choice("index", {"flat", "hnsw", "ivf", "fp16", "sq8", "sq4", "pq", "ivf-fp16", "ivf-sq8", "ivf-sq4", "ivf-pq", "binary"},
                             "Sink: the kind of index that is built; fp16, sq8, sq4 and pq keep vectors less precisely."),
          MakeOption::Integer("m", "Sink: neighbours of hnsw (32), parts of pq (dimensions / 4)."),
          MakeOption::Integer("ef_construction", "Sink: breadth of the search while hnsw is built.").Default("200"),
          MakeOption::Integer("nlist", "Sink: lists of ivf (4 times the root of the number of vectors)."),
          MakeOption::Integer("nbits", "Sink: bits of each part of pq.").Default("8"),
          MakeOption::Choice("ids", {"auto", "map", "rows"}, "Sink: ids as labels in an IDMap2 (map), or row numbers with the ids in the side-car (rows); auto maps ids of kind i64."),
          MakeOption::Choice("metric", {"", "cosine", "dot", "l2", "l1", "hamming"}, "Source: what the index cannot say, such as cosine. Sink: the metric of the index where it is not that of the records."),
          MakeOption::Choice("join", {"row", "id"}, "Source: entry i of the side-car belongs to row i, or to the vector of id i."),
          MakeOption::Real("tolerance", "COSINE", "Sink, quantised kinds: the least cosine that a vector must keep in verification (0.999; sq4 0.95, pq 0.8).")};
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "faiss";
  info.title = "An index file of FAISS with a side-car, or a folder of LangChain or LlamaIndex";
  info.example = "faiss:docs.index";
  info.has_users = false;
  info.options = MakeOptions();
  info.capabilities = SinkCapabilities({}, sidecar::Format::jsonl);
  info.notes =
      "Read: Flat, IVFFlat, HNSWFlat, scalar and product quantizers (as reconstructions), IDMap, PreTransform, Refine and binary indexes; anything else is refused before "
      "libfaiss sees it. The matrix shows index=flat; index=binary holds bit vectors and those alone. Vectors of metric cosine are normalised, as FAISS needs it.";
  return info;
}

class FaissConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(IndexKind kind, Checked(location));
    if (OptionOf(location, "index").empty()) TakeKindOfFile(location, &kind);
    sidecar::Format side = sidecar::Format::jsonl;
    // A source may be called the like of which a sink is not; it is not asked for what it holds.
    if (const auto place = ChoosePlace(location); place.ok()) side = place->format;
    return SinkCapabilities(kind, side);
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    const VectorSpec& spec = there.schema.vectors.at(0);
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} x {}, {}, {}", spec.dims, Name(spec.element), Name(spec.metric), there.facts.at("index"))}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(Checked(location).status());
    return faiss_files::OpenSource(location, context);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const IndexKind kind, Checked(location));
    return faiss_files::OpenSink(location, kind, context);
  }

  bool Recognises(const fs::path& path) const override {
    if (IsDatasetFolder(path)) return true;
    std::error_code ec;
    if (!fs::is_regular_file(path, ec)) return false;
    const auto file = files::File::Open(path, files::File::Mode::read);
    char start[4];
    const auto got = file.ok() ? file->ReadAt(0, start, sizeof(start)) : Result<size_t>(size_t{0});
    return got.ok() && LooksLikeIndex({start, *got});
  }

 private:
  /// Where the location does not say what kind of index it is, the one that is there does.
  static void TakeKindOfFile(const Location& location, IndexKind* kind) {
    const auto place = FindPlace(location);
    const auto file = place.ok() ? files::File::Open(place->index, files::File::Mode::read) : Result<files::File>(place.status());
    const auto shape = file.ok() ? Walk(*file) : Result<Shape>(file.status());
    if (!shape.ok() || (!shape->binary && !shape->lossy)) return;
    const std::string& words = shape->words;
    kind->name = shape->binary ? "binary" : words.find("PQ") != words.npos ? "pq" : words.find("SQ4") != words.npos ? "sq4" : "sq8";
    if (OptionOf(location, "tolerance").empty()) kind->tolerance = LeastCosineOf(kind->name);
  }

  Result<IndexKind> Checked(const Location& location) const {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info_.options, location.options, "option of faiss"));
    if (!location.dataset.empty()) return MakeError(Category::usage, "an index is one dataset and has no names in it", "leave out what follows the '#'");
    if (location.path.empty()) return MakeError(Category::usage, "no file is named", "write it as faiss:FILE");
    return ParseKind(options);
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace vecferry::faiss_files

namespace vecferry {

std::unique_ptr<Connector> MakeFaissConnector() { return std::make_unique<faiss_files::FaissConnector>(); }

}  // namespace vecferry
