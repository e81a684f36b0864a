#include "connectors/builtin.h"

#include "connectors/jsonl/jsonl.h"
#include "connectors/memory/memory.h"
#include "connectors/qdrant_local/qdrant_local.h"
#include "layouts/layouts.h"

namespace vecferry {

void RegisterBuiltin(Registry& registry) {
  RegisterLayouts(registry);
  registry.Add(jsonl::MakeConnector());
  registry.Add(memory::MakeConnector());
  registry.Add(MakeQdrantLocal());
}

}  // namespace vecferry
