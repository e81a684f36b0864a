#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "connectors/faiss/build.h"
#include "connectors/faiss/capabilities.h"
#include "connectors/faiss/shape.h"
#include "record/elements.h"
#include "record/unit.h"
#include "sidecar/paired_sink.h"

namespace vecferry::faiss_files {
namespace {

using files::File;
using sidecar::RowVectors;
using sidecar::Stored;

constexpr float kLargestHalf = 65504;
/// Where the squared lengths are below it, squared distances between any two vectors are finite floats.
constexpr double kMostSquares = static_cast<double>(std::numeric_limits<float>::max()) / 4;

int32_t FaissMetricOf(Metric metric) { return metric == Metric::l2 ? kL2 : metric == Metric::l1 ? kL1 : kInnerProduct; }

/// How an index is spooled and made. The spool is a Flat index in an IDMap2 or without one, its counts still missing: for
/// index=flat and binary it becomes the file itself.
class IndexForm final : public sidecar::VectorForm {
 public:
  IndexForm(IndexKind kind, sidecar::Format side) : kind_(std::move(kind)), side_(side), can_(SinkCapabilities(kind_, side)), fit_(can_) {}

  Status Begin(const RecordSchema& schema) override {
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, schema));
    if (side_ == sidecar::Format::langchain && !schema.has_document) {
      return MakeError(Category::unsupported, "LangChain keeps a text for each vector, and there are no documents", "choose another side-car, or map a field to the document");
    }
    spec_ = schema.vectors.at(0);
    const bool integers = schema.id_kind == IdKind::i64 || (kind_.ids == "map" && schema.id_kind == IdKind::u64);
    with_ids_ = kind_.ids != "rows" && integers && side_ != sidecar::Format::langchain;
    if (kind_.ids == "map" && !with_ids_) {
      return MakeError(Category::unsupported, fmt::format("ids of kind {} have no place in an index", Name(schema.id_kind)), "use ids=rows: they stand in the side-car");
    }
    if (spec_.element == Element::bit && spec_.dims % 8 != 0) {
      return MakeError(Category::unsupported, fmt::format("{} bits are not a multiple of 8, as binary indexes need", spec_.dims), "choose another store for them");
    }
    ARROW_RETURN_NOT_OK(CheckDims(kind_, spec_.dims));
    if (!kind_.metric.empty()) {
      ARROW_ASSIGN_OR_RAISE(spec_.metric, ParseMetric(kind_.metric));
    }
    normalised_ = spec_.metric == Metric::cosine;
    return Status::OK();
  }

  Status CheckCount(int64_t rows) const override { return CheckRows(kind_, rows); }
  int64_t head_size() const override { return static_cast<int64_t>(Head(0).size()); }
  RowVectors::Place spooled() const override {
    if (kind_.binary()) return {.elements = spec_.dims / 8, .stored = Stored::bits, .element = Element::bit};
    return {.elements = spec_.dims, .stored = Stored::f32, .element = spec_.element};
  }
  bool with_ids() const override { return with_ids_; }

  Status Encode(const RecordView& view, int64_t row, std::string* bytes, int64_t* id) override {
    if (const auto misfit = fit_.Check(view, row)) return BadRecord(misfit->code, misfit->message);
    if (side_ == sidecar::Format::langchain && !view.document(row)) return BadRecord("missing-document", "the record has no document, and LangChain keeps a text for each");
    if (with_ids_ && !ParseId(view.id(row), id)) {
      return BadRecord("id-not-an-integer", fmt::format("the id '{}' is no integer of 64 bits as an index holds them", Printable(view.id(row), 100)));
    }
    const std::string_view dense = view.vectors().at(0).Dense(row);
    if (kind_.binary()) {
      *bytes += dense;
      return Status::OK();
    }
    const auto n = static_cast<size_t>(spec_.dims);
    const float* values = AsFloats(spec_.element, dense, n, scratch_);
    if (normalised_) {
      unit_.resize(n);
      UnitVector(values, n, unit_.data());
      values = unit_.data();
    }
    if (kind_.bounded()) ARROW_RETURN_NOT_OK(CheckBounds(values, n));
    bytes->append(reinterpret_cast<const char*>(values), 4 * n);
    return Status::OK();
  }

