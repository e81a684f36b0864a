#pragma once
#include <memory>

#include "connectors/chroma_local/directory.h"

namespace vecferry::chroma_local {

std::unique_ptr<Source> MakeSource(std::shared_ptr<Directory> directory);

}  // namespace vecferry::chroma_local
