#include "connectors/mcp_memory/reader.h"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/mcp_memory/memory_row.h"
#include "connectors/mcp_memory/vectors.h"

namespace vecferry::mcp_memory {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

/// Memories by ascending id. Where the database is live each batch is one transaction and the statement starts anew after
/// it; where it is frozen the statement goes on.
class MemoryReader final : public SplitReader {
 public:
  MemoryReader(std::shared_ptr<const MemoryContext> context, const ReadOptions& options, int64_t first, int64_t last)
      : context_(std::move(context)), options_(options), next_(first), last_(last), builder_(context_->schema) {}

  Status Open(const Cursor& from) {
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(told_, ParseInt(from));
      done_ = told_ >= last_;
      next_ = done_ ? last_ : std::max(next_, told_ + 1);
    } else {
      told_ = next_ == std::numeric_limits<int64_t>::min() ? next_ : next_ - 1;
    }
    const Tables& tables = context_->tables;
    ARROW_ASSIGN_OR_RAISE(db_, context_->snapshot->Connect());
    ARROW_RETURN_NOT_OK(db_.Exec("BEGIN"));
    ARROW_RETURN_NOT_OK(row_.Open(db_, tables));
    ARROW_RETURN_NOT_OK(vectors_.Open(db_, tables));
    ARROW_ASSIGN_OR_RAISE(rows_, db_.Prepare(Query(tables)));
    ARROW_ASSIGN_OR_RAISE(following_, db_.Prepare("SELECT id FROM memories WHERE id>=? ORDER BY id LIMIT 1"));
    if (!context_->snapshot->frozen()) Release();
    return Status::OK();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (done_) return std::nullopt;
    if (context_->cancel) ARROW_RETURN_NOT_OK(context_->cancel->Check());
    if (!context_->snapshot->frozen()) ARROW_RETURN_NOT_OK(db_.Exec("BEGIN"));
    SourceBatch batch;
    const int64_t told = told_;
    Status status = Fill(&batch);
    const auto view = builder_.Finish();
    if (status.ok()) status = view.status();
    if (!context_->snapshot->frozen()) Release();
    if (!status.ok()) {
      Restart(told);
      return status;
    }
    if (view->rows() == 0 && batch.rejects.empty() && done_) return std::nullopt;
    batch.records = *view;
    batch.next = std::to_string(told_);
    return batch;
  }

 private:
  static std::string Query(const Tables& tables) {
    const bool vec0 = tables.embeddings.has_value();
    // By the rows themselves: an index on deleted_at would have every row looked up.
    return fmt::format("SELECT {}, {} FROM memories m NOT INDEXED {} WHERE m.id BETWEEN ? AND ?{} ORDER BY m.id", RowColumns(tables),
                       vec0 ? "r.rowid IS NOT NULL, r.chunk_id, r.chunk_offset" : "0, NULL, NULL",
                       vec0 ? "LEFT JOIN memory_embeddings_rowids r ON r.rowid=m.id" : "", tables.AndLive());
  }

  void Release() {
    rows_.Reset();
    following_.Reset();
    row_.Release();
    vectors_.Release();
    running_ = pending_ = false;
    (void)db_.Exec("ROLLBACK");
  }

  void Restart(int64_t told) {
    rows_.Reset();
    running_ = pending_ = done_ = false;
    told_ = told;
    next_ = next_from_;
  }

  Status Fill(SourceBatch* batch) {
    next_from_ = next_;
    while (builder_.rows() < options_.batch_rows && static_cast<int64_t>(batch->rejects.size()) < options_.batch_rows) {
      if (!pending_) {
        ARROW_ASSIGN_OR_RAISE(const bool row, Step(batch));
        if (!row) {
          if (done_) return Status::OK();
          continue;
        }
      }
      ARROW_ASSIGN_OR_RAISE(pending_, Add(batch));
      if (pending_) return Status::OK();
      Told(rows_.Int(kId));
      if (builder_.bytes() >= options_.batch_bytes && builder_.rows() > 0) return Status::OK();
    }
    return Status::OK();
  }

