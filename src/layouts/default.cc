#include "layouts/layouts.h"

namespace vecferry {

Layout DefaultLayout() {
  Layout layout;
  layout.name = "default";
  layout.title = "document, tenant and metadata side by side in the payload";
  using Role = TableLayout::Role;
  // A table that Vecferry makes, and the names that are understood in any table that no application's layout fits.
  layout.table = TableLayout{.columns = {{"id", Role::id, "text", true, true},
                                         {"tenant", Role::tenant, "text", false, false, "", false},
                                         {"document", Role::document, "text", false, false, "", false},
                                         {"metadata", Role::metadata, "jsonb", false, false, "", false},
                                         {"embedding", Role::vector, "vector"}}};
  return layout;
}

void RegisterLayouts(Registry& registry) {
  registry.AddLayout(DefaultLayout());
  registry.AddLayout(McpMemoryLayout());
  // The first whose columns a table has is taken for its layout: the more telling ones come first.
  registry.AddLayout(LangChainPostgresLayout());
  registry.AddLayout(LangChainCommunityLayout());
  registry.AddLayout(LangChainStoreLayout());
  registry.AddLayout(LlamaIndexLayout());
  registry.AddLayout(ContextItemsLayout());
  registry.AddLayout(DocumentsLayout());
}

}  // namespace vecferry
