#pragma once
#include "cli/context.h"
#include "cli/invocation.h"

/// What each command does. Each gives the exit code of what it did, or the failure that is printed and decides it.
namespace vecferry::cli {

Result<int> RunCopy(const Invocation& invocation, Context& context);
Result<int> RunPlan(const Invocation& invocation, Context& context);
Result<int> RunVerify(const Invocation& invocation, Context& context);
Result<int> RunStores(const Invocation& invocation, Context& context);
Result<int> RunInspect(const Invocation& invocation, Context& context);
Result<int> RunBench(const Invocation& invocation, Context& context);
Result<int> RunBackup(const Invocation& invocation, Context& context);
Result<int> RunBackupList(const Invocation& invocation, Context& context);
Result<int> RunBackupVerify(const Invocation& invocation, Context& context);
Result<int> RunBackupPrune(const Invocation& invocation, Context& context);
Result<int> RunRestore(const Invocation& invocation, Context& context);
Result<int> RunRuns(const Invocation& invocation, Context& context);
Result<int> RunStatus(const Invocation& invocation, Context& context);
Result<int> RunRollback(const Invocation& invocation, Context& context);
Result<int> RunClean(const Invocation& invocation, Context& context);
Result<int> RunDoctor(const Invocation& invocation, Context& context);
Result<int> RunCompletion(const Invocation& invocation, Context& context);
Result<int> RunVersion(const Invocation& invocation, Context& context);
Result<int> RunReference(const Invocation& invocation, Context& context);

}  // namespace vecferry::cli