  void Told(int64_t id) {
    told_ = id;
    done_ = id >= last_;
    next_ = done_ ? last_ : id + 1;
  }

  /// Moves to the next row. False at the end (done_), or after a row that cannot be read became a reject.
  Result<bool> Step(SourceBatch* batch) {
    if (done_) return false;
    if (!running_) {
      rows_.Reset();
      rows_.Bind(1, next_).Bind(2, last_);
      running_ = true;
    }
    const auto row = rows_.Step();
    if (row.ok()) {
      done_ = !*row;
      return *row;
    }
    if (!IsCategory(row.status(), Category::corrupt)) return row.status();
    rows_.Reset();
    running_ = false;
    return SkipDamaged(row.status(), batch);
  }

  /// A row whose pages are damaged is known by its id alone; the ids after it can most often still be read.
  Result<bool> SkipDamaged(const Status& damage, SourceBatch* batch) {
    following_.Reset();
    const auto found = following_.Bind(1, next_).Step();
    const int64_t id = found.ok() && *found ? following_.Int(0) : 0;
    following_.Reset();
    if (!found.ok() || !*found || id > last_) return damage;
    Reject reject;
    reject.id = fmt::format("(row {})", id);
    reject.code = "damaged";
    reject.message = Printable(fmt::format("row {} cannot be read: {}", id, damage.message()));
    reject.record = fmt::format("{{\"id\":\"(row {})\"}}", id);
    batch->rejects.push_back(std::move(reject));
    Told(id);
    return false;
  }

  /// The row the statement is at. True: it does not fit any more and stays for the next batch.
  Result<bool> Add(SourceBatch* batch) {
    ARROW_ASSIGN_OR_RAISE(const bool whole, row_.Load(rows_));
    if (!whole) {
      batch->rejects.push_back(row_.reject());
      return false;
    }
    const auto size = static_cast<int64_t>(row_.id().size() + row_.document().size() + row_.metadata().size()) + int64_t{4} * context_->tables.dims;
    if (builder_.rows() > 0 && builder_.bytes() + size > options_.batch_bytes) return true;
    const auto found = vectors_.Read(rows_.Int(kId), rows_.Int(kPlaced) != 0, rows_.Int(kChunkId), rows_.Int(kChunkSlot), builder_.VectorSpace(0));
    if (!found.ok() || !*found) {
      builder_.DropRow();
      if (!found.ok()) {
        if (!IsCategory(found.status(), Category::corrupt)) return found.status();
        batch->rejects.push_back(row_.RejectWhole("damaged-vector", found.status().message()));
        return false;
      }
      if (!context_->keep_missing) {
        batch->rejects.push_back(row_.RejectWhole("missing-vector", fmt::format("row {} has no vector", rows_.Int(kId))));
        return false;
      }
    }
    builder_.Id(row_.id());
    builder_.Document(row_.document());
    builder_.Metadata(row_.metadata());
    builder_.EndRow();
    return false;
  }

  std::shared_ptr<const MemoryContext> context_;
  ReadOptions options_;
  int64_t next_, last_, told_ = 0, next_from_ = 0;
  bool done_ = false, running_ = false, pending_ = false;
  BatchBuilder builder_;
  sqlite::Db db_;
  sqlite::Stmt rows_, following_;
  MemoryRow row_;
  VectorFinder vectors_;
};

}  // namespace

Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<const MemoryContext> context, const std::string& payload,
                                                const Cursor& from, const ReadOptions& options) {
  const size_t space = payload.find(' ');
  if (space == std::string::npos) return MakeError(Category::internal, "a split of mcp-memory is malformed");
  ARROW_ASSIGN_OR_RAISE(const int64_t first, ParseInt(std::string_view(payload).substr(0, space)));
  ARROW_ASSIGN_OR_RAISE(const int64_t last, ParseInt(std::string_view(payload).substr(space + 1)));
  auto reader = std::make_unique<MemoryReader>(std::move(context), options, first, last);
  ARROW_RETURN_NOT_OK(reader->Open(from));
  return reader;
}

}  // namespace vecferry::mcp_memory
