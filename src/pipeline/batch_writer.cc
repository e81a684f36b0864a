#include "pipeline/batch_writer.h"

#include <bit>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"

namespace vecferry {
namespace {

struct Keys {
  std::vector<std::string_view> tenants, ids;
};

Keys KeysOf(const RecordView& batch) {
  Keys keys;
  for (int64_t row = 0; row < batch.rows(); ++row) {
    if (batch.schema().has_tenant) keys.tenants.push_back(batch.tenant(row).value_or(""));
    keys.ids.push_back(batch.id(row));
  }
  return keys;
}

std::vector<int64_t> RowsLeft(const std::vector<bool>& out) {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) rows.push_back(static_cast<int64_t>(i));
  }
  return rows;
}

}  // namespace

std::string HashEntry(const RecordHash& hash) {
  const uint64_t words[2] = {hash.key.low, RecordWord(hash)};
  return {reinterpret_cast<const char*>(words), sizeof words};
}

uint64_t RecordWord(const RecordHash& hash) { return hash.content.low ^ std::rotl(hash.vectors.low, 23); }

DigestScope WordScope(VectorChange change) {
  DigestScope scope;
  scope.as_stored = change == VectorChange::cosine_normalised;
  scope.vectors = change != VectorChange::reduced_precision;
  return scope;
}

namespace {

/// Of the i-th record as the sink keeps it.
RecordHash StoredHash(const WorkItem& item, size_t i) {
  RecordHash hash = item.hashes[i];
  if (!item.stored.empty()) hash.vectors = item.stored[i];
  return hash;
}

}  // namespace

Status BatchWriter::KeepExisting(const WorkItem& item, Fate* fate) {
  const Keys keys = KeysOf(item.records);
  ARROW_ASSIGN_OR_RAISE(const RecordView found, sink_.lookup()->Get(keys.tenants, keys.ids));
  RecordHasher hasher(WordScope(options_.vector_change));
  // Somebody else's record may be normalised by other arithmetic.
  CompareOptions by_direction;
  by_direction.vector_change = options_.vector_change;
  by_direction.least_cosine = options_.compare.least_cosine;
  const RecordComparer comparer(by_direction);
  std::unordered_map<uint64_t, std::pair<RecordHash, int64_t>> existing;
  for (int64_t row = 0; row < found.rows(); ++row) {
    ARROW_ASSIGN_OR_RAISE(const RecordHash hash, hasher.Hash(found, row));
    existing.emplace(hash.key.low, std::pair(hash, row));
  }
  for (size_t i = 0; i < item.hashes.size(); ++i) {
    const auto at = existing.find(item.hashes[i].key.low);
    if (at == existing.end()) continue;
    fate->out[i] = true;
    const auto& [hash, row] = at->second;
    bool equal = hash == StoredHash(item, i);
    if (!equal && options_.vector_change != VectorChange::none && hash.content == item.hashes[i].content) {
      ARROW_ASSIGN_OR_RAISE(const auto differences, comparer.Compare(item.records, static_cast<int64_t>(i), found, row));
      equal = differences.empty();
    }
    if (equal) {
      fate->present[i] = true;
    } else {
      fate->rejects.push_back(RejectOf(item.records, static_cast<int64_t>(i), item.split, "exists-different",
                                       "the target holds another record of this id, and append leaves it"));
    }
  }
  return Status::OK();
}

Status BatchWriter::CaptureBeforeImages(const RecordView& batch) {
  const Keys keys = KeysOf(batch);
  ARROW_ASSIGN_OR_RAISE(auto images, sink_.undo()->Capture(keys.tenants, keys.ids));
  std::vector<BeforeImage> rows;
  for (size_t i = 0; i < images.size(); ++i) {
    rows.push_back({keys.tenants.empty() ? "" : std::string(keys.tenants[i]), std::string(keys.ids[i]), std::move(images[i])});
  }
  return journal_.PutBeforeImages(rows);
}

