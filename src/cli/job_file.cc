#include "cli/job_file.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "options/interpolate.h"
#include "options/yaml.h"

namespace vecferry::cli {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr const char* kStands = "stands-for-a-credential";

/// A scalar of the file with its variables put in.
struct Value {
  std::string text;
  bool literal = true;
  bool from_credential = false;
  std::string credential;   ///< the variable's name
  std::string shown;        ///< the text with a word in place of what comes from credentials
  bool empty() const { return text.empty() && !literal; }
};

Status Wrong(const std::string& place, const std::string& what, const std::string& next) { return MakeError(Category::usage, place + ": " + what, next); }

Status Unknown(const std::string& place, const char* where, const std::string& key, const std::vector<std::string>& known) {
  return Wrong(place, fmt::format("there is no key '{}'{}{}", Printable(key, 100), where, Suggestion(key, known)), "docs/reference/job-file.md lists the keys");
}

bool HasControl(std::string_view text, bool lines) {
  return std::any_of(text.begin(), text.end(), [&](char c) { return (static_cast<unsigned char>(c) < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7F; });
}

class JobParser {
 public:
  JobParser(const std::string& name, const Environment& environment) : name_(name), environment_(environment) {
    for (const auto* flag : JobFlags()) keys_.push_back(flag->option.name);
    for (const auto& key : JobArguments()) keys_.push_back(key);
    keys_.insert(keys_.end(), {"source", "target", "version"});
  }

  Result<Job> Run(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::map) return Wrong(Place(root), "a job file is a list of KEY: VALUE lines", "begin with source: and target:");
    for (size_t i = 0; i < root.keys.size(); ++i) ARROW_RETURN_NOT_OK(Take(root.keys[i], root.items[i]));
    return std::move(job_);
  }

 private:
  std::string Place(const YamlNode& node) const { return PlaceOf(name_, node); }

  Status Take(const YamlNode& key, const YamlNode& node) {
    const auto arguments = JobArguments();
    if (key.text == "source" || key.text == "target") {
      ARROW_ASSIGN_OR_RAISE(job_.places[key.text], TakePlace(node));
    } else if (key.text == "version") {
      if (NumberText(node, true) != "1") return Wrong(Place(node), "this program knows version 1 of job files", "write version: 1, or leave it out");
    } else if (std::find(arguments.begin(), arguments.end(), key.text) != arguments.end()) {
      ARROW_ASSIGN_OR_RAISE(const Value value, Scalar(node, key.text));
      ARROW_RETURN_NOT_OK(NoCredential(node, value, key.text));
      if (!value.text.empty()) job_.arguments[key.text] = value.text;
    } else {
      return TakeFlag(key, node);
    }
    return Status::OK();
  }

  Status TakeFlag(const YamlNode& key, const YamlNode& node) {
    const auto flags = JobFlags();
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const auto* each) { return each->option.name == key.text; });
    if (flag == flags.end()) return UnknownKey(key);
    std::vector<std::string> list;
    if (node.kind == YamlNode::Kind::list && (*flag)->repeatable) {
      for (const auto& item : node.items) ARROW_RETURN_NOT_OK(AddValue(**flag, item, &list));
    } else {
      ARROW_RETURN_NOT_OK(AddValue(**flag, node, &list));
    }
    if (!list.empty()) job_.values[key.text] = std::move(list);
    return Status::OK();
  }

  Status UnknownKey(const YamlNode& key) const {
    if (key.text == "source-opt" || key.text == "target-opt") {
      const std::string side = key.text.substr(0, 6);
      return Wrong(Place(key), fmt::format("'{}' does not stand in a job file", key.text), fmt::format("write it below {}:, under options:", side));
    }
    if (key.text == "config") return Wrong(Place(key), "a job file names no other", "put all into one file");
    return Unknown(Place(key), "", key.text, keys_);
  }

  Status AddValue(const FlagSpec& flag, const YamlNode& node, std::vector<std::string>* list) {
    ARROW_ASSIGN_OR_RAISE(Value value, Scalar(node, flag.option.name));
    if (!flag.option.secret) ARROW_RETURN_NOT_OK(NoCredential(node, value, flag.option.name));
    if (value.empty()) return Status::OK();
    using Kind = OptionSpec::Kind;
    const bool whole = flag.option.kind == Kind::integer || flag.option.kind == Kind::bytes;
    if (value.literal && (whole || flag.option.kind == Kind::real || flag.option.kind == Kind::duration)) value.text = NumberText(node, whole);
    for (const auto& text : ValuesIn(flag, value.text)) {
      ARROW_ASSIGN_OR_RAISE(const auto checked, CheckOptions({flag.option}, {{flag.option.name, text}}, Place(node) + ": the setting"));
      list->push_back(checked.at(flag.option.name));
    }
    return Status::OK();
  }

  Result<Value> Scalar(const YamlNode& node, const std::string& key, bool lines = true) const {
    if (node.kind == YamlNode::Kind::null) return Wrong(Place(node), fmt::format("'{}' has no value", Printable(key, 100)), "give it one, or leave the line out");
    if (node.kind != YamlNode::Kind::scalar) return Wrong(Place(node), fmt::format("'{}' takes one value", Printable(key, 100)), "write it as KEY: VALUE");
    Value value;
    const auto put = Interpolate(node.text, [this](const std::string& name) { return Find(name); });
    if (!put.ok()) return Prefixed(Place(node), put.status());
    value.text = put->text;
    value.literal = put->variables.empty();
    for (const auto& variable : put->variables) {
      if (!IsSecretName(variable)) continue;
      value.from_credential = true;
      value.credential = variable;
    }
    // What of it may be shown.
    ARROW_ASSIGN_OR_RAISE(const auto shown, Interpolate(node.text, [this](const std::string& name) { return IsSecretName(name) ? std::optional<std::string>(kStands) : Find(name); }));
    value.shown = shown.text;
    if (!IsValidUtf8(value.text)) return Wrong(Place(node), fmt::format("the value of '{}' is not UTF-8", Printable(key, 100)), "look at the variable in it");
    if (HasControl(value.text, lines)) return Wrong(Place(node), fmt::format("a control character stands in the value of '{}'", Printable(key, 100)), "take it out");
    return value;
  }

  std::optional<std::string> Find(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::nullopt : std::optional(found->second);
  }

  /// A password may have any character; one of a URI's own would end it early and show the rest. What is encoded already stays so.
  std::optional<std::string> FindEncoded(const std::string& name) const {
    auto found = Find(name);
    return found && IsSecretName(name) ? PercentEncode(*found, "%!$&'()*+,;=") : found;
  }

  Status NoCredential(const YamlNode& node, const Value& value, const std::string& key) const {
    if (!value.from_credential) return Status::OK();
    return Wrong(Place(node), fmt::format("{} is a credential by its name, and the value of '{}' is shown and kept", value.credential, Printable(key, 100)),
                 "put it into an option that holds a credential, or behind the user's name in a uri; if it is none, give the variable another name");
  }

  Result<JobPlace> TakePlace(const YamlNode& node) {
    JobPlace side;
    side.place = Place(node);
    if (node.kind == YamlNode::Kind::scalar) {
      ARROW_RETURN_NOT_OK(TakeUri(node, &side));
      return side;
    }
    if (node.kind != YamlNode::Kind::map) return Wrong(Place(node), "a side is a URI, or uri: with dataset:, layout: and options:", "see docs/reference/job-file.md");
    for (size_t i = 0; i < node.keys.size(); ++i) ARROW_RETURN_NOT_OK(TakeSideKey(node.keys[i], node.items[i], &side));
    if (side.uri.empty()) return Wrong(Place(node), "it names no uri", "write uri: SCHEME:LOCATION below it");
    return side;
  }

  Status TakeSideKey(const YamlNode& key, const YamlNode& node, JobPlace* side) {
    if (key.text == "uri") return TakeUri(node, side);
    if (key.text == "layout") return TakeOption(key, node, side);
    if (key.text == "dataset") {
      ARROW_ASSIGN_OR_RAISE(const Value value, Scalar(node, "dataset", false));
      ARROW_RETURN_NOT_OK(NoCredential(node, value, "dataset"));
      side->dataset = value.text;
      return Status::OK();
    }
    if (key.text != "options") return Unknown(Place(key), " here", key.text, {"uri", "dataset", "layout", "options"});
    if (node.kind == YamlNode::Kind::null) return Status::OK();
    if (node.kind != YamlNode::Kind::map) return Wrong(Place(node), "options are NAME: VALUE lines", "write each on a line of its own, further to the right");
    for (size_t i = 0; i < node.keys.size(); ++i) ARROW_RETURN_NOT_OK(TakeOption(node.keys[i], node.items[i], side));
    return Status::OK();
  }

  Status TakeOption(const YamlNode& key, const YamlNode& node, JobPlace* side) {
    if (key.text.empty() || HasControl(key.text, false)) return Wrong(Place(key), "an option has no name", "write NAME: VALUE");
    ARROW_ASSIGN_OR_RAISE(const Value value, Scalar(node, key.text, false));
    if (value.empty()) return Status::OK();
    const JobOption option{value.text, Place(key), value.from_credential, value.literal};
    if (!side->options.emplace(key.text, option).second) return Wrong(Place(key), fmt::format("'{}' is said twice", Printable(key.text, 100)), "leave one of them out");
    return Status::OK();
  }

  Status TakeUri(const YamlNode& node, JobPlace* side) {
    ARROW_ASSIGN_OR_RAISE(const Value value, Scalar(node, "uri", false));
    if (value.text.empty()) return Wrong(Place(node), "the uri is empty", "write SCHEME:LOCATION, or a path");
    const bool whole = value.shown == kStands;
    ARROW_ASSIGN_OR_RAISE(const auto encoded, Interpolate(node.text, [this](const std::string& name) { return FindEncoded(name); }));
    side->uri = whole ? value.text : encoded.text;
    const auto parsed = ParseLocation(side->uri);
    const std::string user = UserOf(node.text);
    side->literal_credential = parsed.ok() && parsed->had_secret && !node.text.starts_with("${") && user.find("${") == user.npos;
    if (!value.from_credential) return Status::OK();
    // A whole URI in such a variable is masked as any other is; a part of one must stand where it is masked.
    const auto shown = ParseLocation(value.shown);
    return whole || (shown.ok() && shown->Display().find(kStands) == std::string::npos) ? Status::OK() : NoCredential(node, value, "uri");
  }

  /// "USER:PASSWORD" of a URI as it is written in the file, "" where there is none.
  static std::string UserOf(const std::string& uri) {
    const size_t begin = uri.find("//"), end = begin == uri.npos ? begin : uri.find('@', begin);
    return end == uri.npos ? "" : uri.substr(begin + 2, end - begin - 2);
  }

  const std::string& name_;
  const Environment& environment_;
  std::vector<std::string> keys_;
  Job job_;
};

