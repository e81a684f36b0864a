#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry {

/// SCHEME:LOCATION[?option=value&...]#DATASET, taken apart and percent-decoded.
struct Location {
  std::string scheme;
  std::string alias;                           ///< the scheme that was written, where it was another: "https"
  /// What stands between "SCHEME:" and "?" or "#". The user info of "//USER:PASSWORD@HOST" alone stays
  /// percent-encoded, so that the host can be told from it.
  std::string path;
  std::map<std::string, std::string> options;
  std::string dataset;                         ///< "" where none was named
  bool had_secret = false;                     ///< a credential stood in the text

  /// As the user would write it, secrets as ***. Parses back to the same location but for those.
  std::string Display() const;
};

/// Category::usage, with what is wrong and how it is written, for anything that is no URI: no scheme, a
/// control character, an option without "=", an option said twice, a port that is no number.
/// `*` and other glob characters are allowed in the dataset. No message repeats what may be a password.
Result<Location> ParseLocation(std::string_view text);

/// The scheme before the first ':', in lower case; "" where there is none. One letter is no scheme but a drive.
std::string SchemeOf(std::string_view text);

/// A '%' that two hexadecimal digits do not follow stands for itself.
std::string PercentDecode(std::string_view text);
/// Encodes everything outside the unreserved set and `keep`.
std::string PercentEncode(std::string_view text, std::string_view keep = {});

/// Whether an option of that name holds a credential: password, token, api-key and the like; not where it names the
/// credential's file or variable.
bool IsSecretName(std::string_view option);

}  // namespace vecferry
