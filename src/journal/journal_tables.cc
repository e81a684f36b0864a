// The journal's tables that only grow: digests, rejects, intents, before-images.
#include <fmt/format.h>

#include "base/clock.h"
#include "journal/journal.h"
#include "journal/schema.h"

namespace vecferry {
namespace {

Status EachRow(sqlite::Db& db, std::string_view sql, const std::function<Status(int, std::string_view)>& part) {
  ARROW_ASSIGN_OR_RAISE(auto query, db.Prepare(sql));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return Status::OK();
    ARROW_RETURN_NOT_OK(part(static_cast<int>(query.Int(0)), query.Blob(1)));
  }
}

}  // namespace

Result<std::vector<PhaseTimes>> Journal::phases() {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT name,started,finished FROM phase ORDER BY started"));
  std::vector<PhaseTimes> phases;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return phases;
    phases.push_back({std::string(query.Text(0)), query.Double(1), query.Double(2)});
  }
}

Status Journal::EachSplitDigest(const std::function<Status(int, std::string_view)>& part) {
  std::lock_guard lock(mutex_);
  return EachRow(db_, "SELECT split,part FROM digest ORDER BY sequence", part);
}

Status Journal::EachStoredDigest(const std::function<Status(int, std::string_view)>& part) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const int64_t there, db_.QueryInt("SELECT count(*) FROM sqlite_master WHERE name='stored_digest'"));
  return there == 0 ? Status::OK() : EachRow(db_, "SELECT split,part FROM stored_digest ORDER BY sequence", part);
}

Status Journal::EachHashes(const std::function<Status(std::string_view)>& part) {
  std::lock_guard lock(mutex_);
  return EachRow(db_, "SELECT split,part FROM hashes ORDER BY sequence", [&](int, std::string_view bytes) { return part(bytes); });
}

Status Journal::EachReject(const std::function<Status(const JournalReject&)>& visit) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT split,ordinal,id,tenant,code,message,record FROM reject ORDER BY split,ordinal"));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return Status::OK();
    JournalReject reject;
    reject.split = static_cast<int>(query.Int(0));
    reject.ordinal = query.Int(1);
    std::string* const texts[] = {&reject.id, &reject.tenant, &reject.code, &reject.message, &reject.record};
    for (int i = 0; i < 5; ++i) *texts[i] = query.Text(2 + i);
    ARROW_RETURN_NOT_OK(visit(reject));
  }
}

Result<int64_t> Journal::reject_count() {
  std::lock_guard lock(mutex_);
  return db_.QueryInt("SELECT count(*) FROM reject");
}

Status Journal::ClearRejects() {
  std::lock_guard lock(mutex_);
  return Commit("rejects", true, [&] { return db_.Exec("DELETE FROM reject; UPDATE split SET rejected=0;"); });
}

Status Journal::AddMismatches(const std::vector<JournalMismatch>& mismatches) {
  if (mismatches.empty()) return Status::OK();
  std::lock_guard lock(mutex_);
  return Commit("mismatch", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO mismatch(id,tenant,field,source_value,target_value) VALUES(?,?,?,?,?)"));
    for (const auto& m : mismatches) {
      insert.BindText(1, m.id).BindText(2, m.tenant).BindText(3, m.field).BindText(4, m.source_value).BindText(5, m.target_value);
      ARROW_RETURN_NOT_OK(insert.Run());
    }
    return Status::OK();
  });
}

Result<std::vector<JournalMismatch>> Journal::mismatches(int64_t most) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT id,tenant,field,source_value,target_value FROM mismatch ORDER BY sequence LIMIT ?"));
  query.Bind(1, most);
  std::vector<JournalMismatch> result;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return result;
    const auto text = [&](int column) { return std::string(query.Text(column)); };
    result.push_back({text(0), text(1), text(2), text(3), text(4)});
  }
}

Result<int64_t> Journal::mismatch_count() {
  std::lock_guard lock(mutex_);
  return db_.QueryInt("SELECT count(*) FROM mismatch");
}

Status Journal::RecordIntent(std::string_view kind, std::string_view payload) {
  std::lock_guard lock(mutex_);
  return Commit("intent", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO intent(kind,payload,at) VALUES(?,?,?)"));
    return insert.BindText(1, kind).BindText(2, payload).Bind(3, Clock::System().WallSeconds()).Run();
  });
}

