#pragma once
#include <functional>
#include <memory>

#include "connector/connector.h"
#include "connectors/postgresql/options.h"
#include "connectors/postgresql/reader.h"

namespace vecferry::postgresql {

/// A dataset found and mapped, without a snapshot yet.
struct OpenedTable {
  std::shared_ptr<ReadContext> context;
  std::string identity;
};
/// Category::not_found with the nearest names for a table that is not there; Category::usage for none named where there are several.
Result<OpenedTable> FindTable(Client& client, const Options& options, const Layout& layout);

/// The source of the dataset that those options name, in a snapshot.
Result<std::unique_ptr<Source>> OpenTable(const Options& options, const Layout& layout, const CancelToken* cancel);

/// The same of a dataset that is known already: what a sink wrote, read back as the records that they were.
Result<std::unique_ptr<Source>> MakeKnownSource(Options options, const OpenContext& context, TableShape shape, std::string identity);

/// Records by id, in the snapshot of the context, or without one each time as they are now. Thread-safe.
std::unique_ptr<Lookup> MakeLookup(std::shared_ptr<ReadContext> context, ConnectSpec spec);

/// pgvector's search over the dataset, as it is now. Thread-safe.
std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<ReadContext> context, ConnectSpec spec);

/// What a binary SELECT of this dataset gives, as a batch. Rejects of rows that cannot be represented are left out. `more` columns follow those of
/// `select`; `on_taken` is given the fields of each row of the batch. `what` says what for.
Result<RecordView> ReadAll(Client& client, const TableShape& shape, const RowSelect& select, const std::string& sql, std::string_view what = "looking up rows",
                           size_t more = 0, const std::function<void(const std::vector<Field>&)>& on_taken = {});

/// The value of one column of an id as SQL: nothing where no value of the type is spelled so, so that no row can have it.
std::optional<std::string> KeyValueSql(const Type& type, std::string_view text);

}  // namespace vecferry::postgresql
