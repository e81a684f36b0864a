#include "connectors/chroma_local/reader.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/metadata.h"
#include "connectors/chroma_local/metadata.h"

namespace vecferry::chroma_local {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int kAttempts = 5;

/// A batch at a time: one state of the database, and of the HNSW files that go with it.
class RecordReader : public SplitReader {
 public:
  RecordReader(std::shared_ptr<Directory> directory, const ReadOptions& options)
      : directory_(std::move(directory)), options_(options), builder_(directory_->schema()),
        decoder_(directory_->layout(), directory_->schema().has_document, directory_->schema().has_tenant) {}

  Status Open() {
    ARROW_ASSIGN_OR_RAISE(db_, directory_->Connect());
    ARROW_RETURN_NOT_OK(metadata_.Open(db_, directory_->tables()));
    ARROW_ASSIGN_OR_RAISE(queued_vector_, db_.Prepare("SELECT vector, encoding FROM embeddings_queue WHERE seq_id=?"));
    return OpenMore();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (done_) return std::nullopt;
    if (const auto* cancel = directory_->cancel()) ARROW_RETURN_NOT_OK(cancel->Check());
    for (int attempt = 1;; ++attempt) {
      const int64_t before = last_;
      SourceBatch batch;
      ARROW_RETURN_NOT_OK(db_.Exec("BEGIN"));
      Result<bool> filled = Fill(&batch);
      Release();
      (void)db_.Exec("ROLLBACK");
      auto view = builder_.Finish();
      if (filled.ok() && view.ok() && *filled) {
        done_ = at_end_;
        if (view->rows() == 0 && batch.rejects.empty() && done_) return std::nullopt;
        batch.records = std::move(*view);
        batch.next = std::to_string(last_);
        return batch;
      }
      last_ = before;
      at_end_ = false;
      ARROW_RETURN_NOT_OK(view.status());
      // Files that were written meanwhile may have looked damaged: only what stands still is believed.
      if (!filled.ok() && directory_->frozen()) return filled.status();
      if (!filled.ok() && attempt >= kAttempts) return filled.status();
      if (attempt >= kAttempts) return Busy();
    }
  }

 protected:
  virtual Status OpenMore() { return Status::OK(); }
  virtual Status FillRows(const State& state, SourceBatch* batch) = 0;
  virtual void ReleaseMore() {}

  bool Full(const SourceBatch& batch) const {
    return builder_.rows() + static_cast<int64_t>(batch.rejects.size()) >= options_.batch_rows || (builder_.rows() > 0 && builder_.bytes() >= options_.batch_bytes);
  }

  /// One record. False: it does not fit into this batch any more and has to be given again.
  Result<bool> Add(const State& state, std::optional<int64_t> rowid, std::string_view id, const Pending::Change* change, SourceBatch* batch) {
    if (!IsValidUtf8(id)) return Refuse(id, BadRecord("invalid-utf8", "its id is not valid UTF-8"), batch);
    if (options_.keys_only && !directory_->schema().has_tenant) {
      builder_.Id(id);
      builder_.EndRow();
      return true;
    }
    Status status = metadata_.Load(rowid, change);
    if (!status.ok()) return Refuse(id, status, batch);
    auto payload = decoder_.Decode(metadata_.record());
    if (!payload.ok()) return Refuse(id, payload.status(), batch);
    const auto& vectors = directory_->schema().vectors;
    const int64_t size = metadata_.bytes() + static_cast<int64_t>(id.size()) + (vectors.empty() ? 0 : vectors[0].width());
    if (builder_.rows() > 0 && builder_.bytes() + size > options_.batch_bytes) return false;
    builder_.Id(id);
    if (payload->tenant) builder_.Tenant(*payload->tenant);
    if (payload->document) builder_.Document(*payload->document);
    if (payload->metadata.size() > 2) builder_.Metadata(payload->metadata);
    bool rounded = false;
    status = vectors.empty() ? Status::OK() : AddVector(*state.vectors, id, &rounded);
    if (!status.ok()) {
      builder_.DropRow();
      return Refuse(id, status, batch);
    }
    if (rounded) batch->rounded.push_back(builder_.rows());
    builder_.EndRow();
    return true;
  }

  std::shared_ptr<Directory> directory_;
  ReadOptions options_;
  BatchBuilder builder_;
  sqlite::Db db_;
  int64_t last_ = kMin;    ///< the key of the last record that was told
  bool at_end_ = false;

 private:
  /// False: the files changed meanwhile.
  Result<bool> Fill(SourceBatch* batch) {
    ARROW_ASSIGN_OR_RAISE(const auto state, directory_->Current(db_));
    ARROW_RETURN_NOT_OK(FillRows(*state, batch));
    return directory_->Unchanged(*state);
  }

  Status Busy() const {
    return MakeError({.category = Category::locked, .retry = Retry::after_delay, .next_step = "run the same command again when the program that writes it writes less"},
                     fmt::format("{} was written to each time that it was read", directory_->folder().string()));
  }

