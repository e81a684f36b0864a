#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

namespace vecferry {

/// The undoing of a sink whose records are somebody's who reaches them by their keys: only the dataset is the sink's own.
class KeyedUndo : public Undo {
 public:
  using Texts = std::vector<std::string_view>;
  Result<std::vector<std::optional<std::string>>> Capture(const Texts& tenants, const Texts& ids) final {
    ARROW_ASSIGN_OR_RAISE(Undo* const records, Records());
    return records->Capture(tenants, ids);
  }
  Status Restore(const Texts& tenants, const Texts& ids, const Texts& images) final {
    ARROW_ASSIGN_OR_RAISE(Undo* const records, Records());
    return records->Restore(tenants, ids, images);
  }
  Status DeleteIds(const Texts& tenants, const Texts& ids) final {
    ARROW_ASSIGN_OR_RAISE(Undo* const records, Records());
    return records->DeleteIds(tenants, ids);
  }

 protected:
  /// Who reaches them, of a sink that is ready for it.
  virtual Result<Undo*> Records() = 0;
};

}  // namespace vecferry
