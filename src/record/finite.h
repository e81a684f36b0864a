#pragma once
#include <string_view>

#include "record/batch.h"

namespace vecferry {

/// Whether some element is NaN or infinite; integers and bits never are. `elements`: of one vector or of several.
bool HasNonFinite(Element element, std::string_view elements);
/// The same of one record's vector, of any kind; false where it lacks it.
bool HasNonFinite(const VectorColumn& column, int64_t row);
/// Bad record "non-finite-vector" where it has one, for a store that holds none.
Status CheckFinite(const VectorColumn& column, int64_t row);

}  // namespace vecferry
