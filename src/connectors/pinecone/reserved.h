#pragma once
#include <string>
#include <string_view>

#include "connectors/pinecone/metadata.h"

namespace vecferry::pinecone {

/// Whether a key is, behind `backslashes` of them, one that stands for something: a field of our own, or one that begins with '$'.
inline bool IsReservedKey(std::string_view key, size_t* backslashes) {
  *backslashes = std::min(key.find_first_not_of('\\'), key.size());
  const std::string_view name = key.substr(*backslashes);
  return name == kRealsField || name == kJsonField || name.starts_with('$');
}

/// A user's key as it is written. One that begins with '$' is left as it is unless `dollars`.
inline std::string EscapedKey(std::string_view key, bool dollars) {
  size_t backslashes = 0;
  const bool escape = IsReservedKey(key, &backslashes) && (dollars || backslashes > 0 || !key.starts_with('$'));
  return escape ? "\\" + std::string(key) : std::string(key);
}

/// A key that was read and is no field of our own.
inline std::string_view UnescapedKey(std::string_view key) {
  size_t backslashes = 0;
  return IsReservedKey(key, &backslashes) && backslashes > 0 ? key.substr(1) : key;
}

}  // namespace vecferry::pinecone
