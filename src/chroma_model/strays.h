#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "chroma_model/client.h"

namespace vecferry::chroma_model {

/// Adds to `out`, an object, a null for each key of `before` that `now` lacks. `before` may be "", `now` may be `*out`.
Status AddNulls(std::string_view before, std::string_view now, std::string* out);

/// Looks at records that were just written and removes metadata that was never theirs. When a collection is deleted the server (1.5.9) leaves its
/// arrays behind, and the next records get them: whoever has the same number inside. `metadatas[i]` is what was written of ids[i].
Status RemoveStrays(const Client& client, const std::string& collection, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& metadatas);

}  // namespace vecferry::chroma_model
