#pragma once
#include "sidecar/sidecar.h"

/// One per format; see Open.
namespace vecferry::sidecar {

/// Of a pickle or a JSON document, which are kept in memory.
inline constexpr uint64_t kMaxWhole = uint64_t{1} << 30;

Result<std::shared_ptr<const SideCar>> OpenLines(const fs::path& path, const Fields& fields);
Result<std::shared_ptr<const SideCar>> OpenParquet(const fs::path& path, const Fields& fields);
Result<std::shared_ptr<const SideCar>> OpenPickle(const fs::path& path, Format format, const Fields& fields);
Result<std::shared_ptr<const SideCar>> OpenLlamaIndex(const fs::path& folder);

Status WriteParquet(const SideCar& lines, const fs::path& out);
Status WritePickle(const SideCar& lines, Format format, const fs::path& out);

}  // namespace vecferry::sidecar
