#include "connectors/chroma_local/queue.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::chroma_local {

std::optional<int64_t> SeqOf(const sqlite::Stmt& row, int column) {
  if (row.ColumnType(column) == sqlite::Type::integer) return row.Int(column);
  if (row.ColumnType(column) != sqlite::Type::blob) return std::nullopt;
  const std::string_view bytes = row.Blob(column);
  if (bytes.size() != 8) return std::nullopt;
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value > INT64_MAX ? std::nullopt : std::optional(static_cast<int64_t>(value));
}

Result<int64_t> Watermark(sqlite::Db& db, const std::string& segment) {
  ARROW_ASSIGN_OR_RAISE(auto row, db.Prepare("SELECT seq_id FROM max_seq_id WHERE segment_id=?"));
  ARROW_ASSIGN_OR_RAISE(const bool found, row.BindText(1, segment).Step());
  if (!found || row.IsNull(0)) return 0;
  const auto seq = SeqOf(row, 0);
  if (!seq) {
    return MakeError(Category::corrupt, fmt::format("max_seq_id of the segment {} is no number", Printable(segment, 60)), "restore the folder from a backup");
  }
  return *seq;
}

Status EachQueued(sqlite::Db& db, const Collection& collection, int64_t beyond, const CancelToken* cancel,
                  const std::function<Status(const QueuedRow&)>& on_row) {
  // A topic is persistent://TENANT/NAMESPACE/COLLECTION.
  ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare("SELECT seq_id, operation, id, length(vector) FROM embeddings_queue WHERE seq_id>? AND "
                                              "substr(topic, -length(?)-1)='/'||? ORDER BY seq_id"));
  rows.Bind(1, beyond).BindText(2, collection.id).BindText(3, collection.id);
  int64_t met = 0;
  for (;;) {
    if (cancel && (++met & 0xfff) == 0) ARROW_RETURN_NOT_OK(cancel->Check());
    ARROW_ASSIGN_OR_RAISE(const bool found, rows.Step());
    if (!found) return Status::OK();
    ARROW_RETURN_NOT_OK(on_row({.seq = rows.Int(0), .operation = rows.Int(1), .id = rows.Text(2), .has_vector = !rows.IsNull(3) && rows.Int(3) > 0}));
  }
}

Status DecodeQueuedVector(std::string_view bytes, std::string_view encoding, int32_t dims, uint8_t* out, bool* rounded) {
  if (bytes.size() != static_cast<size_t>(dims) * 4) {
    return BadRecord("dimension", fmt::format("its vector in the queue has {} bytes of {}", bytes.size(), int64_t{dims} * 4));
  }
  if (bytes.empty()) return Status::OK();  // of a collection whose dimension is damaged
  if (encoding == "FLOAT32") {
    std::memcpy(out, bytes.data(), bytes.size());
    return Status::OK();
  }
  if (encoding != "INT32") return BadRecord("damaged", fmt::format("its vector in the queue is of the unknown encoding {}", Printable(encoding, 40)));
  for (size_t i = 0; i < static_cast<size_t>(dims); ++i) {
    int32_t number;
    std::memcpy(&number, bytes.data() + 4 * i, 4);
    const auto value = static_cast<float>(number);
    *rounded |= static_cast<double>(value) != static_cast<double>(number);
    std::memcpy(out + 4 * i, &value, 4);
  }
  return Status::OK();
}

Result<Pending> Pending::Load(sqlite::Db& db, const Collection& collection, const CancelToken* cancel) {
  Pending pending;
  ARROW_ASSIGN_OR_RAISE(const int64_t watermark, Watermark(db, collection.metadata_segment));
  ARROW_ASSIGN_OR_RAISE(auto has_row, db.Prepare("SELECT 1 FROM embeddings WHERE segment_id=? AND embedding_id=?"));
  struct State {
    bool in_table = false;
    int64_t first = 0;
  };
  std::map<std::string, State, std::less<>> states;
  ARROW_RETURN_NOT_OK(EachQueued(db, collection, watermark, cancel, [&](const QueuedRow& row) -> Status {
    auto& change = pending.changes[std::string(row.id)];
    const auto [state, fresh] = states.try_emplace(std::string(row.id));
    if (fresh) {
      has_row.Reset();
      ARROW_ASSIGN_OR_RAISE(state->second.in_table, has_row.BindText(1, collection.metadata_segment).BindText(2, row.id).Step());
    }
    const bool there = change.adds || (state->second.in_table && !change.drops_row);
    if (row.operation == kDelete) {
      change.drops_row = state->second.in_table;
      change.adds = false;
      change.rows.clear();
      return Status::OK();
    }
    if ((row.operation == kAdd && there) || (row.operation == kUpdate && !there)) return Status::OK();
    if (!there) {
      change.adds = true;
      state->second.first = row.seq;
    }
    change.rows.push_back(row.seq);
    return Status::OK();
  }));
  for (const auto& [id, change] : pending.changes) {
    pending.dropped += change.drops_row;
    if (change.adds) pending.added.emplace_back(states.find(id)->second.first, id);
  }
  std::sort(pending.added.begin(), pending.added.end());
  return pending;
}

}  // namespace vecferry::chroma_local
