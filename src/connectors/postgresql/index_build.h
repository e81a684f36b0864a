#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/client.h"
#include "connectors/postgresql/index_plan.h"

namespace vecferry::postgresql {

/// The indexes of a table that a run made, built after its rows are there: made with the empty table, dropped before the load and made again
/// behind it, in a session of their own beside the one that asks how far it is. A table that others made keeps its indexes as they are.
class IndexBuild final : public IndexDeferral {
 public:
  /// `indexes` are those that the table shall have; none: nothing is put off. `knows_table`: the table is made or found ready for
  /// writing; else settings are put back at once, whatever it takes.
  struct Target {
    ConnectSpec connect;
    std::string schema, table;
    std::vector<IndexDefinition> indexes;
    std::string maintenance_memory;  ///< maintenance_work_mem while they are built, "" as the server has it
    bool knows_table = false;
  };
  explicit IndexBuild(Target target) : target_(std::move(target)) {}
  /// A build that is not done is cancelled: the next process begins it anew.
  ~IndexBuild() override { Cancel(); }

  Result<std::optional<std::string>> Settings() override;
  Status Defer() override;
  Status PutBack(std::string_view settings) override;
  Result<State> Progress() override;
  void Cancel();

 private:
  Result<Client*> Session();
  Result<std::vector<IndexDefinition>> Missing(Client& client);
  void Begin(std::vector<IndexDefinition> missing);
  Status Build(const std::vector<IndexDefinition>& missing);
  Result<State> Look();

  Target target_;
  std::unique_ptr<Client> session_;  ///< the one that asks
  std::thread thread_;
  std::mutex mutex_;
  std::unique_ptr<Client> builder_;  ///< of the thread; under the mutex
  std::optional<Status> done_;       ///< how the thread ended; under the mutex
  bool cancelled_ = false;           ///< under the mutex
  int backend_ = 0;                  ///< under the mutex: the builder's
};

/// The definitions as settings of a deferral, and back. Category::corrupt for what is none.
std::string IndexSettings(const std::string& schema, const std::string& table, const std::vector<IndexDefinition>& indexes);
Status ParseIndexSettings(std::string_view text, std::string* schema, std::string* table, std::vector<IndexDefinition>* indexes);

}  // namespace vecferry::postgresql
