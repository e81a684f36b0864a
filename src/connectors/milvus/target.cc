#include "connectors/milvus/target.h"

#include <fmt/format.h>

#include "base/text.h"
#include "options/make_option.h"

namespace vecferry::milvus {
namespace {

const ServiceKind& Kind() {
  static const ServiceKind kind = {.name = kScheme, .port = 19530, .tls_port = 0, .variables = {"MILVUS_TOKEN", "ZILLIZ_API_KEY"}, .connections = 2};
  return kind;
}

/// Hosts of the vendor's cloud, which speak TLS alone and listen on 443 or on a port of their own.
bool IsCloud(std::string_view host) { return host.ends_with(".zillizcloud.com") || host.ends_with(".zilliz.com.cn"); }

bool IsName(std::string_view name) {
  for (const char c : name) {
    if (!(c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
  }
  return true;
}

}  // namespace

std::vector<OptionSpec> Options() {
  std::vector<OptionSpec> all = ServiceOptions(Kind());
  all.push_back(MakeOption::Text("database", "NAME", "The database; the server's default unless told."));
  all.push_back(MakeOption::Text("tenant", "FIELD", "The field that is a record's tenant, `partition` for the name of its partition, `none`; the layout's field unless told, "
                                                    "and partitions where a collection was given some by hand."));
  all.push_back(MakeOption::Text("document", "FIELD", "The VARCHAR field that is a record's document; the layout's unless told."));
  all.push_back(MakeOption::Choice("keys", {"auto", "int64"}, "The key of a new collection: int64 where ids are integers with a sign and VARCHAR for all others, or int64 for unsigned ones too.")
                    .ValueName("TYPE"));
  all.push_back(MakeOption::Text("index", "TYPE", "The index of a new collection's vectors: HNSW, IVF_FLAT, FLAT, ...; AUTOINDEX unless told."));
  return all;
}

Result<Target> ParseTarget(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(Options(), location.options, "option of milvus"));
  ARROW_ASSIGN_OR_RAISE(const Authority authority, ParseAuthority(location.path));
  ServiceKind kind = Kind();
  const bool cloud = IsCloud(authority.host);
  if (cloud) kind.port = 443;
  Target target;
  ARROW_ASSIGN_OR_RAISE(target.service, ParseService(kind, location.path, location.alias, options));
  if (cloud) target.service.endpoint.tls = true;
  const Service& service = target.service;
  // A key of Zilliz Cloud, or USER:PASSWORD, which may be the key as a whole too.
  target.token = service.user.empty() ? service.key : service.user + ":" + service.key;
  target.database = options["database"];
  if (!IsName(target.database)) return MakeError(Category::usage, "database is not a name", "letters, digits and underscores");
  target.tenant_field = options["tenant"];
  target.document_field = options["document"];
  target.integer_keys = options["keys"] == "int64";
  target.index_type = options["index"];
  if (!IsName(target.index_type)) return MakeError(Category::usage, "index is not the name of an index type", "for example index=HNSW");
  return target;
}

}  // namespace vecferry::milvus
