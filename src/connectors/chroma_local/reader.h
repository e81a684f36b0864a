#pragma once
#include <memory>
#include <string>

#include "connectors/chroma_local/directory.h"

namespace vecferry::chroma_local {

/// "rows FIRST LAST", rows of `embeddings` by their id; "queue", the records that the queue alone has.
Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<Directory> directory, const std::string& payload, const Cursor& from,
                                                const ReadOptions& options);

}  // namespace vecferry::chroma_local
