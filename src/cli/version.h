#pragma once
#include <string>
#include <utility>
#include <vector>

namespace vecferry::cli {

/// Program and libraries, with the versions that are really loaded.
std::vector<std::pair<std::string, std::string>> Versions();

}  // namespace vecferry::cli
