#include "cli/copy_options.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/search_options.h"

namespace vecferry::cli {
namespace {

Status OutOfRange(const std::string& flag, const std::string& value, const std::string& allowed) {
  return MakeError(Category::usage, fmt::format("--{} cannot be {}", flag, Printable(value, 100)), "give it " + allowed);
}

/// Flags whose number must be at least 1, 0 or in another range.
Status CheckRanges(const Invocation& invocation) {
  for (const char* flag : {"jobs", "batch-size", "limit"}) {
    if (invocation.Has(flag) && invocation.Int(flag, 1) < 1) return OutOfRange(flag, invocation.Text(flag), "1 or more");
  }
  for (const char* flag : {"memory", "batch-bytes"}) {
    if (invocation.Has(flag) && invocation.Bytes(flag, 1) < 1024) return OutOfRange(flag, invocation.Text(flag), "at least 1KiB");
  }
  for (const char* flag : {"sample-size", "list"}) {
    if (invocation.Has(flag) && invocation.Int(flag, 0) < 0) return OutOfRange(flag, invocation.Text(flag), "0 or more");
  }
  if (invocation.Has("rate") && invocation.Real("rate", 1) <= 0) return OutOfRange("rate", invocation.Text("rate"), "more than 0");
  const double cosine = invocation.Real("min-cosine", 0);
  if (cosine < 0 || cosine > 1) return OutOfRange("min-cosine", invocation.Text("min-cosine"), "a number from 0 to 1");
  return Status::OK();
}

OnExists OnExistsOf(const std::string& name) {
  if (name == "append") return OnExists::append;
  if (name == "upsert") return OnExists::upsert;
  return name == "replace" ? OnExists::replace : OnExists::fail;
}

ValidateMode ValidateModeOf(const std::string& name) {
  if (name == "off") return ValidateMode::off;
  return name == "full" ? ValidateMode::full : ValidateMode::sample;
}

Status CheckIgnored(const std::set<std::string>& ignored) {
  for (const auto& field : ignored) {
    if (field == "vector" || field == "document" || field == "metadata" || (field.starts_with("metadata.") && field.size() > 9)) continue;
    return MakeError(Category::usage, fmt::format("--ignore cannot be '{}'{}", Printable(field, 100), Suggestion(field, {"vector", "document", "metadata"})),
                     "give it vector, document, metadata or metadata.KEY");
  }
  return Status::OK();
}

void SetRun(const Invocation& invocation, CopyOptions* options) {
  options->command = invocation.display;
  options->checkpoint = invocation.Text("checkpoint");
  options->rejects_file = invocation.Text("rejects");
  options->dry_run = invocation.Bool("dry-run") || invocation.command->name == "plan";
  options->scan_full = invocation.Text("scan") == "full";
  options->restart = invocation.Bool("restart");
  options->retry_rejects = invocation.Bool("retry-rejects");
  options->adopt = invocation.Bool("adopt");
  options->yes = invocation.Bool("yes");
  options->rollback_on_failure = invocation.Text("on-failure") == "rollback";
}

}  // namespace

namespace {

/// "100" or "0.5%". One of the two is set.
Status ParseMost(const std::string& flag, const std::string& text, int64_t* most, double* most_share) {
  double number = 0;
  const bool share = text.ends_with('%');
  const char* end = text.data() + text.size() - (share ? 1 : 0);
  const auto parsed = std::from_chars(text.data(), end, number);
  const bool whole = number == static_cast<double>(static_cast<int64_t>(number));
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0 || number > 1e15 || (share ? number > 100 : !whole)) {
    return OutOfRange(flag, text, "a number such as 100, or a share such as 0.5%");
  }
  if (share) {
    *most_share = number / 100;
  } else {
    *most = static_cast<int64_t>(number);
  }
  return Status::OK();
}

}  // namespace

Status ParseMaxRejects(const std::string& text, CopyOptions* options) {
  return ParseMost("max-rejects", text, &options->max_rejects, &options->max_reject_share);
}

