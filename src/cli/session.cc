#include "cli/session.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/version.h"
#include "progress/bar.h"
#include "progress/json_lines.h"
#include "progress/plain.h"

namespace vecferry::cli {
namespace {

bool WantsBar(const Context& context) {
  const auto term = context.environment.find("TERM");
  return context.err_is_terminal && (term == context.environment.end() || term->second != "dumb");
}

bool WantsColour(const Context& context) {
  const auto found = context.environment.find("NO_COLOR");
  return found == context.environment.end() || found->second.empty();
}

/// Those of the invocation that a text form of progress knows.
LineOptions LineOptionsOf(const Invocation& invocation, bool progress) {
  LineOptions lines;
  lines.quiet = !progress || invocation.Bool("quiet");
  lines.verbose = invocation.Bool("verbose");
  return lines;
}

std::unique_ptr<EventListener> MakeListener(const std::string& kind, const Invocation& invocation, const Context& context) {
  if (kind == "json") return std::make_unique<JsonLinesListener>(context.err, 1, context.clock);
  if (kind == "bar") {
    BarListener::Options options;
    options.lines = LineOptionsOf(invocation, true);
    options.colour = WantsColour(context);
    if (context.err_fd >= 0) options.width = [fd = context.err_fd] { return TerminalWidth(fd); };
    return std::make_unique<BarListener>(context.err, std::move(options), context.clock);
  }
  return std::make_unique<PlainListener>(context.err, PlainListener::Options{LineOptionsOf(invocation, kind != "none"), 5}, context.clock);
}

}  // namespace

class Session::Slot : public EventListener {
 public:
  explicit Slot(std::unique_ptr<EventListener> listener) : listener_(std::move(listener)) {}
  void On(const Event& event) override {
    if (listener_) listener_->On(event);
  }
  void Clear() { listener_.reset(); }

 private:
  std::unique_ptr<EventListener> listener_;
};

Session::Session(const Invocation& invocation, Context& context)
    : invocation_(invocation), context_(context), engine_{context.registry, events_, context.cancel, context.clock} {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Start(const Invocation& invocation, Context& context) {
  std::unique_ptr<Session> session(new Session(invocation, context));
  ARROW_RETURN_NOT_OK(session->OpenLog());
  session->ChooseProgress();
  ARROW_RETURN_NOT_OK(session->ServeMetrics());
  return session;
}

Status Session::OpenLog() {
  const std::string file = invocation_.Text("log");
  if (file.empty()) return Status::OK();
  std::error_code ec;
  const bool fresh = !fs::exists(file, ec);
  log_file_.open(file, std::ios::app);
  if (!log_file_) return MakeError(Category::usage, fmt::format("the log file '{}' cannot be opened", Printable(file, 300)), "name a file that can be written");
  if (fresh) fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, ec);
  log_ = std::make_unique<JsonLinesListener>(log_file_, 1, context_.clock);
  events_.Add(log_.get());
  return Status::OK();
}

void Session::ChooseProgress() {
  std::string kind = invocation_.Text("progress");
  if (kind.empty() || kind == "auto") kind = invocation_.Bool("quiet") ? "none" : WantsBar(context_) ? "bar" : "plain";
  slot_ = std::make_unique<Slot>(MakeListener(kind, invocation_, context_));
  events_.Add(slot_.get());
}

/// Arguments are shown as locations, so that no credential is among the labels; one that is no location is told by its name when it is located.
Status Session::ServeMetrics() {
  const std::string address = invocation_.Text("metrics");
  if (address.empty()) return Status::OK();
  const auto shown = [&](size_t n) -> std::string {
    if (n >= invocation_.arguments.size()) return "";
    const auto located = context_.registry.Resolve(invocation_.arguments[n]);
    return located.ok() ? located->Display() : "";
  };
  metrics_ = std::make_unique<MetricsListener>(MetricsListener::Labels{invocation_.command->name, shown(0), shown(1), Versions().front().second});
  ARROW_ASSIGN_OR_RAISE(metrics_server_, MetricsServer::Start(address, metrics_->collectable()));
  events_.Add(metrics_.get());
  events_.Message("metrics at " + metrics_server_->url());
  return Status::OK();
}

void Session::StopProgress() { slot_->Clear(); }

Result<Location> Session::Locate(const std::string& text, const std::string& flag) {
  const auto job = invocation_.places.find(flag);
  auto located = job == invocation_.places.end() ? context_.registry.Resolve(text) : LocateJob(context_.registry, job->second);
  ARROW_ASSIGN_OR_RAISE(Location location, std::move(located));
  if (job != invocation_.places.end()) {
    WarnOfJob(job->second);
    location.had_secret = false;
  }
  for (const auto& pair : invocation_.List(flag, false)) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return MakeError(Category::usage, fmt::format("--{} is not KEY=VALUE", flag), "write it as --" + flag + " key=value");
    }
    location.options[pair.substr(0, equals)] = pair.substr(equals + 1);
    location.had_secret |= IsSecretName(pair.substr(0, equals));
  }
  // The short way to an option of those stores that are folders of files; others know no such option and say so.
  if (flag == "target-opt" && invocation_.Has("partition-by")) location.options["partition-by"] = invocation_.Text("partition-by");
  if (location.had_secret) {
    events_.Warning(fmt::format("a credential stands in the address or the options of {}: other users of this machine can see it in the list of "
                                "processes, and shells keep it; give it by the environment or a file",
                                location.Display()));
  }
  return location;
}

void Session::WarnOfJob(const JobPlace& place) {
  bool literal = place.literal_credential;
  for (const auto& [name, option] : place.options) literal |= option.literal && IsSecretName(name);
  if (!literal) return;
  events_.Warning(fmt::format("a credential stands in the job file, {}: whoever may read the file has it; put it into a variable and write ${{NAME}}", place.place));
}

}  // namespace vecferry::cli
