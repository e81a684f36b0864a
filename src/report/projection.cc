#include "report/projection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vecferry {
namespace {

constexpr int kMostSteps = 300;
constexpr double kSettled = 1e-9;

double Dot(const std::vector<double>& a, const double* b) { return std::inner_product(a.begin(), a.end(), b, 0.0); }

/// Makes the length 1 and returns what it was; leaves zeros alone.
double Normalise(std::vector<double>* v) {
  const double length = std::sqrt(Dot(*v, v->data()));
  if (length > 0) {
    for (double& x : *v) x /= length;
  }
  return length;
}

void Without(const std::vector<double>& direction, std::vector<double>* v) {
  if (direction.empty()) return;
  const double share = Dot(direction, v->data());
  for (size_t i = 0; i < v->size(); ++i) (*v)[i] -= share * direction[i];
}

/// Of centred rows the direction of greatest variance that is orthogonal to `other`; the variance along it, summed over the rows.
double Strongest(const std::vector<double>& rows, size_t dims, const std::vector<double>& other, std::vector<double>* direction) {
  const size_t n = rows.size() / dims;
  // The longest row is a beginning that is not orthogonal to where the rows go, and the same each time.
  size_t longest = 0;
  double most = -1;
  std::vector<double> row(dims);
  for (size_t i = 0; i < n; ++i) {
    row.assign(rows.begin() + static_cast<ptrdiff_t>(i * dims), rows.begin() + static_cast<ptrdiff_t>((i + 1) * dims));
    Without(other, &row);
    const double length = Dot(row, row.data());
    if (length > most) most = length, longest = i;
  }
  direction->assign(rows.begin() + static_cast<ptrdiff_t>(longest * dims), rows.begin() + static_cast<ptrdiff_t>((longest + 1) * dims));
  Without(other, direction);
  if (!(most > 0) || Normalise(direction) == 0) return direction->assign(dims, 0), 0;
  double variance = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    std::vector<double> next(dims, 0);
    for (size_t i = 0; i < n; ++i) {
      const double* at = rows.data() + i * dims;
      const double share = Dot(*direction, at);
      for (size_t k = 0; k < dims; ++k) next[k] += share * at[k];
    }
    Without(other, &next);
    const double before = variance;
    variance = Normalise(&next);
    if (variance == 0) break;
    *direction = std::move(next);
    if (std::abs(variance - before) <= kSettled * variance) break;
  }
  // The sign is free: the largest element is positive.
  const auto largest = std::max_element(direction->begin(), direction->end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (*largest < 0) {
    for (double& x : *direction) x = -x;
  }
  return variance;
}

}  // namespace

std::pair<double, double> Plane::Place(const float* vector) const {
  double x = 0, y = 0;
  for (size_t i = 0; i < mean.size(); ++i) {
    const double away = static_cast<double>(vector[i]) - mean[i];
    x += away * first[i];
    y += away * second[i];
  }
  return {x, y};
}

Plane FitPlane(const std::vector<float>& rows, size_t dims) {
  Plane plane;
  plane.mean.assign(dims, 0);
  plane.first = plane.second = plane.mean;
  const size_t n = dims == 0 ? 0 : rows.size() / dims;
  if (n < 2) return plane;
  for (size_t i = 0; i < n * dims; ++i) plane.mean[i % dims] += static_cast<double>(rows[i]) / static_cast<double>(n);
  std::vector<double> centred(n * dims);
  double all = 0;
  for (size_t i = 0; i < centred.size(); ++i) {
    centred[i] = static_cast<double>(rows[i]) - plane.mean[i % dims];
    all += centred[i] * centred[i];
  }
  // Rounding alone is no spread.
  double size = 0;
  for (const double m : plane.mean) size += m * m;
  if (all <= 1e-12 * size * static_cast<double>(n)) return plane;
  const double first = Strongest(centred, dims, {}, &plane.first);
  const double second = Strongest(centred, dims, plane.first, &plane.second);
  plane.explained = std::min(1.0, (first + second) / all);
  return plane;
}

}  // namespace vecferry
