#include "transform/map_rule.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "record/json.h"
#include "transform/tree.h"

namespace vecferry {
namespace {

constexpr size_t kMostBytes = 64 << 10;
constexpr const char* kGuide = "docs/guide/transforms.md has every form with examples";

struct VerbName {
  std::string_view name;
  MapRule::Verb verb;
  Cast cast = Cast::none;
};
constexpr VerbName kVerbs[] = {
    {"copy", MapRule::Verb::copy},          {"drop", MapRule::Verb::drop},
    {"set", MapRule::Verb::set},            {"default", MapRule::Verb::fallback},
    {"int", MapRule::Verb::cast, Cast::integer}, {"real", MapRule::Verb::cast, Cast::real},
    {"bool", MapRule::Verb::cast, Cast::boolean}, {"text", MapRule::Verb::cast, Cast::text},
    {"round", MapRule::Verb::cast, Cast::round}, {"trunc", MapRule::Verb::cast, Cast::trunc},
    {"digits", MapRule::Verb::cast, Cast::digits},
    {"iso", MapRule::Verb::cast, Cast::iso}, {"iso_ms", MapRule::Verb::cast, Cast::iso_ms},
    {"epoch", MapRule::Verb::cast, Cast::epoch}, {"epoch_ms", MapRule::Verb::cast, Cast::epoch_ms}};
constexpr std::string_view kFacts[] = {"run.id", "run.started_at", "source.dataset", "source.store"};

Status Bad(std::string what) { return MakeError(Category::usage, std::move(what), kGuide); }

/// Where the first '=' outside double quotes is, npos if nowhere.
size_t EqualsAt(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '=' && !quoted) return i;
  }
  return text.npos;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Result<Template::Part> PlaceOf(std::string_view name) {
  if (std::find(std::begin(kFacts), std::end(kFacts), name) != std::end(kFacts)) return Template::Part{"", std::string(name), {}};
  if (name.starts_with("run.") || name.starts_with("source.")) {
    return Bad(fmt::format("there is no ${{{}}}{}", Printable(name, 100), Suggestion(name, {std::begin(kFacts), std::end(kFacts)})));
  }
  ARROW_ASSIGN_OR_RAISE(Field field, ParseField(name));
  if (field.kind == Field::Kind::vector) return Bad(fmt::format("${{{}}} is a vector and no text", Printable(name, 100)));
  return Template::Part{"", "", std::move(field)};
}

Result<Template> ParseTemplate(std::string_view text) {
  Template result;
  std::string plain;
  const auto end_plain = [&] {
    if (!plain.empty()) result.parts.push_back({std::exchange(plain, {}), "", {}});
  };
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("$${")) {
      plain += "${";
      at += 3;
    } else if (text.substr(at).starts_with("${")) {
      const size_t end = text.find('}', at);
      if (end == text.npos) return Bad(fmt::format("a ${{ is not closed in '{}'", Printable(text, 200)));
      end_plain();
      ARROW_ASSIGN_OR_RAISE(Template::Part part, PlaceOf(text.substr(at + 2, end - at - 2)));
      result.parts.push_back(std::move(part));
      at = end + 1;
    } else {
      plain += text[at++];
    }
  }
  end_plain();
  return result;
}

bool IsJson(std::string_view text) {
  MetadataTree tree;
  return tree.NewJson(text).ok();
}

