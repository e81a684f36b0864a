#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "chroma_model/parameters.h"
#include "net/http.h"

namespace vecferry::chroma_model {

/// A server, and the database of it that is meant.
struct Address {
  Endpoint endpoint;
  HttpHeaders headers;              ///< credentials, never shown
  std::string base;                 ///< what stands before /api/v2, "" as a rule
  std::chrono::milliseconds deadline{60'000};
  std::string tenant = "default_tenant";
  std::string database = "default_database";
};

/// A collection as the server tells of it.
struct Collection {
  std::string id;                   ///< its UUID: what record routes take
  std::string name;
  int32_t dimension = 0;            ///< 0 until the first write
  Parameters parameters;
};

/// What the server says of itself.
struct ServerFacts {
  std::string version;
  int64_t max_batch = 0;            ///< records in one write, 0 if it says none
  bool base64 = false;              ///< vectors may be written so
};

/// Calls of one server's API v2. Each call is made once: nothing is tried again here. Thread-safe.
class Client {
 public:
  /// Category::unsupported for a server of API v1 alone; and what Classify says of one that cannot be reached or let in.
  static Result<std::shared_ptr<Client>> Connect(Address address, const CancelToken* cancel);

  const Address& address() const { return address_; }
  const ServerFacts& facts() const { return facts_; }

  /// All collections of the database, by name. Of one whose parameters are not understood only id and name are given, `fault` says why.
  struct Listed {
    Collection collection;
    Status fault;
  };
  Result<std::vector<Listed>> Collections() const;
  /// Nothing where there is none of that name.
  Result<std::optional<Collection>> Find(const std::string& name) const;
  /// Category::refused where one of that name exists.
  Result<Collection> Create(const Creation& creation) const;
  /// By name, if it is the one of that id; OK where it is not there.
  Status Drop(const std::string& name, const std::string& id) const;
  Status Rename(const std::string& id, const std::string& new_name) const;
  Result<int64_t> Count(const std::string& id) const;
  /// POST collections/ID/VERB: the answer's body, which may be given to GiveBuffer.
  Result<std::string> Records(const std::string& id, const char* verb, std::string body, HttpAct act, std::string_view what) const;

  /// Of the whole server, for doctor: the databases of the tenant; Category::not_found where there is no such tenant.
  Result<std::vector<std::string>> Databases() const;
  /// Whether the server knows the database.
  Result<bool> HasDatabase() const;
  /// "user at tenant" as the server understands the credentials; "" where it does not say.
  Result<std::string> Identity() const;

 private:
  Client(Address address, const CancelToken* cancel, std::unique_ptr<HttpClient> http);
  HttpReply Send(const char* method, const std::string& path, std::string body = {}, bool safe = false) const;
  Result<std::string> Ask(const char* method, const std::string& path, std::string body, HttpAct act, std::string_view what) const;
  std::string CollectionsPath() const;
  Status ReadFacts();

  const Address address_;
  const CancelToken* cancel_;
  std::unique_ptr<HttpClient> http_;
  ServerFacts facts_;
};

/// The failure that a reply is, with the server's own words.
Status FailureOf(const HttpReply& reply, HttpAct act, std::string_view what);

}  // namespace vecferry::chroma_model
