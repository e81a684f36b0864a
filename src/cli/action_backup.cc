#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/session.h"
#include "cli/text_out.h"
#include "sqlite/snapshot.h"

namespace vecferry::cli {

Result<int> RunBackup(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const Location location, session->Locate(invocation.arguments[0], "source-opt"));
  const fs::path file = ExpandHome(location.path), copy = ExpandHome(invocation.arguments[1]);
  std::error_code ec;
  if (!fs::exists(file, ec)) return MakeError(Category::not_found, fmt::format("there is no file '{}'", Printable(file.string())), "check the path");
  if (!fs::is_regular_file(file, ec) || !sqlite::LooksLikeSqlite(file)) {
    return MakeError(Category::unsupported, fmt::format("{} is no SQLite file", location.Display()), "`vecferry copy` moves datasets of every other store");
  }
  if (CanonicalPath(file) == CanonicalPath(copy)) return MakeError(Category::usage, "the copy would replace the source", "name another file");
  if (fs::exists(copy, ec) && !invocation.Bool("yes")) {
    return MakeError(Category::refused, fmt::format("'{}' exists", Printable(copy.string())), "name another file, or replace it with --yes");
  }
  const auto began = context.clock.Now();
  const auto told = [&](int64_t done, int64_t total) {
    Event event{Event::Kind::progress, "", {}, {}};
    event.progress.phase = "backup";
    event.progress.unit = "pages";
    event.progress.done = event.progress.session = done;
    event.progress.total = total;
    event.progress.seconds = std::chrono::duration<double>(context.clock.Now() - began).count();
    session->events().Send(event);
  };
  const Status status = sqlite::BackupDatabase(file, copy, &context.cancel, told);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(status);
  const double seconds = std::chrono::duration<double>(context.clock.Now() - began).count();
  const auto bytes = static_cast<int64_t>(fs::file_size(copy, ec));
  if (invocation.Bool("json")) {
    const nlohmann::ordered_json body = {{"source", location.Display()}, {"file", copy.string()}, {"bytes", bytes}, {"seconds", seconds}, {"checked", true}};
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("backup", exit_code::kOk, body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
    context.out << object << '\n';
    return exit_code::kOk;
  }
  context.out << "Backed up " << location.Display() << '\n';
  PrintFacts(context.out, {{"file", copy.string()},
                           {"bytes", FormatBytes(static_cast<double>(bytes))},
                           {"time", FormatDuration(seconds)},
                           {"integrity", "checked by SQLite"}});
  return exit_code::kOk;
}

}  // namespace vecferry::cli
