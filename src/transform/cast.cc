#include "transform/cast.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/iso_time.h"
#include "base/text.h"

namespace vecferry {
namespace {

using Kind = MetadataTree::Kind;

Status Refuse(const MetadataTree& tree, int node, Cast cast) {
  std::string value;
  (void)tree.Write(node, &value);
  return BadRecord("map-cast", fmt::format("{} is no {}", Printable(value, 100), Name(cast)));
}

template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool FitsInt64(double value) { return std::isfinite(value) && value >= -9223372036854775808.0 && value < 9223372036854775808.0; }

/// A number from a number or from text.
bool RealOf(const MetadataTree& tree, int node, double* value) {
  switch (tree.kind(node)) {
    case Kind::integer: *value = static_cast<double>(tree.integer(node)); return true;
    case Kind::unsigned_integer: *value = static_cast<double>(tree.unsigned_integer(node)); return true;
    case Kind::real: *value = tree.real(node); return true;
    case Kind::string: return ParseWhole(tree.text(node), value) && std::isfinite(*value);
    case Kind::special: return (tree.special_type(node) == "decimal" || tree.special_type(node) == "bigint") && ParseWhole(tree.text(node), value) && std::isfinite(*value);
    default: return false;
  }
}

Result<int> ToInteger(MetadataTree& tree, int node) {
  const bool digits = tree.kind(node) == Kind::string || (tree.kind(node) == Kind::special && tree.special_type(node) == "bigint");
  if (digits) {
    int64_t value = 0;
    uint64_t large = 0;
    if (ParseWhole(tree.text(node), &value)) return tree.NewInteger(value);
    if (ParseWhole(tree.text(node), &large)) return tree.NewJson(fmt::format("{}", large));
    return Refuse(tree, node, Cast::integer);
  }
  switch (tree.kind(node)) {
    case Kind::integer:
    case Kind::unsigned_integer: return tree.Copy(node);
    case Kind::boolean: return tree.NewInteger(tree.boolean(node) ? 1 : 0);
    case Kind::real:
      if (FitsInt64(tree.real(node)) && std::trunc(tree.real(node)) == tree.real(node)) return tree.NewInteger(static_cast<int64_t>(tree.real(node)));
      break;
    default: break;
  }
  return Refuse(tree, node, Cast::integer);
}

Result<int> ToReal(MetadataTree& tree, int node) {
  double value = 0;
  bool exact = tree.kind(node) != Kind::special && RealOf(tree, node, &value);
  if (exact && tree.kind(node) == Kind::integer) exact = FitsInt64(value) && static_cast<int64_t>(value) == tree.integer(node);
  if (exact && tree.kind(node) == Kind::unsigned_integer) exact = value < 18446744073709551616.0 && static_cast<uint64_t>(value) == tree.unsigned_integer(node);
  if (!exact) return Refuse(tree, node, Cast::real);
  return tree.NewReal(value);
}

Result<int> ToWhole(MetadataTree& tree, int node, Cast cast) {
  if (tree.kind(node) == Kind::integer || tree.kind(node) == Kind::unsigned_integer) return tree.Copy(node);
  double value = 0;
  if (!RealOf(tree, node, &value)) return Refuse(tree, node, cast);
  value = cast == Cast::round ? std::round(value) : std::trunc(value);
  if (!FitsInt64(value)) return Refuse(tree, node, cast);
  return tree.NewInteger(static_cast<int64_t>(value));
}

/// The double nearest to its first 15 digits: what every reader of decimals takes for the same double.
int ToDigits(MetadataTree& tree, int node) {
  if (tree.kind(node) != Kind::real) return tree.Copy(node);
  const std::string text = fmt::format("{:.14e}", tree.real(node));
  double value = tree.real(node);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return tree.NewReal(value);
}

Result<int> ToBoolean(MetadataTree& tree, int node) {
  if (tree.kind(node) == Kind::boolean) return tree.Copy(node);
  if (tree.kind(node) == Kind::integer && (tree.integer(node) == 0 || tree.integer(node) == 1)) return tree.NewBoolean(tree.integer(node) == 1);
  if (tree.kind(node) == Kind::string) {
    const std::string word = ToLower(tree.text(node));
    if (word == "true" || word == "yes" || word == "on" || word == "1") return tree.NewBoolean(true);
    if (word == "false" || word == "no" || word == "off" || word == "0") return tree.NewBoolean(false);
  }
  return Refuse(tree, node, Cast::boolean);
}

Result<int> ToText(MetadataTree& tree, int node) {
  if (tree.kind(node) == Kind::string || tree.kind(node) == Kind::special) return tree.NewString(std::string(tree.text(node)));
  std::string text;
  ARROW_RETURN_NOT_OK(tree.Write(node, &text));
  return tree.NewString(text);
}

Result<int> ToIso(MetadataTree& tree, int node, Cast cast) {
  const double unit = cast == Cast::iso ? 1e6 : 1e3;
  std::optional<std::string> text;
  if (tree.kind(node) == Kind::integer) {
    int64_t micros = 0;
    if (!__builtin_mul_overflow(tree.integer(node), static_cast<int64_t>(unit), &micros)) text = FormatIsoMicros(micros);
  } else if (tree.kind(node) == Kind::real) {
    const double micros = std::round(tree.real(node) * unit);
    if (FitsInt64(micros)) text = FormatIsoMicros(static_cast<int64_t>(micros));
  }
  if (!text) return Refuse(tree, node, cast);
  return tree.NewString(*text);
}

Result<int> ToEpoch(MetadataTree& tree, int node, Cast cast) {
  if (tree.kind(node) != Kind::string && tree.kind(node) != Kind::special) return Refuse(tree, node, cast);
  const auto micros = ParseIsoMicros(tree.text(node));
  if (!micros) return Refuse(tree, node, cast);
  const int64_t unit = cast == Cast::epoch ? 1'000'000 : 1'000;
  if (*micros % unit == 0) return tree.NewInteger(*micros / unit);
  return tree.NewReal(static_cast<double>(*micros) / static_cast<double>(unit));
}

}  // namespace

std::string_view Name(Cast cast) {
  switch (cast) {
    case Cast::none: return "";
    case Cast::integer: return "int";
    case Cast::real: return "real";
    case Cast::boolean: return "bool";
    case Cast::text: return "text";
    case Cast::round: return "number to round";
    case Cast::trunc: return "number to truncate";
    case Cast::digits: return "number";
    case Cast::iso: return "seconds since the epoch within the years 0 to 9999";
    case Cast::iso_ms: return "milliseconds since the epoch within the years 0 to 9999";
    case Cast::epoch:
    case Cast::epoch_ms: return "ISO 8601 time";
  }
  return "";
}

Result<int> CastNode(MetadataTree& tree, int node, Cast cast) {
  if (tree.kind(node) == Kind::null) return tree.NewNull();
  switch (cast) {
    case Cast::none: break;
    case Cast::integer: return ToInteger(tree, node);
    case Cast::real: return ToReal(tree, node);
    case Cast::boolean: return ToBoolean(tree, node);
    case Cast::text: return ToText(tree, node);
    case Cast::round:
    case Cast::trunc: return ToWhole(tree, node, cast);
    case Cast::digits: return ToDigits(tree, node);
    case Cast::iso:
    case Cast::iso_ms: return ToIso(tree, node, cast);
    case Cast::epoch:
    case Cast::epoch_ms: return ToEpoch(tree, node, cast);
  }
  return tree.Copy(node);
}

}  // namespace vecferry
