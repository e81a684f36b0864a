#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/records.h"
#include "connectors/chroma/chroma.h"
#include "connectors/chroma/target.h"

namespace vecferry {
namespace chroma {
namespace {

using chroma_model::Client;
using chroma_model::Dataset;

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = kScheme;
  info.title = "Chroma, a server, over its REST API v2";
  info.example = "chroma://localhost:8000#docs";
  info.default_layout = "default";
  info.options = Options();
  info.notes =
      "Servers of API v2 (1.x). `chroma://HOST:PORT/TENANT/DATABASE#COLLECTION` names a database other than the default one. The key comes from\n"
      "CHROMA_API_KEY, CHROMA_CLIENT_AUTH_CREDENTIALS or a file, and is sent as a token, or as basic where a user is named.\n"
      "The metric is read from wherever it stands (schema, configuration, `hnsw:space`); configuration and metadata of a collection go with it.\n"
      "Records are read by their ids, listed once at the beginning: what is deleted or added meanwhile does not shift the rest. Documents and URIs\n"
      "(the metadata's `chroma:uri`) are carried; a tenant is the metadata field `tenant`. Chroma merges metadata on upsert and keeps documents:\n"
      "a record that is overwritten is made to be exactly what comes. Vectors of a cosine collection come back with another last digit.\n"
      "Keys of metadata that Chroma refuses or drops - the empty one, and those that begin with `#`, `$` or `chroma:` - get a backslash in front.\n"
      "Refused, because Chroma would change them without a word: empty arrays, arrays of integers and doubles, the double -0.0, and of the others one in five\n"
      "with more than 15 digits. With `?metadata=json` these, null and nested values are kept as JSON text that reads back as what it was.";
  info.capabilities = chroma_model::FamilyCapabilities();
  return info;
}

class Chroma final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const bool json_text, KeepsJsonText(location));
    return chroma_model::FamilyCapabilities(json_text);
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(auto address, ParseAddress(location));
    ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(std::move(address), context.cancel));
    ARROW_ASSIGN_OR_RAISE(const auto all, client->Collections());
    if (all.empty()) ARROW_RETURN_NOT_OK(CheckDatabase(*client));
    std::vector<DatasetSummary> summaries;
    for (const auto& [collection, fault] : all) {
      DatasetSummary summary{.name = collection.name};
      summary.description = fault.ok() ? chroma_model::DescribeCollection(collection) : Printable(fault.message(), 200);
      if (const auto count = client->Count(collection.id); count.ok()) summary.count = *count;
      else summary.description += ", " + count.status().message();
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    return chroma_model::OpenCollection(std::move(dataset));
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, Open(location, context));
    return chroma_model::MakeSink(std::move(dataset), info_.capabilities);
  }

  std::vector<Note> Diagnose(const Location& location, const OpenContext& context) override {
    auto address = ParseAddress(location);
    if (!address.ok()) return {{"location", address.status().message(), -1, true}};
    const auto client = Client::Connect(*address, context.cancel);
    if (!client.ok()) return {{"connect", Describe(client.status()), -1, true}};
    const auto& facts = (*client)->facts();
    std::vector<Note> notes = {{"server", fmt::format("Chroma answers at {}, API v2 ({})", address->endpoint.Display(), facts.version), -1, false},
                               {"limits", fmt::format("{} records in one write; vectors are sent as {}", facts.max_batch > 0 ? FormatCount(facts.max_batch) : "any number of",
                                                      facts.base64 ? "base64" : "numbers"), -1, false}};
    if (const auto identity = (*client)->Identity(); !identity.ok()) notes.push_back({"identity", Describe(identity.status()), -1, true});
    else if (!identity->empty()) notes.push_back({"identity", "known as " + *identity, -1, false});
    if (const Status database = CheckDatabase(**client); !database.ok()) {
      notes.push_back({"database", Describe(database), -1, true});
      return notes;
    }
    const auto all = (*client)->Collections();
    if (!all.ok()) notes.push_back({"collections", Describe(all.status()), -1, true});
    else notes.push_back({"collections", fmt::format("{} collections can be seen", all->size()), static_cast<int64_t>(all->size()), false});
    return notes;
  }

 private:
  static Result<bool> KeepsJsonText(const Location& location) {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(Options(), location.options, "option of chroma"));
    return options.at("metadata") == "json";
  }

  static Result<Dataset> Open(const Location& location, const OpenContext& context) {
    ARROW_ASSIGN_OR_RAISE(auto address, ParseAddress(location));
    if (location.dataset.empty()) return MakeError(Category::usage, "no collection is named", "write it after a #: chroma://HOST:PORT#NAME");
    Dataset dataset;
    dataset.store = kScheme;
    dataset.name = location.dataset;
    dataset.identity = IdentityOf(address) + "#" + location.dataset;
    dataset.layout = context.layout;
    dataset.cancel = context.cancel;
    ARROW_ASSIGN_OR_RAISE(dataset.json_text, KeepsJsonText(location));
    ARROW_ASSIGN_OR_RAISE(dataset.client, Client::Connect(std::move(address), context.cancel));
    return dataset;
  }

  /// A database that is not there has no collections: the server says nothing else.
  static Status CheckDatabase(const Client& client) {
    ARROW_ASSIGN_OR_RAISE(const bool there, client.HasDatabase());
    if (there) return Status::OK();
    const auto names = client.Databases();
    return MakeError(Category::not_found, fmt::format("there is no database '{}' in the tenant '{}'{}", Printable(client.address().database, 200), Printable(client.address().tenant, 200),
                                                      names.ok() ? Suggestion(client.address().database, *names) : ""),
                     "name both: chroma://HOST:PORT/TENANT/DATABASE#COLLECTION");
  }

  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace chroma

std::unique_ptr<Connector> MakeChromaConnector() { return std::make_unique<chroma::Chroma>(); }

}  // namespace vecferry