  Result<bool> Complete(File& spool, int64_t rows, const File* ids, const fs::path& built) override {
    if (kind_.name != "flat" && !kind_.binary()) {
      ARROW_RETURN_NOT_OK(BuildIndex(kind_, {&spool, head_size(), rows, spec_.dims, FaissMetricOf(spec_.metric), ids}, built));
      return false;
    }
    ARROW_RETURN_NOT_OK(spool.WriteAt(0, Head(rows)));
    if (ids) ARROW_RETURN_NOT_OK(AppendIds(spool, rows, *ids));
    ARROW_RETURN_NOT_OK(spool.Sync());
    return true;
  }

 private:
  /// What stands before the vectors of a Flat index.
  std::string Head(int64_t rows) const {
    const int32_t metric = FaissMetricOf(spec_.metric);
    std::string head;
    uint64_t size = static_cast<uint64_t>(rows) * static_cast<uint64_t>(spec_.dims);
    if (kind_.binary()) {
      if (with_ids_) head += BinaryHead("IBM2", spec_.dims, rows);
      head += BinaryHead("IBxF", spec_.dims, rows);
      size /= 8;
    } else {
      if (with_ids_) head += IndexHead("IxM2", spec_.dims, rows, metric);
      head += metric == kL2 ? IndexHead("IxF2", spec_.dims, rows, metric) : metric == kInnerProduct ? IndexHead("IxFI", spec_.dims, rows, metric) : IndexHead("IxFl", spec_.dims, rows, metric);
    }
    head.append(reinterpret_cast<const char*>(&size), 8);
    return head;
  }

  Status AppendIds(File& spool, int64_t rows, const File& ids) const {
    const int64_t width = spooled().elements * sidecar::BytesOf(spooled().stored);
    int64_t at = head_size() + rows * width;
    const auto count = static_cast<uint64_t>(rows);
    ARROW_RETURN_NOT_OK(spool.WriteAt(at, {reinterpret_cast<const char*>(&count), 8}));
    at += 8;
    std::string chunk;
    for (int64_t first = 0; first < rows; first += 1 << 16) {
      const int64_t n = std::min<int64_t>(1 << 16, rows - first);
      chunk.resize(static_cast<size_t>(8 * n));
      ARROW_RETURN_NOT_OK(sidecar::ReadExactly(ids, 8 * first, chunk.data(), 8 * n));
      ARROW_RETURN_NOT_OK(spool.WriteAt(at, chunk));
      at += 8 * n;
    }
    return Status::OK();
  }

  /// Of finite numbers. FAISS leaves a vector out of its lists where no distance is one, and ends the
  /// process where a cluster has none.
  Status CheckBounds(const float* values, size_t n) const {
    const float most = kind_.name.ends_with("fp16") ? kLargestHalf : std::numeric_limits<float>::max();
    double squares = 0;
    for (size_t i = 0; i < n; ++i) {
      squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
      if (!(std::fabs(values[i]) <= most)) return BadRecord("out-of-range", fmt::format("element {} is {}, which an index of kind {} cannot hold", i, values[i], kind_.name));
    }
    if (squares > kMostSquares) {
      return BadRecord("out-of-range", fmt::format("the vector is {:.3g} long, and distances of an index of kind {} would be infinite", std::sqrt(squares), kind_.name));
    }
    return Status::OK();
  }

  static bool ParseId(std::string_view text, int64_t* id) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *id);
    return error == std::errc() && end == text.data() + text.size() && std::to_string(*id) == text;
  }

  IndexKind kind_;
  sidecar::Format side_;
  Capabilities can_;
  RowFit fit_;
  VectorSpec spec_;
  bool with_ids_ = false, normalised_ = false;
  std::vector<float> scratch_, unit_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const IndexKind& kind, const OpenContext& context) {
  ARROW_ASSIGN_OR_RAISE(const Place place, ChoosePlace(location));
  sidecar::PairedTarget target;
  target.store = "faiss";
  target.vectors = place.index;
  target.side = *place.side;
  target.format = place.format;
  if (place.folder) target.folder = place.index.parent_path();
  Location there = location;
  there.path = place.index.string();
  there.options["metadata"] = place.side->string();
  there.options.erase("join");
  if (!fs::exists(*place.side)) there.options.erase("metadata");
  const Layout* layout = context.layout;
  target.reopen = [there, layout, side = place.side->string()]() mutable {
    there.options.erase("metadata");
    std::error_code ec;
    if (fs::exists(side, ec)) there.options["metadata"] = side;
    OpenContext opened;
    opened.layout = layout;
    return OpenSource(there, opened);
  };
  return sidecar::MakePairedSink(std::move(target), [kind, side = place.format] { return std::make_unique<IndexForm>(kind, side); });
}

}  // namespace vecferry::faiss_files
