#include "transform/vectors.h"

#include <cmath>
#include <cstring>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr int32_t kMostDims = 1 << 20;

/// Unit length; a vector whose squared length is within 1e-6 of 1 stays as it is, so that normalising twice is normalising once.
Status Normalise(float* vector, size_t n) {
  double squares = 0;
  for (size_t i = 0; i < n; ++i) squares += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  if (!std::isfinite(squares)) return BadRecord("non-finite-vector", "a vector with infinite or undefined elements has no length");
  if (squares == 0) return BadRecord("zero-vector", "a vector of zeros has no direction");
  if (std::abs(squares - 1) <= 1e-6) return Status::OK();
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < n; ++i) vector[i] = static_cast<float>(static_cast<double>(vector[i]) / length);
  return Status::OK();
}

/// Where a vector stands while it is changed.
struct Scratch {
  std::vector<float> in, out;
  std::vector<double> sums;
};

/// Each record by itself and in one order, so that it comes out the same wherever it stands in a batch.
void Project(const VectorStep& step, Scratch& scratch) {
  const auto from = static_cast<size_t>(step.before.dims), to = static_cast<size_t>(step.after.dims);
  scratch.sums.assign(to, 0);
  double* const sums = scratch.sums.data();
  for (size_t i = 0; i < from; ++i) {
    const double x = static_cast<double>(scratch.in[i]) - step.mean[i];
    const double* const row = step.by_element.data() + i * to;
    for (size_t k = 0; k < to; ++k) sums[k] += row[k] * x;
  }
  for (size_t k = 0; k < to; ++k) scratch.out[k] = static_cast<float>(sums[k]);
}

Status Change(const VectorStep& step, const uint8_t* in, Scratch& scratch, uint8_t* out) {
  const auto width = static_cast<size_t>(step.after.width());
  if (!step.projects() && !step.normalise) {
    std::memcpy(out, in, width);
    return Status::OK();
  }
  const auto n = static_cast<size_t>(step.after.dims);
  if (step.projects()) {
    std::memcpy(scratch.in.data(), in, static_cast<size_t>(step.before.width()));
    Project(step, scratch);
  } else {
    std::memcpy(scratch.out.data(), in, width);
  }
  if (step.normalise) ARROW_RETURN_NOT_OK(Normalise(scratch.out.data(), n));
  std::memcpy(out, scratch.out.data(), width);
  return Status::OK();
}

}  // namespace

Result<Reduction> ParseReduction(std::string_view text) {
  const auto bad = [&] {
    return MakeError(Category::usage, fmt::format("--reduce cannot be '{}'", Printable(text, 100)), "give it DIMS, DIMS:truncate, DIMS:pca, or vector:NAME=DIMS:HOW");
  };
  Reduction reduction;
  std::string_view rest = text;
  if (const size_t equals = text.rfind('='); equals != text.npos) {
    reduction.column = text.substr(0, equals);
    rest = text.substr(equals + 1);
    if (reduction.column != "vector" && !reduction.column.starts_with("vector:")) return bad();
  }
  const size_t colon = rest.find(':');
  const auto dims = ParseInt(rest.substr(0, colon));
  if (!dims.ok() || *dims < 1 || *dims > kMostDims) return bad();
  reduction.dims = static_cast<int32_t>(*dims);
  const std::string_view how = colon == rest.npos ? "truncate" : rest.substr(colon + 1);
  if (how != "truncate" && how != "pca") return bad();
  reduction.how = how == "pca" ? Reduction::How::pca : Reduction::How::truncate;
  return reduction;
}

Result<VectorStep> PlanStep(const VectorSpec& spec, const Reduction* reduction, const Projection* projection, bool normalise) {
  VectorStep step{spec, spec, normalise, {}, {}};
  if ((projection || normalise) && spec.element != Element::f32) {
    return MakeError(Category::unsupported, fmt::format("{} has elements of {}; only float32 vectors are normalised or reduced by PCA", spec.column(), Name(spec.element)),
                     "truncate it, or leave it as it is by naming the vectors that are meant: --reduce vector:NAME=DIMS");
  }
  if (!reduction) return step;
  if (spec.element == Element::bit) return MakeError(Category::unsupported, fmt::format("{} is of bits and is not reduced", spec.column()));
  if (reduction->dims > spec.dims) {
    return MakeError(Category::usage, fmt::format("--reduce: {} has {} dimensions, {} are wanted", spec.column(), spec.dims, reduction->dims), "give it fewer");
  }
  step.after.dims = reduction->dims;
  if (!projection) return step;
  const auto from = static_cast<size_t>(projection->from), to = static_cast<size_t>(projection->to);
  step.mean.assign(projection->mean.begin(), projection->mean.end());
  step.by_element.resize(projection->components.size());
  for (size_t k = 0; k < to && projection->components.size() == from * to; ++k) {
    for (size_t i = 0; i < from; ++i) step.by_element[i * to + k] = static_cast<double>(projection->components[k * from + i]);
  }
  return step;
}

Result<std::shared_ptr<arrow::Array>> ApplyStep(const VectorStep& step, const VectorColumn& column, int64_t rows, std::vector<std::pair<int64_t, Status>>* failed) {
  const int64_t width = step.after.width();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> data, arrow::AllocateBuffer(rows * width));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits, arrow::AllocateBuffer((rows + 7) / 8));
  std::memset(bits->mutable_data(), 0, static_cast<size_t>(bits->size()));
  Scratch scratch;
  scratch.in.resize(static_cast<size_t>(step.before.dims));
  scratch.out.resize(static_cast<size_t>(step.before.dims));
  int64_t nulls = 0;
  for (int64_t row = 0; row < rows; ++row) {
    uint8_t* const out = data->mutable_data() + row * width;
    const bool null = column.IsNull(row);
    const Status changed = null ? Status::OK() : Change(step, column.data + row * column.width, scratch, out);
    if (!changed.ok()) failed->emplace_back(row, changed);
    if (null || !changed.ok()) {
      std::memset(out, 0, static_cast<size_t>(width));
      ++nulls;
    } else {
      bits->mutable_data()[row >> 3] = static_cast<uint8_t>(bits->mutable_data()[row >> 3] | (1u << (row & 7)));
    }
  }
  RecordSchema schema;
  schema.vectors = {step.after};
  const auto type = schema.ToArrow()->GetFieldByName(step.after.column())->type();
  if (nulls == 0) bits = nullptr;
  if (type->id() == arrow::Type::FIXED_SIZE_BINARY) return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {bits, data}, nulls));
  auto child = arrow::ArrayData::Make(type->field(0)->type(), rows * step.after.dims, {nullptr, data}, 0);
  return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {bits}, {std::move(child)}, nulls));
}

}  // namespace vecferry
