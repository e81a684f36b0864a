#include <fmt/format.h>

#include "base/text.h"
#include "connectors/vdf/meta.h"
#include "connectors/vdf/vdf.h"
#include "options/make_option.h"

namespace vecferry::vdf {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "vdf";
  info.title = "VDF, the folder that vector-io exports and imports";
  info.example = "vdf:vdf_20260101_120000_abcde#docs";
  info.notes = "Read and written as vdf-io 0.1.248 does; docs/formats/vdf.md. Namespaces are tenants. Metadata fields are columns of one type each: records whose fields have several types go into "
               "several files, and what no column holds (null, an empty object, a list of several types) is refused, or with `?metadata=json` kept as JSON text in one more. Whole numbers that pandas made doubles stay doubles.";
  info.capabilities = CapabilitiesOfVdf();
  info.options = {MakeOption::Choice("f64", {"refuse", "round"}, "Vectors of doubles, as vector-io writes them: refused where a 32-bit float does not hold a number, or rounded to the nearest."),
                  MakeOption::Choice("metadata", {"plain", "json"}, "Metadata that no column holds (null, empty objects, mixed lists, dates and bytes): refused, or kept as JSON text in a column _json.")};
  for (auto& spec : files::S3OptionSpecs()) info.options.push_back(std::move(spec));
  return info;
}

class VdfConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const bool json_text, KeepsJsonText(location));
    return CapabilitiesOfVdf(json_text);
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const files::Place place, files::Place::Of(location));
    ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
    if (!there) return place.Missing();
    ARROW_ASSIGN_OR_RAISE(const Meta meta, ReadMeta(place));
    std::vector<DatasetSummary> list;
    for (const auto& [name, spaces] : meta.indexes) {
      int64_t count = 0;
      for (const auto& space : spaces) count = count < 0 || space.count < 0 ? -1 : count + space.count;
      list.push_back({name, count, spaces.empty() ? "" : fmt::format("{} dimensions, {}", spaces[0].dimensions, Printable(spaces[0].metric, 40))});
    }
    return list;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const auto values, CheckOptions(info_.options, location.options, "option of vdf"));
    ARROW_ASSIGN_OR_RAISE(const files::Place place, files::Place::Of(location));
    return vdf::OpenSource(place, location.dataset, values.at("f64") == "round");
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const bool json_text, KeepsJsonText(location));
    ARROW_ASSIGN_OR_RAISE(const files::Place place, files::Place::Of(location));
    return vdf::OpenSink(place, location.dataset, json_text);
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    return fs::is_regular_file(path / kMetaFile, ec);
  }

 private:
  Result<bool> KeepsJsonText(const Location& location) const {
    ARROW_ASSIGN_OR_RAISE(const auto values, CheckOptions(info_.options, location.options, "option of vdf"));
    return values.at("metadata") == "json";
  }

  const Info info_ = MakeInfo();
};

}  // namespace

Capabilities CapabilitiesOfVdf(bool json_text) {
  Capabilities can;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32};
  can.named_vectors = true;
  can.max_vectors = 100;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1};
  using F = JsonFeature;
  if (json_text) can.json = AllJsonFeatures();
  else can.json = {F::nested_object, F::array, F::nested_array, F::boolean, F::int64, F::uint64, F::real, F::any_key};
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::atomic;
  can.appends = false;
  can.expansion = 4.0;
  can.batch_rows = 4096;
  can.flush_bytes = int64_t{128} << 20;
  can.flush_seconds = 60;
  return can;
}

std::unique_ptr<Connector> MakeVdfConnector() { return std::make_unique<VdfConnector>(); }

}  // namespace vecferry::vdf
