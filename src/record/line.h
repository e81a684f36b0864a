#pragma once
#include <string>

#include "record/batch.h"

namespace vecferry {

/// A record as one line of JSON for people and the rejects file: id, tenant, document, metadata. Long texts are cut.
std::string RecordLine(const RecordView& view, int64_t row);

}  // namespace vecferry
