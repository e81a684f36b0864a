#include "report/sample.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "migration/open.h"
#include "migration/session.h"
#include "migration/transforms.h"
#include "record/distance.h"
#include "record/finite.h"
#include "record/line.h"
#include "report/projection.h"

namespace vecferry {
namespace {

constexpr int kParts = 16;                      ///< of the source, from each of which some are taken
constexpr int64_t kMostTargetReads = 200'000;   ///< where the target finds nothing by key
constexpr auto kLongest = std::chrono::seconds(20);
constexpr size_t kPage = 100;                   ///< keys asked for at once
constexpr int64_t kMostFloats = 2 << 20;        ///< of one column, that the plane is fitted to
constexpr size_t kVectorElements = 6;           ///< that are shown

using Key = std::pair<std::string, std::string>;  ///< tenant and id

struct Row {
  RecordView view;
  int64_t row = 0;
};

Key KeyOf(const RecordView& view, int64_t row) { return {std::string(view.tenant(row).value_or("")), std::string(view.id(row))}; }

/// The records of a batch that are wanted, copied out of it, so that the batch may go.
Status Keep(const RecordView& view, const std::vector<int64_t>& wanted, std::vector<Row>* rows) {
  if (wanted.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const RecordView kept, view.Take(wanted));
  for (int64_t i = 0; i < kept.rows(); ++i) rows->push_back({kept, i});
  return Status::OK();
}

std::vector<float> Floats(const VectorSpec& spec, std::string_view bytes) {
  const auto n = static_cast<size_t>(spec.dims);
  std::vector<float> out(n);
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t i = 0; i < n; ++i) {
    switch (spec.element) {
      case Element::f32: std::memcpy(&out[i], at + 4 * i, 4); break;
      case Element::f16: {
        uint16_t half = 0;
        std::memcpy(&half, at + 2 * i, 2);
        out[i] = HalfToFloat(half);
        break;
      }
      case Element::bf16: {
        uint16_t high = 0;
        std::memcpy(&high, at + 2 * i, 2);
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(high) << 16);
        break;
      }
      case Element::u8: out[i] = at[i]; break;
      case Element::i8: out[i] = static_cast<float>(static_cast<int8_t>(at[i])); break;
      case Element::bit: out[i] = static_cast<float>(at[i / 8] >> (i % 8) & 1); break;
    }
  }
  return out;
}

std::string Describe(const VectorSpec& spec) {
  if (spec.kind == VectorKind::sparse) return "sparse";
  return fmt::format("{}{} x {}", spec.kind == VectorKind::multi ? "n x " : "", spec.dims, Name(spec.element));
}

/// "vector: 384 x f32, norm 1.0000 [0.0123, -0.4, ...]".
std::string ShowVector(const VectorColumn& column, int64_t row) {
  std::string text = fmt::format("{}: {}", column.spec.column(), Describe(column.spec));
  if (column.IsNull(row)) return text + ", none";
  if (column.spec.kind != VectorKind::dense) return text + fmt::format(", {} entries", column.offsets[row + 1] - column.offsets[row]);
  const std::vector<float> values = Floats(column.spec, column.Dense(row));
  std::string first;
  for (size_t i = 0; i < std::min(values.size(), kVectorElements); ++i) first += fmt::format("{}{:.6g}", i ? ", " : "", values[i]);
  const double norm = Norm(column.spec.element, column.spec.dims, column.Dense(row));
  return text + fmt::format(", norm {:.6g} [{}{}]", norm, first, values.size() > kVectorElements ? ", ..." : "");
}

std::vector<std::string> ShowVectors(const Row& row) {
  std::vector<std::string> shown;
  for (const auto& column : row.view.vectors()) shown.push_back(ShowVector(column, row.row));
  return shown;
}

const VectorColumn* ColumnOf(const RecordView& view, const std::string& name) {
  const auto& all = view.vectors();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.spec.column() == name; });
  return found == all.end() ? nullptr : &*found;
}

/// The values of a dense vector that is there and finite, else nothing.
std::optional<std::vector<float>> Values(const VectorColumn* column, int64_t row, std::vector<double>* norms) {
  if (!column || column->spec.kind != VectorKind::dense || column->IsNull(row) || HasNonFinite(column->spec.element, column->Dense(row))) return std::nullopt;
  norms->push_back(Norm(column->spec.element, column->spec.dims, column->Dense(row)));
  return Floats(column->spec, column->Dense(row));
}

std::string_view BytesOf(const std::vector<float>& values) { return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}; }

/// One dense column of both sides: norms and cosines as records come, the plane at the end.
class ColumnGatherer {
 public:
  explicit ColumnGatherer(const VectorSpec& spec) : dims_(static_cast<size_t>(spec.dims)) {
    told_.column = spec.column();
    told_.source = told_.target = spec;
  }

