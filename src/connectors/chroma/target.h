#pragma once
#include <vector>

#include "chroma_model/client.h"
#include "connector/location.h"
#include "options/option.h"

namespace vecferry::chroma {

inline constexpr const char* kScheme = "chroma";

const std::vector<OptionSpec>& Options();
/// "//[USER:PASSWORD@]HOST[:PORT][/TENANT/DATABASE]", port 8000 or, with TLS, 443. Tenant and database also from options. The key comes from
/// ?api-key-file=, ?api-key-env=, CHROMA_API_KEY, CHROMA_CLIENT_AUTH_CREDENTIALS or ?api-key=. Category::usage for what cannot be understood.
Result<chroma_model::Address> ParseAddress(const Location& location);
/// The same for the same database however it was spelled: "chroma://HOST:PORT/TENANT/DATABASE".
std::string IdentityOf(const chroma_model::Address& address);

}  // namespace vecferry::chroma
