#pragma once
#include <string_view>

/// What the page carries, embedded when the program is built (CMakeLists.txt beside this file).
namespace vecferry::assets {

extern const std::string_view kPlotLibrary;  ///< uPlot, with its licence
extern const std::string_view kPlotStyle;
extern const std::string_view kPageScript;   ///< page.js
extern const std::string_view kPageStyle;    ///< page.css

}  // namespace vecferry::assets
