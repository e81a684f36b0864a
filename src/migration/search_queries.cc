#include "migration/search_queries.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "base/text.h"
#include "migration/search_kernel.h"
#include "migration/search_read.h"
#include "record/distance.h"

namespace vecferry {
namespace {

uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// Random numbers that are the same on every platform, as those of the standard library are not.
class Dice {
 public:
  explicit Dice(uint64_t word) : state_(word) {}
  /// In (0, 1).
  double Uniform() {
    state_ = Mix(state_);
    return (static_cast<double>(state_ >> 11) + 0.5) * 0x1p-53;
  }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(2 * std::numbers::pi * Uniform());
  }

 private:
  uint64_t state_;
};

struct Sampled {
  uint64_t order;
  std::string tenant, id, bytes;
  bool operator<(const Sampled& other) const { return order < other.order; }
};
using Samples = std::map<std::string, std::vector<Sampled>>;

/// Keeps, of each column, the records of the smallest words.
void Keep(std::vector<Sampled>* heap, size_t most, Sampled sampled) {
  heap->push_back(std::move(sampled));
  std::push_heap(heap->begin(), heap->end());
  if (heap->size() <= most) return;
  std::pop_heap(heap->begin(), heap->end());
  heap->pop_back();
}

class SampleWorker final : public BatchWorker {
 public:
  SampleWorker(const std::vector<VectorSpec>& columns, const SearchOptions& options, const AcceptKey& accept, Samples* all)
      : columns_(columns), most_(static_cast<size_t>(options.query_count)), seed_(Mix(options.seed)), accept_(accept), all_(*all) {}

  Status Take(const RecordView& view) override {
    for (int64_t row = 0; row < view.rows(); ++row) {
      const std::string_view tenant = view.tenant(row).value_or("");
      const uint64_t key = KeyWord(tenant, view.id(row));
      if (accept_ && !accept_(key)) continue;
      for (const auto& column : view.vectors()) TakeVector(column, view, row, Mix(key ^ seed_));
    }
    return Status::OK();
  }

  void Merge() override {
    for (auto& [name, heap] : mine_) {
      for (auto& sampled : heap) Keep(&all_[name], most_, std::move(sampled));
    }
  }

 private:
  void TakeVector(const VectorColumn& column, const RecordView& view, int64_t row, uint64_t order) {
    if (column.IsNull(row) || std::none_of(columns_.begin(), columns_.end(), [&](const auto& spec) { return spec.column() == column.spec.column(); })) return;
    auto& heap = mine_[column.spec.name];
    if (heap.size() >= most_ && order >= heap.front().order) return;
    const std::string_view bytes = column.Dense(row);
    // What has no direction, or no length, is near nothing.
    const double norm = Norm(column.spec.element, column.spec.dims, bytes);
    if (!std::isfinite(norm) || norm == 0) return;
    Keep(&heap, most_, {order, std::string(view.tenant(row).value_or("")), std::string(view.id(row)), std::string(bytes)});
  }

  const std::vector<VectorSpec>& columns_;
  const size_t most_;
  const uint64_t seed_;
  const AcceptKey& accept_;
  Samples mine_;
  Samples& all_;
};

std::vector<Query> QueriesOf(const VectorSpec& spec, std::vector<Sampled>* sampled, const SearchOptions& options, bool with_tenant) {
  std::vector<Query> queries;
  std::sort(sampled->begin(), sampled->end());
  for (const auto& each : *sampled) {
    std::vector<float> values(static_cast<size_t>(spec.dims));
    ToFloats(spec, each.bytes, values.data());
    queries.push_back({WithNoise(spec, std::move(values), options.query_noise, each.order), with_tenant ? each.tenant : "", "like " + each.id});
  }
  return queries;
}

}  // namespace

std::vector<float> WithNoise(const VectorSpec& spec, std::vector<float> values, double noise, uint64_t word) {
  if (noise <= 0) return values;
  Dice dice(word);
  if (spec.element == Element::bit) {
    for (float& v : values) v = dice.Uniform() < noise ? 1 - v : v;
    return values;
  }
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  const double each = noise * std::sqrt(squares / static_cast<double>(values.size()));
  for (float& v : values) {
    double moved = v + each * dice.Normal();
    if (spec.element == Element::u8) moved = std::clamp(std::round(moved), 0.0, 255.0);
    if (spec.element == Element::i8) moved = std::clamp(std::round(moved), -128.0, 127.0);
    v = static_cast<float>(moved);
  }
  return values;
}

Result<QuerySet> SampleQueries(const Engine& engine, Source& source, const std::vector<VectorSpec>& columns, const SearchOptions& options, const AcceptKey& accept,
                               bool with_tenant, int64_t total, int jobs, int64_t* read) {
  Samples samples;
  ARROW_ASSIGN_OR_RAISE(*read, ReadBatches(engine, source, "search: sample", total, jobs, [&] { return std::make_unique<SampleWorker>(columns, options, accept, &samples); }));
  QuerySet set;
  for (const auto& spec : columns) set[spec.name] = QueriesOf(spec, &samples[spec.name], options, with_tenant);
  return set;
}

Result<std::vector<Query>> SampleSome(const Engine& engine, Source& source, const VectorSpec& column, const SearchOptions& options, bool with_tenant) {
  constexpr int kParts = 8;
  ARROW_ASSIGN_OR_RAISE(const auto splits, source.Splits(kParts));
  Samples samples;
  const std::vector<VectorSpec> columns = {column};
  SampleWorker worker(columns, options, {}, &samples);
  for (const auto& split : splits) {
    ReadOptions read;
    read.batch_rows = 4 * (options.query_count / static_cast<int64_t>(splits.size()) + 1);
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read(split, "", read));
    for (int64_t left = read.batch_rows; left > 0;) {
      ARROW_RETURN_NOT_OK(engine.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      ARROW_RETURN_NOT_OK(worker.Take(batch->records));
      left -= std::max<int64_t>(batch->records.rows(), 1);
    }
  }
  worker.Merge();
  return QueriesOf(column, &samples[column.name], options, with_tenant);
}

Result<QuerySet> QueriesFor(const std::vector<GivenQuery>& given, const std::vector<VectorSpec>& columns) {
  QuerySet set;
  for (size_t i = 0; i < given.size(); ++i) {
    bool used = false;
    for (const auto& spec : columns) {
      if (given[i].column ? *given[i].column != spec.name && *given[i].column != spec.column() : given[i].values.size() != static_cast<size_t>(spec.dims)) continue;
      if (given[i].values.size() != static_cast<size_t>(spec.dims)) {
        return MakeError(Category::usage, fmt::format("query {} has {} numbers, {} has {} dimensions", i + 1, given[i].values.size(), spec.column(), spec.dims),
                         "give queries made by the model that made the vectors");
      }
      set[spec.name].push_back({given[i].values, given[i].tenant, given[i].label.empty() ? fmt::format("query {}", i + 1) : given[i].label});
      used = true;
    }
    if (!used) {
      return MakeError(Category::usage, fmt::format("query {} of {} numbers fits no dense vector of the source", i + 1, given[i].values.size()),
                       "give queries made by the model that made the vectors");
    }
  }
  return set;
}

}  // namespace vecferry