  Status AddVector(const VectorMap& vectors, std::string_view id, bool* rounded) {
    const Place place = vectors.Find(id);
    if (place.in == Place::In::nowhere) return Status::OK();
    if (place.in == Place::In::file) return vectors.files().Read(static_cast<uint32_t>(place.at), builder_.VectorSpace(0));
    queued_vector_.Reset();
    ARROW_ASSIGN_OR_RAISE(const bool found, queued_vector_.Bind(1, place.at).Step());
    if (!found) return MakeError(Category::corrupt, fmt::format("row {} of embeddings_queue is gone", place.at));
    return DecodeQueuedVector(queued_vector_.Blob(0), queued_vector_.Text(1), directory_->schema().vectors[0].dims, builder_.VectorSpace(0), rounded);
  }

  /// A failure of the record alone becomes its reject; any other is the caller's.
  Result<bool> Refuse(std::string_view id, const Status& status, SourceBatch* batch) {
    const ErrorFacts facts = FactsOf(status);
    if (facts.category != Category::bad_content) return status;
    Reject reject;
    reject.id = Printable(id);
    reject.code = facts.code.empty() ? "damaged" : facts.code;
    reject.message = Printable(status.message());
    reject.record = "{\"id\":";
    AppendJsonString(reject.id, &reject.record);
    reject.record += '}';
    batch->rejects.push_back(std::move(reject));
    return true;
  }

  void Release() {
    metadata_.Release();
    queued_vector_.Reset();
    ReleaseMore();
  }

  MetadataReader metadata_;
  chroma_model::MetadataDecoder decoder_;
  sqlite::Stmt queued_vector_;
  bool done_ = false;
};

/// Rows of `embeddings` in order: as they were added.
class RowsReader final : public RecordReader {
 public:
  RowsReader(std::shared_ptr<Directory> directory, const ReadOptions& options, int64_t first, int64_t last, std::optional<int64_t> from)
      : RecordReader(std::move(directory), options), end_(last) {
    last_ = from ? std::max(*from, first == kMin ? kMin : first - 1) : first == kMin ? kMin : first - 1;
  }

 protected:
  Status OpenMore() override {
    // By the rows themselves: the index of ids would have each batch sorted.
    ARROW_ASSIGN_OR_RAISE(rows_, db_.Prepare("SELECT id, embedding_id FROM embeddings NOT INDEXED WHERE id>? AND id<=? AND segment_id=? ORDER BY id"));
    return Status::OK();
  }
  void ReleaseMore() override { rows_.Reset(); }

  Status FillRows(const State& state, SourceBatch* batch) override {
    rows_.Bind(1, last_).Bind(2, end_).BindText(3, directory_->collection().metadata_segment);
    while (!Full(*batch)) {
      ARROW_ASSIGN_OR_RAISE(const bool row, rows_.Step());
      if (!row) {
        at_end_ = true;
        return Status::OK();
      }
      const std::string_view id = rows_.Text(1);
      const Pending::Change* change = nullptr;
      if (!state.pending.changes.empty()) {
        const auto found = state.pending.changes.find(id);
        if (found != state.pending.changes.end()) change = &found->second;
      }
      if (!change || !change->drops_row) {
        ARROW_ASSIGN_OR_RAISE(const bool taken, Add(state, rows_.Int(0), id, change, batch));
        if (!taken) return Status::OK();
      }
      last_ = rows_.Int(0);
    }
    return Status::OK();
  }

 private:
  const int64_t end_;
  sqlite::Stmt rows_;
};

/// Records that were added to the queue and to nothing else yet.
class QueueReader final : public RecordReader {
 public:
  QueueReader(std::shared_ptr<Directory> directory, const ReadOptions& options, std::optional<int64_t> from)
      : RecordReader(std::move(directory), options) {
    if (from) last_ = *from;
  }

 protected:
  Status FillRows(const State& state, SourceBatch* batch) override {
    const auto& added = state.pending.added;
    auto at = std::upper_bound(added.begin(), added.end(), last_, [](int64_t seq, const auto& record) { return seq < record.first; });
    for (; at != added.end() && !Full(*batch); ++at) {
      ARROW_ASSIGN_OR_RAISE(const bool taken, Add(state, std::nullopt, at->second, &state.pending.changes.find(at->second)->second, batch));
      if (!taken) return Status::OK();
      last_ = at->first;
    }
    at_end_ = at == added.end();
    return Status::OK();
  }
};

}  // namespace

Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<Directory> directory, const std::string& payload, const Cursor& from,
                                                const ReadOptions& options) {
  std::optional<int64_t> cursor;
  if (!from.empty()) {
    ARROW_ASSIGN_OR_RAISE(cursor, ParseInt(from));
  }
  std::unique_ptr<RecordReader> reader;
  if (payload == "queue") {
    reader = std::make_unique<QueueReader>(std::move(directory), options, cursor);
  } else {
    const std::string_view text = payload;
    const size_t space = text.rfind(' ');
    if (!text.starts_with("rows ") || space < 5) {
      return MakeError(Category::corrupt, fmt::format("the split '{}' is none of a chroma-local source", Printable(payload, 100)));
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t first, ParseInt(text.substr(5, space - 5)));
    ARROW_ASSIGN_OR_RAISE(const int64_t last, ParseInt(text.substr(space + 1)));
    reader = std::make_unique<RowsReader>(std::move(directory), options, first, last, cursor);
  }
  ARROW_RETURN_NOT_OK(reader->Open());
  return std::unique_ptr<SplitReader>(std::move(reader));
}

}  // namespace vecferry::chroma_local
