#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// One option: the single source for flags, environment, job files, redaction, help and reference pages.
struct OptionSpec {
  enum class Kind { text, integer, real, boolean, bytes, choice, duration };
  std::string name;                   ///< "batch-size"
  Kind kind = Kind::text;
  std::string default_value;          ///< "" where there is none
  std::string help;                   ///< one sentence
  std::vector<std::string> choices;   ///< of Kind::choice
  std::string value_name;             ///< "N", "DIR"
  std::string example;
  bool secret = false;                ///< masked wherever it is shown, never journalled
  bool reaching = false;              ///< how a store is reached, not what is there: a run that goes on may have another value
  std::string since = "0.1";
};

/// Checks names and values of a set of options against their specs and fills in defaults. Category::usage, with the
/// nearest name, for a key that no spec has; with what is allowed, for a value that does not parse. `where`
/// names the place in messages ("option of qdrant-local").
Result<std::map<std::string, std::string>> CheckOptions(const std::vector<OptionSpec>& specs,
                                                        const std::map<std::string, std::string>& values,
                                                        std::string_view where);
/// Values of secret options as ***.
std::map<std::string, std::string> Redact(const std::vector<OptionSpec>& specs, std::map<std::string, std::string> values);
/// true/false, yes/no, on/off, 1/0.
Result<bool> ParseBool(std::string_view text);
/// "250ms", "30s", "5m", "2h", "7d" or a number of seconds, to seconds.
Result<double> ParseDuration(std::string_view text);

}  // namespace vecferry
