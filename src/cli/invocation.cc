#include "cli/invocation.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/location.h"

namespace vecferry::cli {
namespace {

std::vector<OptionSpec> SpecsOf(const CommandSpec& command) {
  std::vector<OptionSpec> specs;
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) specs.push_back(flag.option);
  }
  return specs;
}

Status UnknownFlag(const CommandSpec& command, const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  if (!name.starts_with("-") || name == "-") {
    return MakeError(Category::usage, fmt::format("'{}' is one argument too many for `{}`", Printable(word, 200), command.name),
                     fmt::format("write it as: {}", Usage(command)));
  }
  std::vector<std::string> names;
  for (const auto& spec : SpecsOf(command)) names.push_back("--" + spec.name);
  for (const auto& other : Commands()) {
    if (FindFlag(other, name.substr(std::min<size_t>(2, name.size()))) && !other.hidden) {
      return MakeError(Category::usage, fmt::format("`{}` has no flag {}; `{}` has", command.name, Printable(name, 200), other.name),
                       fmt::format("see `vecferry {} --help`", command.name));
    }
  }
  return MakeError(Category::usage, fmt::format("`{}` has no flag {}{}", command.name, Printable(name, 200), Suggestion(name, names)),
                   fmt::format("see `vecferry {} --help`", command.name));
}

Status CheckArguments(const CommandSpec& command, const std::vector<std::string>& arguments) {
  size_t required = 0;
  for (const auto& argument : command.arguments) required += argument.required ? 1 : 0;
  if (arguments.size() < required) {
    const std::string& key = command.arguments[arguments.size()].job_key;
    const std::string job = key.empty() || !TakesJob(command) ? "" : fmt::format("; or name it by {}: in a job file", key);
    return MakeError(Category::usage, fmt::format("{} is missing", command.arguments[arguments.size()].name),
                     fmt::format("write it as: {}{}", Usage(command), job));
  }
  const bool many = !command.arguments.empty() && command.arguments.back().many;
  if (!many && arguments.size() > command.arguments.size()) return UnknownFlag(command, arguments[command.arguments.size()]);
  return Status::OK();
}

/// The flags' values in the form that the getters read without failing.
Status CheckValues(const CommandSpec& command, std::map<std::string, std::vector<std::string>>* values, const char* where) {
  for (auto& [name, list] : *values) {
    const FlagSpec* flag = FindFlag(command, name);
    if (!flag->repeatable && list.size() > 1) {
      return MakeError(Category::usage, fmt::format("--{} is given {} times", name, list.size()), "give it once");
    }
    std::vector<std::string> all;
    for (const auto& text : list) {
      for (const auto& value : ValuesIn(*flag, text)) {
        ARROW_ASSIGN_OR_RAISE(const auto checked, CheckOptions({flag->option}, {{name, value}}, where));
        all.push_back(checked.at(name));
      }
    }
    list = std::move(all);
  }
  return Status::OK();
}

/// Adds what the job file says and nothing else does. A side that the command line names is wholly the command line's.
Status AddJob(const std::map<std::string, std::string>& environment, Invocation* invocation) {
  const std::string file = invocation->Text("config");
  if (file.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(Job job, ReadJob(file, environment));
  const CommandSpec& command = *invocation->command;
  for (auto& [name, list] : job.values) {
    if (!FindFlag(command, name) || !invocation->values.emplace(name, std::move(list)).second) continue;
    invocation->from_job.push_back(name);
  }
  for (size_t i = invocation->arguments.size(); i < command.arguments.size(); ++i) {
    const std::string& key = command.arguments[i].job_key;
    const auto place = job.places.find(key);
    const auto argument = job.arguments.find(key);
    if (place != job.places.end()) {
      invocation->arguments.push_back(place->second.uri);
      invocation->places.emplace(key + "-opt", std::move(place->second));
    } else if (argument != job.arguments.end()) {
      invocation->arguments.push_back(argument->second);
    } else {
      break;
    }
  }
  return Status::OK();
}

std::map<std::string, std::vector<std::string>> FromEnvironment(const CommandSpec& command,
                                                                const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) {
      const auto found = environment.find(VariableOf(flag));
      if (found != environment.end() && !found->second.empty()) values[flag.option.name] = {found->second};
    }
  }
  return values;
}

/// NAME=VALUE with the value masked where the name says that it is a credential.
std::string MaskPair(const std::string& pair) {
  const auto equals = pair.find('=');
  return equals != std::string::npos && IsSecretName(pair.substr(0, equals)) ? pair.substr(0, equals + 1) + "***" : pair;
}

