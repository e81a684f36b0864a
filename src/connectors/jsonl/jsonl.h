#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry::jsonl {

/// `jsonl:FILE`: one record a line, exact for every type of the record (docs/formats/jsonl.md).
std::unique_ptr<Connector> MakeJsonlConnector();

Result<std::unique_ptr<Source>> OpenSource(const fs::path& file);
Result<std::unique_ptr<Sink>> OpenSink(const fs::path& file);

/// A file whose first line is a header of this format.
bool HasHeader(const fs::path& file);

}  // namespace vecferry::jsonl
