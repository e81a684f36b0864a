#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connector/fit.h"

namespace vecferry {

/// Finds an option of the target under which it would hold what it does not hold as it is asked for: of each choice that
/// is open the connector says what the target could do then. It is asked when something does not fit, and not before: it may have to connect.
class OtherWays {
 public:
  /// All three outlive it.
  OtherWays(const Connector& connector, const Location& target, const RecordSchema& schema) : connector_(connector), target_(target), schema_(schema) {}
  /// A record that does not fit as things are: only what would take it is kept.
  void Refused(const RecordView& view, int64_t row);
  /// "?metadata=json", "" where no single option is enough for all that was refused.
  std::string Found();

 private:
  struct Way {
    std::string option;  ///< "metadata=json"
    std::unique_ptr<RowFit> fit;
  };
  std::vector<Way>& Ways();

  const Connector& connector_;
  const Location& target_;
  const RecordSchema& schema_;
  std::optional<std::vector<Way>> ways_;
};

}  // namespace vecferry
