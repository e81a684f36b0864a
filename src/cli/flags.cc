#include "cli/flags.h"

namespace vecferry::cli {
namespace {

using Kind = OptionSpec::Kind;

FlagSpec Value(std::string name, Kind kind, std::string value_name, std::string default_value, std::string help) {
  FlagSpec flag;
  flag.option.name = std::move(name);
  flag.option.kind = kind;
  flag.option.value_name = std::move(value_name);
  flag.option.default_value = std::move(default_value);
  flag.option.help = std::move(help);
  return flag;
}

FlagSpec Switch(std::string name, std::string help) { return Value(std::move(name), Kind::boolean, "", "", std::move(help)); }

FlagSpec Choice(std::string name, std::vector<std::string> choices, std::string default_value, std::string help) {
  FlagSpec flag = Value(std::move(name), Kind::choice, "", std::move(default_value), std::move(help));
  flag.option.choices = std::move(choices);
  return flag;
}

FlagSpec Letter(char letter, FlagSpec flag) {
  flag.letter = letter;
  return flag;
}

FlagSpec Repeatable(FlagSpec flag) {
  flag.repeatable = true;
  return flag;
}

/// Of a flag that would make no sense in a job file, or says there in another way.
FlagSpec NotInJob(FlagSpec flag) {
  flag.in_job = false;
  return flag;
}

FlagSpec SourceOpt() {
  return NotInJob(Repeatable(Value("source-opt", Kind::text, "KEY=VALUE", "", "An option of the source's store, as after the ? of its URI.")));
}

FlagSpec TargetOpt() {
  return NotInJob(Repeatable(Value("target-opt", Kind::text, "KEY=VALUE", "", "An option of the target's store, as after the ? of its URI.")));
}

FlagSpec OnExistsFlag() {
  return Choice("on-exists", {"fail", "append", "upsert", "replace"}, "fail",
                "If the target holds records: refuse, add new ones alone, overwrite those with the same id, or replace the dataset.");
}

FlagSpec PartitionByFlag() {
  return Value("partition-by", Kind::text, "KEY", "", "For a target that is a folder of files: one folder for each value of the tenant (`tenant`) or of a field of the metadata.");
}

FlagSpec MetricFlag() {
  return Choice("metric", {"cosine", "dot", "l2", "l1", "hamming", "jaccard"}, "", "The metric, where the source does not know its own; nothing is guessed.");
}

FlagSpec ModelFlag() {
  return Value("model", Kind::text, "NAME", "", "The embedding model that made the vectors, for targets that keep its name.");
}

FlagSpec UnsupportedFlag() {
  return Choice("unsupported", {"refuse", "reject"}, "refuse", "What the target cannot hold: refuse the copy, or reject the records that have it.");
}

FlagSpec LimitFlag() { return Value("limit", Kind::integer, "N", "", "Take the first N records alone, of those that are kept."); }

FlagSpec JobsFlag() {
  return Letter('j', Value("jobs", Kind::integer, "N", "", "Parts of the source that are read at once; chosen from the machine."));
}

FlagSpec RejectsFlag() { return Value("rejects", Kind::text, "FILE", "", "Where rejected records are written; in the run's folder unless told."); }

FlagSpec CheckpointFlag() { return Value("checkpoint", Kind::text, "FILE", "", "Keep the run's journal in this file instead of the state folder."); }

FlagSpec RestartFlag() { return Switch("restart", "Forget what an earlier run of the same copy did, and begin anew."); }

FlagSpec ReportFlag() {
  return Repeatable(Value("report", Kind::text, "FILE", "",
                          "Write a report: FILE.html is a page that needs no other file, FILE.json the same as data, FILE.xml JUnit; given several times, several (docs/guide/report.md)."));
}

FlagSpec DryRunFlag() { return Switch("dry-run", "Read, plan and report; write nothing."); }

FlagSpec DeleteFlag() { return Switch("delete", "With --sync or --repair: take out of the target what the source no longer has; left there unless told. What others brought stays."); }

FlagSpec MaxDeleteFlag() {
  return Value("max-delete", Kind::text, "N|%", "10%", "Refuse, before anything is written, if --delete would take out more records than that, or a greater share of the target's.");
}

FlagSpec OverwriteChangedFlag() {
  return Switch("overwrite-changed", "With --sync or --repair: overwrite also the records that somebody changed in the target since they were copied; kept and reported, with exit code 4, unless told.");
}

FlagSpec OlderThanFlag() { return Value("older-than", Kind::real, "DAYS", "30", "Those that ended longer ago than that."); }

}  // namespace

const FlagGroup kOutputFlags{
    "Output",
    {Switch("json", "Print the result as one JSON object (docs/reference/json.md)."),
     Letter('q', Switch("quiet", "Tell nothing but the result, warnings and errors.")),
     Letter('v', Switch("verbose", "Tell the facts of every event as well."))}};

const FlagGroup kProgressFlags{
    "Progress",
    {Choice("progress", {"auto", "bar", "plain", "json", "none"}, "auto",
            "How progress is told on standard error; auto is a bar on a terminal, else plain lines."),
     Value("log", Kind::text, "FILE", "", "Append every event to a file, one JSON object a line (docs/reference/events.md)."),
     Value("metrics", Kind::text, "[HOST:]PORT", "", "Serve metrics for Prometheus at that address while it runs; of 127.0.0.1 unless a host is given (docs/guide/report.md).")}};

const FlagGroup kReportFlags{
    "Report",
    {ReportFlag(),
     Value("report-sample", Kind::integer, "N", "5", "Records that the report shows side by side, with their content; with 0 no sample is taken, and there are no plots of vectors.")}};

const FlagGroup kReportFileFlags{"Report", {ReportFlag()}};

const FlagGroup kLocationFlags{
    "Stores",
    {SourceOpt(), TargetOpt()}};

const FlagGroup kSourceFlags{"Store", {SourceOpt()}};

const FlagGroup kTargetFlags{"Store", {TargetOpt()}};

const FlagGroup kWhatFlags{
    "What is copied",
    {OnExistsFlag(), PartitionByFlag(), LimitFlag(),
     MetricFlag(), ModelFlag(),
     Choice("missing-vector", {"reject", "keep"}, "reject", "A record without a vector: reject it, or keep it where the target can."),
     UnsupportedFlag()}};

const FlagGroup kSelectFlags{
    "Which records (docs/guide/transforms.md)",
    {Repeatable(Value("filter", Kind::text, "EXPR", "",
                      "Take the records alone for which this holds, an expression in SQLite's language over id, tenant, document, vector and the fields of the "
                      "metadata: \"year >= 2020 AND lang IN ('de', 'en')\"; given several times, all must hold.")),
     Repeatable(Value("include", Kind::text, "GLOB", "", "Take the ids alone that match; given several times, one must.")),
     Repeatable(Value("exclude", Kind::text, "GLOB", "", "Leave out the ids that match.")),
     Value("ids", Kind::text, "FILE", "", "Take the ids alone that the file lists, one a line."),
     Value("sample", Kind::text, "N|%", "", "Take about so many records, spread evenly by a hash of the id: always the same ones.")}};

const FlagGroup kMapFlags{
    "What becomes of them (docs/guide/transforms.md)",
    {Repeatable(Value("map", Kind::text, "RULE", "",
                      "Change each record: NEW=OLD moves a field, copy:NEW=OLD copies it, drop:FIELD, set:FIELD=VALUE (JSON, or a text with ${run.started_at}, ${id} and the like), "
                      "default:FIELD=VALUE, and int:, real:, bool:, text:, round:, trunc:, iso:, iso_ms:, epoch:, epoch_ms: FIELD change its type. In the order given.")),
     Repeatable(Value("reduce", Kind::text, "DIMS[:HOW]", "",
                      "Shorten dense vectors: DIMS:truncate keeps the first elements, DIMS:pca projects onto the directions of greatest variance of a sample; "
                      "vector:NAME=DIMS for one of several.")),
     Switch("normalise", "Bring dense float32 vectors to length 1, after --reduce; a vector of zeros is rejected.")}};

const FlagGroup kVerifyLimitFlags{"What was copied", {LimitFlag()}};

const FlagGroup kRestoreFlags{"What is restored", {OnExistsFlag(), MetricFlag(), ModelFlag(), UnsupportedFlag()}};

const FlagGroup kSpeedFlags{
    "Speed and memory",
    {JobsFlag(), Value("memory", Kind::bytes, "SIZE", "", "Memory for records on their way; chosen from the machine."),
     Value("batch-size", Kind::integer, "N", "", "Records of a batch; what the target prefers."),
     Value("batch-bytes", Kind::bytes, "SIZE", "", "Bytes of a batch at most; a larger record travels alone."),
     Value("rate", Kind::real, "N", "", "Records a second at most."),
     Choice("index", {"after", "during", "none"}, "after",
            "Build the target's search index after the load, where the store can, and wait for it; as the store likes, and wait; or do neither.")}};

const FlagGroup kLimitFlags{
    "Limits",
    {Value("max-rejects", Kind::text, "N|%", "", "Stop, with exit code 9, once more records than that were rejected."),
     Value("max-duration", Kind::duration, "TIME", "", "Stop, resumable and with exit code 9, after that time.")}};

const FlagGroup kRunFlags{
    "The run",
    {RejectsFlag(), CheckpointFlag(), RestartFlag(),
     Switch("retry-rejects", "Try the rejected records of the finished run again."),
     Switch("adopt", "The journal is lost: compare the target with the source and go on from there."),
     Choice("on-failure", {"keep", "rollback"}, "keep", "After a failure: keep what was copied for a resume, or take it back."),
     Value("plan", Kind::text, "FILE", "", "Execute a plan made by `vecferry plan --out`; refused where it no longer holds.")}};

const FlagGroup kSyncFlags{
    "Bringing a target in line (docs/guide/sync.md)",
    {Switch("sync", "Compare the target with the source and write what is new or changed since the last run alone; the first time it is a copy."),
     DeleteFlag(), MaxDeleteFlag(), OverwriteChangedFlag()}};

const FlagGroup kRepairFlags{
    "Repair (docs/guide/sync.md)",
    {Switch("repair", "Write those records again that are lost, corrupt or changed in the source, as a run that can be rolled back, and verify once more."),
     DeleteFlag(), MaxDeleteFlag(), OverwriteChangedFlag(), DryRunFlag(), RestartFlag()}};

const FlagGroup kBackupFlags{"The run", {RejectsFlag(), CheckpointFlag(), RestartFlag()}};

const FlagGroup kCheckFlags{
    "Proof",
    {Repeatable(Choice("verify", {"none", "count", "ids", "content", "search"}, "content",
                       "What is compared after the copy; `content,search` asks both sides the same queries as well (docs/guide/search.md).")),
     Choice("validate", {"off", "sample", "full"}, "sample", "How much of each batch is read back after it was written.")}};

const FlagGroup kCompareFlags{
    "What counts as a difference",
    {Value("sample-size", Kind::integer, "N", "1000", "Vectors that are compared by cosine for the mean and the least."),
     Repeatable(Value("ignore", Kind::text, "FIELD", "",
                      "Leave out vector, document, metadata or metadata.KEY; several with commas or by repeating the flag.")),
     Value("min-cosine", Kind::real, "X", "", "Vectors whose cosine is at least this are the same; they must be equal unless told."),
     Value("time-tolerance", Kind::duration, "TIME", "", "Times that differ by no more are the same, for example 1ms."),
     Value("list", Kind::integer, "N", "100", "Differences that are listed with their values; all are counted.")}};

const FlagGroup kDryRunFlags{
    "Dry run",
    {DryRunFlag(),
     Choice("scan", {"sample", "full"}, "sample", "How much of the source a plan looks at; `full` reads every id and all metadata.")}};

const FlagGroup kPlanFlags{
    "The plan",
    {Choice("scan", {"sample", "full"}, "sample", "How much of the source a plan looks at; `full` reads every id and all metadata."),
     Value("out", Kind::text, "FILE", "", "Write the plan to a file, for `vecferry copy --plan`.")}};

const FlagGroup kLevelFlags{
    "Proof", {Repeatable(Choice("level", {"count", "ids", "content", "search"}, "content",
                                "What is compared: count, ids and content each include those before; `search`, alone or as `content,search`, asks both sides the same "
                                "queries (docs/guide/search.md)."))}};

const FlagGroup kMetricFlags{"The metric", {MetricFlag()}};

const FlagGroup kQueryFlags{
    "Queries (docs/guide/search.md)",
    {Value("queries", Kind::text, "FILE", "", "Ask for these vectors: a NumPy array, JSON lines, or lines of numbers; without it they are sampled from the data."),
     Value("query-count", Kind::integer, "N", "100", "Vectors that are sampled, always the same ones of the same data."),
     Value("query-noise", Kind::real, "X", "0.05", "How far a sampled vector is moved, as a share of its length; of bits the share that is flipped."),
     Value("query-seed", Kind::integer, "N", "1", "Another seed samples other vectors, and moves them in another way."),
     Value("k", Kind::integer, "N", "10", "Neighbours that are asked for.")}};

const FlagGroup kSearchFlags{
    "Proof by search (docs/guide/search.md)",
    {Value("min-overlap", Kind::real, "X", "0.99", "Of the five nearest records at the source the target must find so many, as a mean over all queries."),
     Value("min-recall", Kind::real, "X", "", "What a store's index must find of the true neighbours; it is told unless this is given, and no more."),
     Choice("truth", {"auto", "always", "never"}, "auto",
            "Whether the true neighbours are computed by reading the source, so that recall can be told: unless the source is very large, always, or never."),
     Value("index-wait", Kind::duration, "TIME", "10m", "Wait for indexes that are being built, but no longer.")}};

const FlagGroup kBenchFlags{
    "The measurement",
    {Value("clients", Kind::integer, "N", "1", "Queries that are under way at once."),
     Value("duration", Kind::duration, "TIME", "10s", "How long each side is measured."),
     Value("requests", Kind::integer, "N", "", "Ask each side so many queries, in place of --duration."),
     Value("warm-up", Kind::duration, "TIME", "2s", "How long each side is asked before it is measured."),
     Value("vector", Kind::text, "NAME", "", "The vector that is searched, where there are several."),
     Switch("exact", "Compare with every record, without the index, where the store can.")}};

const FlagGroup kInspectFlags{
    "What is shown",
    {Value("id", Kind::text, "ID", "", "Show one record."),
     Value("show", Kind::integer, "N", "3", "Records that are shown as examples."),
     Switch("full", "Read every record, not a sample of 10,000."),
     Switch("qps", "Measure its search for a few seconds, as `vecferry bench` does.")}};

const FlagGroup kYesFlags{"Safety", {Switch("yes", "Do what the command asks to be sure of.")}};

const FlagGroup kCleanFlags{
    "Which runs",
    {OlderThanFlag(),
     Value("run", Kind::text, "RUN", "", "This run alone, however old; an unfinished one needs --yes.")}};

const FlagGroup kPruneFlags{
    "Which backups",
    {OlderThanFlag(), Value("keep-last", Kind::integer, "N", "1", "The newest so many of each source stay, however old they are.")}};

const FlagGroup kJobsFlags{"Speed", {JobsFlag()}};

const FlagGroup kConfigFlags{
    "Job file",
    {NotInJob(Value("config", Kind::text, "JOB.yaml", "",
                    "Take from a job file what neither the command line nor the environment says, the two datasets as well (docs/reference/job-file.md)."))}};

const FlagGroup kMarkdownFlags{"Form", {Switch("markdown", "Print the reference page.")}};

const FlagGroup kReferenceFlags{"Mode", {Switch("check", "Write nothing; exit 4 if a page is not current.")}};

}  // namespace vecferry::cli
