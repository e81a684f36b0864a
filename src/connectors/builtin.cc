#include "connectors/builtin.h"

#include "connectors/memory/memory.h"
#include "layouts/layouts.h"

namespace vecferry {

void RegisterBuiltin(Registry& registry) {
  RegisterLayouts(registry);
  registry.Add(memory::MakeConnector());
}

}  // namespace vecferry
