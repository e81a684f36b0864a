#pragma once
#include <memory>
#include <string>

#include "migration/engine.h"

namespace vecferry {

/// A dataset opened for reading, with what is known of it.
struct OpenedSource {
  Connector* connector = nullptr;
  Location location;
  const Layout* layout = nullptr;
  Capabilities can;
  std::unique_ptr<Source> source;
  DatasetInfo info;
};

struct OpenedTarget {
  Connector* connector = nullptr;
  Location location;
  const Layout* layout = nullptr;
  Capabilities can;
  std::unique_ptr<Sink> sink;
  TargetInfo info;
};

/// `layout` is used where the location names none ("" for the connector's own). Failures name the side.
Result<OpenedSource> OpenSourceSide(const Engine& engine, const Location& location, const std::string& layout, const fs::path& work_dir,
                                    const std::string& missing_vector, Side side = Side::source);
Result<OpenedTarget> OpenTargetSide(const Engine& engine, const Location& location, const std::string& layout);

/// "memory:x#docs": scheme and dataset as they stand in messages.
std::string DatasetName(const Location& location);

}  // namespace vecferry
