#pragma once
#include <mutex>
#include <string>
#include <vector>

#include "connectors/postgresql/row_decoder.h"
#include "connectors/postgresql/table_writer.h"

namespace vecferry::postgresql {

/// Rows of a table by the keys of their records. Thread-safe.
class RowAccess final : public Lookup, public Undo {
 public:
  /// `shape` says how rows become records of the run's schema; `table` which columns are its key.
  RowAccess(SessionPool& pool, TargetTable table, TableShape shape) : pool_(pool), table_(std::move(table)), shape_(std::move(shape)) {}

  Result<int64_t> Count() override;
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// An image is the names of the columns as a JSON array, a line feed, and the row as a binary COPY has it.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a table is dropped by its sink"); }

 private:
  struct Keys {
    std::string from;        ///< unnest(...) AS k(tenant, id, n): n is the place in the caller's list, from 1
    std::string condition;   ///< what joins it with the table, which is t
    bool empty = true;
  };
  /// An id that the column cannot hold is left out: it is not there.
  Keys KeysOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) const;
  std::string GroupCondition() const;
  Status RestoreAlike(Client& client, const std::string& columns, const std::string& rows) const;

  SessionPool& pool_;
  const TargetTable table_;
  const TableShape shape_;
};

}  // namespace vecferry::postgresql
