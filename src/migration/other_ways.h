#pragma once
#include <memory>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connector/fit.h"

namespace vecferry {

/// Finds an option of the target under which it would hold what it does not hold as it is asked for: of each choice that
/// is open the connector says what the target could do then.
class OtherWays {
 public:
  OtherWays(const Connector& connector, const Location& target, const RecordSchema& schema);
  /// A record that does not fit as things are: only what would take it is kept.
  void Refused(const RecordView& view, int64_t row);
  /// "?metadata=json", "" where no single option is enough for all that was refused.
  std::string Found() const;

 private:
  struct Way {
    std::string option;  ///< "metadata=json"
    std::unique_ptr<RowFit> fit;
  };
  std::vector<Way> ways_;
};

}  // namespace vecferry
