#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/milvus/rows.h"
#include "connectors/milvus/shape.h"
#include "record/batch.h"

namespace vecferry::milvus {

/// What could not be read of a row, as the code and message of its reject.
struct Fault {
  std::string code, message;
  explicit operator bool() const { return !code.empty(); }
};

/// What a row told beside its record.
struct RowFacts {
  std::string id, tenant;
  bool has_document = false, has_tenant = false;
};

/// Rows of answers as records. Not for use by two threads at once; reuse it.
class RowDecoder {
 public:
  RowDecoder(const Shape& shape, const Layout& layout);
  ~RowDecoder();

  /// Takes an answer apart; its bytes must outlive the rows. Category::corrupt for one that is none or lacks a field that was asked for.
  /// `keys_only`: it was asked for no more than keys and tenants.
  Status Open(std::string_view answer, bool keys_only = false);
  int64_t rows() const;
  Key KeyOfRow(int64_t row) const;
  /// Adds the row. `partition` is that which it was read from, where partitions are tenants.
  Fault Append(int64_t row, std::string_view partition, BatchBuilder& builder, RowFacts* facts);
  const std::vector<ColumnData>& columns() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::milvus
