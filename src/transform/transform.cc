#include "transform/transform.h"

#include <algorithm>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"
#include "record/digest.h"
#include "record/line.h"
#include "transform/filter.h"
#include "transform/mapper.h"

namespace vecferry {
namespace {

using Failures = std::vector<std::pair<int64_t, Status>>;

Reject RejectOf(const RecordView& view, int64_t row, const Status& why) {
  const ErrorFacts facts = FactsOf(why);
  return {std::string(view.id(row)), std::string(view.tenant(row).value_or("")), facts.code.empty() ? "transform-failed" : facts.code, Printable(why.message(), 500),
          RecordLine(view, row)};
}

}  // namespace

uint64_t SampleWord(std::optional<std::string_view> tenant, std::string_view id) {
  const Hash128 key = RecordHasher::Key(tenant, id);
  uint64_t word = key.low ^ (key.high << 1) ^ 0x9E3779B97F4A7C15ull;
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ull;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBull;
  return word ^ (word >> 31);
}

struct Transform::Impl {
  uint64_t sample_below = UINT64_MAX;
  const std::vector<std::string>* ids = nullptr;   ///< sorted; the spec's own
  std::unique_ptr<Filter> filter;
  std::unique_ptr<Mapper> mapper;
  std::vector<VectorStep> steps;            ///< of each vector of the mapped schema; not all are dense
  std::vector<size_t> vectors;              ///< position of each before the maps
  RecordSchema schema;
  std::shared_ptr<arrow::Schema> arrow_schema;
  bool changes_keys = false, changes_content = false;
  std::vector<int64_t> reported;            ///< of the mapper's hits, what was added to the counts already

  bool Wanted(const RecordView& view, int64_t row) const {
    if (ids && !std::binary_search(ids->begin(), ids->end(), view.id(row))) return false;
    return sample_below == UINT64_MAX || SampleWord(view.tenant(row), view.id(row)) < sample_below;
  }

  /// Rows that go on; those that a condition failed on are rejects.
  Result<std::vector<int64_t>> Select(const RecordView& view, std::vector<Reject>* rejects) {
    std::vector<int64_t> rows;
    std::vector<sqlite::Verdict> verdicts;
    std::vector<Status> why;
    if (filter) ARROW_RETURN_NOT_OK(filter->Evaluate(view, &verdicts, &why));
    size_t failed = 0;
    for (int64_t row = 0; row < view.rows(); ++row) {
      const sqlite::Verdict verdict = filter ? verdicts[static_cast<size_t>(row)] : sqlite::Verdict::yes;
      const bool wanted = Wanted(view, row);
      if (verdict == sqlite::Verdict::failed) {
        if (wanted) rejects->push_back(RejectOf(view, row, why[failed]));
        ++failed;
      } else if (wanted && verdict == sqlite::Verdict::yes) {
        rows.push_back(row);
      }
    }
    return rows;
  }

  Status PlanVectors(const ResolvedTransforms& transforms) {
    std::vector<Reduction> reductions;
    for (const auto& text : transforms.spec.reductions) {
      ARROW_ASSIGN_OR_RAISE(Reduction reduction, ParseReduction(text));
      reductions.push_back(std::move(reduction));
    }
    for (const auto& reduction : reductions) {
      const bool there = std::any_of(schema.vectors.begin(), schema.vectors.end(), [&](const auto& v) {
        return v.kind == VectorKind::dense && (reduction.column.empty() || reduction.column == v.column());
      });
      if (!there) return MakeError(Category::usage, fmt::format("--reduce: there is no {}", reduction.column.empty() ? "dense vector" : Printable(reduction.column, 100)));
    }
    for (auto& spec : schema.vectors) {
      if (spec.kind != VectorKind::dense) {
        steps.push_back({spec, spec, false, {}, {}});
        continue;
      }
      const Reduction* chosen = nullptr;
      for (const auto& reduction : reductions) {
        if (reduction.column == spec.column() || (reduction.column.empty() && (!chosen || chosen->column.empty()))) chosen = &reduction;
      }
      const auto fitted = transforms.projections.find(spec.column());
      const bool projects = chosen && chosen->how == Reduction::How::pca;
      if (projects && fitted == transforms.projections.end()) return MakeError(Category::internal, "a projection that was not fitted");
      if (projects && (fitted->second.from != spec.dims || fitted->second.to != chosen->dims)) {
        return MakeError(Category::refused, fmt::format("the projection of this run is of {} dimensions, {} has {} now", fitted->second.from, spec.column(), spec.dims),
                         "start anew with --restart");
      }
      ARROW_ASSIGN_OR_RAISE(VectorStep step, PlanStep(spec, chosen, projects ? &fitted->second : nullptr, transforms.spec.normalise));
      spec = step.after;
      steps.push_back(std::move(step));
    }
    return Status::OK();
  }

