#pragma once
#include "sidecar/sidecar.h"

namespace vecferry::sidecar {

/// What a header line says. Category::corrupt for a version that is not known here. `what` names the file.
Status TakeHeader(std::string_view line, std::string_view what, Facts* facts);

}  // namespace vecferry::sidecar