Status ParseValue(std::string_view value, MapRule* rule) {
  if (value.find("${") == value.npos && IsJson(value)) {
    rule->json = value;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(rule->text, ParseTemplate(value));
  return Status::OK();
}

Status CheckVectors(const MapRule& rule) {
  const bool target = rule.target.kind == Field::Kind::vector, source = rule.source.kind == Field::Kind::vector;
  if (rule.verb == MapRule::Verb::drop || (!target && !source)) return Status::OK();
  if (rule.verb != MapRule::Verb::move) return Bad("a vector can be renamed or dropped, no more");
  const auto kind = [](const std::string& column) { return column.substr(0, column.find(':')); };
  if (target && source && kind(rule.target.column) == kind(rule.source.column)) return Status::OK();
  return Bad(fmt::format("{} cannot become {}", Printable(rule.source.Spelled(), 100), Printable(rule.target.Spelled(), 100)));
}

Status CheckRule(const MapRule& rule) {
  const bool whole_target = rule.target.kind == Field::Kind::metadata && rule.target.path.empty();
  const bool whole_source = rule.source.kind == Field::Kind::metadata && rule.source.path.empty();
  const bool two = rule.verb == MapRule::Verb::move || rule.verb == MapRule::Verb::copy || rule.verb == MapRule::Verb::cast;
  if (whole_target || (two && whole_source)) return Bad("a rule is about one field, not about all of the metadata");
  if (rule.verb == MapRule::Verb::drop && rule.target.kind == Field::Kind::id) return Bad("a record cannot do without its id");
  if (rule.verb == MapRule::Verb::move && rule.source.kind == Field::Kind::id) return Bad("a record cannot do without its id: copy:NEW=id leaves it there");
  if (rule.verb == MapRule::Verb::cast && rule.source.kind == Field::Kind::id && !(rule.target == rule.source)) return Bad("a record cannot do without its id");
  const bool below = two && rule.source.path.size() < rule.target.path.size() && rule.target.kind == rule.source.kind &&
                     std::equal(rule.source.path.begin(), rule.source.path.end(), rule.target.path.begin());
  if (below && rule.source.kind == Field::Kind::metadata && !rule.source.path.empty()) return Bad("a field cannot be moved into itself");
  return CheckVectors(rule);
}

Result<MapRule> Parse(std::string_view text) {
  MapRule rule;
  rule.spelled = text;
  std::string_view rest = text;
  for (const auto& verb : kVerbs) {
    if (!text.starts_with(verb.name) || text.size() <= verb.name.size() || text[verb.name.size()] != ':') continue;
    rule.verb = verb.verb;
    rule.cast = verb.cast;
    rest = text.substr(verb.name.size() + 1);
  }
  const size_t equals = EqualsAt(rest);
  const std::string_view left = Trimmed(rest.substr(0, equals)), right = equals == rest.npos ? "" : rest.substr(equals + 1);
  ARROW_ASSIGN_OR_RAISE(rule.target, ParseField(left));
  const bool alone = rule.verb == MapRule::Verb::drop || (rule.verb == MapRule::Verb::cast && equals == rest.npos);
  if (rule.verb == MapRule::Verb::drop && equals != rest.npos) return Bad("drop: takes one field");
  if (!alone && equals == rest.npos) {
    std::vector<std::string> names;
    for (const auto& verb : kVerbs) names.emplace_back(verb.name);
    const std::string_view word = text.substr(0, text.find(':'));
    return Bad(fmt::format("it has no '='{}", word.size() < text.size() ? Suggestion(word, names) : ""));
  }
  if (alone) {
    rule.source = rule.target;
  } else if (rule.verb == MapRule::Verb::set || rule.verb == MapRule::Verb::fallback) {
    ARROW_RETURN_NOT_OK(ParseValue(right, &rule));
  } else {
    ARROW_ASSIGN_OR_RAISE(rule.source, ParseField(Trimmed(right)));
  }
  ARROW_RETURN_NOT_OK(CheckRule(rule));
  return rule;
}

}  // namespace

Result<MapRule> ParseMapRule(std::string_view text) {
  if (text.size() > kMostBytes || !IsValidUtf8(text)) return Bad(fmt::format("--map takes UTF-8 text of {} bytes at most", kMostBytes));
  auto rule = Parse(text);
  if (rule.ok()) return rule;
  const ErrorFacts facts = FactsOf(rule.status());
  return MakeError(Category::usage, fmt::format("--map '{}': {}", Printable(text, 200), rule.status().message()), facts.next_step.empty() ? kGuide : facts.next_step);
}

Result<std::vector<MapRule>> ParseMapRules(const std::vector<std::string>& texts) {
  if (texts.size() > 1000) return Bad("--map is given 1000 times at most");
  std::vector<MapRule> rules;
  for (const auto& text : texts) {
    ARROW_ASSIGN_OR_RAISE(MapRule rule, ParseMapRule(text));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::optional<std::string> FactOf(const RunFacts& facts, std::string_view name) {
  if (name == "run.id") return facts.id;
  if (name == "run.started_at") return facts.started_at;
  if (name == "source.dataset") return facts.dataset;
  if (name == "source.store") return facts.store;
  return std::nullopt;
}

}  // namespace vecferry
