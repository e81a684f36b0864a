#include "cli/version.h"

#include <ostream>

#include <arrow/config.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>
#include <sqlite3.h>

#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/text_out.h"

namespace vecferry::cli {

std::vector<std::pair<std::string, std::string>> Versions() {
  return {{"vecferry", VECFERRY_VERSION},
          {"arrow", arrow::GetBuildInfo().version_string},
          {"sqlite", sqlite3_libversion()},
          {"simdjson", std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." + std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
                           std::to_string(simdjson::SIMDJSON_VERSION_REVISION)}};
}

Result<int> RunVersion(const Invocation& invocation, Context& context) {
  const auto versions = Versions();
  if (!invocation.Bool("json")) {
    for (const auto& [name, version] : versions) context.out << name << ' ' << version << '\n';
    return exit_code::kOk;
  }
  nlohmann::ordered_json body;
  for (const auto& [name, version] : versions) body["versions"][name] = version;
  ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("version", exit_code::kOk, body.dump()));
  context.out << object << '\n';
  return exit_code::kOk;
}

}  // namespace vecferry::cli
