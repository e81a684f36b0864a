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

void Project(const Projection& projection, const float* in, float* out) {
  const auto n = static_cast<size_t>(projection.from);
  std::vector<float> centred(n);
  for (size_t i = 0; i < n; ++i) centred[i] = in[i] - projection.mean[i];
  for (size_t k = 0; k < static_cast<size_t>(projection.to); ++k) {
    const float* row = projection.components.data() + k * n;
    double sums[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (size_t lane = 0; lane < 4; ++lane) sums[lane] += static_cast<double>(row[i + lane]) * static_cast<double>(centred[i + lane]);
    }
    for (; i < n; ++i) sums[0] += static_cast<double>(row[i]) * static_cast<double>(centred[i]);
    out[k] = static_cast<float>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  }
}

Status Change(const VectorStep& step, const uint8_t* in, std::vector<float>& floats, uint8_t* out) {
  const auto width = static_cast<size_t>(step.after.width());
  if (!step.projection && !step.normalise) {
    std::memcpy(out, in, width);
    return Status::OK();
  }
  const auto n = static_cast<size_t>(step.after.dims);
  if (step.projection) {
    std::memcpy(floats.data() + n, in, static_cast<size_t>(step.before.width()));
    Project(*step.projection, floats.data() + n, floats.data());
  } else {
    std::memcpy(floats.data(), in, width);
  }
  if (step.normalise) ARROW_RETURN_NOT_OK(Normalise(floats.data(), n));
  std::memcpy(out, floats.data(), width);
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
  VectorStep step{spec, spec, projection, normalise};
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
  return step;
}

Result<std::shared_ptr<arrow::Array>> ApplyStep(const VectorStep& step, const VectorColumn& column, int64_t rows, std::vector<std::pair<int64_t, Status>>* failed) {
  const int64_t width = step.after.width();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> data, arrow::AllocateBuffer(rows * width));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits, arrow::AllocateBuffer((rows + 7) / 8));
  std::memset(bits->mutable_data(), 0, static_cast<size_t>(bits->size()));
  std::vector<float> floats(static_cast<size_t>(step.before.dims) + static_cast<size_t>(step.after.dims));
  int64_t nulls = 0;
  for (int64_t row = 0; row < rows; ++row) {
    uint8_t* const out = data->mutable_data() + row * width;
    const bool null = column.IsNull(row);
    const Status changed = null ? Status::OK() : Change(step, column.data + row * column.width, floats, out);
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
