#pragma once
#include <memory>

#include "connector/connector.h"
#include "files/place.h"

namespace vecferry::jsonl {

/// `jsonl:FILE`: one record a line, exact for every type of the record (docs/formats/jsonl.md).
std::unique_ptr<Connector> MakeJsonlConnector();

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place);
Result<std::unique_ptr<Sink>> OpenSink(const files::Place& place);

/// A file whose first line is a header of this format.
bool HasHeader(const fs::path& file);

}  // namespace vecferry::jsonl
