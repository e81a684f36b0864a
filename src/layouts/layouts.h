#pragma once
#include "connector/connector.h"

namespace vecferry {

/// The layout of a store whose payloads no application has shaped: the document under `document`, the tenant under
/// `tenant`, the metadata's keys beside them, and the original of a mapped id under `_id`.
Layout DefaultLayout();
/// mcp-memory-service with its Qdrant backend.
Layout McpMemoryLayout();
/// Tables of applications that use pgvector; as payloads the records have the default shape, the document under the column's name.
Layout ContextItemsLayout();       ///< context_items: id, game_id, user_id, content, embedding, metadata, created_at
Layout DocumentsLayout();          ///< documents: id, content, metadata, embedding
Layout LangChainPostgresLayout();  ///< langchain-postgres, PGVector: langchain_pg_embedding and langchain_pg_collection
Layout LangChainCommunityLayout(); ///< the same of langchain-community, older
Layout LangChainStoreLayout();     ///< langchain-postgres, PGVectorStore: a table for each store
Layout LlamaIndexLayout();         ///< LlamaIndex, PGVectorStore: data_NAME

/// Every layout that this program knows.
void RegisterLayouts(Registry& registry);

}  // namespace vecferry
