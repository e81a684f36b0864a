#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/spec.h"
#include "connector/connector.h"

/// Job files: a third place, besides the command line and the environment, that a command's arguments and flags come from
/// (docs/reference/job-file.md). All they may hold is in the tables of spec.h and in those of the kinds of store.
namespace vecferry::cli {

/// What a job file says under `options:` of a side.
struct JobOption {
  std::string value;
  std::string place;               ///< "job.yaml:3:5"
  bool from_credential = false;    ///< a variable whose name is that of a credential was put into it
  bool literal = false;            ///< no variable was put into it
};

/// One side of a copy as a job file names it, variables put in.
struct JobPlace {
  std::string uri, dataset;        ///< dataset is "" where the URI names it, or nothing does
  std::string place;
  bool literal_credential = false; ///< the URI's credential stands in the file itself
  std::map<std::string, JobOption> options;
};

struct Job {
  std::map<std::string, JobPlace> places;                   ///< "source", "target"
  std::map<std::string, std::string> arguments;             ///< of the other arguments by their job_key
  std::map<std::string, std::vector<std::string>> values;   ///< of flags by name: of any command that takes job files
};

/// The flags that a job file may have: those of all commands that take one.
std::vector<const FlagSpec*> JobFlags();
/// The keys that name an argument which is no dataset.
std::vector<std::string> JobArguments();

/// Category::usage with "NAME:LINE:COLUMN" and the nearest name for an unknown key, a value that its flag does not take, a variable that is
/// not set, and a credential where it would be shown. Values whose variables leave them empty count as not given.
Result<Job> ParseJob(std::string_view text, const std::string& name, const std::map<std::string, std::string>& environment);
/// Category::usage too for a file that is larger than a job can be.
Result<Job> ReadJob(const std::string& file, const std::map<std::string, std::string>& environment);

/// The dataset that it means. Category::usage for an option that its kind of store does not have.
Result<Location> LocateJob(const Registry& registry, const JobPlace& place);

}  // namespace vecferry::cli
