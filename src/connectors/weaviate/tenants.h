#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "connectors/weaviate/client.h"

namespace vecferry::weaviate {

/// Wakes tenants of one class that sleep, and puts them back to sleep. Which it has woken stands in a file of the user's state folder before
/// they are woken (StateDir()/weaviate/HASH/), held for as long as this process lives: what a killed process left awake, the next that has to do
/// with the class puts back. Thread-safe.
class TenantKeeper {
 public:
  TenantKeeper(std::shared_ptr<Client> client, std::string name);
  /// Puts back what is awake still.
  ~TenantKeeper();

  /// The tenant is awake until it is let go of as often as it was needed. False where it sleeps and `wake` is not said. Category::not_found
  /// where there is no such tenant, refused where it lies where it cannot be woken from.
  Result<bool> Need(const std::string& tenant, bool wake);
  void LetGo(const std::string& tenant);
  /// The same, and makes the tenant where it does not exist; stays awake until PutBack.
  Status NeedOrMake(const std::string& tenant);
  /// Forgets what it knew to be awake: somebody else has put tenants to sleep meanwhile.
  void Forget();
  /// Takes over what killed processes have left awake, to be put back with the rest.
  Status TakeOver();
  /// Puts back every tenant that was woken here or taken over.
  Status PutBack();
  /// How many a killed process had left awake.
  static Result<int64_t> LeftAwake(const Client& client, const std::string& name);

 private:
  Status Open();
  Status Write();
  Status Wake(const std::string& tenant);
  Status Sleep(const std::vector<std::string>& tenants);
  std::set<std::string> HeldByOthers() const;

  const std::shared_ptr<Client> client_;
  const std::string name_;
  std::mutex mutex_;
  fs::path dir_;
  std::string file_;                       ///< of this process, without its ending; "" where it has none yet
  std::optional<FileLock> held_;
  std::set<std::string> woken_;
  std::set<std::string> awake_;            ///< known to be
  std::map<std::string, int> needed_;
};

}  // namespace vecferry::weaviate
