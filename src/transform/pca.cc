#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "transform/vectors.h"

/// BLAS and LAPACK as Fortran has them: matrices stand column by column.
extern "C" {
void dsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha, const double* a, const int* lda, const double* beta, double* c,
            const int* ldc);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work, const int* lwork, int* iwork, const int* liwork,
             int* info);
}

namespace vecferry {
namespace {

constexpr size_t kBlockRows = 256;

/// Eigenvectors of a symmetric matrix, in its place as rows, by rising eigenvalue.
Status Eigen(int n, std::vector<double>* matrix, std::vector<double>* values) {
  values->resize(static_cast<size_t>(n));
  int info = 0, work_size = -1, whole_size = -1, whole = 0;
  double work_wanted = 0;
  dsyevd_("V", "U", &n, matrix->data(), &n, values->data(), &work_wanted, &work_size, &whole, &whole_size, &info);
  if (info != 0) return MakeError(Category::internal, "the size of the eigenvalue problem was refused");
  work_size = static_cast<int>(work_wanted);
  whole_size = whole;
  std::vector<double> work(static_cast<size_t>(work_size));
  std::vector<int> wholes(static_cast<size_t>(whole_size));
  dsyevd_("V", "U", &n, matrix->data(), &n, values->data(), work.data(), &work_size, wholes.data(), &whole_size, &info);
  return info == 0 ? Status::OK() : MakeError(Category::internal, "the directions of greatest variance could not be found");
}

std::string Packed(const std::vector<float>& values) { return Base64({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}); }

bool Unpack(const std::string& text, size_t count, std::vector<float>* values) {
  const auto bytes = ParseBase64(text);
  if (!bytes || bytes->size() != count * sizeof(float)) return false;
  values->resize(count);
  std::memcpy(values->data(), bytes->data(), bytes->size());
  return true;
}

}  // namespace

PcaFitter::PcaFitter(int32_t dims) : dims_(dims) {
  const auto n = static_cast<size_t>(dims);
  sum_.assign(n, 0);
  products_.assign(n * n, 0);
  block_.reserve(n * kBlockRows);
}

void PcaFitter::Add(const float* vector) {
  const auto n = static_cast<size_t>(dims_);
  if (!std::all_of(vector, vector + n, [](float x) { return std::isfinite(x); })) return;
  // Sums are taken about the first vector, so that a mean far from zero costs no precision.
  if (shift_.empty()) shift_.assign(vector, vector + n);
  for (size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(vector[i]) - shift_[i];
    sum_[i] += x;
    block_.push_back(x);
  }
  ++count_;
  if (++rows_ == kBlockRows) Flush();
}

void PcaFitter::Flush() {
  if (rows_ == 0) return;
  const int n = dims_, rows = static_cast<int>(rows_);
  const double one = 1;
  dsyrk_("U", "N", &n, &rows, &one, block_.data(), &n, &one, products_.data(), &n);
  block_.clear();
  rows_ = 0;
}

Result<Projection> PcaFitter::Fit(int32_t to) {
  Flush();
  if (count_ < std::max<int64_t>(2, to)) {
    return MakeError(Category::refused, fmt::format("{} vectors are too few to find {} directions", count_, to), "use --reduce DIMS:truncate, or fewer dimensions");
  }
  const auto n = static_cast<size_t>(dims_);
  const auto count = static_cast<double>(count_);
  double all = 0;
  for (size_t column = 0; column < n; ++column) {
    for (size_t row = 0; row <= column; ++row) {
      double& value = products_[column * n + row];
      value = (value - sum_[row] * sum_[column] / count) / (count - 1);
    }
    all += products_[column * n + column];
  }
  std::vector<double> values;
  ARROW_RETURN_NOT_OK(Eigen(dims_, &products_, &values));
  Projection projection;
  projection.from = dims_;
  projection.to = to;
  projection.fitted_on = count_;
  for (size_t i = 0; i < n; ++i) projection.mean.push_back(static_cast<float>(shift_[i] + sum_[i] / count));
  double kept = 0;
  for (size_t k = 0; k < static_cast<size_t>(to); ++k) {
    const double* direction = products_.data() + (n - 1 - k) * n;
    kept += values[n - 1 - k];
    // The sign of a direction is free: its largest element is positive.
    const double* largest = std::max_element(direction, direction + n, [](double a, double b) { return std::abs(a) < std::abs(b); });
    const double sign = *largest < 0 ? -1 : 1;
    for (size_t i = 0; i < n; ++i) projection.components.push_back(static_cast<float>(sign * direction[i]));
  }
  projection.explained = all > 0 ? kept / all : 1;
  return projection;
}

std::string Projection::ToJson() const {
  const nlohmann::ordered_json json = {{"from", from}, {"to", to}, {"mean", Packed(mean)}, {"components", Packed(components)}, {"fitted_on", fitted_on}, {"explained", explained}};
  return json.dump();
}

Result<Projection> Projection::FromJson(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto bad = [] { return MakeError(Category::corrupt, "the journal's projection cannot be read", "start anew with --restart"); };
  try {
    Projection projection;
    projection.from = json.at("from").get<int32_t>();
    projection.to = json.at("to").get<int32_t>();
    projection.fitted_on = json.at("fitted_on").get<int64_t>();
    projection.explained = json.at("explained").get<double>();
    if (projection.to < 1 || projection.from < projection.to || projection.from > PcaFitter::kMostDims) return bad();
    const auto from = static_cast<size_t>(projection.from);
    const bool whole = Unpack(json.at("mean").get<std::string>(), from, &projection.mean) &&
                       Unpack(json.at("components").get<std::string>(), from * static_cast<size_t>(projection.to), &projection.components);
    if (!whole) return bad();
    return projection;
  } catch (const nlohmann::json::exception&) {
    return bad();
  }
}

}  // namespace vecferry
