#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transform/field.h"

namespace vecferry {

/// What `${...}` of a map may name besides parts of the record: the same for every record, and fixed when the run begins.
struct RunFacts {
  std::string id;            ///< of the run
  std::string started_at;    ///< of the first start, "2026-01-02T03:04:05Z"
  std::string dataset, store;///< of the source
};

/// A text with places to be filled in.
struct Template {
  struct Part {
    std::string text;        ///< as it stands
    std::string fact;        ///< "run.started_at", or
    std::optional<Field> field;
  };
  std::vector<Part> parts;
  bool plain() const { return parts.empty() || (parts.size() == 1 && parts[0].fact.empty() && !parts[0].field); }
};

enum class Cast { none, integer, real, boolean, text, round, trunc, digits, iso, iso_ms, epoch, epoch_ms };

/// One --map (docs/guide/transforms.md):
///   NEW=OLD           moves, which in one object is a rename
///   copy:NEW=OLD      the same, and OLD stays
///   drop:FIELD
///   set:FIELD=VALUE   JSON, or a text with ${...}
///   default:FIELD=VALUE  where it is missing or null
///   CAST:FIELD or CAST:NEW=OLD   int, real, bool, text, round, trunc, digits, iso, iso_ms, epoch, epoch_ms
struct MapRule {
  enum class Verb { move, copy, drop, set, fallback, cast };
  Verb verb = Verb::move;
  Cast cast = Cast::none;
  Field target, source;
  std::string json;          ///< of set and default: the value where it is JSON
  Template text;             ///< where it is none
  std::string spelled;       ///< as it was given

  bool ToKey() const { return target.kind == Field::Kind::id || target.kind == Field::Kind::tenant; }
};

/// Category::usage, naming the rule and what is wrong with it.
Result<MapRule> ParseMapRule(std::string_view text);
Result<std::vector<MapRule>> ParseMapRules(const std::vector<std::string>& texts);
/// The value of a fact; nothing for a name that is none.
std::optional<std::string> FactOf(const RunFacts& facts, std::string_view name);

}  // namespace vecferry
