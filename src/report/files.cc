#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "report/report.h"

namespace vecferry {
namespace {

std::string Ending(const std::string& file) { return ToLower(fs::path(file).extension().string()); }

}  // namespace

Status CheckReportFiles(const std::vector<std::string>& files) {
  for (const auto& file : files) {
    const std::string ending = Ending(file);
    if (ending != ".html" && ending != ".json" && ending != ".xml") {
      return MakeError(Category::usage, fmt::format("a report cannot be '{}': its ending says its form", Printable(file, 300)), "use .html for a page, .json, or .xml for JUnit");
    }
    const fs::path path = ExpandHome(file), folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::error_code ec;
    if (!fs::is_directory(folder, ec)) return MakeError(Category::usage, fmt::format("the folder of the report {} does not exist", Printable(file, 300)), "create it first");
    if (fs::is_directory(path, ec)) return MakeError(Category::usage, fmt::format("the report {} is a folder", Printable(file, 300)), "name a file");
  }
  return Status::OK();
}

Status WriteReports(const RunReport& report, const std::vector<std::string>& files) {
  for (const auto& file : files) {
    const std::string ending = Ending(file);
    const std::string text = ending == ".json" ? ReportJson(report) : ending == ".xml" ? ReportJunit(report) : ReportPage(report);
    ARROW_RETURN_NOT_OK(WriteFileAtomic(ExpandHome(file), text, 0644));
  }
  return Status::OK();
}

}  // namespace vecferry
