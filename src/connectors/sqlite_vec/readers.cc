#include "connectors/sqlite_vec/readers.h"

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/sqlite_vec/row_writer.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Vec0Chunk;
using sqlite::Vec0Place;
using sqlite::Vec0Reader;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
/// Rows looked at in one call at most, so that a stretch without records can still be interrupted.
constexpr int64_t kMaxScan = 1 << 16;

/// Numbers separated by single spaces or colons.
Result<std::vector<int64_t>> Numbers(std::string_view text, size_t wanted) {
  std::vector<int64_t> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" :"), text.size());
    ARROW_ASSIGN_OR_RAISE(const int64_t number, ParseInt(text.substr(0, end)));
    numbers.push_back(number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (numbers.size() == wanted) return numbers;
  return MakeError(Category::internal, "a split or cursor of sqlite-vec is malformed");
}

/// A connection and what reads from it; one state of the database per batch, or for good where it is frozen.
class TableReader : public SplitReader {
 public:
  TableReader(std::shared_ptr<const TableContext> table, const ReadOptions& options) : table_(std::move(table)), options_(options), builder_(table_->mapping.schema) {}

  Status Open(Vec0Reader::Options reading) {
    ARROW_ASSIGN_OR_RAISE(db_, table_->snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(Vec0Reader reader, Vec0Reader::Open(db_, table_->mapping.table, reading));
    reader_.emplace(std::move(reader));
    writer_.emplace(table_->mapping, *reader_);
    return OpenMore();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (done_) return std::nullopt;
    if (table_->cancel) ARROW_RETURN_NOT_OK(table_->cancel->Check());
    ARROW_RETURN_NOT_OK(Begin());
    SourceBatch batch;
    const Cursor before = Position();
    Status status = Fill(&builder_, &batch);
    const auto view = builder_.Finish();
    if (status.ok()) status = view.status();
    if (view.ok()) batch.records = *view;
    End();
    if (!status.ok()) {
      ARROW_RETURN_NOT_OK(SeekTo(before));
      return status;
    }
    batch.next = Position();
    if (done_ && batch.records.rows() == 0 && batch.rejects.empty()) return std::nullopt;
    return batch;
  }

  /// Where the next batch begins, and back.
  virtual Cursor Position() const = 0;
  virtual Status SeekTo(const Cursor& cursor) = 0;

 protected:
  virtual Status OpenMore() { return Status::OK(); }
  virtual Status Fill(BatchBuilder* builder, SourceBatch* batch) = 0;

  bool Full(const BatchBuilder& builder) const {
    return builder.rows() >= options_.batch_rows || (builder.rows() > 0 && builder.bytes() >= options_.batch_bytes);
  }
  bool RejectsFull(const SourceBatch& batch) const { return static_cast<int64_t>(batch.rejects.size()) >= options_.batch_rows; }

  /// One row. False: it does not fit into this batch any more and has to be given again.
  Result<bool> Add(Vec0Chunk* chunk, int64_t slot, int64_t rowid, std::string_view key, BatchBuilder* builder, SourceBatch* batch) {
    ARROW_ASSIGN_OR_RAISE(bool taken, writer_->Load(chunk, slot, rowid, key));
    if (taken && builder->rows() > 0 && builder->bytes() + writer_->size() > options_.batch_bytes) return false;
    if (taken) {
      ARROW_ASSIGN_OR_RAISE(taken, writer_->Append(*builder));
    }
    if (!taken) batch->rejects.push_back(writer_->TakeReject());
    return true;
  }

  std::shared_ptr<const TableContext> table_;
  ReadOptions options_;
  BatchBuilder builder_;
  sqlite::Db db_;
  std::optional<Vec0Reader> reader_;
  std::optional<RowWriter> writer_;
  bool done_ = false;

 private:
  Status Begin() {
    if (in_transaction_) return Status::OK();
    ARROW_RETURN_NOT_OK(db_.Exec("BEGIN"));
    in_transaction_ = true;
    return Status::OK();
  }
  /// A live database is let go between batches: a reader that stays pins its -wal.
  virtual void End() {
    if (table_->snapshot->frozen()) return;
    reader_->Release();
    (void)db_.Exec("ROLLBACK");
    in_transaction_ = false;
  }
  bool in_transaction_ = false;
};

/// Chunk after chunk, slot after slot. What T_rowids does not confirm is left to the strays.
class ChunkReader final : public TableReader {
 public:
  ChunkReader(std::shared_ptr<const TableContext> table, const ReadOptions& options, int64_t first, int64_t last)
      : TableReader(std::move(table), options), chunk_(first), last_(last) {}

