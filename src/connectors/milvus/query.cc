#include "connectors/milvus/query.h"

#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/milvus/rows.h"
#include "connectors/milvus/schema.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

constexpr int64_t kSmallest = std::numeric_limits<int64_t>::min();

/// "FIELD > KEY" and its like, without writing the smallest integer.
std::string Above(std::string_view field, const Key& key) {
  std::string out = std::string(field) + " > ";
  if (!key.is_number) return AppendLiteral(key.text, &out), out;
  return key.number == kSmallest ? fmt::format("{} >= {}", field, kSmallest + 1) : fmt::format("{} > {}", field, key.number);
}

std::string UpTo(std::string_view field, const Key& key) {
  std::string out = std::string(field) + " <= ";
  if (!key.is_number) return AppendLiteral(key.text, &out), out;
  return key.number == kSmallest ? fmt::format("{} < {}", field, kSmallest + 1) : fmt::format("{} <= {}", field, key.number);
}

}  // namespace

std::string QueryRequest(std::string head, const Query& query) {
  std::string out = std::move(head);
  AppendBytesField(4, query.expr, &out);
  for (const auto& field : query.fields) AppendBytesField(5, field, &out);
  if (!query.partition.empty()) AppendBytesField(6, query.partition, &out);
  if (query.timestamp != 0) AppendUintField(8, query.timestamp, &out);
  if (query.limit > 0) {
    AppendPair(9, "limit", std::to_string(query.limit), &out);
    AppendPair(9, "offset", "0", &out);
  }
  if (query.iterate) {
    AppendPair(9, "iterator", "True", &out);
    AppendPair(9, "reduce_stop_for_best", "True", &out);
    AppendPair(9, "collection_id", std::to_string(query.collection_id), &out);
  }
  // consistency_level 0, Strong, and use_default_consistency false are what a field that is not written says.
  return out;
}

Result<int64_t> ParseCount(std::string_view answer) {
  Rows rows;
  ARROW_RETURN_NOT_OK(rows.Open(answer));
  for (const ColumnData& column : rows.columns()) {
    if (column.type() == DataType::int64 && column.rows() == 1 && !column.IsNull(0)) return column.Integer(0);
  }
  return MakeError(Category::corrupt, "the server's answer holds no count");
}

uint64_t SessionTime(std::string_view answer) {
  WireReader reader(answer);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(5, WireType::varint)) return field.value;
  }
  return 0;
}

Result<Key> ParseKey(bool is_number, std::string_view spelled) {
  if (!is_number) return Key::Of(spelled);
  ARROW_ASSIGN_OR_RAISE(const int64_t number, ParseInt(spelled));
  return Key::Of(number);
}

void AppendLiteral(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *out += '\\', *out += c;
    else if (c == '\n') *out += "\\n";
    else if (c == '\r') *out += "\\r";
    else *out += c;
  }
  *out += '"';
}

std::string RangeExpr(std::string_view field, const std::optional<Key>& after, const std::optional<Key>& to) {
  std::string out;
  if (after) out = Above(field, *after);
  if (after && to) out += " and ";
  if (to) out += UpTo(field, *to);
  return out;
}

std::string AllExpr(std::string_view field, bool is_number) {
  return is_number ? fmt::format("({0} >= 0 or {0} < 0)", field) : fmt::format("{} >= \"\"", field);
}

std::string InExpr(std::string_view field, const std::vector<Key>& keys) {
  std::string list;
  bool smallest = false;
  for (const Key& key : keys) {
    if (key.is_number && key.number == kSmallest) {
      smallest = true;
      continue;
    }
    if (!list.empty()) list += ',';
    if (key.is_number) list += std::to_string(key.number);
    else AppendLiteral(key.text, &list);
  }
  const std::string in = fmt::format("{} in [{}]", field, list);
  if (!smallest) return in;
  const std::string least = UpTo(field, Key::Of(kSmallest));
  return list.empty() ? least : fmt::format("({} or {})", in, least);
}

std::string DeleteRequest(std::string head, std::string_view partition, std::string_view expr) {
  std::string out = std::move(head);
  if (!partition.empty()) AppendBytesField(4, partition, &out);
  AppendBytesField(5, expr, &out);
  return out;
}

}  // namespace vecferry::milvus