/// A bare path with options, or an address that is wrong: credentials in it are masked all the same.
std::string MaskLoosely(std::string word) {
  const auto host = word.find("//");
  const auto at = host == std::string::npos ? host : word.find('@', host);
  const auto colon = host == std::string::npos ? host : word.find(':', host);
  if (at != std::string::npos && colon < at) word.replace(colon + 1, at - colon - 1, "***");
  size_t begin = word.find('?');
  while (begin != std::string::npos) {
    const size_t end = std::min(word.find_first_of("&#", begin + 1), word.size());
    const std::string masked = MaskPair(word.substr(begin + 1, end - begin - 1));
    word.replace(begin + 1, end - begin - 1, masked);
    begin = word.find('&', begin + 1);
  }
  return word;
}

/// One word of the command line. `after` is the word before it.
std::string MaskWord(const std::string& word, const std::string& after) {
  for (const std::string flag : {"--source-opt", "--target-opt"}) {
    if (after == flag) return MaskPair(word);
    if (word.starts_with(flag + "=")) return flag + "=" + MaskPair(word.substr(flag.size() + 1));
  }
  if (word.starts_with("-")) return word;
  const auto location = ParseLocation(word);
  if (!location.ok()) return MaskLoosely(word);
  return location->had_secret ? location->Display() : word;
}

}  // namespace

std::string Invocation::Text(const std::string& flag) const {
  if (const auto found = values.find(flag); found != values.end()) return found->second.back();
  const FlagSpec* spec = FindFlag(*command, flag);
  return spec ? spec->option.default_value : std::string();
}

bool Invocation::Bool(const std::string& flag) const { return Text(flag) == "true"; }

int64_t Invocation::Int(const std::string& flag, int64_t otherwise) const {
  const std::string text = Text(flag);
  return text.empty() ? otherwise : ParseInt(text).ValueOr(otherwise);
}

int64_t Invocation::Bytes(const std::string& flag, int64_t otherwise) const {
  const std::string text = Text(flag);
  return text.empty() ? otherwise : static_cast<int64_t>(ParseBytes(text).ValueOr(0));
}

double Invocation::Real(const std::string& flag, double otherwise) const {
  const std::string text = Text(flag);
  return text.empty() ? otherwise : std::strtod(text.c_str(), nullptr);
}

double Invocation::Seconds(const std::string& flag, double otherwise) const {
  const std::string text = Text(flag);
  return text.empty() ? otherwise : ParseDuration(text).ValueOr(otherwise);
}

std::vector<std::string> Invocation::List(const std::string& flag, bool commas) const {
  std::vector<std::string> list;
  const auto found = values.find(flag);
  if (found == values.end()) return list;
  for (const auto& value : found->second) {
    std::string_view rest = value;
    while (commas && rest.find(',') != std::string_view::npos) {
      list.emplace_back(rest.substr(0, rest.find(',')));
      rest.remove_prefix(rest.find(',') + 1);
    }
    list.emplace_back(rest);
  }
  std::erase(list, "");
  return list;
}

std::optional<std::string> Invocation::Argument(size_t n) const {
  return n < arguments.size() ? std::optional(arguments[n]) : std::nullopt;
}

Result<Invocation> ParseCommandLine(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment) {
  if (words.empty()) return MakeError(Category::usage, "no command is given", "`vecferry --help` lists them");
  Invocation invocation;
  size_t taken = 0;
  invocation.command = CommandOf(words, &taken);
  if (!invocation.command) return UnknownCommand(words[0]);
  const CommandSpec& command = *invocation.command;
  ARROW_ASSIGN_OR_RAISE(auto raw, internal::SplitWords(command, {words.begin() + static_cast<ptrdiff_t>(taken), words.end()}));
  invocation.help = raw.help;
  if (raw.help) return invocation;
  if (!raw.unknown.empty()) return UnknownFlag(command, raw.unknown.front());
  ARROW_RETURN_NOT_OK(CheckValues(command, &raw.values, "flag"));
  auto variables = FromEnvironment(command, environment);
  for (const auto& [name, list] : raw.values) variables.erase(name);
  ARROW_RETURN_NOT_OK(CheckValues(command, &variables, "environment setting of flag"));
  invocation.values = std::move(raw.values);
  invocation.values.merge(variables);
  invocation.arguments = std::move(raw.arguments);
  ARROW_RETURN_NOT_OK(AddJob(environment, &invocation));
  ARROW_RETURN_NOT_OK(CheckArguments(command, invocation.arguments));
  invocation.display = DisplayCommand("vecferry", words);
  return invocation;
}

std::string ShellQuote(std::string_view word) {
  const std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
  if (!word.empty() && word.find_first_not_of(safe) == std::string_view::npos) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string DisplayCommand(const std::string& program, const std::vector<std::string>& words) {
  std::string line = program, before;
  for (const auto& word : words) {
    line += " " + ShellQuote(MaskWord(word, before));
    before = word;
  }
  return line;
}

}  // namespace vecferry::cli
