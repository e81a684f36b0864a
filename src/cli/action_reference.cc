#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/job_schema.h"
#include "cli/markdown.h"

namespace vecferry::cli {
namespace {

struct Part {
  std::string file, name, text;  ///< name: of the markers, "" where the whole file is made
};

std::vector<Part> Parts(const Registry& registry) {
  return {{"README.md", "stores", StoresSummary(registry)},
          {"docs/reference/commands.md", "commands", CommandsMarkdown()},
          {"docs/reference/stores.md", "stores", StoresMarkdown(registry)},
          {"docs/reference/exit-codes.md", "exit-codes", ExitCodesMarkdown()},
          {"docs/reference/job-file.md", "keys", JobKeysMarkdown()},
          {"docs/reference/job.schema.json", "", JobSchema(registry)}};
}

/// The page with what stands between its two markers replaced.
Result<std::string> Replaced(const std::string& page, const Part& part) {
  if (part.name.empty()) return part.text;
  const std::string begin = fmt::format("<!-- generated: {} -->\n", part.name), end = fmt::format("<!-- end: {} -->", part.name);
  const auto from = page.find(begin), to = page.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from) {
    return MakeError(Category::not_found, fmt::format("{} has no markers for '{}'", part.file, part.name), "put the two marker lines where the text belongs");
  }
  return page.substr(0, from) + begin + part.text + page.substr(to);
}

}  // namespace

Result<int> RunReference(const Invocation& invocation, Context& context) {
  const fs::path root = invocation.arguments[0];
  int code = exit_code::kOk;
  for (const auto& part : Parts(context.registry)) {
    const auto read = ReadFile(root / part.file);
    if (!read.ok() && !(part.name.empty() && IsCategory(read.status(), Category::not_found))) return read.status();
    const std::string page = read.ok() ? *read : "";
    ARROW_ASSIGN_OR_RAISE(const std::string current, Replaced(page, part));
    if (page == current) continue;
    if (invocation.Bool("check")) {
      context.out << part.file << " is not current\n";
      code = exit_code::kDifference;
    } else {
      ARROW_RETURN_NOT_OK(WriteFileAtomic(root / part.file, current, 0644));
      context.out << "wrote " << part.file << '\n';
    }
  }
  return code;
}

}  // namespace vecferry::cli
