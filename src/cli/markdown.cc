#include "cli/markdown.h"

#include <fmt/format.h>

#include "cli/help.h"
#include "cli/markdown_table.h"
#include "cli/matrix.h"
#include "cli/spec.h"

namespace vecferry::cli {
namespace {

template <class Set>
std::string NamesOf(const Set& set) {
  std::string text;
  for (const auto& each : set) text += (text.empty() ? "" : ", ") + std::string(Name(each));
  return text.empty() ? "none" : text;
}

const char* YesNo(bool yes) { return yes ? "yes" : "no"; }

/// What a run into this kind of store promises when it is killed and started again.
std::string ResumeGuarantee(const Capabilities& can) {
  if (!can.sink) return "-";
  switch (can.replay) {
    case Replay::idempotent_upsert: return "exact: a batch written twice is there once";
    case Replay::truncate_and_replay: return "exact: what is beyond the last durable point is cut off";
    case Replay::restart_split: return "exact: an unfinished part is written anew";
  }
  return "-";
}

std::string VerifyGuarantee(const Capabilities& can) {
  if (!can.lookup && !can.source) return "no";
  switch (can.vector_change) {
    case VectorChange::none: return "exact";
    case VectorChange::cosine_normalised: return "exact but for the length of cosine vectors";
    case VectorChange::reduced_precision: return "within the store's precision";
    case VectorChange::cosine_reduced: return "exact but for the last digits of cosine vectors";
  }
  return "exact";
}

std::string FlagTable(const FlagGroup& group) {
  std::string text = "**" + group.title + "**\n\n" + Row({"flag", "meaning", "default", "environment"}) + Rule(4);
  for (const auto& flag : group.flags) {
    text += Row({"`" + Cell(Spelling(flag)) + "`", Cell(flag.option.help), flag.option.default_value.empty() ? "" : "`" + Cell(flag.option.default_value) + "`",
                 "`" + VariableOf(flag) + "`"});
  }
  return text + "\n";
}

std::string CommandSection(const CommandSpec& command) {
  std::string text = fmt::format("## {}\n\n{}.\n\n```\n{}\n```\n\n{}\n\n", command.name, command.summary, Usage(command), command.description);
  if (!command.arguments.empty()) {
    text += Row({"argument", "meaning"}) + Rule(2);
    for (const auto& argument : command.arguments) text += Row({"`" + argument.name + "`", Cell(argument.help)});
    text += "\n";
  }
  if (!command.examples.empty()) {
    text += "```sh\n";
    for (const auto& example : command.examples) text += example + "\n";
    text += "```\n\n";
  }
  for (const auto* group : command.groups) text += FlagTable(*group);
  return text;
}

std::string StoreSection(const Connector::Info& info) {
  std::string text = fmt::format("## {}\n\n{}. Written `{}`.\n\n", info.scheme, info.title, info.example);
  for (size_t i = 0; i < info.aliases.size(); ++i) text += fmt::format("{}`{}`{}", i ? ", " : "Also understood: ", info.aliases[i], i + 1 == info.aliases.size() ? ".\n\n" : "");
  if (!info.default_layout.empty()) text += fmt::format("Layout unless another is named by `?layout=`: `{}`.\n\n", info.default_layout);
  text += Row({"capability", ""}) + Rule(2);
  for (const auto& [name, value] : CapabilityRow(info)) text += Row({name, Cell(value)});
  text += "\n";
  if (!info.options.empty()) text += OptionsTable(info.options) + "\n";
  return info.notes.empty() ? text : text + info.notes + "\n\n";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CapabilityRow(const Connector::Info& info) {
  const Capabilities& can = info.capabilities;
  std::vector<std::pair<std::string, std::string>> row = {
      {"read", YesNo(can.source)}, {"write", YesNo(can.sink)}, {"rollback", YesNo(can.undo)}, {"verify", VerifyGuarantee(can)}, {"resume", ResumeGuarantee(can)}};
  if (can.source) {
    row.emplace_back("consistency", std::string(Name(can.consistency)));
    row.emplace_back("order", std::string(Name(can.order)));
    row.emplace_back("unique ids", YesNo(can.unique_ids));
  }
  row.emplace_back("ids", NamesOf(can.ids) + (can.sink ? "; others are mapped" : ""));
  row.emplace_back("dense vectors", NamesOf(can.dense) + fmt::format("; {} at most", can.max_vectors));
  row.emplace_back("sparse, multi, named", fmt::format("{}, {}, {}", YesNo(can.sparse), YesNo(can.multi), YesNo(can.named_vectors)));
  row.emplace_back("a record may lack a vector", YesNo(can.missing_vectors));
  row.emplace_back("metrics", NamesOf(can.metrics) + (can.unknown_metric ? ", unknown" : ""));
  row.emplace_back("document, tenant, extras", fmt::format("{}, {}, {}", YesNo(can.document), YesNo(can.tenant), YesNo(can.extras)));
  row.emplace_back("metadata values", NamesOf(can.json));
  if (can.sink) {
    row.emplace_back("replace", std::string(Name(can.replace)));
    row.emplace_back("append", YesNo(can.appends));
    row.emplace_back("index after the load", YesNo(can.defers_index));
    row.emplace_back("batches at once", std::to_string(can.max_in_flight));
  }
  return row;
}

std::string OptionsTable(const std::vector<OptionSpec>& options) {
  std::string text = Row({"option", "meaning", "values", "default"}) + Rule(4);
  for (const auto& option : options) {
    std::string values = option.choices.empty() ? option.value_name : fmt::format("{}", fmt::join(option.choices, ", "));
    if (option.kind == OptionSpec::Kind::boolean) values = "yes, no";
    text += Row({"`" + option.name + "`", Cell(option.help) + (option.secret ? " Secret." : ""), Cell(values), Cell(option.default_value)});
  }
  return text;
}

std::string StoresTable(const Registry& registry) {
  std::string text = Row({"scheme", "store", "read", "write", "rollback", "written as"}) + Rule(6);
  for (const auto& connector : registry.connectors()) {
    const auto& info = connector->info();
    text += Row({"`" + info.scheme + "`", Cell(info.title), YesNo(info.capabilities.source), YesNo(info.capabilities.sink), YesNo(info.capabilities.undo), "`" + Cell(info.example) + "`"});
  }
  return text;
}

std::string StoresSummary(const Registry& registry) {
  return StoresTable(registry) + "\nWhat a copy keeps, a row for each source and a column for each sink. `=`: what is carried is kept exactly. `~`: the sink changes some vectors in the "
                                 "way it declares, and verification compares within that. `r`: some kinds of data have no place in the sink and are refused before anything is "
                                 "written.\n\n" +
         FidelityTable(registry, false);
}

std::string StoresMarkdown(const Registry& registry) {
  std::string text = StoresTable(registry) + "\n";
  text += "## What each holds\n\nAn id of another kind is mapped to one that the store takes, and mapped back on the way home.\n\n" + CapabilityMatrix(registry) + "\n";
  text += "## What a copy keeps\n\nA row for each source, a column for each sink. `=`: what is carried is kept exactly. `~`: the sink changes some vectors in the way it declares, and "
          "verification compares within that. A number names what is refused, and what the tolerance is about; everything else that the source may hold is exact. What is "
          "refused stops the plan before anything is written; records that lack a vector, or whose id was met before, become rejects. tests/conformance asserts all of it "
          "for each kind of data.\n\n" +
          FidelityTable(registry, true) + "\n";
  for (const auto& connector : registry.connectors()) text += StoreSection(connector->info());
  text += "## Layouts\n\nWhere an application keeps id, document, tenant and metadata in a store's payload; named by `?layout=NAME`.\n\n";
  text += Row({"layout", "what it is", "id field", "document field", "tenant field"}) + Rule(5);
  for (const auto& layout : registry.layouts()) {
    text += Row({"`" + layout->name + "`", Cell(layout->title), "`" + layout->id_field + "`", "`" + layout->document_field + "`", layout->tenant_field.empty() ? "none" : "`" + layout->tenant_field + "`"});
  }
  return text;
}

std::string CommandsMarkdown() {
  std::string text = "Each flag may be set in the environment instead; the command line wins. `vecferry COMMAND --help` says the same.\n\n";
  for (const auto& command : Commands()) {
    if (!command.hidden) text += CommandSection(command);
  }
  return text;
}

std::string ExitCodesMarkdown() {
  const std::vector<std::vector<std::string>> rows = {
      {"0", "done, and as promised", "nothing"},
      {"1", "unexpected failure: a defect, or bytes that are not what their format allows", "read the message; report it if it says so"},
      {"2", "the command line or the job file is wrong", "the message names the nearest flag, key, command or value, and the place in the file"},
      {"3", "done, but records were rejected", "look at the rejects file (docs/reference/rejects.md)"},
      {"4", "verification found a difference, or a rollback left changed records alone", "the differences are listed with both values"},
      {"5", "not found, or empty where it should not be", "the message names the nearest that exist"},
      {"6", "not authorised, or the operating system refused", "give the right, or the credential"},
      {"7", "gave up on a failure that may pass, or a disk is full", "run the same command again: it resumes"},
      {"8", "refused by a preflight or safety check, or the store cannot hold it", "the message says what would allow it"},
      {"9", "a limit that was asked for was reached", "raise the limit and run the same command again"},
      {"11", "another process holds the run or the store", "the message names it; wait or stop it"},
      {"130", "interrupted, resumable", "run the same command again"}};
  std::string text = Row({"code", "meaning", "what to do"}) + Rule(3);
  for (const auto& row : rows) text += Row(row);
  return text + "\nA code that is not in this table means failure.\n";
}

}  // namespace vecferry::cli
