#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

/// How names of Vecferry's records become names that Weaviate takes, and back. Facts: a live server 1.35.2.
namespace vecferry::weaviate {

/// Properties of our own: the record's id where the object's id was made from it, and what no property holds.
inline constexpr std::string_view kIdProperty = "_vecferry_id", kRestProperty = "_vecferry";

/// [_A-Za-z][_0-9A-Za-z]* of at most 230 characters: properties and vectors; a class's is longer by some.
bool IsName(std::string_view name);
/// A name that the server keeps as it is for a property: its first letter is in lower case, and it is none of the server's own.
bool IsPropertyName(std::string_view name);

/// "vf_" and the key's bytes: 0-9 and a-z as they are, "_" as "__", any other as "_" and two hexadecimal digits. Nothing where that is too
/// long for a name.
std::optional<std::string> EncodeName(std::string_view key);
/// The key that an encoded name stands for; the name itself where it is none.
std::string DecodeName(std::string_view name);
/// The name as it is where it is one and is not read as an encoded one, else encoded; "" is the unnamed.
std::optional<std::string> VectorName(std::string_view name);

/// The metadata key of a property: the record's id is "_id", as in other stores.
std::string KeyOfProperty(std::string_view property);

/// 1 to 64 of A-Z a-z 0-9 _ -
bool IsTenantName(std::string_view name);
/// A tenant as the server takes it: as it is, or "vf-" and its bytes, all but letters, digits and "_" as "-" and two hexadecimal digits; no
/// tenant at all is "vf--none". Bad record "tenant-name" where that is too long.
Result<std::string> EncodeTenant(std::optional<std::string_view> tenant);
/// And back; nothing for "vf--none".
std::optional<std::string> DecodeTenant(std::string_view name);

/// The class that a dataset's name stands for: the same with a capital letter in front. Category::usage for what is no class's name.
Result<std::string> ClassNameOf(std::string_view dataset);

}  // namespace vecferry::weaviate