  Cursor Position() const override { return fmt::format("{}:{}", chunk_, slot_); }
  Status SeekTo(const Cursor& cursor) override {
    if (cursor.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto numbers, Numbers(cursor, 2));
    chunk_ = numbers[0];
    slot_ = numbers[1];
    done_ = chunk_ > last_;
    return Status::OK();
  }

 protected:
  Status Fill(BatchBuilder* builder, SourceBatch* batch) override {
    while (!Full(*builder) && !RejectsFull(*batch)) {
      ARROW_ASSIGN_OR_RAISE(const auto id, reader_->NextChunk(chunk_));
      if (!id || *id > last_) {
        done_ = true;
        return Status::OK();
      }
      if (*id != chunk_) slot_ = 0;
      chunk_ = *id;
      ARROW_ASSIGN_OR_RAISE(Vec0Chunk* const chunk, reader_->Chunk(chunk_));
      ARROW_ASSIGN_OR_RAISE(const bool finished, FillFrom(chunk, builder, batch));
      if (!finished) return Status::OK();
      done_ = chunk_ == kMax;
      if (done_) return Status::OK();
      ++chunk_;
      slot_ = 0;
    }
    return Status::OK();
  }

 private:
  /// True once the chunk has been read to its end.
  Result<bool> FillFrom(Vec0Chunk* chunk, BatchBuilder* builder, SourceBatch* batch) {
    if (!chunk->problem.empty()) return true;
    for (const int64_t slots = table_->mapping.table.chunk_size; slot_ < slots; ++slot_) {
      if (!chunk->Live(slot_)) continue;
      if (Full(*builder) || RejectsFull(*batch)) return false;
      const int64_t rowid = chunk->RowId(slot_);
      ARROW_ASSIGN_OR_RAISE(const Vec0Place place, reader_->Find(rowid));
      if (!place.found || !place.placed || place.chunk != chunk->id || place.slot != slot_) continue;
      ARROW_ASSIGN_OR_RAISE(const bool added, Add(chunk, slot_, rowid, place.key, builder, batch));
      if (!added) return false;
    }
    return true;
  }

  int64_t chunk_, last_, slot_ = 0;
};

/// Indexed tables: T_rowids in order, the vectors from tables of their own.
class RowReader final : public TableReader {
 public:
  RowReader(std::shared_ptr<const TableContext> table, const ReadOptions& options, int64_t first, int64_t last)
      : TableReader(std::move(table), options), next_(first), last_(last) {}

  Cursor Position() const override { return done_ ? "end" : std::to_string(next_); }
  Status SeekTo(const Cursor& cursor) override {
    if (cursor.empty()) return Status::OK();
    done_ = cursor == "end";
    if (!done_) {
      ARROW_ASSIGN_OR_RAISE(next_, ParseInt(cursor));
    }
    rows_.Reset();
    return Status::OK();
  }

 protected:
  Status OpenMore() override {
    ARROW_ASSIGN_OR_RAISE(rows_, db_.Prepare(fmt::format("SELECT rowid FROM {} WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
                                                         sqlite::QuoteName(table_->mapping.table.Shadow("rowids")))));
    return Status::OK();
  }

  Status Fill(BatchBuilder* builder, SourceBatch* batch) override {
    rows_.Reset();
    rows_.Bind(1, next_).Bind(2, last_);
    Status status = FillRows(builder, batch);
    rows_.Reset();
    return status;
  }

