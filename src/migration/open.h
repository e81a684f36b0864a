#pragma once
#include <memory>
#include <string>

#include "migration/engine.h"

namespace vecferry {

class TransformedSource;

/// A dataset opened for reading, with what is known of it.
struct OpenedSource {
  Connector* connector = nullptr;
  Location location;
  const Layout* layout = nullptr;
  Capabilities can;
  std::unique_ptr<Source> source;
  DatasetInfo info;
  TransformedSource* transformed = nullptr;  ///< the same as `source` where records are transformed
  int64_t read_count = -1;                   ///< records before that, -1 if unknown
};

struct OpenedTarget {
  Connector* connector = nullptr;
  Location location;
  const Layout* layout = nullptr;
  Capabilities can;
  std::unique_ptr<Sink> sink;
  TargetInfo info;
};

/// How a source is opened.
struct SourceOpening {
  std::string layout;                     ///< used where the location names none; "" for the connector's own
  fs::path work_dir;                      ///< of the run, for a snapshot; "" where nothing may be written
  std::string missing_vector = "reject";  ///< or "keep"
  bool peek = false;                      ///< a look that must leave nothing behind, not even a lock file
  Side side = Side::source;               ///< named in failures
};
Result<OpenedSource> OpenSourceSide(const Engine& engine, const Location& location, const SourceOpening& how);
/// `layout` as in SourceOpening.
Result<OpenedTarget> OpenTargetSide(const Engine& engine, const Location& location, const std::string& layout);

/// "memory:x#docs": scheme and dataset as they stand in messages.
std::string DatasetName(const Location& location);

}  // namespace vecferry
