#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/markdown.h"
#include "cli/text_out.h"
#include "connector/fidelity.h"

namespace vecferry::cli {
namespace {

/// What a copy out of this kind of store keeps, by the scheme of the sink.
std::vector<std::pair<std::string, std::string>> FidelityRow(const Registry& registry, const Connector::Info& info) {
  std::vector<std::pair<std::string, std::string>> row;
  for (const auto& sink : registry.connectors()) {
    const PairFidelity pair = FidelityOf(info.capabilities, sink->info().capabilities);
    if (pair.possible) row.emplace_back(sink->info().scheme, pair.Summary());
  }
  return row;
}

nlohmann::ordered_json Object(const Registry& registry, const Connector::Info& info) {
  nlohmann::ordered_json json = {{"scheme", info.scheme}, {"title", info.title}, {"example", info.example}, {"aliases", info.aliases}};
  for (const auto& [name, value] : CapabilityRow(info)) json["capabilities"][name] = value;
  json["copied_into"] = nlohmann::ordered_json::object();
  for (const auto& [scheme, summary] : FidelityRow(registry, info)) json["copied_into"][scheme] = summary;
  json["options"] = nlohmann::ordered_json::array();
  for (const auto& option : info.options) {
    json["options"].push_back({{"name", option.name}, {"default", option.default_value}, {"help", option.help}, {"choices", option.choices}, {"secret", option.secret}});
  }
  return json;
}

void PrintOne(std::ostream& out, const Registry& registry, const Connector::Info& info) {
  out << info.scheme << ": " << info.title << "\n  " << info.example << "\n\n";
  PrintFacts(out, CapabilityRow(info));
  const auto kept = FidelityRow(registry, info);
  if (!kept.empty()) out << "\nWhat a copy keeps, by where it goes:\n";
  for (const auto& [scheme, summary] : kept) out << "  " << fmt::format("{:<18}", scheme) << " " << Wrap(summary, 78, 21) << '\n';
  if (!info.options.empty()) out << "\nOptions (after ? in the URI, or --source-opt and --target-opt):\n";
  for (const auto& option : info.options) {
    out << "  " << fmt::format("{:<18}", option.name) << " " << Wrap(option.help, 78, 21) << (option.default_value.empty() ? "" : " [" + option.default_value + "]") << '\n';
  }
}

void PrintAll(std::ostream& out, const Registry& registry) {
  TextTable table({"SCHEME", "READ", "WRITE", "ROLLBACK", "WRITTEN AS", "STORE"});
  for (const auto& connector : registry.connectors()) {
    const auto& info = connector->info();
    const auto yes = [](bool value) { return std::string(value ? "yes" : "-"); };
    table.Add({info.scheme, yes(info.capabilities.source), yes(info.capabilities.sink), yes(info.capabilities.undo), info.example, info.title});
  }
  table.Print(out);
}

}  // namespace

Result<int> RunStores(const Invocation& invocation, Context& context) {
  const auto scheme = invocation.Argument(0);
  Connector* one = nullptr;
  if (scheme) {
    ARROW_ASSIGN_OR_RAISE(one, context.registry.Find(*scheme));
  }
  if (invocation.Bool("json")) {
    nlohmann::ordered_json body, list = nlohmann::ordered_json::array();
    for (const auto& connector : context.registry.connectors()) {
      if (!one || one == connector.get()) list.push_back(Object(context.registry, connector->info()));
    }
    body["stores"] = std::move(list);
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("stores", exit_code::kOk, body.dump()));
    context.out << object << '\n';
  } else if (invocation.Bool("markdown")) {
    context.out << StoresMarkdown(context.registry);
  } else if (one) {
    PrintOne(context.out, context.registry, one->info());
  } else {
    PrintAll(context.out, context.registry);
  }
  return exit_code::kOk;
}

}  // namespace vecferry::cli
