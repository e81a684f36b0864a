#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "connector/layout.h"

/// Ids and namespaces as the service takes them, and records' ids and tenants from them.
namespace vecferry::pinecone {

/// Most characters of an id or of a namespace's name.
inline constexpr size_t kLongestName = 512;
/// The default namespace's other name.
inline constexpr std::string_view kDefaultNamespace = "__default__";

/// What the names of namespaces begin with that hold the new records of a replacement until it is finished.
inline constexpr std::string_view kStagingPrefix = "vecferry-new-";

/// Whether the service takes it for an id: 1 to 512 ASCII characters, none of them U+0000.
bool IsNativeId(std::string_view id);
/// The id of a record's vector: the record's own where it is native, else MapId's UUID of it. `tenant` where a namespace is shared by
/// tenants. `mapped` is set where the original has to be kept beside it.
std::string VectorIdOf(const Layout& layout, std::optional<std::string_view> tenant, std::string_view id, bool* mapped);
/// Whether that may be an id that was mapped: a UUID of version 5.
bool MayBeMapped(std::string_view vector_id);

/// The namespace that holds a tenant's records: its name; bytes beyond ASCII, and a '%' that would be read as one of them, as %XX.
/// No tenant is the default namespace, "". Bad record "tenant-name" for a name that is too long then, or that the default namespace has.
Result<std::string> NamespaceOf(std::string_view tenant);
/// The way back. A name that is not one of NamespaceOf's making is the tenant as it is.
std::string TenantOf(std::string_view name);

/// What an index may be called: 1 to 45 of a-z, 0-9 and '-', which neither begins nor ends it. Category::usage otherwise.
Status CheckIndexName(std::string_view name);

/// Any text as the value of an index's tag, which holds few characters: others are +XX.
std::string TagOf(std::string_view text);
std::string FromTag(std::string_view tag);

}  // namespace vecferry::pinecone
