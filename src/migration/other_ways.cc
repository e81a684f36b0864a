#include "migration/other_ways.h"

namespace vecferry {

std::vector<OtherWays::Way>& OtherWays::Ways() {
  if (ways_) return *ways_;
  ways_.emplace();
  for (const OptionSpec& spec : connector_.info().options) {
    if (spec.kind != OptionSpec::Kind::choice || spec.reaching) continue;
    const auto given = target_.options.find(spec.name);
    for (const std::string& choice : spec.choices) {
      if (choice.empty() || choice == (given == target_.options.end() ? spec.default_value : given->second)) continue;
      Location other = target_;
      other.options[spec.name] = choice;
      const auto can = connector_.CapabilitiesOf(other);
      const bool takes = can.ok() && can->sink && SchemaMisfits(*can, schema_).empty();
      if (takes) ways_->push_back({spec.name + "=" + choice, std::make_unique<RowFit>(*can)});
    }
  }
  return *ways_;
}

void OtherWays::Refused(const RecordView& view, int64_t row) {
  std::erase_if(Ways(), [&](Way& way) { return way.fit->Check(view, row).has_value(); });
}

std::string OtherWays::Found() { return Ways().empty() ? "" : "?" + Ways().front().option; }

}  // namespace vecferry
