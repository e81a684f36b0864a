#include "connectors/postgresql/index_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/postgresql/names.h"

namespace vecferry::postgresql {
namespace {

constexpr size_t kLongestName = 63;
constexpr std::string_view kLists = "{lists}";

int MostDims(const std::string& method, const std::string& type) {
  (void)method;
  if (type == "halfvec") return 4000;
  if (type == "bit") return 64000;
  return 2000;
}

/// The end of an operator class's name, "" where the method has none for it.
std::string Operators(const std::string& method, const std::string& type, Metric metric) {
  const bool bits = type == "bit", hnsw = method == "hnsw";
  switch (metric) {
    case Metric::cosine: return bits ? "" : "cosine_ops";
    case Metric::dot: return bits ? "" : "ip_ops";
    case Metric::l2: return bits ? "" : "l2_ops";
    case Metric::l1: return bits || !hnsw ? "" : "l1_ops";
    case Metric::hamming: return bits ? "hamming_ops" : "";
    case Metric::jaccard: return bits && hnsw ? "jaccard_ops" : "";
    case Metric::unknown: return "";
  }
  return "";
}

void Say(std::vector<Note>* notes, const IndexedVector& vector, const std::string& why) {
  if (notes) notes->push_back({"no-index", fmt::format("the column '{}' gets no index: {}", Printable(vector.column, 200), why), -1, true});
}

std::string Parameters(const IndexWish& wish, const IndexedVector& vector) {
  if (wish.method == "ivfflat") return fmt::format(" WITH (lists = {})", wish.lists > 0 ? std::to_string(wish.lists) : std::string(kLists));
  const int64_t m = wish.m > 0 ? wish.m : std::clamp<int64_t>(vector.m, -1, 100);
  int64_t ef = wish.ef_construction > 0 ? wish.ef_construction : std::clamp<int64_t>(vector.ef_construction, -1, 1000);
  if (m <= 1 && ef <= 3) return "";
  // The extension takes an ef_construction of at least twice m; its own are 16 and 64.
  const int64_t edges = m > 1 ? m : 16;
  ef = std::max(ef > 3 ? ef : 64, 2 * edges);
  return fmt::format(" WITH (m = {}, ef_construction = {})", edges, ef);
}

std::optional<IndexDefinition> VectorIndex(const IndexedTable& table, const IndexWish& wish, const IndexedVector& vector, std::vector<Note>* notes) {
  const VectorSpec& spec = vector.spec;
  std::string type = vector.type, subject = QuoteName(vector.column);
  if (spec.metric == Metric::unknown) return Say(notes, vector, "the metric is not known; name it with --metric"), std::nullopt;
  if (type == "sparsevec" && (!wish.sparse || wish.method != "hnsw")) {
    return Say(notes, vector, "an index over sparse vectors takes those of at most 1000 entries alone; ask for it with sparse-index=true"), std::nullopt;
  }
  if (type != "sparsevec" && spec.dims > MostDims(wish.method, type)) {
    if (type != "vector" || !wish.halfvec || spec.dims > MostDims(wish.method, "halfvec")) {
      const bool could = type == "vector" && spec.dims <= MostDims(wish.method, "halfvec");
      return Say(notes, vector, fmt::format("{} dimensions, and {} takes at most {}{}", spec.dims, wish.method, MostDims(wish.method, type),
                                            could ? "; halfvec-index=true indexes it in half precision" : "")), std::nullopt;
    }
    type = "halfvec";
    subject = fmt::format("({}::{}.halfvec({}))", subject, QuoteName(table.extension_schema), spec.dims);
  }
  const std::string operators = Operators(wish.method, type, spec.metric);
  if (operators.empty()) return Say(notes, vector, fmt::format("{} has no operator class for {} and the metric {}", wish.method, type, Name(spec.metric))), std::nullopt;
  IndexDefinition index;
  index.name = ShortName(table.name + "_" + vector.column, "idx");
  index.body = fmt::format("USING {} ({} {}.{}_{}){}", wish.method, subject, QuoteName(table.extension_schema), type, operators, Parameters(wish, vector));
  return index;
}

Status ReadCount(const std::map<std::string, std::string>& options, const char* name, int64_t least, int64_t most, int64_t* out) {
  const auto at = options.find(name);
  if (at == options.end() || at->second.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(*out, ParseInt(at->second));
  if (*out >= least && *out <= most) return Status::OK();
  return MakeError(Category::usage, fmt::format("{}={}: a number from {} to {} is wanted", name, *out, least, most));
}

Status ReadFlag(const std::map<std::string, std::string>& options, const char* name, bool* out) {
  const auto at = options.find(name);
  if (at == options.end() || at->second.empty()) return Status::OK();
  return ParseBool(at->second).Value(out);
}

}  // namespace

Result<IndexWish> IndexWishOf(const std::map<std::string, std::string>& options) {
  IndexWish wish;
  if (const auto at = options.find("index"); at != options.end() && !at->second.empty()) wish.method = at->second;
  ARROW_RETURN_NOT_OK(ReadCount(options, "m", 2, 100, &wish.m));
  ARROW_RETURN_NOT_OK(ReadCount(options, "ef-construction", 4, 1000, &wish.ef_construction));
  ARROW_RETURN_NOT_OK(ReadCount(options, "lists", 1, 32768, &wish.lists));
  ARROW_RETURN_NOT_OK(ReadFlag(options, "metadata-index", &wish.metadata));
  ARROW_RETURN_NOT_OK(ReadFlag(options, "halfvec-index", &wish.halfvec));
  ARROW_RETURN_NOT_OK(ReadFlag(options, "sparse-index", &wish.sparse));
  if (wish.m > 0 && wish.ef_construction > 0 && wish.ef_construction < 2 * wish.m) {
    return MakeError(Category::usage, fmt::format("ef-construction={} is less than twice m={}", wish.ef_construction, wish.m));
  }
  return wish;
}

std::vector<IndexDefinition> PlanIndexes(const IndexedTable& table, const IndexWish& wish, std::vector<Note>* notes) {
  std::vector<IndexDefinition> indexes;
  if (wish.method != "none") {
    for (const IndexedVector& vector : table.vectors) {
      if (auto index = VectorIndex(table, wish, vector, notes)) indexes.push_back(std::move(*index));
    }
  }
  if (wish.metadata && !table.metadata.empty()) {
    indexes.push_back({ShortName(table.name + "_" + table.metadata, "gin"), fmt::format("USING gin ({} jsonb_path_ops)", QuoteName(table.metadata))});
  }
  if (!table.tenant.empty()) indexes.push_back({ShortName(table.name + "_" + table.tenant, "idx"), fmt::format("USING btree ({})", QuoteName(table.tenant))});
  return indexes;
}

std::string CreateIndexSql(const IndexDefinition& index, const std::string& schema, const std::string& table, int64_t rows) {
  std::string body = index.body;
  if (const size_t at = body.find(kLists); at != std::string::npos) {
    const double many = static_cast<double>(std::max<int64_t>(rows, 0));
    const auto lists = static_cast<int64_t>(many <= 1e6 ? many / 1000 : std::sqrt(many));
    body.replace(at, kLists.size(), std::to_string(std::clamp<int64_t>(lists, 10, 32768)));
  }
  return fmt::format("CREATE INDEX IF NOT EXISTS {} ON {}.{} {}", QuoteName(index.name), QuoteName(schema), QuoteName(table), body);
}

void TakeOverHnsw(const std::string& create_collection, std::vector<IndexedVector>* vectors) {
  const auto json = nlohmann::json::parse(create_collection, nullptr, false);
  if (!json.is_object()) return;
  const auto number = [](const nlohmann::json& object, const char* key) -> int64_t {
    return object.is_object() && object.contains(key) && object[key].is_number_integer() ? object[key].get<int64_t>() : -1;
  };
  const nlohmann::json of_all = json.value("hnsw_config", nlohmann::json());
  const nlohmann::json named = json.value("vectors", nlohmann::json());
  for (IndexedVector& vector : *vectors) {
    nlohmann::json own;
    if (named.is_object()) {
      const nlohmann::json one = vector.spec.name.empty() ? named : named.value(vector.spec.name, nlohmann::json());
      if (one.is_object()) own = one.value("hnsw_config", nlohmann::json());
    }
    const auto either = [&](const char* key) { return number(own, key) > 0 ? number(own, key) : number(of_all, key); };
    // A Qdrant m of 0 means that there is no graph; here it says nothing.
    if (vector.m < 0) vector.m = either("m");
    if (vector.ef_construction < 0) vector.ef_construction = either("ef_construct");
  }
}

std::string ShortName(const std::string& stem, const std::string& suffix) {
  size_t most = kLongestName - suffix.size() - 1;
  if (stem.size() <= most) return stem + "_" + suffix;
  // Two long names that begin alike must not become one.
  const std::string mark = fmt::format("{:08x}", static_cast<uint32_t>(std::hash<std::string>{}(stem)));
  most -= mark.size() + 1;
  while (most > 0 && (static_cast<unsigned char>(stem[most]) & 0xC0) == 0x80) --most;
  return stem.substr(0, most) + "_" + mark + "_" + suffix;
}

}  // namespace vecferry::postgresql
