#pragma once
#include <cstdint>
#include <vector>

namespace vecferry {

/// Two series counted in the same classes of equal width.
struct Histogram {
  double low = 0, width = 0;            ///< class i is from low + i * width on
  std::vector<int64_t> first, second;
};
/// Finite numbers. Values that are all but equal are one class around them.
Histogram HistogramOf(const std::vector<double>& first, const std::vector<double>& second);

}  // namespace vecferry
