#pragma once
#include <optional>
#include <string>
#include <vector>

#include "migration/engine.h"

namespace vecferry {

/// One record as each side has it: what `vecferry inspect` shows of it, and the beginnings of its vectors.
struct SampledRecord {
  std::string tenant, id;
  std::string source, target;               ///< JSON objects; target is "" where it was not found
  std::vector<std::string> source_vectors, target_vectors;  ///< "vector: 384 x f32, norm 1.0000 [0.01, ...]"
  bool found = false;
};

/// A vector of both sides in the plane.
struct SampledPoint {
  std::string id;
  double source_x = 0, source_y = 0, target_x = 0, target_y = 0;
  bool in_target = false;
};

/// One dense vector column of both sides.
struct SampledColumn {
  std::string column;
  VectorSpec source, target;
  std::vector<double> source_norms, target_norms;
  std::vector<SampledPoint> points;         ///< on the two directions in which the source's vary most
  double explained = 0;                     ///< share of the sample's variance that they show
  int64_t compared = 0;                     ///< vectors that both sides have, of the same dimensions
  double least_cosine = 1, mean_cosine = 1;
};

/// Some records of both sides, spread over the source.
struct ReportSample {
  int64_t records = 0, found = 0;
  RecordSchema source_schema, target_schema;
  std::vector<SampledRecord> shown;
  std::vector<SampledColumn> columns;
  std::string note;                         ///< what a reader should know of it
};

struct SampleOptions {
  int64_t records = 500;                    ///< that are looked at
  int64_t shown = 5;                        ///< that are shown with their content
  fs::path journal;                         ///< of the run, whose transforms and limit hold; "" where there was none
  TransformSpec transforms;                 ///< of a verification by itself, where it was told
};

/// Reads a sample of the source, and the same records of the target: by key where the target finds records by key, else by reading it, up to
/// a bound. Writes nothing.
Result<ReportSample> TakeSample(const Engine& engine, const Location& source, const Location& target, const SampleOptions& options);

}  // namespace vecferry