/// An option that the store has, or the engine: "layout".
Status CheckOption(const Connector::Info& info, const std::string& name, const JobOption& option) {
  const auto spec = std::find_if(info.options.begin(), info.options.end(), [&](const auto& each) { return each.name == name; });
  const bool known = spec != info.options.end() || name == "layout";
  if (!known) {
    std::vector<std::string> names = {"layout"};
    for (const auto& each : info.options) names.push_back(each.name);
    return Wrong(option.place, fmt::format("{} has no option '{}'{}", info.scheme, Printable(name, 100), Suggestion(name, names)),
                 fmt::format("`vecferry stores {}` lists them", info.scheme));
  }
  if (option.from_credential && !IsSecretName(name) && !(spec != info.options.end() && spec->secret)) {
    return Wrong(option.place, fmt::format("a credential, by its variable's name, is put into '{}', which is shown and kept", Printable(name, 100)),
                 "put it into an option that holds a credential; if it is none, give the variable another name");
  }
  return Status::OK();
}

}  // namespace

std::vector<const FlagSpec*> JobFlags() {
  std::vector<const FlagSpec*> flags;
  std::set<std::string> seen;
  for (const auto& command : Commands()) {
    if (!TakesJob(command)) continue;
    for (const auto* group : command.groups) {
      for (const auto& flag : group->flags) {
        if (flag.in_job && seen.insert(flag.option.name).second) flags.push_back(&flag);
      }
    }
  }
  return flags;
}

