#include "connector/fit.h"

#include <fmt/format.h>

#include "base/text.h"
#include "record/digest.h"
#include "record/finite.h"

namespace vecferry {
namespace {

void Add(std::vector<Note>* notes, std::string code, std::string message) {
  Note note;
  note.code = std::move(code);
  note.message = std::move(message);
  note.warning = true;
  notes->push_back(std::move(note));
}

void CheckVector(const Capabilities& can, const VectorSpec& spec, std::vector<Note>* notes) {
  const std::string column = Printable(spec.column(), 200);
  if (spec.kind == VectorKind::sparse && !can.sparse) Add(notes, "sparse", fmt::format("{}: sparse vectors are not held", column));
  if (spec.kind == VectorKind::multi && !can.multi) Add(notes, "multi", fmt::format("{}: multi-vectors are not held", column));
  if (!spec.name.empty() && !can.named_vectors) Add(notes, "named-vectors", fmt::format("{}: vectors have no names", column));
  if (spec.kind != VectorKind::dense) return;
  if (!can.dense.contains(spec.element)) Add(notes, "element", fmt::format("{}: elements of type {} are not held", column, Name(spec.element)));
  if (spec.metric == Metric::unknown) {
    if (!can.unknown_metric) Add(notes, "metric", fmt::format("{}: the metric is not known, and must be", column));
  } else if (!can.MetricsOf(spec.element).contains(spec.metric)) {
    Add(notes, "metric", fmt::format("{}: the metric {} is not held for elements of type {}", column, Name(spec.metric), Name(spec.element)));
  }
}

/// Whether a JSON text has an escaped U+0000; a backslash that is escaped itself begins none.
bool HasEscapedNul(std::string_view json) {
  for (size_t at = json.find('\\'); at != json.npos; at = json.find('\\', at + 2)) {
    if (json.substr(at + 1, 5) == "u0000") return true;
  }
  return false;
}

}  // namespace

bool HasNul(const RecordView& view, int64_t row) {
  for (const auto& text : {std::optional(view.id(row)), view.tenant(row), view.document(row)}) {
    if (text && text->find('\0') != text->npos) return true;
  }
  return HasEscapedNul(view.metadata(row).value_or(""));
}

std::vector<Note> SchemaMisfits(const Capabilities& can, const RecordSchema& schema) {
  std::vector<Note> notes;
  for (const VectorSpec& spec : schema.vectors) CheckVector(can, spec, &notes);
  if (schema.vectors.empty() && !can.no_vectors) Add(&notes, "no-vectors", "a dataset without vectors is not held");
  if (static_cast<int64_t>(schema.vectors.size()) > can.max_vectors) {
    Add(&notes, "too-many-vectors", fmt::format("{} vectors, and {} is the most", schema.vectors.size(), can.max_vectors));
  }
  if (schema.has_document && !can.document) Add(&notes, "document", "documents are not held");
  if (schema.has_tenant && !can.tenant) Add(&notes, "tenant", "tenants are not held");
  if (!schema.extras.empty() && !can.extras) Add(&notes, "extras", "bytes carried verbatim are not held");
  return notes;
}

VectorChange ChangeOf(const Capabilities& capabilities, const RecordSchema& schema) {
  const VectorChange change = capabilities.vector_change;
  const bool of_cosine = change == VectorChange::cosine_normalised || change == VectorChange::cosine_reduced;
  if (of_cosine && !IsNormalised(schema)) return VectorChange::none;
  return change == VectorChange::cosine_reduced ? VectorChange::reduced_precision : change;
}

Status CheckSchemaFits(const Capabilities& capabilities, const RecordSchema& schema) {
  std::string all;
  for (const Note& note : SchemaMisfits(capabilities, schema)) all += (all.empty() ? "" : "; ") + note.message;
  if (all.empty()) return Status::OK();
  return MakeError(Category::unsupported, all, "`vecferry plan` shows what can be converted or left out");
}

struct RowFit::Impl {
  Capabilities can;
  bool all_json = false;
  JsonReader json;
};

RowFit::RowFit(const Capabilities& capabilities) : impl_(new Impl{capabilities, capabilities.json == AllJsonFeatures(), {}}) {}
RowFit::~RowFit() = default;

std::optional<RowReject> RowFit::Check(const RecordView& view, int64_t row) {
  if (!impl_->can.missing_vectors) {
    for (const VectorColumn& column : view.vectors()) {
      if (column.IsNull(row)) return RowReject{row, "missing-vector", fmt::format("the record has no {}", Printable(column.spec.column(), 200))};
    }
  }
  if (!impl_->can.non_finite) {
    for (const VectorColumn& column : view.vectors()) {
      if (const Status finite = CheckFinite(column, row); !finite.ok()) return RowReject{row, FactsOf(finite).code, finite.message()};
    }
  }
  if (!impl_->can.nul && HasNul(view, row)) return RowReject{row, "nul-character", "a text holds the character U+0000, which is not held"};
  if (impl_->all_json || !view.metadata(row)) return std::nullopt;
  std::set<JsonFeature> used;
  const Status status = ScanFeatures(impl_->json, *view.metadata(row), &used);
  if (!status.ok()) return RowReject{row, FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message()};
  for (const JsonFeature feature : used) {
    if (impl_->can.json.contains(feature)) continue;
    return RowReject{row, fmt::format("metadata-{}", Name(feature)), fmt::format("the metadata has a value of a kind that is not held: {}", Name(feature))};
  }
  return std::nullopt;
}

}  // namespace vecferry
