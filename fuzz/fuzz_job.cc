#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/job_file.h"
#include "connectors/builtin.h"

namespace {

const vecferry::Registry& Stores() {
  static const vecferry::Registry registry = [] {
    vecferry::Registry made;
    vecferry::RegisterBuiltin(made);
    return made;
  }();
  return registry;
}

}  // namespace

/// A job file is understood or refused as the user's mistake; no value of a credential is in a message or in a location that is shown.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr const char* kSecret = "q7Zx9-hush";
  const std::map<std::string, std::string> environment = {{"A", "1"}, {"EVIL", "x\nyes: true\n${A}"}, {"API_TOKEN", kSecret}};
  // Words that the file itself has are not told by us.
  if (std::string_view(reinterpret_cast<const char*>(data), size).find(kSecret) != std::string_view::npos) return 0;
  const auto job = vecferry::cli::ParseJob({reinterpret_cast<const char*>(data), size}, "job.yaml", environment);
  if (!job.ok()) {
    if (!vecferry::IsCategory(job.status(), vecferry::Category::usage)) std::abort();
    if (vecferry::Describe(job.status()).find(kSecret) != std::string::npos) std::abort();
    return 0;
  }
  for (const auto& [key, place] : job->places) {
    if (!Stores().Find(vecferry::SchemeOf(place.uri)).ok()) continue;  // a path: no business of a fuzzer
    const auto location = vecferry::cli::LocateJob(Stores(), place);
    const std::string shown = location.ok() ? location->Display() : vecferry::Describe(location.status());
    if (shown.find(kSecret) != std::string::npos) std::abort();
  }
  return 0;
}
