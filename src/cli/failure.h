#pragma once
#include <string>

#include "cli/context.h"
#include "cli/invocation.h"

namespace vecferry::cli {

/// Prints a failure: which side and dataset, why, what to do next; with `json` as an object on standard output too.
/// `command` is the line that resumes, "" where there is nothing to resume. Gives the exit code.
int PrintFailure(const Status& failure, const std::string& command_name, const std::string& resume, bool json, Context& context);

/// {"vecferry": COMMAND, "version": 1, "exit_code": ..., then the members of `body`, an object's JSON text}.
Result<std::string> ResultObject(const std::string& command_name, int exit_code, const std::string& body);

}  // namespace vecferry::cli
