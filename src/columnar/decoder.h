#pragma once
#include <map>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "columnar/mapping.h"
#include "connector/connector.h"

namespace vecferry::columnar {

/// What the folder of a file says of every row in it.
struct Constants {
  std::optional<std::string> tenant;            ///< where no column holds it
  bool has_tenant = false;
  std::map<std::string, std::string> metadata;  ///< key -> text
};

/// Batches of a table as records. Not for use by two threads at once.
class Decoder {
 public:
  /// `mapping` counts columns in the file; batches hold those of Columns() alone, in that order.
  Decoder(Mapping mapping, Constants constants);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  /// Adds records and rejects. `first_row` is the number of the batch's first row in the dataset, `where` names the file
  /// in rejects.
  Status Decode(const std::shared_ptr<arrow::RecordBatch>& batch, int64_t first_row, const std::string& where, SourceBatch* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::columnar
