#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// A YAML document as a tree that keeps what was written: the text of every scalar, where it stands, and whether it was quoted.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;             ///< of a scalar, its escapes and folding undone
  bool plain = false;           ///< a scalar without quotes: YAML's core schema says what it may be besides text
  int line = 1, column = 1;     ///< from 1
  std::vector<YamlNode> keys;   ///< of a map: scalars, no two of the same text
  std::vector<YamlNode> items;  ///< of a list; of a map the values, in the order of `keys`
};

inline constexpr size_t kMaxYamlBytes = 1 << 20;
inline constexpr int kMaxYamlDepth = 16;
/// Nodes and bytes of text of the whole tree; what an alias repeats counts each time.
inline constexpr size_t kMaxYamlNodes = 20'000;
inline constexpr size_t kMaxYamlText = 4 << 20;

/// One document of YAML 1.2, any bytes. Category::usage, with line and column after `name`, for what is no YAML, has two documents, keys
/// that are no scalars or stand twice in one map, tags of its own, or is larger than the limits. An empty document is a null.
Result<YamlNode> ParseYaml(std::string_view text, std::string_view name);
/// "NAME:LINE:COLUMN".
std::string PlaceOf(std::string_view name, const YamlNode& node);
/// A plain scalar that YAML's core schema reads as a number, as the text of a whole number or a decimal: 0x10 as 16, 1e3 as 1000 where
/// `whole`. Any other text as it is.
std::string NumberText(const YamlNode& node, bool whole);

}  // namespace vecferry
