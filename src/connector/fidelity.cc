#include "connector/fidelity.h"

#include <algorithm>

#include <fmt/format.h>

#include "record/digest.h"
#include "record/finite.h"

namespace vecferry {
namespace {

/// Gathers what a sink does not hold, in the order of the record's columns.
class Fates {
 public:
  explicit Fates(std::vector<DataFate>* out) : out_(out) {}

  void Refuse(bool present, bool held, std::string data) {
    if (present && !held) out_->push_back({std::move(data), Fidelity::refused, ""});
  }
  void Change(std::string data, std::string reason) { out_->push_back({std::move(data), Fidelity::tolerance, std::move(reason)}); }

  template <class Set>
  void RefuseEach(const Set& data, const Set& held, std::string_view what) {
    std::string missing;
    for (const auto& each : data) {
      if (!held.contains(each)) missing += (missing.empty() ? "" : ", ") + std::string(Name(each));
    }
    if (!missing.empty()) Refuse(true, false, fmt::format(fmt::runtime(what), missing));
  }

 private:
  std::vector<DataFate>* out_;
};

/// Metrics of vectors that the sink would hold but for their metric. Those of bits apart where either side has them apart.
void AddMetrics(const Capabilities& data, const Capabilities& sink, Fates* fates) {
  const bool apart = !data.bit_metrics.empty() || !sink.bit_metrics.empty();
  const auto held = [&](Element each) { return data.dense.contains(each) && sink.dense.contains(each); };
  const bool bits = held(Element::bit), numbers = std::any_of(data.dense.begin(), data.dense.end(), [&](Element each) { return each != Element::bit && held(each); });
  if (numbers) fates->RefuseEach(data.metrics, sink.metrics, apart ? "metric {} of numbers" : "metric {}");
  if (bits && (apart || !numbers)) fates->RefuseEach(data.MetricsOf(Element::bit), sink.MetricsOf(Element::bit), apart ? "metric {} of bits" : "metric {}");
}

/// Whether the sink's change of vectors meets any of the data.
void AddChange(const Capabilities& data, const Capabilities& sink, Fates* fates) {
  const bool real = data.multi || std::any_of(data.dense.begin(), data.dense.end(), [](Element each) { return each == Element::f32 || each == Element::f16 || each == Element::bf16; });
  switch (sink.vector_change) {
    case VectorChange::none: return;
    case VectorChange::cosine_normalised:
      if (real && data.metrics.contains(Metric::cosine) && sink.metrics.contains(Metric::cosine)) fates->Change("vectors of metric cosine", "normalised: compared by direction");
      return;
    case VectorChange::cosine_reduced:
      if (real && data.metrics.contains(Metric::cosine) && sink.metrics.contains(Metric::cosine)) fates->Change("vectors of metric cosine", "kept with less precision");
      return;
    case VectorChange::reduced_precision:
      if (!data.dense.empty() || data.multi || data.sparse) fates->Change("vectors", "kept with less precision");
      return;
  }
}

}  // namespace

std::string_view Name(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::exact: return "exact";
    case Fidelity::tolerance: return "tolerance";
    case Fidelity::refused: return "refused";
  }
  return "";
}

bool PairFidelity::Has(Fidelity fidelity) const {
  return std::any_of(fates.begin(), fates.end(), [&](const DataFate& fate) { return fate.fidelity == fidelity; });
}

std::string PairFidelity::Summary() const {
  if (!possible) return "not possible";
  std::string refused, changed;
  for (const DataFate& fate : fates) {
    if (fate.fidelity == Fidelity::refused) refused += (refused.empty() ? "" : "; ") + fate.data;
    else changed += (changed.empty() ? "" : "; ") + fmt::format("{} ({})", fate.data, fate.reason);
  }
  return "exact" + (changed.empty() ? "" : "; tolerance: " + changed) + (refused.empty() ? "" : "; refused: " + refused);
}

PairFidelity FidelityOf(const Capabilities& data, const Capabilities& sink) {
  PairFidelity result;
  result.possible = data.source && sink.sink;
  if (!result.possible) return result;
  Fates fates(&result.fates);
  AddChange(data, sink, &fates);
  fates.RefuseEach(data.dense, sink.dense, "elements {}");
  fates.Refuse(data.sparse, sink.sparse, "sparse vectors");
  fates.Refuse(data.multi, sink.multi, "multi-vectors");
  fates.Refuse(data.named_vectors, sink.named_vectors, "named vectors");
  fates.Refuse(data.max_vectors > sink.max_vectors, false, sink.max_vectors == 1 ? "several vectors" : fmt::format("more than {} vectors", sink.max_vectors));
  fates.Refuse(data.non_finite, sink.non_finite, "NaN and infinities in vectors");
  fates.Refuse(data.missing_vectors, sink.missing_vectors, "records without a vector");
  fates.Refuse(data.no_vectors, sink.no_vectors, "datasets without vectors");
  AddMetrics(data, sink, &fates);
  fates.Refuse(data.unknown_metric, sink.unknown_metric, "an unknown metric");
  fates.Refuse(data.document, sink.document, "documents");
  fates.Refuse(data.tenant, sink.tenant, "tenants");
  fates.Refuse(data.extras, sink.extras, "verbatim bytes");
  fates.RefuseEach(data.json, sink.json, "{} in metadata");
  fates.Refuse(data.nul, sink.nul, "U+0000 in texts");
  fates.Refuse(!data.unique_ids, !sink.unique_ids, "a second record of an id");
  return result;
}

Capabilities DataOf(const RecordSchema& schema) {
  Capabilities data;
  data.source = true;
  data.non_finite = false;
  data.nul = false;
  data.ids = {schema.id_kind};
  data.document = schema.has_document;
  data.tenant = schema.has_tenant;
  data.extras = !schema.extras.empty();
  data.no_vectors = schema.vectors.empty();
  data.max_vectors = static_cast<int>(schema.vectors.size());
  for (const VectorSpec& vector : schema.vectors) {
    data.sparse = data.sparse || vector.kind == VectorKind::sparse;
    data.multi = data.multi || vector.kind == VectorKind::multi;
    data.named_vectors = data.named_vectors || !vector.name.empty();
    if (IsNormalised(vector)) data.metrics.insert(Metric::cosine);
    if (vector.kind != VectorKind::dense) continue;
    data.dense.insert(vector.element);
    if (vector.metric == Metric::unknown) data.unknown_metric = true;
    else (vector.element == Element::bit ? data.bit_metrics : data.metrics).insert(vector.metric);
  }
  return data;
}

Status AddDataOf(const RecordView& records, Capabilities* data) {
  JsonReader reader;
  for (int64_t row = 0; row < records.rows(); ++row) {
    for (const VectorColumn& column : records.vectors()) {
      data->missing_vectors = data->missing_vectors || column.IsNull(row);
      data->non_finite = data->non_finite || HasNonFinite(column, row);
    }
    data->nul = data->nul || HasNul(records, row);
    if (const auto metadata = records.metadata(row)) ARROW_RETURN_NOT_OK(ScanFeatures(reader, *metadata, &data->json));
  }
  return Status::OK();
}

}  // namespace vecferry
