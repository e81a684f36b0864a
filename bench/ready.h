#pragma once
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "connectors/builtin.h"
#include "migration/engine.h"

/// What the programs that measure a way into a store share: records that lie ready, and the engine's copy of them.
namespace vecferry::bench {

inline constexpr int64_t kBatch = 1000;

template <typename T>
T Must(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "%s\n", Describe(result.status()).c_str());
  std::exit(1);
}
inline void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", Describe(status).c_str());
  std::exit(1);
}

inline double UserSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}

inline RecordSchema SchemaOf(int32_t dims) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.vectors = {{"", VectorKind::dense, Element::f32, dims, Metric::dot, ""}};
  return schema;
}

/// Rows first .. first+n-1: an id, two small fields, a random vector.
inline RecordView Records(const RecordSchema& schema, int64_t first, int64_t n) {
  std::minstd_rand random(static_cast<unsigned>(first + 1));
  BatchBuilder builder(schema);
  for (int64_t i = first; i < first + n; ++i) {
    builder.Id(std::to_string(i));
    builder.Metadata("{\"name\":\"record " + std::to_string(i) + "\",\"n\":" + std::to_string(i) + "}");
    auto* floats = reinterpret_cast<float*>(builder.VectorSpace(0));
    for (int32_t k = 0; k < schema.vectors[0].dims; ++k) floats[k] = static_cast<float>(random()) / 2147483648.0f - 0.5f;
    builder.EndRow();
  }
  return Must(builder.Finish());
}

struct Measured {
  double seconds = 0, user = 0;
};

/// A source whose batches lie ready: what is measured is the way from there on.
class Ready final : public Connector {
 public:
  Ready(int64_t rows, int32_t dims) : schema_(SchemaOf(dims)) {
    info_.scheme = "ready";
    info_.capabilities.source = true;
    info_.capabilities.consistency = Consistency::frozen;
    for (int64_t first = 0; first < rows; first += kBatch) batches_.push_back(Records(schema_, first, std::min(kBatch, rows - first)));
  }
  const Info& info() const override { return info_; }
  Result<std::vector<DatasetSummary>> List(const Location&, const OpenContext&) override { return std::vector<DatasetSummary>{}; }
  Result<std::unique_ptr<Source>> OpenSource(const Location&, const OpenContext&) override { return std::make_unique<Batches>(*this); }

 private:
  struct Reader final : SplitReader {
    Reader(const Ready& from, size_t next, size_t step) : from(from), next(next), step(step) {}
    Result<std::optional<SourceBatch>> Next() override {
      if (next >= from.batches_.size()) return std::nullopt;
      SourceBatch batch;
      batch.records = from.batches_[next];
      next += step;
      batch.next = std::to_string(next);
      return batch;
    }
    const Ready& from;
    size_t next, step;
  };
  struct Batches final : Source {
    explicit Batches(const Ready& from) : from(from) {}
    Result<DatasetInfo> Describe() override {
      DatasetInfo info;
      info.identity = "ready";
      info.schema = from.schema_;
      info.count = static_cast<int64_t>(from.batches_.size()) * kBatch;
      info.consistency = Consistency::frozen;
      return info;
    }
    Result<std::vector<Split>> Splits(int wanted) override {
      std::vector<Split> splits;
      for (int i = 0; i < wanted; ++i) splits.push_back({std::to_string(i) + " " + std::to_string(wanted), "", -1, -1});
      return splits;
    }
    Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& cursor, const ReadOptions&) override {
      const size_t space = split.payload.find(' ');
      const size_t first = std::stoul(cursor.empty() ? split.payload.substr(0, space) : cursor);
      return std::make_unique<Reader>(from, first, std::stoul(split.payload.substr(space)));
    }
    const Ready& from;
  };
  Info info_;
  const RecordSchema schema_;
  std::vector<RecordView> batches_;
};

/// A copy, journal and digest included, verification left out: transfer, and with `whole` what ends it (an index, a file's last sync).
inline Measured Whole(Registry& registry, const Location& target, int64_t rows, int32_t dims, int jobs, int64_t batch_rows = 0, bool whole = false) {
  registry.Add(std::make_unique<Ready>(rows, dims));
  const Location source = Must(registry.Resolve("ready:bench"));
  Events events;
  const CancelToken cancel;
  CopyOptions options;
  options.verify.level = VerifyLevel::none;
  options.validate = ValidateMode::off;
  options.command = "bench";
  options.jobs = jobs;
  options.batch_rows = batch_rows;
  const double user = UserSeconds();
  const CopyReport report = Must(Copy({registry, events, cancel}, source, target, options));
  return {report.transfer_seconds + (whole ? report.finish_seconds : 0), UserSeconds() - user};
}

inline void Print(int64_t rows, const Measured& m) {
  std::printf("{\"records\": %lld, \"seconds\": %.6f, \"rate\": %.0f, \"user\": %.6f}\n", static_cast<long long>(rows), m.seconds, static_cast<double>(rows) / m.seconds, m.user);
}

}  // namespace vecferry::bench
