#include "migration/other_ways.h"

namespace vecferry {

OtherWays::OtherWays(const Connector& connector, const Location& target, const RecordSchema& schema) {
  for (const OptionSpec& spec : connector.info().options) {
    if (spec.kind != OptionSpec::Kind::choice || spec.reaching) continue;
    const auto given = target.options.find(spec.name);
    for (const std::string& choice : spec.choices) {
      if (choice.empty() || choice == (given == target.options.end() ? spec.default_value : given->second)) continue;
      Location other = target;
      other.options[spec.name] = choice;
      const auto can = connector.CapabilitiesOf(other);
      if (can.ok() && SchemaMisfits(*can, schema).empty()) ways_.push_back({spec.name + "=" + choice, std::make_unique<RowFit>(*can)});
    }
  }
}

void OtherWays::Refused(const RecordView& view, int64_t row) {
  std::erase_if(ways_, [&](Way& way) { return way.fit->Check(view, row).has_value(); });
}

std::string OtherWays::Found() const { return ways_.empty() ? "" : "?" + ways_.front().option; }

}  // namespace vecferry
