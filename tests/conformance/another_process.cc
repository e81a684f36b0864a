#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>

#include "conformance/engine_harness.h"

extern char** environ;

namespace vecferry::conformance {
namespace {

Location At(const std::string& uri) { return Must(EngineStores().Resolve(uri)); }

RecordSchema SchemaFor(const Fixture& fixture, const Location& location) {
  return PlainSchema(fixture, Must(Must(EngineStores().Find(location.scheme))->CapabilitiesOf(location)));
}

int CopyOut(const Fixture& fixture, char** arguments) {
  const Location from = At(arguments[0]), to = At(arguments[1]);
  PutRecords(fixture, from, PlainRecords(fixture, SchemaFor(fixture, to), 0, std::atoi(arguments[2])));
  Events events;
  const CancelToken cancel;
  const Engine engine{EngineStores(), events, cancel};
  const auto report = Copy(engine, from, to, KilledOptions());
  if (!report.ok()) std::cerr << report.status() << '\n';
  return report.ok() ? report->exit_code : ExitCodeOf(report.status());
}

int WriteSteps(const Fixture& fixture, char** arguments) {
  const Location to = At(arguments[0]);
  const RecordSchema schema = SchemaFor(fixture, to);
  const int records = std::atoi(arguments[1]), steps = std::atoi(arguments[2]);
  for (int step = 1; step <= steps; ++step) {
    try {
      for (const int id : TouchedBy(step, records)) PutRecords(fixture, to, PlainRecords(fixture, schema, id, 1, step));
    } catch (const std::exception& failure) {
      std::cerr << failure.what() << '\n';
      return step - 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
  }
  return steps;
}

}  // namespace

CopyOptions KilledOptions() {
  CopyOptions options;
  options.command = "vecferry copy";
  options.batch_rows = 10;
  options.jobs = 1;
  return options;
}

std::vector<int> TouchedBy(int step, int records) { return {step, records - step, records + step}; }

void PutRecords(const Fixture& fixture, const Location& location, const RecordView& records) {
  static int runs = 0;
  Intents intents;
  OpenContext context;
  context.layout = Must(EngineStores().FindLayout(fixture.layout));
  const auto sink = Must(Must(EngineStores().Find(location.scheme))->OpenSink(location, context));
  SinkSpec spec;
  spec.schema = records.schema();
  spec.layout = context.layout;
  spec.run_id = "other" + std::to_string(++runs);
  spec.intents = &intents;
  spec.existed = Must(sink->Describe()).exists;
  spec.on_exists = spec.existed ? OnExists::upsert : OnExists::fail;
  Must(sink->Prepare(spec));
  if (records.rows() > 0) {
    const WriteOutcome outcome = Must(sink->Write(records));
    for (const RowReject& reject : outcome.rejects) throw std::runtime_error(reject.code + ": " + reject.message);
  }
  Must(sink->Flush());
  Must(sink->Finish());
}

pid_t StartAgain(const std::vector<std::string>& arguments, const std::string& failpoint) {
  std::string program = "/proc/self/exe", variable = "VECFERRY_FAILPOINT=" + failpoint;
  std::vector<std::string> texts = arguments;
  std::vector<char*> argv = {program.data()}, environment;
  for (auto& each : texts) argv.push_back(each.data());
  for (char** each = environ; *each; ++each) {
    if (!std::string_view(*each).starts_with("VECFERRY_FAILPOINT=")) environment.push_back(*each);
  }
  if (!failpoint.empty()) environment.push_back(variable.data());
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawn(&child, program.data(), nullptr, nullptr, argv.data(), environment.data()) != 0) throw std::runtime_error("this program cannot be started again");
  return child;
}

int Await(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) != process) {
    if (errno != EINTR) throw std::runtime_error("the other process cannot be awaited");
  }
  return status;
}

std::optional<int> ActAsAnother(int argc, char** argv) {
  if (argc != 6) return std::nullopt;
  for (const Fixture& fixture : Fixtures()) {
    if (fixture.name() != argv[2]) continue;
    if (!std::strcmp(argv[1], "--copy")) return CopyOut(fixture, argv + 3);
    if (!std::strcmp(argv[1], "--write")) return WriteSteps(fixture, argv + 3);
  }
  return std::nullopt;
}

}  // namespace vecferry::conformance
