#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry::mcp_memory {

inline constexpr const char* kStore = "mcp-memory";
inline constexpr const char* kDataset = "memories";

/// The file that was named, or the one the service uses where none was: MCP_MEMORY_SQLITE_PATH, MCP_MEMORY_BASE_DIR, or the
/// platform's application data. Category::not_found, with where it was looked for, where there is none.
Result<fs::path> FileOf(const Location& location);
/// The memories of a database as a source.
Result<std::unique_ptr<Source>> OpenMemories(const Location& location, const OpenContext& context);

}  // namespace vecferry::mcp_memory
