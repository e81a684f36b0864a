#include "connectors/pinecone/target.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "connectors/pinecone/names.h"
#include "options/make_option.h"

namespace vecferry::pinecone {
namespace {

constexpr const char* kControl = "https://api.pinecone.io";

/// 5080 is where the vendor's own emulator listens.
const ServiceKind& Kind() {
  static const ServiceKind kind = {"pinecone", 5080, 443, {"PINECONE_API_KEY"}, 8, true};
  return kind;
}

/// "https://HOST" and "http://HOST" as ("https", "HOST"); no scheme as ("", ...).
std::pair<std::string, std::string> TakeScheme(const std::string& host) {
  for (const char* scheme : {"https", "http"}) {
    const std::string prefix = std::string(scheme) + "://";
    if (host.starts_with(prefix)) return {scheme, host.substr(prefix.size())};
  }
  return {"", host};
}

bool IsLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Result<std::string> ControlOf(const std::string& told) {
  if (!told.empty()) return told;
  const char* variable = std::getenv("PINECONE_CONTROLLER_HOST");
  return std::string(variable && *variable ? variable : kControl);
}

Status TakePlace(const Location& location, Target* target) {
  if (location.path.starts_with("//")) {
    if (location.path.size() == 2) return MakeError(Category::usage, "no host is named", "write pinecone://INDEX-HOST#NAMESPACE or pinecone:INDEX#NAMESPACE");
    target->host = location.path.substr(2);
    ARROW_ASSIGN_OR_RAISE(target->data, ServiceAt(target->host, target->reaching));
  } else if (!location.path.empty()) {
    target->index = location.path;
    ARROW_RETURN_NOT_OK(CheckIndexName(target->index));
  }
  if (location.dataset.empty()) return Status::OK();
  target->one_namespace = true;
  if (location.dataset != kDefaultNamespace) target->name_space = location.dataset;
  if (!target->name_space.empty() && !IsNativeId(target->name_space)) {
    return MakeError(Category::usage, "a namespace's name is 1 to 512 ASCII characters", "see which there are with `vecferry inspect`");
  }
  return Status::OK();
}

}  // namespace

const std::vector<OptionSpec>& Options() {
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all = ServiceOptions(Kind());
    all.push_back(MakeOption::Text("control", "URL", "Where the control plane is, which knows the indexes by their names; PINECONE_CONTROLLER_HOST, or the vendor's unless told.").Reaching());
    all.push_back(MakeOption::Text("cloud", "NAME", "Where an index is made that does not exist: aws, gcp or azure.").Default("aws"));
    all.push_back(MakeOption::Text("region", "NAME", "The region of that cloud.").Default("us-east-1"));
    all.push_back(MakeOption::Text("ids", "FILE", "Read the ids of this file, one a line or as JSON lines with id and namespace, for an index that cannot list its own."));
    all.push_back(MakeOption::Text("vector", "NAME", "Name of the dense vectors' column, which an index does not know; unnamed unless told."));
    all.push_back(MakeOption::Text("sparse", "NAME", "Name of the sparse vectors' column, and that there is one; sparse unless told."));
    all.push_back(MakeOption::Choice("numbers", {"integers", "floats"}, "Whole numbers of metadata, all of which are float64 at the service: read as integers, or as they are."));
    all.push_back(MakeOption::Choice("reals", {"mark", "refuse"}, "A float64 of metadata that is whole, 1.0: its field's name is kept in _reals, or the record is refused."));
    all.push_back(MakeOption::Choice("metadata", {"plain", "json"}, "Values that the service does not hold (null, objects, other lists, large integers): refused, or kept as JSON text and named in _json."));
    return all;
  }();
  return options;
}

Result<Service> ServiceAt(const std::string& host, const std::map<std::string, std::string>& reaching) {
  const auto [scheme, place] = TakeScheme(host);
  ARROW_ASSIGN_OR_RAISE(Service service, ParseService(Kind(), "//" + place, scheme, reaching));
  const auto told = reaching.find("tls");
  const bool asked = told != reaching.end() && !told->second.empty();
  if (!service.endpoint.tls && !IsLoopback(service.endpoint.host) && !asked) {
    return MakeError(Category::usage, fmt::format("the key would go to {} in clear", Printable(service.endpoint.Display(), 300)), "write https://, or say ?tls=no if that is meant");
  }
  return service;
}

Result<Target> ParseTarget(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(Options(), location.options, "option of pinecone"));
  Target target;
  target.reaching = options;
  ARROW_ASSIGN_OR_RAISE(const std::string control, ControlOf(options["control"]));
  ARROW_ASSIGN_OR_RAISE(target.control, ServiceAt(control, target.reaching));
  target.cloud = options["cloud"];
  target.region = options["region"];
  target.ids_file = options["ids"].empty() ? "" : ExpandHome(options["ids"]).string();
  target.dense_named = location.options.contains("vector");
  target.sparse_named = location.options.contains("sparse");
  target.dense_name = options["vector"];
  target.sparse_name = options["sparse"];
  target.metadata.as_floats = options["numbers"] == "floats";
  target.metadata.mark_reals = options["reals"] == "mark";
  target.metadata.encode = options["metadata"] == "json";
  ARROW_RETURN_NOT_OK(TakePlace(location, &target));
  target.ask_control = target.host.empty() || !IsLoopback(target.data.endpoint.host) || control != kControl;
  return target;
}

std::string Target::IdentityOf() const {
  const std::string place = index.empty() ? "//" + data.endpoint.Display() : control.endpoint.Display() + "/" + index;
  const std::string space = one_namespace ? "#" + (name_space.empty() ? std::string(kDefaultNamespace) : name_space) : "";
  return std::string(kScheme) + ":" + place + space;
}

}  // namespace vecferry::pinecone
