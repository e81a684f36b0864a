#pragma once
#include <string_view>

#include "base/error.h"

namespace vecferry {

inline constexpr std::string_view kSpecialKey = "$vf";
/// TYPE of a user's own object that has the key "$vf".
inline constexpr std::string_view kWrappedObject = "object";

/// Whether TYPE is known and TEXT is in its one canonical spelling. Category::bad_content if not.
Status CheckSpecial(std::string_view type, std::string_view text);

}  // namespace vecferry
