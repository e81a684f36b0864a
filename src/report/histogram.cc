#include "report/histogram.h"

#include <algorithm>
#include <cmath>

namespace vecferry {
namespace {

constexpr size_t kClasses = 24;
constexpr double kAllButEqual = 1e-4;  ///< of the value

}  // namespace

Histogram HistogramOf(const std::vector<double>& first, const std::vector<double>& second) {
  Histogram h;
  double low = INFINITY, high = -INFINITY;
  for (const auto* values : {&first, &second}) {
    for (const double v : *values) low = std::min(low, v), high = std::max(high, v);
  }
  if (!(low <= high)) return h;
  const double least = std::max(std::abs(high) * kAllButEqual, 1e-12);
  const bool one = high - low < least;
  // Where all are one value its class stands in the middle of empty ones.
  h.width = one ? least : (high - low) / static_cast<double>(kClasses);
  h.low = one ? (low + high) / 2 - h.width * (static_cast<double>(kClasses / 2) + 0.5) : low;
  h.first.assign(kClasses, 0);
  h.second.assign(kClasses, 0);
  const auto add = [&](const std::vector<double>& values, std::vector<int64_t>* counts) {
    for (const double v : values) ++(*counts)[std::min(kClasses - 1, static_cast<size_t>(std::max(0.0, (v - h.low) / h.width)))];
  };
  add(first, &h.first);
  add(second, &h.second);
  return h;
}

}  // namespace vecferry