  /// Changes the records of a batch. Those that cannot be changed are left out of the rows and named in `failures`, ascending.
  Result<RecordView> Change(const RecordView& view, Failures* failures) {
    ARROW_ASSIGN_OR_RAISE(MappedColumns text, mapper->Map(view));
    *failures = std::move(text.failed);
    arrow::ArrayVector columns = {text.id};
    if (schema.has_tenant) columns.push_back(text.tenant);
    if (schema.has_document) columns.push_back(text.document);
    columns.push_back(text.metadata);
    for (size_t i = 0; i < steps.size(); ++i) {
      const VectorColumn& column = view.vectors()[vectors[i]];
      if (steps[i].changes()) {
        ARROW_ASSIGN_OR_RAISE(auto changed, ApplyStep(steps[i], column, view.rows(), failures));
        columns.push_back(std::move(changed));
      } else {
        columns.push_back(view.batch()->GetColumnByName(column.spec.column()));
      }
    }
    for (const auto& extra : schema.extras) columns.push_back(view.batch()->GetColumnByName("extra:" + extra));
    return RecordView::Make(arrow::RecordBatch::Make(arrow_schema, view.rows(), std::move(columns)));
  }

  void Report(TransformCounts* counts) {
    const std::lock_guard lock(counts->mutex);
    if (filter) {
      for (auto& use : filter->uses()) {
        auto& sum = counts->fields[use.field.Spelled()];
        sum.asked += std::exchange(use.asked, 0);
        sum.found += std::exchange(use.found, 0);
      }
    }
    const auto& hits = mapper->hits();
    counts->rule_hits.resize(hits.size());
    reported.resize(hits.size());
    for (size_t i = 0; i < hits.size(); ++i) counts->rule_hits[i] += hits[i] - std::exchange(reported[i], hits[i]);
  }
};

Transform::Transform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transform::~Transform() = default;

Result<std::unique_ptr<Transform>> Transform::Compile(const ResolvedTransforms& transforms, const RecordSchema& schema) {
  auto impl = std::make_unique<Impl>();
  const TransformSpec& spec = transforms.spec;
  impl->sample_below = transforms.sample_below;
  if (spec.has_ids) impl->ids = &spec.ids;
  if (const auto conditions = spec.Conditions(); !conditions.empty()) {
    ARROW_ASSIGN_OR_RAISE(impl->filter, Filter::Compile(conditions, schema));
  }
  ARROW_ASSIGN_OR_RAISE(auto rules, ParseMapRules(spec.maps));
  impl->changes_keys = std::any_of(rules.begin(), rules.end(), [](const MapRule& rule) {
    const bool leaves = rule.verb == MapRule::Verb::move || rule.verb == MapRule::Verb::cast;
    return rule.ToKey() || (leaves && rule.source.kind == Field::Kind::tenant);
  });
  impl->changes_content = !rules.empty() || !spec.reductions.empty() || spec.normalise;
  ARROW_ASSIGN_OR_RAISE(impl->mapper, Mapper::Compile(std::move(rules), schema, transforms.facts));
  impl->schema = impl->mapper->schema();
  impl->vectors = impl->mapper->vectors();
  ARROW_RETURN_NOT_OK(impl->PlanVectors(transforms));
  impl->arrow_schema = impl->schema.ToArrow();
  return std::unique_ptr<Transform>(new Transform(std::move(impl)));
}

const RecordSchema& Transform::schema() const { return impl_->schema; }
bool Transform::keys_only() const { return !impl_->changes_keys && (!impl_->filter || impl_->filter->keys_only()); }
bool Transform::changes_keys() const { return impl_->changes_keys; }

Result<SourceBatch> Transform::Apply(SourceBatch batch, bool keys_only, TransformCounts* counts) {
  const int64_t read = batch.records.rows();
  std::vector<Reject> rejects;
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> rows, impl_->Select(batch.records, &rejects));
  counts->read += read;
  counts->dropped += read - static_cast<int64_t>(rows.size() + rejects.size());
  RecordView before = std::move(batch.records);
  if (static_cast<int64_t>(rows.size()) < read) {
    ARROW_ASSIGN_OR_RAISE(before, before.Take(rows));
  }
  RecordView after = before;
  std::vector<int64_t> kept(rows.size());
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = static_cast<int64_t>(i);
  if (!keys_only && impl_->changes_content) {
    Failures failures;
    ARROW_ASSIGN_OR_RAISE(after, impl_->Change(before, &failures));
    std::stable_sort(failures.begin(), failures.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [row, why] : failures) {
      // Several vectors of one record may fail; it is one reject.
      if (!std::binary_search(kept.begin(), kept.end(), row)) continue;
      rejects.push_back(RejectOf(before, row, why));
      kept.erase(std::lower_bound(kept.begin(), kept.end(), row));
    }
    if (kept.size() < rows.size()) {
      ARROW_ASSIGN_OR_RAISE(after, after.Take(kept));
    }
  }
  impl_->Report(counts);
  counts->kept += static_cast<int64_t>(kept.size());
  counts->rejected += static_cast<int64_t>(rejects.size());
  SourceBatch out;
  out.next = std::move(batch.next);
  out.rejects = std::move(batch.rejects);
  for (auto& reject : rejects) out.rejects.push_back(std::move(reject));
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto row = static_cast<size_t>(kept[i]);
    if (std::binary_search(batch.rounded.begin(), batch.rounded.end(), rows[row])) out.rounded.push_back(static_cast<int64_t>(i));
    if (impl_->changes_keys) out.source_keys.push_back(RecordHasher::Key(before.tenant(kept[i]), before.id(kept[i])).low);
  }
  out.records = std::move(after);
  return out;
}

}  // namespace vecferry
