#include "layouts/layouts.h"

namespace vecferry {

/// Observed in the payloads that mcp-memory-service (PyPI 12.2.0; commit 20e133e4 of 9.0.0) writes to Qdrant.
/// The point's id is the first 32 hexadecimal digits of content_hash, and the whole hash is in the
/// payload. A memory without a type is written with an empty one. The point with the integer id 1 holds the
/// collection's model and dimension and is no memory.
Layout McpMemoryLayout() {
  Layout layout;
  layout.name = "mcp-memory";
  layout.title = "mcp-memory-service, its Qdrant backend";
  layout.id_rule = Layout::IdRule::hash_prefix;
  layout.id_field = "content_hash";
  layout.id_field_always = true;
  layout.document_field = "content";
  layout.document_required = true;
  layout.tenant_field.clear();
  layout.meanings = {{"tags", FieldMeaning::set}, {"created_at", FieldMeaning::timestamp}, {"updated_at", FieldMeaning::timestamp}};
  layout.absent_as = {{"memory_type", "\"\""}, {"tags", "[]"}, {"metadata", "{}"}};
  layout.field_order = {"content", "tags", "metadata", "created_at", "updated_at", "memory_type", "content_hash"};
  layout.bookkeeping = Layout::Bookkeeping{"1", {"embedding_model", "vector_size"}};
  layout.switch_over = {{"MCP_MEMORY_STORAGE_BACKEND", "qdrant"}, {"MCP_MEMORY_QDRANT_PATH", "{location}"}};
  layout.switch_back = {{"MCP_MEMORY_STORAGE_BACKEND", "sqlite_vec"}, {"MCP_MEMORY_SQLITE_PATH", "{location}"}};
  layout.payload_indexes = {{"created_at", "float"}};
  return layout;
}

}  // namespace vecferry
