#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/milvus/dataset.h"
#include "connectors/milvus/query.h"
#include "net/wire.h"
#include "record/elements.h"

namespace vecferry::milvus {
namespace {

constexpr std::string_view kWhat = "searching";

uint16_t BfloatOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// A query's vector as the field's elements.
std::string ElementsOf(DataType type, const std::vector<float>& values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    switch (type) {
      case DataType::float16_vector: {
        uint8_t half[2];
        (void)StoreElement(static_cast<double>(value), Element::f16, half);
        out.append(reinterpret_cast<const char*>(half), 2);
        break;
      }
      case DataType::bfloat16_vector: {
        const uint16_t half = BfloatOf(value);
        out.append(reinterpret_cast<const char*>(&half), 2);
        break;
      }
      case DataType::int8_vector: out += static_cast<char>(static_cast<int8_t>(std::lround(std::clamp(value, -128.0f, 127.0f)))); break;
      case DataType::binary_vector:
        if (i % 8 == 0) out += '\0';
        if (value != 0) out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) | (0x80u >> (i % 8)));
        break;
      default: out.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }
  return out;
}

class CollectionSearcher final : public Searcher {
 public:
  CollectionSearcher(Dataset dataset, const Shape& shape, std::shared_ptr<Loaded> loaded) : dataset_(std::move(dataset)), shape_(shape), loaded_(std::move(loaded)) {}

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    const Slot* slot = shape_.FindVector(query.vector);
    if (!slot || slot->field.type == DataType::sparse_vector) {
      return MakeError(Category::unsupported, fmt::format("the collection has no dense vector '{}' to search", Printable(query.vector, 100)));
    }
    if (static_cast<int64_t>(query.values.size()) != slot->field.dim()) {
      return MakeError(Category::usage, fmt::format("the query has {} dimensions, the field {} has {}", query.values.size(), Printable(slot->field.name, 100), slot->field.dim()));
    }
    ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset_.client->Call("Search", Request(*slot, query), Act::read, kWhat));
    auto hits = Parse(answer);
    if (!hits.ok()) return BadAnswer(kWhat, hits.status().message());
    return hits;
  }

  bool HigherIsNearer(std::string_view vector) const override {
    const Slot* slot = shape_.FindVector(vector);
    const Metric metric = slot ? MetricOfField(slot->field.name) : Metric::unknown;
    return metric == Metric::cosine || metric == Metric::dot;
  }

  /// Where no index stands between: a flat one compares with every row.
  bool CanBeExact() const override {
    return std::all_of(shape_.slots.begin(), shape_.slots.end(), [&](const Slot& slot) {
      const auto at = shape_.indexes.find(slot.field.name);
      if (slot.role != Role::vector || slot.field.type == DataType::sparse_vector) return true;
      return at != shape_.indexes.end() && (ValueOf(at->second.params, "index_type") == "FLAT" || ValueOf(at->second.params, "index_type") == "BIN_FLAT");
    });
  }

  Result<bool> Ready() override {
    ARROW_ASSIGN_OR_RAISE(const auto indexes, dataset_.client->Indexes(dataset_.collection));
    return std::all_of(indexes.begin(), indexes.end(), [](const Index& index) { return index.state == 4 || (index.pending <= 0 && index.state != 1 && index.state != 2); });
  }

 private:
  Metric MetricOfField(const std::string& field) const {
    const auto at = shape_.indexes.find(field);
    return at == shape_.indexes.end() ? Metric::unknown : MetricOf(ValueOf(at->second.params, "metric_type"));
  }

  std::string Request(const Slot& slot, const SearchQuery& query) const {
    std::string out = dataset_.client->For(dataset_.collection), expr;
    if (!query.tenant.empty() && shape_.partition_tenants) AppendBytesField(4, query.tenant, &out);
    if (!query.tenant.empty() && shape_.tenant) {
      expr = shape_.slots[*shape_.tenant].field.name + " == ";
      AppendLiteral(query.tenant, &expr);
    }
    AppendBytesField(5, expr, &out);
    std::string value, group;
    AppendBytesField(1, "$0", &value);
    AppendUintField(2, static_cast<uint64_t>(slot.field.type), &value);
    AppendBytesField(3, ElementsOf(slot.field.type, query.values), &value);
    AppendBytesField(1, value, &group);
    AppendBytesField(6, group, &out);
    AppendUintField(7, 1, &out);  // an expression, no tree
    for (const auto& name : shape_.FieldNames(true)) AppendBytesField(8, name, &out);
    const auto index = shape_.indexes.find(slot.field.name);
    const std::string metric = index == shape_.indexes.end() ? "" : std::string(ValueOf(index->second.params, "metric_type"));
    const Pairs params = {{"anns_field", slot.field.name}, {"topk", std::to_string(query.k)}, {"limit", std::to_string(query.k)}, {"offset", "0"}, {"metric_type", metric},
                          {"round_decimal", "-1"}, {"params", Effort(index == shape_.indexes.end() ? "" : ValueOf(index->second.params, "index_type"), query)}};
    for (const auto& [key, text] : params) AppendPair(9, key, text, &out);
    AppendUintField(12, 1, &out);
    return out;
  }

  /// Exact is not asked of the server; but a search may look further than it would.
  static std::string Effort(std::string_view index, const SearchQuery& query) {
    if (!query.exact) return "{}";
    if (index.starts_with("HNSW")) return fmt::format(R"({{"ef":{}}})", std::max(query.k, 1024));
    if (index.starts_with("IVF") || index.starts_with("BIN_IVF")) return R"({"nprobe":1024})";
    return "{}";
  }

  Result<std::vector<SearchHit>> Parse(std::string_view answer) const {
    std::string_view results;
    WireReader reader(answer);
    WireField field;
    while (reader.Next(&field)) {
      if (field.is(2, WireType::length)) results = field.bytes;
    }
    std::vector<SearchHit> hits;
    std::vector<float> scores;
    std::vector<std::string> tenants;
    WireReader parts(results);
    while (parts.Next(&field)) {
      if (field.is(4, WireType::length)) {
        if (field.bytes.size() % 4 != 0) return Corrupt();
        scores.resize(field.bytes.size() / 4);
        std::memcpy(scores.data(), field.bytes.data(), field.bytes.size());
      } else if (field.is(5, WireType::length)) {
        ARROW_ASSIGN_OR_RAISE(hits, Ids(field.bytes));
      } else if (field.is(3, WireType::length) && shape_.tenant) {
        ColumnData column;
        ARROW_RETURN_NOT_OK(column.Parse(field.bytes));
        if (column.name() != shape_.slots[*shape_.tenant].field.name || !column.holds_texts()) continue;
        for (int64_t row = 0; row < column.rows(); ++row) tenants.emplace_back(column.IsNull(row) ? "" : column.Bytes(row));
      }
    }
    if (!reader.ok() || !parts.ok() || scores.size() != hits.size() || (!tenants.empty() && tenants.size() != hits.size())) return Corrupt();
    for (size_t i = 0; i < hits.size(); ++i) {
      hits[i].score = static_cast<double>(scores[i]);
      if (i < tenants.size()) hits[i].tenant = tenants[i];
    }
    return hits;
  }

  Result<std::vector<SearchHit>> Ids(std::string_view ids) const {
    std::vector<SearchHit> hits;
    WireReader reader(ids);
    WireField field;
    while (reader.Next(&field)) {
      // A list of ids is as an array of a column is.
      if (field.type != WireType::length || field.number > 2) continue;
      std::string scalars, column_bytes;
      AppendBytesField(field.number == 1 ? 3 : 6, field.bytes, &scalars);
      AppendBytesField(3, scalars, &column_bytes);
      ColumnData column;
      ARROW_RETURN_NOT_OK(column.Parse(column_bytes));
      for (int64_t row = 0; row < column.rows(); ++row) {
        const Key key = field.number == 1 ? Key::Of(column.Integer(row)) : Key::Of(column.Bytes(row));
        hits.push_back({"", IdOf(shape_, key), 0});
      }
    }
    if (!reader.ok()) return Corrupt();
    return hits;
  }

  static Status Corrupt() { return MakeError(Category::corrupt, "the server's answer is not what its format allows"); }

  const Dataset dataset_;
  const Shape shape_;
  const std::shared_ptr<Loaded> loaded_;
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, const Shape& shape, std::shared_ptr<Loaded> loaded) {
  return std::make_unique<CollectionSearcher>(std::move(dataset), shape, std::move(loaded));
}

}  // namespace vecferry::milvus
