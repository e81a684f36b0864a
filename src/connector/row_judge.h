#pragma once
#include <memory>
#include <utility>

#include "connector/connector.h"

namespace vecferry {

/// A judge that looks at rows one by one: `each` is called with a batch and a row, and gives the reject that it would be.
template <typename Each>
RowJudge JudgeEach(Each each) {
  return [each = std::make_shared<Each>(std::move(each))](const RecordView& batch) -> Result<std::vector<RowReject>> {
    std::vector<RowReject> rejects;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (auto reject = (*each)(batch, row)) rejects.push_back(std::move(*reject));
    }
    return rejects;
  };
}

}  // namespace vecferry