std::vector<std::string> JobArguments() {
  std::set<std::string> keys;
  for (const auto& command : Commands()) {
    for (const auto& argument : command.arguments) {
      if (TakesJob(command) && !argument.location && !argument.job_key.empty()) keys.insert(argument.job_key);
    }
  }
  return {keys.begin(), keys.end()};
}

Result<Job> ParseJob(std::string_view text, const std::string& name, const Environment& environment) {
  ARROW_ASSIGN_OR_RAISE(const YamlNode root, ParseYaml(text, name));
  return JobParser(name, environment).Run(root);
}

Result<Job> ReadJob(const std::string& file, const Environment& environment) {
  const std::string name = Printable(file, 300);
  const auto text = ReadFile(ExpandHome(file), kMaxYamlBytes);
  if (IsCategory(text.status(), Category::corrupt)) return Wrong(name, "it is larger than a job file can be", "name a job file");
  if (!text.ok()) return Prefixed("the job file", text.status());
  return ParseJob(*text, name, environment);
}

Result<Location> LocateJob(const Registry& registry, const JobPlace& place) {
  auto found = registry.Resolve(place.uri);
  if (!found.ok()) return Prefixed(place.place, found.status());
  Location location = std::move(*found);
  if (!place.dataset.empty()) {
    if (!location.dataset.empty()) return Wrong(place.place, "the dataset is named twice, after the # of the uri and by dataset:", "leave one of them out");
    location.dataset = place.dataset;
  }
  ARROW_ASSIGN_OR_RAISE(const Connector* connector, registry.Find(location.scheme));
  for (const auto& [name, option] : place.options) {
    ARROW_RETURN_NOT_OK(CheckOption(connector->info(), name, option));
    if (!location.options.emplace(name, option.value).second) {
      return Wrong(option.place, fmt::format("the option '{}' is said twice, after the ? of the uri and here", Printable(name, 100)), "leave one of them out");
    }
  }
  return location;
}

}  // namespace vecferry::cli
