#pragma once
#include <string>
#include <utility>
#include <vector>

#include "options/option.h"

namespace vecferry {

/// An option of a store in one expression: MakeOption::Text("id", "COLUMN", "The column of the ids.").Example("id=doc_id").
/// It has no default and no example, is no secret and is not Reaching unless that is said. `help` is one sentence; a
/// `value_name` stands for the value in help and reference, "" where the help says enough.
class MakeOption {
 public:
  static MakeOption Text(std::string name, std::string value_name, std::string help) {
    return {OptionSpec::Kind::text, std::move(name), std::move(value_name), std::move(help)};
  }
  static MakeOption Integer(std::string name, std::string help) { return {OptionSpec::Kind::integer, std::move(name), "N", std::move(help)}; }
  static MakeOption Real(std::string name, std::string value_name, std::string help) {
    return {OptionSpec::Kind::real, std::move(name), std::move(value_name), std::move(help)};
  }
  static MakeOption Flag(std::string name, std::string help) { return {OptionSpec::Kind::boolean, std::move(name), "", std::move(help)}; }
  static MakeOption Bytes(std::string name, std::string help) { return {OptionSpec::Kind::bytes, std::move(name), "SIZE", std::move(help)}; }
  static MakeOption Duration(std::string name, std::string help) { return {OptionSpec::Kind::duration, std::move(name), "TIME", std::move(help)}; }
  /// The first of `choices`, of which there is at least one, is the default; Default("") leaves an option that is not given out.
  static MakeOption Choice(std::string name, std::vector<std::string> choices, std::string help) {
    MakeOption option(OptionSpec::Kind::choice, std::move(name), "", std::move(help));
    option.spec_.default_value = choices.front();
    option.spec_.choices = std::move(choices);
    return option;
  }

  MakeOption Default(std::string value) && { return std::move(*this).With(&OptionSpec::default_value, std::move(value)); }
  /// As it is written behind the ? of a URI, "id=doc_id", or its value alone.
  MakeOption Example(std::string example) && { return std::move(*this).With(&OptionSpec::example, std::move(example)); }
  MakeOption ValueName(std::string name) && { return std::move(*this).With(&OptionSpec::value_name, std::move(name)); }
  MakeOption Secret(bool secret = true) && { return std::move(*this).With(&OptionSpec::secret, secret); }
  MakeOption Reaching() && { return std::move(*this).With(&OptionSpec::reaching, true); }

  operator OptionSpec() && { return std::move(spec_); }

 private:
  MakeOption(OptionSpec::Kind kind, std::string name, std::string value_name, std::string help) {
    spec_.name = std::move(name);
    spec_.kind = kind;
    spec_.value_name = std::move(value_name);
    spec_.help = std::move(help);
  }
  template <class Value>
  MakeOption With(Value OptionSpec::*field, Value value) && {
    spec_.*field = std::move(value);
    return std::move(*this);
  }

  OptionSpec spec_;
};

}  // namespace vecferry
