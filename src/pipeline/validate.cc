#include "pipeline/validate.h"

#include <unordered_map>

#include "base/text.h"

namespace vecferry {
namespace {

struct Keys {
  std::vector<std::string_view> tenants, ids;
};

Keys KeysOf(const RecordView& batch, const std::vector<int64_t>& rows) {
  Keys keys;
  for (const int64_t row : rows) {
    if (batch.schema().has_tenant) keys.tenants.push_back(batch.tenant(row).value_or(""));
    keys.ids.push_back(batch.id(row));
  }
  return keys;
}

std::string KeyText(const RecordView& view, int64_t row) {
  return std::string(view.tenant(row).value_or("")) + '\x1f' + std::string(view.id(row));
}

std::vector<int64_t> Sample(const std::vector<int64_t>& rows) {
  std::vector<int64_t> sample;
  const auto n = static_cast<int64_t>(rows.size());
  for (int64_t i = 0; i < std::min(n, kValidateSample); ++i) sample.push_back(rows[static_cast<size_t>(i * n / std::min(n, kValidateSample))]);
  return sample;
}

Status CompareRows(Lookup& lookup, const RecordView& batch, const std::vector<int64_t>& rows, const RecordComparer& comparer, ValidateResult* result) {
  const Keys keys = KeysOf(batch, rows);
  ARROW_ASSIGN_OR_RAISE(const RecordView found, lookup.Get(keys.tenants, keys.ids));
  std::unordered_map<std::string, int64_t> by_key;
  for (int64_t row = 0; row < found.rows(); ++row) by_key.emplace(KeyText(found, row), row);
  for (const int64_t row : rows) {
    std::vector<FieldDifference> differences;
    const auto at = by_key.find(KeyText(batch, row));
    if (at == by_key.end()) {
      differences.push_back({"record", "present", "missing"});
    } else {
      ARROW_ASSIGN_OR_RAISE(differences, comparer.Compare(batch, row, found, at->second));
    }
    if (differences.empty()) continue;
    result->bad_rows.push_back(row);
    for (const auto& difference : differences) {
      result->mismatches.push_back({std::string(batch.id(row)), std::string(batch.tenant(row).value_or("")), difference.field,
                                    difference.source_value, difference.target_value});
    }
  }
  return Status::OK();
}

}  // namespace

Result<ValidateResult> ValidateBatch(Lookup& lookup, const RecordView& batch, const std::vector<int64_t>& rows, ValidateMode mode,
                                     const RecordComparer& comparer) {
  ValidateResult result;
  if (mode == ValidateMode::off || rows.empty()) return result;
  bool all = mode == ValidateMode::full;
  if (!all) {
    const Keys keys = KeysOf(batch, rows);
    ARROW_ASSIGN_OR_RAISE(const int64_t count, lookup.CountOf(keys.tenants, keys.ids));
    all = count != static_cast<int64_t>(rows.size());
  }
  ARROW_RETURN_NOT_OK(CompareRows(lookup, batch, all ? rows : Sample(rows), comparer, &result));
  return result;
}

}  // namespace vecferry
