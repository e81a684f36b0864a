#include "layouts/layouts.h"

namespace vecferry {
namespace {

using Role = TableLayout::Role;

Layout Named(std::string name, std::string title, std::string document_field) {
  Layout layout;
  layout.name = std::move(name);
  layout.title = std::move(title);
  layout.document_field = std::move(document_field);
  return layout;
}

TableLayout::Groups Collections() {
  return {.table = "langchain_pg_collection", .key = "uuid", .name = "name",
          .columns = {{"uuid", Role::id, "uuid", true, true}, {"name", Role::field, "varchar", false, true}, {"cmetadata", Role::metadata, "json"}}};
}

}  // namespace

/// The table of the guide "Data Migration Guide: Qdrant to PostgreSQL" (migrations/001_initial_schema.sql), as the guide lists its columns.
Layout ContextItemsLayout() {
  Layout layout = Named("context-items", "context_items(id, game_id, user_id, content, embedding, metadata, created_at)", "content");
  layout.table = TableLayout{.columns = {{"id", Role::id, "text", true, true},
                                         {"game_id", Role::field, "text"},
                                         {"user_id", Role::field, "text"},
                                         {"content", Role::document, "text"},
                                         {"embedding", Role::vector, "vector"},
                                         {"metadata", Role::metadata, "jsonb", false, false, "'{}'::jsonb"},
                                         {"created_at", Role::field, "timestamptz", false, false, "now()"}}};
  layout.meanings = {{"created_at", FieldMeaning::timestamp}};
  return layout;
}

/// INSERT INTO documents (id, content, metadata, embedding), as scripts that move from other stores write it.
Layout DocumentsLayout() {
  Layout layout = Named("documents", "documents(id, content, metadata, embedding)", "content");
  layout.table = TableLayout{.columns = {{"id", Role::id, "text", true, true},
                                         {"content", Role::document, "text"},
                                         {"metadata", Role::metadata, "jsonb"},
                                         {"embedding", Role::vector, "vector"}},
                             .more_columns = false};
  return layout;
}

/// Observed in what langchain-postgres 0.0.19 makes. The id is the key across all collections.
Layout LangChainPostgresLayout() {
  Layout layout = Named("langchain-postgres", "langchain-postgres, PGVector: one table for all collections", "document");
  layout.table = TableLayout{.columns = {{"id", Role::id, "varchar", true, true},
                                         {"collection_id", Role::group, "uuid"},
                                         {"embedding", Role::vector, "vector"},
                                         {"document", Role::document, "varchar"},
                                         {"cmetadata", Role::metadata, "jsonb"}},
                             .fixed_table = "langchain_pg_embedding", .groups = Collections()};
  return layout;
}

/// langchain-community's PGVector, before langchain-postgres: the key is a uuid of its own, and custom_id the caller's.
Layout LangChainCommunityLayout() {
  Layout layout = Named("langchain-community", "langchain-community, PGVector: one table for all collections", "document");
  layout.table = TableLayout{.columns = {{"uuid", Role::id, "uuid", true, true},
                                         {"collection_id", Role::group, "uuid"},
                                         {"embedding", Role::vector, "vector"},
                                         {"document", Role::document, "varchar"},
                                         {"cmetadata", Role::metadata, "json"},
                                         {"custom_id", Role::field, "varchar"}},
                             .fixed_table = "langchain_pg_embedding", .groups = Collections()};
  return layout;
}

/// Observed in what langchain-postgres 0.0.19's PGVectorStore makes under its default names. Metadata keys with a column of their own stand there.
Layout LangChainStoreLayout() {
  Layout layout = Named("langchain-store", "langchain-postgres, PGVectorStore: a table for each store", "content");
  layout.table = TableLayout{.columns = {{"langchain_id", Role::id, "uuid", true, true},
                                         {"content", Role::document, "text", false, true},
                                         {"embedding", Role::vector, "vector", false, true},
                                         {"langchain_metadata", Role::metadata, "json", false, false, "", false}}};
  return layout;
}

/// Observed in what llama-index-vector-stores-postgres 0.9.0 makes. The application looks for node_id, which no constraint keeps unique; id is a
/// serial number that nothing refers to.
Layout LlamaIndexLayout() {
  Layout layout = Named("llama-index", "LlamaIndex, PGVectorStore: data_NAME", "text");
  layout.table = TableLayout{.columns = {{"id", Role::surrogate, "bigserial", true, true},
                                         {"text", Role::document, "varchar", false, true},
                                         {"metadata_", Role::metadata, "json"},
                                         {"node_id", Role::id, "varchar"},
                                         {"embedding", Role::vector, "vector"}},
                             .table_prefix = "data_", .unique_ids = false};
  return layout;
}

}  // namespace vecferry