 private:
  Status FillRows(BatchBuilder* builder, SourceBatch* batch) {
    while (!Full(*builder) && !RejectsFull(*batch)) {
      ARROW_ASSIGN_OR_RAISE(const bool row, rows_.Step());
      if (!row) {
        done_ = true;
        return Status::OK();
      }
      const int64_t rowid = rows_.Int(0);
      ARROW_ASSIGN_OR_RAISE(const Vec0Place place, reader_->Find(rowid));
      const std::string key(place.key);
      Vec0Chunk* chunk = nullptr;
      bool misplaced = false;
      if (place.placed) {
        ARROW_ASSIGN_OR_RAISE(chunk, reader_->Chunk(place.chunk));
        const Status check = reader_->CheckPlace(*chunk, place.slot, rowid);
        misplaced = !check.ok();
        if (misplaced) batch->rejects.push_back(writer_->MakeReject(rowid, key, "misplaced", check.message()));
      }
      if (!misplaced) {
        ARROW_ASSIGN_OR_RAISE(const bool added, Add(chunk, place.slot, rowid, key, builder, batch));
        if (!added) return Status::OK();
      }
      done_ = rowid >= last_ || rowid == kMax;
      if (done_) return Status::OK();
      next_ = rowid + 1;
    }
    return Status::OK();
  }

  sqlite::Stmt rows_;
  int64_t next_, last_;
};

/// Compares T_rowids with the chunks, without reading a vector. Cursor: "rows ROWID" or "slots CHUNK SLOT", the next
/// to be told; what lies before is looked at again to learn which slots are claimed.
class StrayReader final : public TableReader {
 public:
  using TableReader::TableReader;

  Cursor Position() const override {
    return done_ ? "end" : in_slots_ ? fmt::format("slots {} {}", chunk_, slot_) : fmt::format("rows {}", row_);
  }
  Status SeekTo(const Cursor& cursor) override {
    scanned_ = kMin;
    claimed_.clear();
    started_ = false;
    if (cursor.empty()) return Status::OK();
    done_ = cursor == "end";
    in_slots_ = cursor.starts_with("slots ");
    if (done_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto numbers, Numbers(std::string_view(cursor).substr(in_slots_ ? 6 : 5), in_slots_ ? 2 : 1));
    if (in_slots_) chunk_ = numbers[0], slot_ = numbers[1], row_ = kMax;
    else row_ = numbers[0];
    return Status::OK();
  }

 protected:
  Status OpenMore() override {
    const std::string name = sqlite::QuoteName(table_->mapping.table.Shadow("rowids"));
    ARROW_ASSIGN_OR_RAISE(rows_, db_.Prepare(fmt::format("SELECT rowid, chunk_id, chunk_offset{} FROM {} WHERE rowid>=? ORDER BY rowid",
                                                         table_->mapping.table.text_key ? ", id" : "", name)));
    return Status::OK();
  }

  Status Fill(BatchBuilder*, SourceBatch* batch) override {
    if (!rows_done_) ARROW_RETURN_NOT_OK(FillRows(batch));
    if (rows_done_ && !done_) return FillSlots(batch);
    return Status::OK();
  }

 private:
  Status FillRows(SourceBatch* batch) {
    rows_.Reset();
    rows_.Bind(1, started_ ? scanned_ : kMin);
    started_ = true;
    const auto scan = [&]() -> Status {
      for (int64_t seen = 0; seen < kMaxScan && !RejectsFull(*batch); ++seen) {
        ARROW_ASSIGN_OR_RAISE(const bool row, rows_.Step());
        rows_done_ = !row;
        if (!row) return Status::OK();
        ARROW_RETURN_NOT_OK(CheckRow(batch));
        const int64_t rowid = rows_.Int(0);
        rows_done_ = rowid == kMax;
        if (rows_done_) return Status::OK();
        scanned_ = rowid + 1;
        if (!in_slots_) row_ = std::max(row_, scanned_);
      }
      return Status::OK();
    };
    const Status status = scan();
    rows_.Reset();
    if (rows_done_ && !in_slots_) in_slots_ = true, chunk_ = kMin, slot_ = 0;
    return status;
  }

