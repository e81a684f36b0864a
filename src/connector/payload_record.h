#pragma once
#include "connector/layout.h"

namespace vecferry {

/// A document or tenant that a batch has no column for stays what it also is: a field of the metadata, under the layout's name.
/// Those with a column stay where they are. Bad record "ambiguous-key" where the metadata has a key of that name already.
Status KeepAsMetadata(const Layout& layout, bool document_column, bool tenant_column, DecodedPayload* payload);

}  // namespace vecferry
