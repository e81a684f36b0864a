#include "layouts/layouts.h"

namespace vecferry {

Layout DefaultLayout() {
  Layout layout;
  layout.name = "default";
  layout.title = "document, tenant and metadata side by side in the payload";
  return layout;
}

void RegisterLayouts(Registry& registry) {
  registry.AddLayout(DefaultLayout());
  registry.AddLayout(McpMemoryLayout());
}

}  // namespace vecferry