  Status CheckRow(SourceBatch* batch) {
    const int64_t rowid = rows_.Int(0);
    std::string problem = fmt::format("row {} has no place in a chunk", rowid);
    if (rows_.ColumnType(1) == sqlite::Type::integer && rows_.ColumnType(2) == sqlite::Type::integer) {
      ARROW_ASSIGN_OR_RAISE(Vec0Chunk* const chunk, reader_->Chunk(rows_.Int(1)));
      const int64_t slot = rows_.Int(2);
      if (chunk->problem.empty() && slot >= 0 && slot < table_->mapping.table.chunk_size) Claim(chunk->id, slot);
      const Status check = reader_->CheckPlace(*chunk, slot, rowid);
      if (check.ok()) return Status::OK();
      problem = check.message();
    }
    if (in_slots_ || rowid < row_) return Status::OK();
    batch->rejects.push_back(writer_->MakeReject(rowid, table_->mapping.table.text_key ? rows_.Text(3) : std::string_view(), "misplaced", problem));
    return Status::OK();
  }

  void Claim(int64_t chunk, int64_t slot) {
    std::string& bits = claimed_[chunk];
    if (bits.empty()) bits.assign(static_cast<size_t>(table_->mapping.table.chunk_size) / 8, '\0');
    bits[static_cast<size_t>(slot >> 3)] = static_cast<char>(bits[static_cast<size_t>(slot >> 3)] | (1 << (slot & 7)));
  }
  bool IsClaimed(int64_t chunk, int64_t slot) const {
    const auto found = claimed_.find(chunk);
    return found != claimed_.end() && (static_cast<uint8_t>(found->second[static_cast<size_t>(slot >> 3)]) >> (slot & 7)) & 1;
  }

  Status FillSlots(SourceBatch* batch) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto id, reader_->NextChunk(chunk_));
      if (!id) break;
      if (*id != chunk_) slot_ = 0;
      chunk_ = *id;
      ARROW_ASSIGN_OR_RAISE(Vec0Chunk* const chunk, reader_->Chunk(chunk_));
      for (; chunk->problem.empty() && slot_ < table_->mapping.table.chunk_size; ++slot_) {
        if (!chunk->Live(slot_) || IsClaimed(chunk_, slot_)) continue;
        if (RejectsFull(*batch)) return Status::OK();
        ARROW_ASSIGN_OR_RAISE(const Vec0Place place, reader_->Find(chunk->RowId(slot_)));
        if (place.found) continue;  // its row was told as misplaced
        batch->rejects.push_back(writer_->MakeReject(
            chunk->RowId(slot_), {}, "orphan-slot", fmt::format("slot {} of chunk {} is marked as live and belongs to no row", slot_, chunk_)));
      }
      if (chunk_ == kMax) break;
      ++chunk_;
      slot_ = 0;
    }
    done_ = true;
    return Status::OK();
  }

  sqlite::Stmt rows_;
  std::map<int64_t, std::string> claimed_;  ///< slots that some row says it is in, per chunk
  bool in_slots_ = false, started_ = false, rows_done_ = false;
  int64_t row_ = kMin, scanned_ = kMin, chunk_ = kMin, slot_ = 0;
};

}  // namespace

Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<const TableContext> table, const std::string& payload,
                                                const Cursor& from, const ReadOptions& options) {
  std::unique_ptr<TableReader> reader;
  Vec0Reader::Options reading;
  if (payload == "strays") {
    reader = std::make_unique<StrayReader>(std::move(table), options);
    reading = {.scalars = false, .open_chunks = 2048};
  } else {
    const bool chunks = payload.starts_with("chunks ");
    if (!chunks && !payload.starts_with("rows ")) return MakeError(Category::internal, "a split of sqlite-vec is malformed");
    ARROW_ASSIGN_OR_RAISE(const auto range, Numbers(std::string_view(payload).substr(chunks ? 7 : 5), 2));
    if (chunks) reader = std::make_unique<ChunkReader>(std::move(table), options, range[0], range[1]);
    else reader = std::make_unique<RowReader>(std::move(table), options, range[0], range[1]);
  }
  ARROW_RETURN_NOT_OK(reader->Open(reading));
  ARROW_RETURN_NOT_OK(reader->SeekTo(from));
  return reader;
}

}  // namespace vecferry::sqlite_vec