  void Add(const Row& ours, const Row* theirs) {
    const auto source = Values(ColumnOf(ours.view, told_.column), ours.row, &told_.source_norms);
    const VectorColumn* const column = theirs ? ColumnOf(theirs->view, told_.column) : nullptr;
    auto target = column ? Values(column, theirs->row, &told_.target_norms) : std::nullopt;
    if (column) told_.target = column->spec;
    if (!source) return;
    if (target && target->size() != source->size()) target.reset();
    if (target) Compare(*source, *target);
    if (static_cast<int64_t>(packed_.size() + dims_) > kMostFloats) return;
    packed_.insert(packed_.end(), source->begin(), source->end());
    SampledPoint point;
    point.id = ours.view.id(ours.row);
    point.in_target = target.has_value();
    told_.points.push_back(std::move(point));
    targets_.push_back(target.value_or(std::vector<float>()));
  }

  SampledColumn Finish() {
    if (told_.compared > 0) told_.mean_cosine = cosines_ / static_cast<double>(told_.compared);
    const Plane plane = FitPlane(packed_, dims_);
    told_.explained = plane.explained;
    for (size_t i = 0; i < told_.points.size(); ++i) {
      SampledPoint& point = told_.points[i];
      std::tie(point.source_x, point.source_y) = plane.Place(packed_.data() + i * dims_);
      if (point.in_target) std::tie(point.target_x, point.target_y) = plane.Place(targets_[i].data());
    }
    return std::move(told_);
  }

 private:
  void Compare(const std::vector<float>& source, const std::vector<float>& target) {
    const double cosine = Cosine(Element::f32, static_cast<int32_t>(dims_), BytesOf(source), BytesOf(target));
    told_.least_cosine = std::min(told_.least_cosine, cosine);
    cosines_ += cosine;
    ++told_.compared;
  }

  const size_t dims_;
  SampledColumn told_;
  std::vector<float> packed_;                ///< of the source, one after the other
  std::vector<std::vector<float>> targets_;  ///< beside the points
  double cosines_ = 0;
};

class Sampler {
 public:
  Sampler(const Engine& engine, const SampleOptions& options) : engine_(engine), options_(options), began_(engine.clock.Now()) {}

  Result<ReportSample> Take(const Location& source, const Location& target) {
    ARROW_ASSIGN_OR_RAISE(from_, OpenSourceSide(engine_, source, {.missing_vector = "keep", .peek = true}));
    ARROW_RETURN_NOT_OK(Transforms());
    ARROW_ASSIGN_OR_RAISE(to_, OpenSourceSide(engine_, target, {.layout = from_.info.layout, .missing_vector = "keep", .peek = true, .side = Side::sink}));
    ARROW_RETURN_NOT_OK(ReadSource());
    ARROW_RETURN_NOT_OK(FindInTarget());
    sample_.source_schema = from_.info.schema;
    sample_.target_schema = to_.info.schema;
    sample_.records = static_cast<int64_t>(rows_.size());
    sample_.found = static_cast<int64_t>(found_.size());
    Show();
    for (size_t i = 0; i < from_.info.schema.vectors.size(); ++i) ARROW_RETURN_NOT_OK(AddColumn(i));
    return std::move(sample_);
  }

