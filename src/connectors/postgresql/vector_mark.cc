#include "connectors/postgresql/vector_mark.h"

#include <fmt/format.h>

#include "connectors/postgresql/names.h"

namespace vecferry::postgresql {
namespace {

constexpr std::string_view kVectorMark = "vecferry vector";

}  // namespace

std::string VectorMark(const VectorSpec& spec) {
  std::string mark(kVectorMark);
  if (!spec.name.empty()) mark += " " + QuoteName(spec.name);
  if (spec.metric != Metric::unknown) mark += fmt::format(" metric={}", Name(spec.metric));
  return mark;
}

std::optional<VectorMarkParts> ParseVectorMark(std::string_view comment) {
  if (!comment.starts_with(kVectorMark)) return std::nullopt;
  std::string_view rest = comment.substr(kVectorMark.size());
  VectorMarkParts parts;
  if (rest.starts_with(" \"")) {
    size_t at = 2;
    for (;; ++at) {
      if (at >= rest.size()) return std::nullopt;
      if (rest[at] == '"' && (at + 1 >= rest.size() || rest[at + 1] != '"')) break;
      if (rest[at] == '"') ++at;
      parts.name += rest[at];
    }
    rest.remove_prefix(at + 1);
  }
  constexpr std::string_view kMetric = " metric=";
  if (rest.starts_with(kMetric)) {
    const auto metric = ParseMetric(rest.substr(kMetric.size()));
    if (!metric.ok()) return std::nullopt;
    parts.metric = *metric;
    return parts;
  }
  return rest.empty() ? std::optional(parts) : std::nullopt;
}

}  // namespace vecferry::postgresql
