#pragma once
#include <cstddef>
#include <vector>

namespace vecferry {

/// The two directions in which vectors vary most, about their mean.
struct Plane {
  std::vector<double> mean, first, second;   ///< as many numbers as the vectors have
  double explained = 0;                      ///< share of the variance, 0 where there is none
  /// Where a vector of that many numbers stands.
  std::pair<double, double> Place(const float* vector) const;
};

/// By power iteration on the rows themselves, with no matrix of dims x dims: `rows` holds n vectors of `dims` finite numbers one after the other.
/// The same rows give the same plane. Fewer than two rows, or rows that are all equal, give a plane of zeros.
Plane FitPlane(const std::vector<float>& rows, size_t dims);

}  // namespace vecferry
