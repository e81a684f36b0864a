#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "connectors/npy/header.h"
#include "connectors/npy/npy.h"
#include "options/make_option.h"
#include "sidecar/paired_sink.h"
#include "sidecar/paired_source.h"

namespace vecferry::npy {
namespace {

using files::File;
using sidecar::Format;
using sidecar::Stored;

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "npy";
  info.title = "An array of NumPy (.npy) with a side-car";
  info.example = "npy:vectors.npy";
  info.has_users = false;
  info.options = {
      MakeOption::Text("metadata", "FILE|KIND", "The side-car with ids, documents and metadata: a file, or of which kind it is (jsonl, parquet, pickle); a source finds FILE.npy.meta.jsonl and the like by itself, and takes none with 'none'.")
          .Example("side.jsonl"),
      MakeOption::Choice("metric", {"", "cosine", "dot", "l2", "l1"}, "Source: the metric, which an array cannot say."),
      MakeOption::Choice("f64", {"refuse", "round"}, "Source: whether float64 is refused or rounded to float32.")};
  info.notes = "Rows of float32, float16, uint8, int8, and float64 with ?f64=round. Entry i of the side-car belongs to row i.";
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::u8, Element::i8};
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.unknown_metric = true;
  can.json = AllJsonFeatures();
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::window;
  can.appends = false;
  can.expansion = 3.0;
  return info;
}

std::string OptionOf(const Location& location, const std::string& name) {
  const auto found = location.options.find(name);
  return found == location.options.end() ? "" : found->second;
}

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

Status Missing(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(path.has_parent_path() ? path.parent_path() : ".", ec), end; !ec && it != end && names.size() < 1000; it.increment(ec)) {
    names.push_back(it->path().filename().string());
  }
  return MakeError(Category::not_found, fmt::format("{} does not exist{}", Printable(path.string()), Suggestion(path.filename().string(), names)), "check the path");
}

bool IsFormatName(std::string_view text) { return text == "jsonl" || text == "parquet" || text == "pickle"; }

fs::path SideOf(const fs::path& array, std::string_view format) {
  fs::path side = array;
  if (format == "pickle") return side.replace_extension(".meta");
  side += fmt::format(".meta.{}", format.empty() ? "jsonl" : format);
  return side;
}

/// The side-car of a source: the one that is named, else the first that is there.
Result<std::optional<fs::path>> FindSide(const fs::path& array, const std::string& wanted) {
  if (wanted == "none") return std::optional<fs::path>();
  if (!wanted.empty() && !IsFormatName(wanted)) {
    const fs::path side = ExpandHome(wanted);
    return Exists(side) ? Result(std::optional(side)) : Missing(side);
  }
  for (const std::string_view format : {"jsonl", "parquet", "pickle"}) {
    const fs::path side = SideOf(array, format);
    if ((wanted.empty() || wanted == format) && side != array && Exists(side)) return std::optional(side);
  }
  return wanted.empty() ? Result(std::optional<fs::path>()) : Missing(SideOf(array, wanted));
}

Element ElementOf(Stored stored) {
  switch (stored) {
    case Stored::f16: return Element::f16;
    case Stored::u8: return Element::u8;
    case Stored::i8: return Element::i8;
    default: return Element::f32;
  }
}

Result<Header> ReadHeader(const File& file) {
  std::string start(kMaxHeader, '\0');
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(0, start.data(), start.size()));
  auto header = ParseHeader(std::string_view(start).substr(0, got));
  if (!header.ok()) return Prefixed(file.path().string(), header.status());
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file.Stat());
  const int64_t width = header->columns * sidecar::BytesOf(header->stored), room = stamp.size - header->data_at;
  if (header->rows > room / width || header->rows * width != room) {
    return MakeError(Category::corrupt, fmt::format("{} has {} bytes of data, and its header speaks of {} rows of {} bytes", file.path().string(), room, header->rows, width), "write it again with numpy.save");
  }
  return header;
}

Status NoDoubles(const fs::path& path) {
  return MakeError(Category::refused, fmt::format("{} is an array of float64, and vectors are float32", path.string()), "say ?f64=round to have each number rounded to the nearest float32");
}

Result<std::unique_ptr<Source>> OpenArray(const Location& location, const OpenContext& context) {
  const fs::path path = ExpandHome(location.path);
  if (!Exists(path)) return Missing(path);
  ARROW_ASSIGN_OR_RAISE(File opened, File::Open(path, File::Mode::read));
  auto file = std::make_shared<const File>(std::move(opened));
  ARROW_ASSIGN_OR_RAISE(const Header header, ReadHeader(*file));
  if (header.stored == Stored::f64 && OptionOf(location, "f64") != "round") return NoDoubles(path);
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file->Stat());
  sidecar::Pair pair;
  pair.info.store = "npy";
  pair.info.dataset = path.filename().string();
  pair.info.identity = fmt::format("npy:{}", CanonicalPath(path).string());
  pair.info.bytes = stamp.size;
  pair.files = {path};
  pair.vector = {"", VectorKind::dense, ElementOf(header.stored), static_cast<int32_t>(header.columns), Metric::unknown, ""};
  ARROW_ASSIGN_OR_RAISE(const auto side, FindSide(path, OptionOf(location, "metadata")));
  if (side) {
    ARROW_ASSIGN_OR_RAISE(const Format format, sidecar::FormatOf(*side));
    const sidecar::Fields fields = context.layout ? sidecar::Fields{context.layout->document_field, context.layout->tenant_field} : sidecar::Fields{};
    ARROW_ASSIGN_OR_RAISE(pair.side, sidecar::Open(*side, format, fields));
    pair.info.facts["side-car"] = fmt::format("{} ({})", side->filename().string(), sidecar::Name(format));
    pair.info.layout = pair.side->facts().layout;
    pair.files.push_back(*side);
    if (const auto& schema = pair.side->facts().schema) {
      if (schema->vectors.size() != 1 || schema->vectors[0].dims != pair.vector.dims || schema->vectors[0].element != pair.vector.element) {
        return MakeError(Category::corrupt, fmt::format("{} is the side-car of another array", side->string()), "name the right one with ?metadata=FILE");
      }
      pair.vector = schema->vectors[0];
    }
  }
  if (const std::string metric = OptionOf(location, "metric"); !metric.empty()) {
    ARROW_ASSIGN_OR_RAISE(pair.vector.metric, ParseMetric(metric));
  }
  pair.vectors = std::make_shared<sidecar::RowVectors>(
      file, sidecar::RowVectors::Place{.at = header.data_at, .count = header.rows, .elements = header.columns, .stored = header.stored, .element = pair.vector.element});
  return sidecar::MakePairedSource(std::move(pair));
}

