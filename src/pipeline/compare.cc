#include "pipeline/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/iso_time.h"
#include "base/text.h"
#include "record/digest.h"
#include "record/distance.h"
#include "record/unit.h"

namespace vecferry {
namespace {

using Json = nlohmann::json;

std::string Shown(std::string_view text) { return Printable(text, 200); }

std::string ShownOr(const std::optional<std::string_view>& text) { return text ? Shown(*text) : "(none)"; }

Json ParseMetadata(const std::optional<std::string_view>& text) {
  Json json = Json::parse(text.value_or("{}"), nullptr, false);
  return json.is_object() ? json : Json::object();
}

/// Type and value; nlohmann's own == takes 1 and 1.0 for equal.
bool SameValue(const Json& a, const Json& b) { return a.dump() == b.dump(); }

bool SameSet(const Json& a, const Json& b) {
  if (!a.is_array() || !b.is_array()) return SameValue(a, b);
  std::set<std::string> left, right;
  for (const auto& item : a) left.insert(item.dump());
  for (const auto& item : b) right.insert(item.dump());
  return left == right;
}

/// Seconds since the epoch of a number, an ISO 8601 text or a datetime.
std::optional<double> MomentOf(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return ParseInstant(value.get_ref<const std::string&>());
  if (!value.is_object() || value.value("$vf", Json()) != "datetime" || !value.contains("v") || !value["v"].is_string()) return std::nullopt;
  return ParseInstant(value["v"].get_ref<const std::string&>());
}

/// A moment is the same however it is spelled.
bool SameTime(const Json& a, const Json& b, double tolerance) {
  if (SameValue(a, b)) return true;
  const auto left = MomentOf(a), right = MomentOf(b);
  return left && right && std::abs(*left - *right) <= tolerance;
}

struct Rows {
  const RecordView& source;
  int64_t source_row;
  const RecordView& target;
  int64_t target_row;
};

bool SameField(const std::string& key, const Json& a, const Json& b, const CompareOptions& options) {
  FieldMeaning meaning = FieldMeaning::plain;
  if (options.layout && options.layout->meanings.contains(key)) meaning = options.layout->meanings.at(key);
  if (meaning == FieldMeaning::set) return SameSet(a, b);
  // Two numbers are compared as they stand unless a tolerance is allowed; two spellings of a moment to the microsecond.
  const bool spellings = !a.is_number() || !b.is_number();
  if (meaning == FieldMeaning::timestamp && (options.time_tolerance > 0 || spellings)) return SameTime(a, b, std::max(options.time_tolerance, 1e-6));
  return SameValue(a, b);
}

void CompareMetadata(const Rows& rows, const CompareOptions& options, std::vector<FieldDifference>* out) {
  const auto a_text = rows.source.metadata(rows.source_row), b_text = rows.target.metadata(rows.target_row);
  if (a_text.value_or("{}") == b_text.value_or("{}")) return;
  const Json a = ParseMetadata(a_text), b = ParseMetadata(b_text);
  std::set<std::string> keys;
  for (const auto& [key, value] : a.items()) keys.insert(key);
  for (const auto& [key, value] : b.items()) keys.insert(key);
  for (const auto& key : keys) {
    if (options.scope.fields.ignored.contains(key)) continue;
    const auto in_a = a.find(key), in_b = b.find(key);
    if (in_a != a.end() && in_b != b.end() && SameField(key, *in_a, *in_b, options)) continue;
    out->push_back({"metadata." + Printable(key, 100), in_a == a.end() ? "(none)" : Shown(in_a->dump()),
                    in_b == b.end() ? "(none)" : Shown(in_b->dump())});
  }
}

const VectorColumn* FindColumn(const RecordView& view, const std::string& name) {
  for (const auto& column : view.vectors()) {
    if (column.spec.column() == name) return &column;
  }
  return nullptr;
}

/// The bytes of one vector of a record, a sparse one sorted by index.
std::string BytesOf(const VectorColumn& column, int64_t row) {
  if (column.spec.kind == VectorKind::dense) return std::string(column.Dense(row));
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  std::string bytes;
  if (column.spec.kind == VectorKind::multi) {
    return {reinterpret_cast<const char*>(column.data) + begin * column.width, static_cast<size_t>((end - begin) * column.width)};
  }
  std::vector<std::pair<uint32_t, float>> pairs;
  for (int32_t i = begin; i < end; ++i) pairs.emplace_back(column.indices[i], column.values[i]);
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [index, value] : pairs) {
    bytes.append(reinterpret_cast<const char*>(&index), 4);
    bytes.append(reinterpret_cast<const char*>(&value), 4);
  }
  return bytes;
}

bool SameElements(Element element, const std::string& a, const std::string& b) {
  if (a == b) return true;
  if (a.size() != b.size() || element != Element::f32) return false;
  for (size_t i = 0; i < a.size(); i += 4) {
    float x, y;
    std::memcpy(&x, a.data() + i, 4);
    std::memcpy(&y, b.data() + i, 4);
    if (x != y && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

std::string ShownVector(const VectorSpec& spec, const std::string& bytes, size_t at) {
  if (spec.element != Element::f32 || spec.kind == VectorKind::sparse) return fmt::format("{} bytes {}...", bytes.size(), ToHex(bytes.substr(0, 16)));
  float value = 0;
  if (4 * at + 4 <= bytes.size()) std::memcpy(&value, bytes.data() + 4 * at, 4);
  return fmt::format("{} elements, [{}] = {:.9g}", bytes.size() / 4, at, value);
}

size_t FirstDifference(const std::string& a, const std::string& b) {
  size_t i = 0;
  while (i < std::min(a.size(), b.size()) && a[i] == b[i]) ++i;
  return i / 4;
}

/// What a store that normalises makes of the vector, or of each row of a multi-vector.
std::string AsStored(const VectorSpec& spec, std::string bytes) {
  std::vector<float> row(static_cast<size_t>(spec.dims));
  const size_t step = row.size() * sizeof(float);
  for (size_t at = 0; step > 0 && at + step <= bytes.size(); at += step) {
    std::memcpy(row.data(), bytes.data() + at, step);
    UnitVector(row.data(), row.size(), row.data());
    std::memcpy(bytes.data() + at, row.data(), step);
  }
  return bytes;
}

constexpr double kSingle = 1 - 1e-6, kHalf = 1 - 1e-3;

/// What the cosine must be at least; 0 where the elements must be equal.
double LeastCosine(const VectorSpec& spec, const CompareOptions& options) {
  if (options.min_cosine > 0) return options.min_cosine;
  if (options.vector_change == VectorChange::reduced_precision) return options.least_cosine;
  if (options.vector_change != VectorChange::cosine_normalised || !IsNormalised(spec)) return 0;
  return spec.element == Element::f32 ? kSingle : kHalf;
}

/// The least cosine of two vectors, or of the rows of two multi-vectors, of as many bytes. -1 where a row that a
/// normalising store leaves as it is differs.
double CosineOf(const VectorSpec& spec, int64_t width, const std::string& a, const std::string& b, bool normalised) {
  double least = 1;
  const auto step = static_cast<size_t>(std::max<int64_t>(width, 1));
  for (size_t at = 0; at + step <= a.size(); at += step) {
    const std::string_view x(a.data() + at, step), y(b.data() + at, step);
    if (x == y) continue;
    const double norm = normalised ? Norm(spec.element, spec.dims, x) : 1;
    if (norm * norm < kTinySquared) return -1;
    const double cosine = Cosine(spec.element, spec.dims, x, y);
    if (!(cosine >= least)) least = cosine;  // also NaN
  }
  return least;
}

void CompareVector(const VectorColumn* a, const VectorColumn* b, const Rows& rows, const CompareOptions& options, std::vector<FieldDifference>* out) {
  const std::string field = (a ? a : b)->spec.column();
  const bool has_a = a && !a->IsNull(rows.source_row), has_b = b && !b->IsNull(rows.target_row);
  if (!has_a && !has_b) return;
  if (has_a != has_b) {
    out->push_back({field, has_a ? "present" : "(none)", has_b ? "present" : "(none)"});
    return;
  }
  const std::string left = BytesOf(*a, rows.source_row), right = BytesOf(*b, rows.target_row);
  if (a->spec.element == b->spec.element && SameElements(a->spec.element, left, right)) return;
  const size_t at = FirstDifference(left, right);
  const double least = LeastCosine(a->spec, options);
  if (least > 0 && left.size() == right.size() && a->spec.kind != VectorKind::sparse) {
    const bool normalised = options.min_cosine == 0 && options.vector_change == VectorChange::cosine_normalised;
    // Of a vector with NaN or an infinity no direction can be told, but what becomes of it.
    const bool told = options.vector_change == VectorChange::cosine_normalised && IsNormalised(a->spec) && a->spec.element == Element::f32;
    if (told && SameElements(Element::f32, AsStored(a->spec, left), right)) return;
    const double cosine = CosineOf(a->spec, a->width, left, right, normalised);
    if (cosine >= least) return;
    out->push_back({field, ShownVector(a->spec, left, at), fmt::format("{}, cosine {:.6f}", ShownVector(b->spec, right, at), cosine)});
    return;
  }
  out->push_back({field, ShownVector(a->spec, left, at), ShownVector(b->spec, right, at)});
}

}  // namespace

Result<std::vector<FieldDifference>> RecordComparer::Compare(const RecordView& source, int64_t source_row, const RecordView& target,
                                                             int64_t target_row) const {
  std::vector<FieldDifference> differences;
  const Rows rows{source, source_row, target, target_row};
  if (options_.scope.document) {
    const auto a = source.document(source_row), b = target.document(target_row);
    if (a != b) differences.push_back({"document", ShownOr(a), ShownOr(b)});
  }
  if (options_.scope.metadata) CompareMetadata(rows, options_, &differences);
  if (!options_.scope.vectors) return differences;
  std::set<std::string> columns;
  for (const auto& column : source.vectors()) columns.insert(column.spec.column());
  for (const auto& column : target.vectors()) columns.insert(column.spec.column());
  for (const auto& name : columns) {
    CompareVector(FindColumn(source, name), FindColumn(target, name), rows, options_, &differences);
  }
  for (size_t i = 0; i < source.schema().extras.size(); ++i) {
    for (size_t j = 0; j < target.schema().extras.size(); ++j) {
      if (source.schema().extras[i] != target.schema().extras[j]) continue;
      if (source.extra(i, source_row) != target.extra(j, target_row)) differences.push_back({"extra:" + source.schema().extras[i], "bytes", "other bytes"});
    }
  }
  return differences;
}

}  // namespace vecferry