Result<std::optional<std::string>> Journal::FindIntent(std::string_view kind) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT payload FROM intent WHERE kind=? ORDER BY sequence DESC LIMIT 1"));
  query.BindText(1, kind);
  ARROW_ASSIGN_OR_RAISE(const bool found, query.Step());
  return found ? std::optional<std::string>(query.Text(0)) : std::nullopt;
}

Status Journal::PutParts(std::string_view kind, const std::vector<std::string>& parts) {
  std::lock_guard lock(mutex_);
  return Commit("parts", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto remove, db_.Prepare("DELETE FROM part WHERE kind=?"));
    ARROW_RETURN_NOT_OK(remove.BindText(1, kind).Run());
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO part(kind,part) VALUES(?,?)"));
    for (const auto& part : parts) ARROW_RETURN_NOT_OK(insert.BindText(1, kind).BindBlob(2, part).Run());
    return Status::OK();
  });
}

Status Journal::EachPart(std::string_view kind, const std::function<Status(std::string_view)>& part) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const int64_t there, db_.QueryInt("SELECT count(*) FROM sqlite_master WHERE name='part'"));
  if (there == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT part FROM part WHERE kind=? ORDER BY sequence"));
  query.BindText(1, kind);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return Status::OK();
    ARROW_RETURN_NOT_OK(part(query.Blob(0)));
  }
}

Status Journal::PutBeforeImages(const std::vector<BeforeImage>& images) {
  if (images.empty()) return Status::OK();
  std::lock_guard lock(mutex_);
  return Commit("before-image", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO before_image(tenant,id,image) VALUES(?,?,?)"));
    for (const auto& image : images) {
      insert.BindText(1, image.tenant).BindText(2, image.id);
      if (image.image) insert.BindBlob(3, *image.image);
      else insert.BindNull(3);
      ARROW_RETURN_NOT_OK(insert.Run());
    }
    return Status::OK();
  });
}

Result<std::vector<std::pair<int64_t, BeforeImage>>> Journal::BeforeImagesBelow(int64_t sequence, int64_t most) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT sequence,tenant,id,image FROM before_image WHERE sequence<? AND restored=0 "
                                                "ORDER BY sequence DESC LIMIT ?"));
  query.Bind(1, sequence).Bind(2, most);
  std::vector<std::pair<int64_t, BeforeImage>> images;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return images;
    BeforeImage image{std::string(query.Text(1)), std::string(query.Text(2)), std::nullopt};
    if (!query.IsNull(3)) image.image = std::string(query.Blob(3));
    images.emplace_back(query.Int(0), std::move(image));
  }
}

Status Journal::MarkRestored(const std::vector<int64_t>& sequences) {
  std::lock_guard lock(mutex_);
  return Commit("restored", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare("UPDATE before_image SET restored=1 WHERE sequence=?"));
    for (const int64_t sequence : sequences) ARROW_RETURN_NOT_OK(update.Bind(1, sequence).Run());
    return Status::OK();
  });
}

Status Journal::PutDuplicates(const std::vector<std::pair<int, int64_t>>& duplicates) {
  std::lock_guard lock(mutex_);
  return Commit("duplicates", true, [&]() -> Status {
    ARROW_RETURN_NOT_OK(db_.Exec("DELETE FROM duplicate"));
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT OR IGNORE INTO duplicate VALUES(?,?)"));
    for (const auto& [split, row] : duplicates) ARROW_RETURN_NOT_OK(insert.Bind(1, int64_t{split}).Bind(2, row).Run());
    return Status::OK();
  });
}

Result<std::vector<std::pair<int, int64_t>>> Journal::duplicates() {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT split,row FROM duplicate ORDER BY split,row"));
  std::vector<std::pair<int, int64_t>> result;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return result;
    result.emplace_back(static_cast<int>(query.Int(0)), query.Int(1));
  }
}

Status Journal::PutActivity(std::string_view process, std::string_view body) {
  std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(db_.Exec(kJournalActivity));
  ARROW_ASSIGN_OR_RAISE(auto put, db_.Prepare("INSERT INTO activity(process,body) VALUES(?,?) ON CONFLICT(process) DO UPDATE SET body=excluded.body"));
  return put.BindText(1, process).BindText(2, body).Run();
}

Result<std::vector<std::string>> Journal::activities() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> bodies;
  ARROW_ASSIGN_OR_RAISE(const int64_t there, db_.QueryInt("SELECT count(*) FROM sqlite_master WHERE name='activity'"));
  if (there == 0) return bodies;
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT body FROM activity ORDER BY sequence"));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return bodies;
    bodies.emplace_back(query.Text(0));
  }
}

}  // namespace vecferry
