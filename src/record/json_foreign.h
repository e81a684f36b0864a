#pragma once
#include <string_view>

#include "record/json.h"

namespace vecferry {

/// The second look at text that is no strict JSON: integers beyond u64 and the three words that Python's
/// json.dumps writes for non-finite floats. Slow, for the few records that need it. `first` is what the
/// strict parser said; it is returned where this one has nothing better.
Status VisitForeign(std::string_view text, JsonVisitor& visitor, JsonReader::Options options, const Status& first);

}  // namespace vecferry
