#pragma once
#include <string>
#include <string_view>

#include "connectors/postgresql/names.h"

namespace vecferry::postgresql {

/// What a run writes down before it does it. Payloads are tables, "SCHEMA"."TABLE".
inline constexpr std::string_view kCreateIntent = "create-table";      ///< the table is ours, once it exists
inline constexpr std::string_view kCreatedIntent = "created-table";    ///< after: it existed; gone later, somebody removed it
inline constexpr std::string_view kReplaceIntent = "replace-table";    ///< the table that takes the place of another
inline constexpr std::string_view kSwapIntent = "swap-table";          ///< it is taking that place
inline constexpr std::string_view kGroupIntent = "create-collection";  ///< of a layout with several datasets in a table: the collection is ours

/// The comment by which a table is known to be a run's own.
std::string RunMark(const std::string& run_id);

}  // namespace vecferry::postgresql