/// An array whose header is filled in at the end.
class ArrayForm final : public sidecar::VectorForm {
 public:
  explicit ArrayForm(Capabilities can) : can_(std::move(can)), fit_(can_) {}
  Status Begin(const RecordSchema& schema) override {
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, schema));
    const VectorSpec& spec = schema.vectors.at(0);
    stored_ = spec.element == Element::f16 ? Stored::f16 : spec.element == Element::u8 ? Stored::u8 : spec.element == Element::i8 ? Stored::i8 : Stored::f32;
    place_ = {.elements = spec.dims, .stored = stored_, .element = spec.element};
    return Status::OK();
  }
  int64_t head_size() const override { return kHeadSize; }
  sidecar::RowVectors::Place spooled() const override { return place_; }
  Status Encode(const RecordView& view, int64_t row, std::string* bytes, int64_t*) override {
    if (const auto misfit = fit_.Check(view, row)) return BadRecord(misfit->code, misfit->message);
    *bytes += view.vectors().at(0).Dense(row);
    return Status::OK();
  }
  Result<bool> Complete(File& spool, int64_t rows, const File*, const fs::path&) override {
    ARROW_RETURN_NOT_OK(spool.WriteAt(0, MakeHeader(stored_, rows, place_.elements)));
    ARROW_RETURN_NOT_OK(spool.Sync());
    return true;
  }

 private:
  Capabilities can_;
  RowFit fit_;
  Stored stored_ = Stored::f32;
  sidecar::RowVectors::Place place_;
};

class NpyConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    Capabilities can = info_.capabilities;
    const std::string wanted = OptionOf(location, "metadata");
    if (wanted == "pickle" || wanted.ends_with(".pkl") || wanted.ends_with(".meta")) {
      for (const JsonFeature feature : {JsonFeature::datetime, JsonFeature::time, JsonFeature::geo}) can.json.erase(feature);
    }
    return can;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    const VectorSpec& spec = there.schema.vectors.at(0);
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} x {}", spec.dims, Name(spec.element))}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(Check(location));
    return OpenArray(location, context);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_RETURN_NOT_OK(Check(location));
    ARROW_ASSIGN_OR_RAISE(const Capabilities can, CapabilitiesOf(location));
    sidecar::PairedTarget target;
    target.store = "npy";
    target.vectors = ExpandHome(location.path);
    std::error_code ec;
    if (fs::is_directory(target.vectors, ec)) return MakeError(Category::usage, fmt::format("{} is a folder", target.vectors.string()), "name a file in it");
    const std::string wanted = OptionOf(location, "metadata");
    if (wanted == "none") return MakeError(Category::usage, "a sink needs a side-car: ids, documents and metadata have no place in an array", "leave out metadata=none");
    const bool named = !wanted.empty() && !IsFormatName(wanted);
    target.side = named ? ExpandHome(wanted) : SideOf(target.vectors, wanted);
    const std::string ending = target.side.extension().string();
    target.format = ending == ".parquet" ? Format::parquet : ending == ".pkl" || ending == ".meta" ? Format::pickle : Format::jsonl;
    target.reopen = [there = location, side = target.side, layout = context.layout]() mutable {
      if (Exists(side)) there.options["metadata"] = side.string();
      else there.options.erase("metadata");
      OpenContext opened;
      opened.layout = layout;
      return OpenArray(there, opened);
    };
    return sidecar::MakePairedSink(std::move(target), [can] { return std::make_unique<ArrayForm>(can); });
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    if (!fs::is_regular_file(path, ec)) return false;
    const auto file = File::Open(path, File::Mode::read);
    char start[kMagic.size()];
    const auto got = file.ok() ? file->ReadAt(0, start, sizeof(start)) : Result<size_t>(size_t{0});
    return got.ok() && std::string_view(start, *got) == kMagic;
  }

 private:
  Status Check(const Location& location) const {
    ARROW_RETURN_NOT_OK(CheckOptions(info_.options, location.options, "option of npy").status());
    if (!location.dataset.empty()) return MakeError(Category::usage, "an array is one dataset and has no names in it", "leave out what follows the '#'");
    return location.path.empty() ? MakeError(Category::usage, "no file is named", "write it as npy:FILE") : Status::OK();
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace vecferry::npy

namespace vecferry {

std::unique_ptr<Connector> MakeNpyConnector() { return std::make_unique<npy::NpyConnector>(); }

}  // namespace vecferry
