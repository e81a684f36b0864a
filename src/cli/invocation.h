#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/job_file.h"
#include "cli/spec.h"

namespace vecferry::cli {

/// A command line that was understood: every name and value in it is allowed by the command's table.
class Invocation {
 public:
  const CommandSpec* command = nullptr;
  bool help = false;
  std::vector<std::string> arguments;
  /// Of flags, from the command line or, where it says nothing, the environment or, where that says nothing, the job file.
  std::map<std::string, std::vector<std::string>> values;
  /// Datasets that the job file names and the command line does not, by the flag of their options: "source-opt". `arguments` has their URIs.
  std::map<std::string, JobPlace> places;
  /// Flags of this command whose values are the job file's.
  std::vector<std::string> from_job;
  /// As it was typed, quoted for a shell, secrets masked.
  std::string display;

  bool Has(const std::string& flag) const { return values.count(flag) > 0; }
  /// The value, or the table's default; "" where there is neither.
  std::string Text(const std::string& flag) const;
  bool Bool(const std::string& flag) const;
  /// `otherwise` where there is no value and no default.
  int64_t Int(const std::string& flag, int64_t otherwise) const;
  int64_t Bytes(const std::string& flag, int64_t otherwise) const;
  double Real(const std::string& flag, double otherwise) const;
  double Seconds(const std::string& flag, double otherwise) const;
  /// All values of a repeatable flag, each taken apart at its commas where `commas` says so.
  std::vector<std::string> List(const std::string& flag, bool commas) const;
  /// The n-th argument or nothing.
  std::optional<std::string> Argument(size_t n) const;
};

/// Understands the words after the program's name, and reads the job file that they or the environment name. Category::usage, with the
/// nearest name, for what no table has.
Result<Invocation> ParseCommandLine(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment);

/// A word as a POSIX shell takes it back.
std::string ShellQuote(std::string_view word);
/// Words as one line, quoted, with what may be a credential as ***.
std::string DisplayCommand(const std::string& program, const std::vector<std::string>& words);

namespace internal {
/// The one place that knows CLI11: words of one command to values by flag name, and arguments.
struct RawWords {
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> arguments;
  std::vector<std::string> unknown;
  bool help = false;
};
Result<RawWords> SplitWords(const CommandSpec& command, const std::vector<std::string>& words);
}  // namespace internal

}  // namespace vecferry::cli
