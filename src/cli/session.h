#pragma once
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/invocation.h"
#include "migration/engine.h"
#include "net/metrics_server.h"
#include "progress/metrics.h"

namespace vecferry::cli {

/// The listeners that a command line asks for, and the engine that sends to them.
class Session {
 public:
  /// Category::usage where the --log file cannot be opened.
  static Result<std::unique_ptr<Session>> Start(const Invocation& invocation, Context& context);
  ~Session();
  const Engine& engine() const { return engine_; }
  Events& events() { return events_; }
  /// A dataset as written on the command line or in the job file, with the options of `flag` ("source-opt") merged in. Warns once if a
  /// credential stands in it.
  Result<Location> Locate(const std::string& text, const std::string& flag);
  /// No progress is told from now on; the terminal's line is free for the result.
  void StopProgress();

 private:
  /// Forwards to a listener until it is taken away.
  class Slot;

  Session(const Invocation& invocation, Context& context);
  Status OpenLog();
  void ChooseProgress();
  Status ServeMetrics();
  /// Of a credential that stands in the job file itself.
  void WarnOfJob(const JobPlace& place);

  const Invocation& invocation_;
  Context& context_;
  Events events_;
  Engine engine_;
  std::ofstream log_file_;
  std::unique_ptr<EventListener> log_;
  std::unique_ptr<Slot> slot_;
  std::unique_ptr<MetricsListener> metrics_;
  std::unique_ptr<MetricsServer> metrics_server_;
};

}  // namespace vecferry::cli