 private:
  Status Transforms() {
    std::optional<ResolvedTransforms> known;
    if (!options_.journal.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto journal, Journal::Inspect(options_.journal));
      ARROW_ASSIGN_OR_RAISE(const auto text, journal->FindIntent(kTransformIntent));
      if (text) {
        ARROW_ASSIGN_OR_RAISE(known, ResolvedTransforms::FromJson(*text));
      }
    }
    if (known && (options_.transforms.empty() || options_.transforms == known->spec)) {
      limit_ = known->limit;
      return ApplyTransforms(&from_, *known);
    }
    return TransformNow(engine_, &from_, options_.transforms);
  }

  bool Late() const { return engine_.clock.Now() - began_ > kLongest; }

  Status ReadSource() {
    const int64_t wanted = limit_ >= 0 ? std::min(limit_, options_.records) : options_.records;
    ARROW_ASSIGN_OR_RAISE(const auto splits, from_.source->Splits(limit_ >= 0 ? 1 : kParts));
    const auto parts = static_cast<int64_t>(std::max<size_t>(1, splits.size()));
    const int64_t each = (wanted + parts - 1) / parts;
    for (const auto& split : splits) {
      const int64_t most = std::min(each, wanted - static_cast<int64_t>(rows_.size()));
      if (most <= 0 || Late()) break;
      ARROW_RETURN_NOT_OK(ReadSome(split, most));
    }
    sample_.note = limit_ >= 0 ? "the first records of the source" : parts > 1 ? fmt::format("the first of each of {} parts of the source", parts) : "the first records of the source";
    for (size_t i = 0; i < rows_.size(); ++i) places_.emplace(KeyOf(rows_[i].view, rows_[i].row), i);
    return Status::OK();
  }

  Status ReadSome(const Split& split, int64_t most) {
    ReadOptions read;
    read.batch_rows = std::min<int64_t>(read.batch_rows, most);
    ARROW_ASSIGN_OR_RAISE(auto reader, from_.source->Read(split, "", read));
    while (most > 0 && !Late()) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      std::vector<int64_t> rows;
      for (int64_t row = 0; row < batch->records.rows() && most > 0; ++row, --most) rows.push_back(row);
      ARROW_RETURN_NOT_OK(Keep(batch->records, rows, &rows_));
    }
    return Status::OK();
  }

  Status Found(const RecordView& view) {
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < view.rows(); ++row) {
      const auto at = places_.find(KeyOf(view, row));
      if (at != places_.end() && !found_.contains(at->second)) rows.push_back(row);
    }
    std::vector<Row> kept;
    ARROW_RETURN_NOT_OK(Keep(view, rows, &kept));
    for (auto& row : kept) found_.emplace(places_.at(KeyOf(row.view, row.row)), row);
    return Status::OK();
  }

  Status FindInTarget() {
    Lookup* const lookup = to_.source->lookup();
    return lookup ? AskTarget(*lookup) : ReadTarget();
  }

  Status AskTarget(Lookup& lookup) {
    const bool tenants = from_.info.schema.has_tenant;
    for (size_t at = 0; at < rows_.size() && !Late(); at += kPage) {
      std::vector<std::string_view> of, ids;
      for (size_t i = at; i < std::min(at + kPage, rows_.size()); ++i) {
        if (tenants) of.push_back(rows_[i].view.tenant(rows_[i].row).value_or(""));
        ids.push_back(rows_[i].view.id(rows_[i].row));
      }
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const RecordView answer, lookup.Get(of, ids));
      ARROW_RETURN_NOT_OK(Found(answer));
    }
    return Status::OK();
  }

  Status ReadTarget() {
    ARROW_ASSIGN_OR_RAISE(const auto splits, to_.source->Splits(1));
    int64_t read = 0;
    bool enough = places_.empty();
    for (size_t i = 0; i < splits.size() && !enough; ++i) {
      ARROW_ASSIGN_OR_RAISE(auto reader, to_.source->Read(splits[i], "", ReadOptions{}));
      while (!enough) {
        ARROW_RETURN_NOT_OK(engine_.cancel.Check());
        ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
        if (!batch) break;
        ARROW_RETURN_NOT_OK(Found(batch->records));
        read += batch->records.rows();
        const bool bound = read >= kMostTargetReads || Late();
        enough = found_.size() == places_.size() || bound;
        if (bound) sample_.note += fmt::format("; looked for in the first {} records of the target, which finds none by key", FormatCount(read));
      }
    }
    return Status::OK();
  }

  void Show() {
    const auto most = std::min<size_t>(rows_.size(), static_cast<size_t>(std::max<int64_t>(0, options_.shown)));
    for (size_t n = 0; n < most; ++n) {
      const size_t i = n * rows_.size() / most;
      SampledRecord record;
      std::tie(record.tenant, record.id) = KeyOf(rows_[i].view, rows_[i].row);
      record.source = RecordLine(rows_[i].view, rows_[i].row);
      record.source_vectors = ShowVectors(rows_[i]);
      if (const auto at = found_.find(i); at != found_.end()) {
        record.found = true;
        record.target = RecordLine(at->second.view, at->second.row);
        record.target_vectors = ShowVectors(at->second);
      }
      sample_.shown.push_back(std::move(record));
    }
  }

  Status AddColumn(size_t index) {
    const VectorSpec& spec = from_.info.schema.vectors[index];
    if (spec.kind != VectorKind::dense || spec.dims <= 0) return Status::OK();
    ColumnGatherer gatherer(spec);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const auto at = found_.find(i);
      gatherer.Add(rows_[i], at == found_.end() ? nullptr : &at->second);
    }
    sample_.columns.push_back(gatherer.Finish());
    return Status::OK();
  }

  const Engine& engine_;
  const SampleOptions& options_;
  const Clock::Steady::time_point began_;
  OpenedSource from_, to_;
  int64_t limit_ = -1;
  std::vector<Row> rows_;
  std::map<Key, size_t> places_;
  std::map<size_t, Row> found_;
  ReportSample sample_;
};

}  // namespace

Result<ReportSample> TakeSample(const Engine& engine, const Location& source, const Location& target, const SampleOptions& options) {
  return Sampler(engine, options).Take(source, target);
}

}  // namespace vecferry