Status BatchWriter::Put(const WorkItem& item, Fate* fate) {
  const std::vector<int64_t> rows = RowsLeft(fate->out);
  if (rows.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const RecordView batch, rows.size() == fate->out.size() ? item.records : item.records.Take(rows));
  if (options_.capture_before_images) ARROW_RETURN_NOT_OK(CaptureBeforeImages(batch));
  VF_FAILPOINT("transfer.write.before");
  ARROW_ASSIGN_OR_RAISE(const WriteOutcome outcome, WriteBatch(sink_, batch, context_));
  VF_FAILPOINT("transfer.write.after");
  for (const auto& reject : outcome.rejects) {
    const int64_t row = rows[static_cast<size_t>(reject.row)];
    fate->out[static_cast<size_t>(row)] = true;
    fate->rejects.push_back(RejectOf(item.records, row, item.split, reject.code, reject.message));
  }
  return Status::OK();
}

Status BatchWriter::ReadBack(const WorkItem& item, const Fate& fate) {
  if (options_.validate == ValidateMode::off || !sink_.lookup()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(ValidateResult first, ValidateBatch(*sink_.lookup(), item.records, RowsLeft(fate.out), options_.validate, comparer_));
  if (first.bad_rows.empty()) return Status::OK();
  events_.Warning(fmt::format("{} records differ when read back; they are written once more", first.bad_rows.size()));
  ARROW_ASSIGN_OR_RAISE(const RecordView again, item.records.Take(first.bad_rows));
  ARROW_RETURN_NOT_OK(WriteBatch(sink_, again, context_).status());
  ARROW_ASSIGN_OR_RAISE(const ValidateResult second,
                        ValidateBatch(*sink_.lookup(), item.records, first.bad_rows, ValidateMode::full, comparer_));
  for (const auto& m : second.mismatches) {
    events_.Send({Event::Kind::mismatch, fmt::format("{}: {} differs after two writes", Printable(m.id, 100), m.field), {},
                  {{"id", m.id}, {"field", m.field}, {"source", m.source_value}, {"target", m.target_value}}});
  }
  return journal_.AddMismatches(second.mismatches);
}

PendingAck BatchWriter::Acknowledge(WorkItem item, Fate fate) const {
  PendingAck pending;
  pending.sequence = item.sequence;
  Ack& ack = pending.ack;
  ack.split = item.split;
  ack.cursor = std::move(item.next);
  ack.split_done = item.split_done;
  ack.rows = item.rows_read;
  ack.bytes = item.records.bytes();
  if (options_.stored_digest) pending.stored.emplace();
  for (size_t i = 0; i < item.hashes.size(); ++i) {
    if (fate.out[i] && !fate.present[i]) continue;
    pending.digest.Add(item.hashes[i]);
    if (pending.stored) pending.stored->Add(StoredHash(item, i));
    if (fate.present[i]) {
      ++ack.skipped;
      continue;
    }
    ++ack.written;
    ack.hashes += HashEntry(StoredHash(item, i));
  }
  if (item.records.rows() > 0) ack.last_id = item.records.id(item.records.rows() - 1);
  ack.rejects = std::move(item.rejects);
  std::move(fate.rejects.begin(), fate.rejects.end(), std::back_inserter(ack.rejects));
  return pending;
}

Result<PendingAck> BatchWriter::Write(WorkItem item) {
  Fate fate;
  fate.out.resize(item.hashes.size());
  fate.present.resize(item.hashes.size());
  if (options_.append && !item.hashes.empty()) ARROW_RETURN_NOT_OK(KeepExisting(item, &fate));
  ARROW_RETURN_NOT_OK(Put(item, &fate));
  ARROW_RETURN_NOT_OK(ReadBack(item, fate));
  return Acknowledge(std::move(item), std::move(fate));
}

}  // namespace vecferry
