#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chroma_model/client.h"
#include "chroma_model/metadata.h"
#include "chroma_model/page.h"
#include "connector/connector.h"
#include "options/option.h"

/// Records of a collection over HTTP: requests, rows as records, and what is done by key.
namespace vecferry::chroma_model {

/// A collection as a connector names it.
struct Dataset {
  std::shared_ptr<Client> client;
  std::string store;                 ///< the connector's scheme, "chroma"
  std::string name;                  ///< of the collection, as the user wrote it
  std::string identity;              ///< the same for the same collection however it was spelled
  const Layout* layout = nullptr;
  const CancelToken* cancel = nullptr;
  bool json_text = false;            ///< values of metadata that Chroma does not hold are written as JSON text
};

/// What to ask get for.
struct Wanted {
  bool vectors = true, documents = true, metadatas = true, uris = true;
};
/// The bodies of get: the records of those ids; or a part of all, in the order they were first written.
std::string GetBody(const std::vector<std::string_view>& ids, const Wanted& wanted);
std::string GetBody(int64_t limit, int64_t offset, const Wanted& wanted);
std::string DeleteBody(const std::vector<std::string_view>& ids);
/// The answer taken apart; bytes that are none, and one that lacks a column that was asked for, are a failure of the server, to be tried again.
Status Understood(std::string_view answer, const Wanted& wanted, std::string_view what, Page* page);

/// Makes records of rows. Not for use by two threads at once; reuse it.
class RowDecoder {
 public:
  RowDecoder(const RecordSchema& schema, const Layout& layout);
  /// Appends the row to the builder; or says why it is no record: "wrong-dimensions", "invalid-utf8", and the codes of MetadataDecoder. A row
  /// without a vector has a null one.
  std::optional<Reject> Append(const Page& page, size_t row, BatchBuilder& builder);

 private:
  Status AppendRow(const Page& page, size_t row, BatchBuilder& builder, Reject* facts);
  const RecordSchema schema_;
  MetadataDecoder metadata_;
  std::string id_, document_, uri_;
};

/// Rows on their way to the server, in columns. Not for use by two threads at once; reuse it.
class RowEncoder {
 public:
  RowEncoder(const RecordSchema& schema, const Layout& layout, bool base64, bool json_text = false);
  /// Row by row; what a row that is refused would be is left out. Codes: those of MetadataEncoder, "missing-vector", "empty-id",
  /// "non-finite-vector", and "vector-too-long" for one of a cosine collection whose length the server cannot hold.
  void Encode(const RecordView& batch, std::vector<RowReject>* rejects);
  const std::vector<int64_t>& rows() const { return rows_; }          ///< of the batch that were taken
  OutgoingRecord& record(size_t i) { return records_[i]; }            ///< of rows()[i]; may be changed before Body
  /// The body of upsert for what was taken.
  std::string Body(const RecordView& batch) const;

 private:
  std::optional<RowReject> CheckVector(const RecordView& batch, int64_t row) const;
  void AppendVector(std::string_view bytes, std::string* out) const;
  const RecordSchema schema_;
  const bool base64_;
  MetadataEncoder metadata_;
  std::vector<int64_t> rows_;
  std::vector<OutgoingRecord> records_;
};

/// What RowEncoder refuses.
RowJudge JudgeBy(const RecordSchema& schema, const Layout& layout, bool json_text);

/// What a record is kept as before it is overwritten: one JSON object with id, embedding (base64), metadata, document and uri. And an
/// upsert's body of several.
Result<std::string> ImageOf(const Page& page, size_t row);
Result<std::string> BodyOfImages(const std::vector<std::string_view>& images);

/// Reads and writes records by their keys: the id alone, for Chroma knows no tenants. Thread-safe.
class RecordsByKey final : public Lookup, public Undo {
 public:
  RecordsByKey(Dataset dataset, std::string collection, RecordSchema schema) : dataset_(std::move(dataset)), collection_(std::move(collection)), schema_(std::move(schema)) {}

  Result<int64_t> Count() override { return dataset_.client->Count(collection_); }
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override;
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override;
  /// The sink does that: it knows what it made.
  Status DropDataset() override { return MakeError(Category::internal, "a collection is dropped by its sink"); }

 private:
  Status Fetch(const std::vector<std::string_view>& ids, std::string* answer, Page* page) const;
  Status Delete(const std::vector<std::string_view>& ids) const;
  const Dataset dataset_;
  const std::string collection_;
  const RecordSchema schema_;
};

/// Up to as many at once as the server takes.
std::vector<std::vector<std::string_view>> InGroups(const std::vector<std::string_view>& ids, int64_t most);

/// Nearest neighbours by the server's own index. Thread-safe.
class CollectionSearcher final : public Searcher {
 public:
  CollectionSearcher(Dataset dataset, std::string collection, RecordSchema schema) : dataset_(std::move(dataset)), collection_(std::move(collection)), schema_(std::move(schema)) {}
  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override;
  /// Squared L2, 1 - cosine, 1 - dot: all distances.
  bool HigherIsNearer(std::string_view) const override { return false; }

 private:
  const Dataset dataset_;
  const std::string collection_;
  const RecordSchema schema_;
};

/// What any store of the family holds.
Capabilities FamilyCapabilities(bool json_text = false);
/// metadata=plain|json: whether values that Chroma does not hold are refused or kept as JSON text.
OptionSpec MetadataOption();

/// A source on a collection that exists. `known` is the schema of records that were written there, where it is known.
std::unique_ptr<Source> MakeSource(Dataset dataset, Collection collection, std::optional<RecordSchema> known);
/// The same by name: Category::not_found, with the nearest names, where there is none.
Result<std::unique_ptr<Source>> OpenCollection(Dataset dataset);
std::unique_ptr<Sink> MakeSink(Dataset dataset, const Capabilities& can);
/// "384 x f32, cosine".
std::string DescribeCollection(const Collection& collection);

}  // namespace vecferry::chroma_model
