#pragma once
#include <string>
#include <string_view>

#include "connector/layout.h"

namespace vecferry {

/// What a top-level key of a payload is to a layout.
struct PayloadKey {
  enum class Field { none, id, document, tenant, absent };
  Field field = Field::none;  ///< whose name the key is, apart from backslashes in front
  size_t backslashes = 0;     ///< how many are in front
};

/// Keys that are no field's name, with or without backslashes, come back as Field::none.
inline PayloadKey ClassifyKey(const Layout& layout, std::string_view key) {
  PayloadKey result;
  result.backslashes = std::min(key.find_first_not_of('\\'), key.size());
  const std::string_view name = key.substr(result.backslashes);
  if (name.empty()) return result;
  using Field = PayloadKey::Field;
  if (name == layout.id_field) result.field = Field::id;
  else if (name == layout.document_field) result.field = Field::document;
  else if (name == layout.tenant_field) result.field = Field::tenant;
  else if (!layout.absent_as.empty() && layout.absent_as.contains(std::string(name))) result.field = Field::absent;
  return result;
}

}  // namespace vecferry
