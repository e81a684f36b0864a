#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// A text whose variables were put in.
struct Interpolated {
  std::string text;
  std::vector<std::string> variables;  ///< names that it asked for, in order
};

/// The value of a variable; nothing where it is not set.
using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// Puts variables into a text: ${NAME} is the variable's value, ${NAME:-TEXT} is TEXT where the variable is not set or empty, $${ is a
/// plain "${". TEXT ends at the first '}'. ${run.NAME}, ${source.NAME} and ${metadata.NAME} are left as they are: they are the engine's, for --map. Every other '$'
/// stands for itself, and what a variable holds is never looked at again. Category::usage for a variable that is not set and for any
/// other ${...}.
Result<Interpolated> Interpolate(std::string_view text, const VariableLookup& lookup);

}  // namespace vecferry
