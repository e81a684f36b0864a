#include "connectors/postgresql/types.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace vecferry::postgresql {
namespace {

struct KindName {
  std::string_view typname;
  Kind kind;
};
constexpr std::array kCore = {
    KindName{"bit", Kind::bit},         KindName{"varbit", Kind::bit},        KindName{"bool", Kind::boolean},   KindName{"int2", Kind::int2},
    KindName{"int4", Kind::int4},       KindName{"int8", Kind::int8},         KindName{"float4", Kind::float4},  KindName{"float8", Kind::float8},
    KindName{"numeric", Kind::numeric}, KindName{"text", Kind::text},         KindName{"varchar", Kind::text},   KindName{"bpchar", Kind::text},
    KindName{"name", Kind::text},       KindName{"uuid", Kind::uuid},         KindName{"json", Kind::json},      KindName{"jsonb", Kind::jsonb},
    KindName{"bytea", Kind::bytea},     KindName{"date", Kind::date},         KindName{"time", Kind::time},      KindName{"timetz", Kind::timetz},
    KindName{"timestamp", Kind::timestamp}, KindName{"timestamptz", Kind::timestamptz}, KindName{"interval", Kind::interval},
};
constexpr std::array kVector = {KindName{"vector", Kind::vector}, KindName{"halfvec", Kind::halfvec}, KindName{"sparsevec", Kind::sparsevec}};

template <typename Table>
Kind Find(const Table& table, std::string_view typname) {
  const auto at = std::find_if(table.begin(), table.end(), [&](const KindName& entry) { return entry.typname == typname; });
  return at == table.end() ? Kind::other : at->kind;
}

}  // namespace

std::string_view Name(Kind kind) {
  for (const KindName& entry : kVector) {
    if (entry.kind == kind) return entry.typname;
  }
  for (const KindName& entry : kCore) {
    if (entry.kind == kind) return entry.typname;
  }
  return "other";
}

Kind KindOf(std::string_view typname, std::string_view extension) {
  if (extension == "vector") return Find(kVector, typname);
  return extension.empty() ? Find(kCore, typname) : Kind::other;
}

std::optional<Element> ElementOf(Kind kind) {
  switch (kind) {
    case Kind::vector: return Element::f32;
    case Kind::halfvec: return Element::f16;
    case Kind::bit: return Element::bit;
    default: return std::nullopt;
  }
}

std::optional<Kind> KindFor(const VectorSpec& spec) {
  if (spec.kind == VectorKind::sparse) return Kind::sparsevec;
  if (spec.kind != VectorKind::dense) return std::nullopt;
  if (spec.element == Element::f32) return Kind::vector;
  if (spec.element == Element::f16) return Kind::halfvec;
  return spec.element == Element::bit ? std::optional(Kind::bit) : std::nullopt;
}

Metric MetricOfOpclass(std::string_view opclass) {
  const size_t first = opclass.find('_');
  if (first == std::string_view::npos || !opclass.ends_with("_ops")) return Metric::unknown;
  const std::string_view type = opclass.substr(0, first);
  if (Find(kVector, type) == Kind::other && type != "bit") return Metric::unknown;
  const std::string_view word = opclass.substr(first + 1, opclass.size() - 4 - std::min(opclass.size() - 4, first + 1));
  if (word == "l2") return Metric::l2;
  if (word == "ip") return Metric::dot;
  if (word == "cosine") return Metric::cosine;
  if (word == "l1") return Metric::l1;
  if (word == "hamming") return Metric::hamming;
  return word == "jaccard" ? Metric::jaccard : Metric::unknown;
}

std::string OpclassOf(std::string_view method, Kind kind, Metric metric) {
  const bool bits = kind == Kind::bit, hnsw = method == "hnsw";
  const bool for_bits = metric == Metric::hamming || (metric == Metric::jaccard && hnsw);
  const bool for_floats = metric == Metric::l2 || metric == Metric::dot || metric == Metric::cosine || (metric == Metric::l1 && hnsw);
  if (bits ? !for_bits : !for_floats) return {};
  if (!hnsw && (method != "ivfflat" || kind == Kind::sparsevec)) return {};
  const std::string_view word = metric == Metric::dot ? "ip" : Name(metric);
  return fmt::format("{}_{}_ops", Name(kind), word);
}

}  // namespace vecferry::postgresql
