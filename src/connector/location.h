#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry {

/// SCHEME:LOCATION[?option=value&...]#DATASET, taken apart and percent-decoded.
struct Location {
  std::string scheme;
  std::string path;                            ///< what stands between "SCHEME:" and "?" or "#"
  std::map<std::string, std::string> options;
  std::string dataset;                         ///< "" where none was named
  bool had_secret = false;                     ///< a credential stood in the text

  /// As the user would write it, secrets as ***. Parses back to the same location but for those.
  std::string Display() const;
};

/// Category::usage, with what is wrong and how it is written, for anything that is no URI.
/// `*` and other glob characters are allowed in the dataset.
Result<Location> ParseLocation(std::string_view text);

std::string PercentDecode(std::string_view text);
/// Encodes everything outside the unreserved set and `keep`.
std::string PercentEncode(std::string_view text, std::string_view keep = {});

}  // namespace vecferry