Result<DeltaOptions> DeltaOptionsOf(const Invocation& invocation, DeltaMode mode) {
  DeltaOptions delta;
  const std::string flag = mode == DeltaMode::sync ? "sync" : "repair";
  if (invocation.Bool(flag)) delta.mode = mode;
  delta.remove = invocation.Bool("delete");
  delta.overwrite_changed = invocation.Bool("overwrite-changed");
  if (const std::string most = invocation.Text("max-delete"); !most.empty()) ARROW_RETURN_NOT_OK(ParseMost("max-delete", most, &delta.max_delete, &delta.max_delete_share));
  for (const char* alone : {"delete", "max-delete", "overwrite-changed"}) {
    // A job file may be that of another command too.
    const bool typed = invocation.Has(alone) && std::count(invocation.from_job.begin(), invocation.from_job.end(), alone) == 0;
    if (delta.mode == DeltaMode::none && typed) {
      return MakeError(Category::usage, fmt::format("--{} means something together with --{} alone", alone, flag), fmt::format("add --{}", flag));
    }
  }
  return delta;
}

Result<TransformSpec> TransformSpecOf(const Invocation& invocation) {
  TransformSpec spec;
  spec.filters = invocation.List("filter", false);
  spec.includes = invocation.List("include", false);
  spec.excludes = invocation.List("exclude", false);
  spec.sample = invocation.Text("sample");
  spec.maps = invocation.List("map", false);
  spec.reductions = invocation.List("reduce", false);
  spec.normalise = invocation.Bool("normalise");
  if (invocation.Has("ids")) {
    spec.has_ids = true;
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(ExpandHome(invocation.Text("ids"))));
    ARROW_ASSIGN_OR_RAISE(spec.ids, ParseIdList(text));
  }
  ARROW_RETURN_NOT_OK(spec.Check());
  return spec;
}

Result<VerifyOptions> VerifyOptionsOf(const Invocation& invocation, const std::string& level_flag) {
  ARROW_RETURN_NOT_OK(CheckRanges(invocation));
  VerifyOptions options;
  ARROW_RETURN_NOT_OK(SetLevels(invocation, level_flag, &options));
  options.sample_size = invocation.Int("sample-size", options.sample_size);
  for (const auto& field : invocation.List("ignore", true)) options.ignore.insert(field);
  ARROW_RETURN_NOT_OK(CheckIgnored(options.ignore));
  ARROW_ASSIGN_OR_RAISE(options.transforms, TransformSpecOf(invocation));
  options.limit = invocation.Int("limit", -1);
  options.min_cosine = invocation.Real("min-cosine", options.min_cosine);
  options.time_tolerance = invocation.Seconds("time-tolerance", options.time_tolerance);
  options.list_at_most = invocation.Int("list", options.list_at_most);
  return options;
}

Result<CopyOptions> CopyOptionsOf(const Invocation& invocation) {
  ARROW_RETURN_NOT_OK(CheckRanges(invocation));
  CopyOptions options;
  SetRun(invocation, &options);
  ARROW_ASSIGN_OR_RAISE(options.verify, VerifyOptionsOf(invocation, "verify"));
  options.on_exists = OnExistsOf(invocation.Text("on-exists"));
  options.validate = ValidateModeOf(invocation.Text("validate"));
  const std::string index = invocation.Text("index");
  options.index = index == "during" ? IndexMode::during : index == "none" ? IndexMode::none : IndexMode::after;
  options.jobs = static_cast<int>(std::min<int64_t>(invocation.Int("jobs", 0), 1024));
  options.memory_bytes = invocation.Bytes("memory", 0);
  options.batch_rows = invocation.Int("batch-size", 0);
  options.batch_bytes = invocation.Bytes("batch-bytes", 0);
  options.limit = invocation.Int("limit", -1);
  options.transforms = options.verify.transforms;
  options.records_per_second = invocation.Real("rate", 0);
  options.max_seconds = invocation.Seconds("max-duration", 0);
  options.missing_vector = invocation.Text("missing-vector");
  options.unsupported = invocation.Text("unsupported");
  options.metric = invocation.Text("metric");
  options.model = invocation.Text("model");
  if (const std::string most = invocation.Text("max-rejects"); !most.empty()) ARROW_RETURN_NOT_OK(ParseMaxRejects(most, &options));
  ARROW_ASSIGN_OR_RAISE(options.delta, DeltaOptionsOf(invocation, DeltaMode::sync));
  if (const std::string plan = invocation.Text("plan"); !plan.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.plan, ReadFile(plan));
  }
  return options;
}

}  // namespace vecferry::cli
