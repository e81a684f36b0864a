#pragma once
#include "connector/connector.h"

namespace vecferry {

/// The layout of a store whose payloads no application has shaped: the document under `document`, the tenant under
/// `tenant`, the metadata's keys beside them, and the original of a mapped id under `_id`.
Layout DefaultLayout();
/// mcp-memory-service with its Qdrant backend.
Layout McpMemoryLayout();

/// Every layout that this program knows.
void RegisterLayouts(Registry& registry);

}  // namespace vecferry
