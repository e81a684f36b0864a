#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "pickle/reader.h"

/// Ids of points and their spelling in the key column: base64 of CPython's pickle.dumps(id, protocol=4).
namespace vecferry::qdrant_local {

using namespace pickle;

/// An id, normalised as qdrant-client does: UUIDs by identity, not by spelling.
struct PointId {
  enum class Kind : uint8_t {
    u64,
    uuid,
    other_integer,  ///< negative or beyond u64: old clients took them
    other_text,     ///< no UUID: old clients took them
  };
  Kind kind = Kind::u64;
  uint64_t integer = 0;  ///< of Kind::u64
  std::string text;      ///< of the others; canonical for uuid, digits for other_integer

  static PointId Of(uint64_t integer) { return {Kind::u64, integer, {}}; }
  /// A UUID in any spelling that the client takes is Kind::uuid.
  static PointId Of(std::string_view text);
  /// Of a pickled int or str; false for anything else.
  static bool FromPickle(const PyValue& value, PointId* out);
  /// As Vecferry spells it.
  std::string Spelled() const;
  /// Distinct for distinct points: 5 and "5" are two.
  std::string Identity() const { return std::string(1, "iuIT"[static_cast<int>(kind)]) + Spelled(); }
  bool operator==(const PointId&) const = default;
};

/// Appends the key that qdrant-client 1.20 gives to a point of that id.
void AppendKey(const PointId& id, std::string* out);
/// The id of a key in any spelling (other pickle protocols, other UUID spellings); false if it is none.
bool ParseKey(std::string_view key, PickleReader& reader, std::string& buffer, PointId* out);

}  // namespace vecferry::qdrant_local
