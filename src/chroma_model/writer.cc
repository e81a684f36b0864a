#include "chroma_model/writer.h"

#include <unordered_map>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "chroma_model/strays.h"
#include "net/buffers.h"

namespace vecferry::chroma_model {
namespace {

bool Present(const std::vector<RawText>& column, size_t row) { return row < column.size() && column[row].present; }

}  // namespace

Result<WriteOutcome> CollectionWriter::Write(const RecordView& batch) {
  const int64_t most = dataset_.client->facts().max_batch;
  if (most > 0 && batch.rows() > most) {
    return MakeError(Category::too_large, fmt::format("the server takes {} records at once", most), "use a smaller --batch-size");
  }
  WriteOutcome outcome;
  const auto encoder = encoders_.Take([&] { return RowEncoder(schema_, *dataset_.layout, dataset_.client->facts().base64, dataset_.json_text); });
  encoder->Encode(batch, &outcome.rejects);
  if (encoder->rows().empty()) return outcome;
  if (replaces_) ARROW_RETURN_NOT_OK(MakeRoom(batch, *encoder));
  std::string body = encoder->Body(batch);
  VF_FAILPOINT("chroma.upsert.before");
  ARROW_RETURN_NOT_OK(dataset_.client->Records(collection_, "upsert", std::move(body), HttpAct::write, "writing records").status());
  VF_FAILPOINT("chroma.upsert.after");
  std::vector<std::string_view> ids, metadatas;
  for (size_t i = 0; i < encoder->rows().size(); ++i) {
    ids.push_back(batch.id(encoder->rows()[i]));
    metadatas.push_back(encoder->record(i).metadata);
  }
  ARROW_RETURN_NOT_OK(RemoveStrays(*dataset_.client, collection_, ids, metadatas));
  return outcome;
}

/// Sees that nothing of what the records were stays.
Status CollectionWriter::MakeRoom(const RecordView& batch, RowEncoder& encoder) {
  std::vector<std::string_view> doomed;
  ARROW_RETURN_NOT_OK(Compare(batch, encoder, &doomed));
  if (doomed.empty()) return Status::OK();
  VF_FAILPOINT("chroma.make-room.before");
  ARROW_RETURN_NOT_OK(dataset_.client->Records(collection_, "delete", DeleteBody(doomed), HttpAct::write, "making room for records").status());
  VF_FAILPOINT("chroma.make-room.after");
  return Status::OK();
}

Status CollectionWriter::Compare(const RecordView& batch, RowEncoder& encoder, std::vector<std::string_view>* doomed) {
  constexpr std::string_view kWhat = "looking at what the records are so far";
  std::vector<std::string_view> ids;
  std::unordered_map<std::string_view, size_t> places;
  bool without_document = !schema_.has_document;
  for (size_t i = 0; i < encoder.rows().size(); ++i) {
    const int64_t row = encoder.rows()[i];
    places.emplace(batch.id(row), ids.size());
    ids.push_back(batch.id(row));
    without_document |= !batch.document(row);
  }
  const Wanted wanted{.vectors = false, .documents = without_document, .metadatas = true, .uris = true};
  ARROW_ASSIGN_OR_RAISE(std::string answer, dataset_.client->Records(collection_, "get", GetBody(ids, wanted), HttpAct::read, kWhat));
  Page page;
  ARROW_RETURN_NOT_OK(Understood(answer, wanted, kWhat, &page));
  std::string buffer;
  for (size_t row = 0; row < page.rows(); ++row) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view id, Unescape(page.ids[row], &buffer));
    const auto place = places.find(id);
    if (place == places.end()) return BadHttpAnswer(kWhat, "the server answers with a record that was not asked for");
    OutgoingRecord& record = encoder.record(place->second);
    const bool document_goes = Present(page.documents, row) && !batch.document(encoder.rows()[place->second]);
    const bool uri_goes = Present(page.uris, row) && !record.uri;
    if (document_goes || uri_goes) doomed->push_back(place->first);
    else ARROW_RETURN_NOT_OK(AddNulls(page.metadatas[row], record.metadata, &record.metadata));
  }
  GiveBuffer(std::move(answer));
  return Status::OK();
}

}  // namespace vecferry::chroma_model
