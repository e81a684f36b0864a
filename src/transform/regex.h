#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry {

/// Searches texts with PCRE2 patterns, compiled once each, with its limits on steps and memory: a pattern that would take for ever on
/// some text fails there. Not for use by two threads at once.
class RegexCache {
 public:
  RegexCache();
  ~RegexCache();
  /// Whether the pattern is found somewhere in the text. Category::usage for what is no pattern, bad_content where a limit was reached.
  Result<bool> Matches(std::string_view pattern, std::string_view text);

 private:
  struct Pattern;
  std::map<std::string, std::unique_ptr<Pattern>, std::less<>> patterns_;
};

}  // namespace vecferry
