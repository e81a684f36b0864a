#include "journal/journal.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "journal/schema.h"

namespace vecferry {
namespace {

constexpr const char* kWayOn =
    "keep the file for a look, then run the same command with --restart, or with --adopt to compare the target "
    "with the source and go on from there";

Status Damaged(const fs::path& file, std::string_view why) {
  return MakeError(Category::corrupt, fmt::format("the journal {} cannot be read: {}", file.string(), why), kWayOn);
}

Status CheckFormat(sqlite::Db& db, const fs::path& file, bool thorough) {
  const auto application = db.QueryInt("PRAGMA application_id");
  if (!application.ok()) return Damaged(file, application.status().message());
  if (*application != kJournalApplicationId) return Damaged(file, "it is no journal of vecferry");
  ARROW_ASSIGN_OR_RAISE(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (version < 1 || version > Journal::kVersion) {
    return MakeError(Category::refused, fmt::format("the journal {} has version {}, this program writes {}", file.string(), version, Journal::kVersion),
                     "finish the run with the vecferry that began it, or start anew with --restart");
  }
  if (!thorough) return Status::OK();
  const auto check = db.QueryText("PRAGMA quick_check(1)");
  if (!check.ok()) return Damaged(file, check.status().message());
  return *check == "ok" ? Status::OK() : Damaged(file, *check);
}

SplitProgress ReadSplit(const sqlite::Stmt& row) {
  SplitProgress split;
  split.payload = row.Text(0);
  split.label = row.Text(1);
  split.cursor = row.Blob(2);
  split.done = row.Int(3) != 0;
  split.rows = row.Int(4);
  split.written = row.Int(5);
  split.skipped = row.Int(6);
  split.rejected = row.Int(7);
  split.bytes = row.Int(8);
  split.batches = row.Int(9);
  split.last_id = row.Text(10);
  return split;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Create(const fs::path& file, const RunHeader& header) {
  std::error_code ec;
  if (fs::exists(file, ec)) return MakeError(Category::refused, fmt::format("{} exists already", file.string()), "choose another --checkpoint, or pass --restart");
  ARROW_RETURN_NOT_OK(MakePrivateDirs(file.parent_path()));
  // The file is made under another name, so that a journal that is there is a whole one.
  const fs::path part = file.string() + ".new";
  fs::remove(part, ec);
  {
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, sqlite::Db::Open(part, {sqlite::OpenOptions::Mode::create}));
    fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write, ec);
    ARROW_RETURN_NOT_OK(db.Exec(fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kJournalApplicationId, kVersion)));
    ARROW_RETURN_NOT_OK(db.Exec(kJournalSchema));
    ARROW_ASSIGN_OR_RAISE(auto insert, db.Prepare("INSERT INTO run VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,x'')"));
    const double now = Clock::System().WallSeconds();
    const std::string_view state = header.state.empty() ? std::string_view("running") : std::string_view(header.state);
    insert.BindText(1, header.id).BindText(2, header.command).BindText(3, header.source).BindText(4, header.target);
    insert.BindText(5, header.pair).BindText(6, header.fingerprint).BindText(7, header.plan).BindText(8, header.version);
    insert.BindText(9, state).Bind(10, int64_t{-1}).Bind(11, now).Bind(12, now).Bind(13, 0.0);
    insert.Bind(14, header.total).BindText(15, header.summary);
    ARROW_RETURN_NOT_OK(insert.Run());
  }
  ARROW_RETURN_NOT_OK(SyncFile(part));
  VF_FAILPOINT("journal.create.before");
  fs::rename(part, file, ec);
  if (ec) return ErrnoError(ec.value(), "cannot create", file.string());
  ARROW_RETURN_NOT_OK(SyncDir(file.parent_path()));
  VF_FAILPOINT("journal.create.after");
  return Open(file);
}

Result<std::unique_ptr<Journal>> Journal::OpenChecked(const fs::path& file, sqlite::OpenOptions options, bool check) {
  std::error_code ec;
  if (!fs::exists(file, ec)) return MakeError(Category::not_found, fmt::format("there is no journal {}", file.string()), "`vecferry runs` lists the runs that are known");
  auto opened = sqlite::Db::Open(file, options);
  if (!opened.ok()) return IsCategory(opened.status(), Category::corrupt) ? Damaged(file, opened.status().message()) : opened.status();
  ARROW_RETURN_NOT_OK(CheckFormat(*opened, file, check));
  return std::unique_ptr<Journal>(new Journal(file, std::move(*opened)));
}

Result<std::unique_ptr<Journal>> Journal::Open(const fs::path& file) {
  ARROW_ASSIGN_OR_RAISE(auto journal, OpenChecked(file, {sqlite::OpenOptions::Mode::read_write}, true));
  ARROW_RETURN_NOT_OK(journal->db_.Exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000;"));
  ARROW_RETURN_NOT_OK(journal->db_.Exec(fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version={}; COMMIT;", kJournalUpgrade, kVersion)));
  ARROW_RETURN_NOT_OK(journal->header().status());
  return journal;
}

Result<std::unique_ptr<Journal>> Journal::Inspect(const fs::path& file) {
  auto journal = OpenChecked(file, {sqlite::OpenOptions::Mode::read_only}, false);
  return journal;
}

Status Journal::Commit(const char* what, bool durable, const std::function<Status()>& body) {
  if (durable) ARROW_RETURN_NOT_OK(db_.Exec("PRAGMA synchronous=FULL"));
  const auto run = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
    ARROW_RETURN_NOT_OK(body());
    VF_FAILPOINT(fmt::format("journal.{}.before", what));
    ARROW_RETURN_NOT_OK(transaction.Commit());
    VF_FAILPOINT(fmt::format("journal.{}.after", what));
    return Status::OK();
  };
  const Status status = run();
  if (durable) ARROW_RETURN_NOT_OK(db_.Exec("PRAGMA synchronous=NORMAL"));
  return Prefixed("the journal", status);
}

Result<RunHeader> Journal::header() {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto row, db_.Prepare("SELECT id,command,source,target,pair,fingerprint,plan,version,state,exit_code,"
                                              "started,updated,finished,total,summary FROM run"));
  ARROW_ASSIGN_OR_RAISE(const bool found, row.Step());
  if (!found) return Damaged(file_, "it holds no run");
  RunHeader header;
  std::string* const texts[] = {&header.id, &header.command, &header.source, &header.target, &header.pair,
                                &header.fingerprint, &header.plan, &header.version, &header.state};
  for (int i = 0; i < 9; ++i) *texts[i] = row.Text(i);
  header.exit_code = static_cast<int>(row.Int(9));
  header.started = row.Double(10);
  header.updated = row.Double(11);
  header.finished = row.Double(12);
  header.total = row.Int(13);
  header.summary = row.Text(14);
  return header;
}

Status Journal::SetState(std::string_view state, int exit_code, std::string_view summary) {
  std::lock_guard lock(mutex_);
  return Commit("state", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare("UPDATE run SET state=?1, exit_code=?2, updated=?3, finished=CASE WHEN ?1='running' THEN 0 "
                                                   "ELSE ?3 END, summary=CASE WHEN ?4='' THEN summary ELSE ?4 END"));
    return update.BindText(1, state).Bind(2, int64_t{exit_code}).Bind(3, Clock::System().WallSeconds()).BindText(4, summary).Run();
  });
}

Status Journal::SetPlan(std::string_view plan, int64_t total) {
  std::lock_guard lock(mutex_);
  return Commit("plan", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare("UPDATE run SET plan=?, total=?"));
    return update.BindText(1, plan).Bind(2, total).Run();
  });
}

Status Journal::BeginPhase(std::string_view name) {
  std::lock_guard lock(mutex_);
  return Commit("phase-begin", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT OR REPLACE INTO phase(name,started,finished,result) VALUES(?,?,0,'')"));
    return insert.BindText(1, name).Bind(2, Clock::System().WallSeconds()).Run();
  });
}

Status Journal::EndPhase(std::string_view name, std::string_view result) {
  std::lock_guard lock(mutex_);
  return Commit("phase-end", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare("UPDATE phase SET finished=?, result=? WHERE name=?"));
    return update.Bind(1, Clock::System().WallSeconds()).BindText(2, result).BindText(3, name).Run();
  });
}

Result<std::optional<std::string>> Journal::PhaseResult(std::string_view name) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT result FROM phase WHERE name=? AND finished>0"));
  query.BindText(1, name);
  ARROW_ASSIGN_OR_RAISE(const bool found, query.Step());
  return found ? std::optional<std::string>(query.Text(0)) : std::nullopt;
}

Status Journal::InsertSplits(const std::vector<SplitProgress>& splits, int64_t first) {
  ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO split VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"));
  for (const SplitProgress& s : splits) {
    insert.Bind(1, first++).BindText(2, s.payload).BindText(3, s.label).BindBlob(4, s.cursor);
    insert.Bind(5, int64_t{s.done}).Bind(6, s.rows).Bind(7, s.written).Bind(8, s.skipped).Bind(9, s.rejected);
    insert.Bind(10, s.bytes).Bind(11, s.batches).BindText(12, s.last_id);
    ARROW_RETURN_NOT_OK(insert.Run());
  }
  return Status::OK();
}

Status Journal::PutSplits(const std::vector<SplitProgress>& splits) {
  std::lock_guard lock(mutex_);
  return Commit("splits", true, [&]() -> Status {
    ARROW_RETURN_NOT_OK(db_.Exec("DELETE FROM split"));
    return InsertSplits(splits, 0);
  });
}

Status Journal::AppendSplits(const std::vector<SplitProgress>& splits) {
  std::lock_guard lock(mutex_);
  return Commit("splits", true, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const int64_t first, db_.QueryInt("SELECT count(*) FROM split"));
    return InsertSplits(splits, first);
  });
}

Result<std::vector<SplitProgress>> Journal::splits() {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT payload,label,cursor,done,rows,written,skipped,rejected,bytes,batches,last_id "
                                                "FROM split ORDER BY number"));
  std::vector<SplitProgress> splits;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, query.Step());
    if (!row) return splits;
    splits.push_back(ReadSplit(query));
  }
}

Status Journal::AppendDigest(const Ack& ack) {
  if (ack.digest_is_total) {
    for (const char* table : {"digest", "stored_digest"}) {
      ARROW_ASSIGN_OR_RAISE(auto remove, db_.Prepare(fmt::format("DELETE FROM {} WHERE split=?", table)));
      ARROW_RETURN_NOT_OK(remove.Bind(1, int64_t{ack.split}).Run());
    }
  }
  const std::pair<const char*, const std::string*> parts[] = {{"digest", &ack.digest}, {"stored_digest", &ack.stored_digest}, {"hashes", &ack.hashes}};
  for (const auto& [table, part] : parts) {
    if (part->empty()) continue;
    ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare(fmt::format("INSERT INTO {}(split,part) VALUES(?,?)", table)));
    ARROW_RETURN_NOT_OK(insert.Bind(1, int64_t{ack.split}).BindBlob(2, *part).Run());
  }
  return Status::OK();
}

Status Journal::InsertRejects(const Ack& ack) {
  ARROW_ASSIGN_OR_RAISE(int64_t ordinal, db_.QueryInt(fmt::format("SELECT coalesce(max(ordinal)+1,0) FROM reject WHERE split={}", ack.split)));
  ARROW_ASSIGN_OR_RAISE(auto insert, db_.Prepare("INSERT INTO reject VALUES(?,?,?,?,?,?,?)"));
  for (const auto& reject : ack.rejects) {
    insert.Bind(1, int64_t{ack.split}).Bind(2, ordinal++).BindText(3, reject.id).BindText(4, reject.tenant);
    insert.BindText(5, reject.code).BindText(6, reject.message).BindText(7, reject.record);
    ARROW_RETURN_NOT_OK(insert.Run());
  }
  return Status::OK();
}

Status Journal::CommitAck(const Ack& ack) {
  ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare("UPDATE split SET cursor=?, done=?, rows=rows+?, written=written+?, skipped=skipped+?, "
                                                 "rejected=rejected+?, bytes=bytes+?, batches=batches+1, "
                                                 "last_id=CASE WHEN ?8='' THEN last_id ELSE ?8 END WHERE number=?"));
  update.BindBlob(1, ack.cursor).Bind(2, int64_t{ack.split_done}).Bind(3, ack.rows).Bind(4, ack.written).Bind(5, ack.skipped);
  update.Bind(6, static_cast<int64_t>(ack.rejects.size())).Bind(7, ack.bytes).BindText(8, ack.last_id).Bind(9, int64_t{ack.split});
  ARROW_RETURN_NOT_OK(update.Run());
  ARROW_RETURN_NOT_OK(AppendDigest(ack));
  return ack.rejects.empty() ? Status::OK() : InsertRejects(ack);
}

Status Journal::CommitAcks(const std::vector<Ack>& acks, const std::optional<std::string>& sink_state) {
  std::lock_guard lock(mutex_);
  return Commit("ack", false, [&]() -> Status {
    for (const auto& ack : acks) ARROW_RETURN_NOT_OK(CommitAck(ack));
    ARROW_ASSIGN_OR_RAISE(auto update, db_.Prepare(sink_state ? "UPDATE run SET updated=?, sink_state=?" : "UPDATE run SET updated=?"));
    update.Bind(1, Clock::System().WallSeconds());
    if (sink_state) update.BindBlob(2, *sink_state);
    return update.Run();
  });
}

Result<std::string> Journal::sink_state() {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto query, db_.Prepare("SELECT sink_state FROM run"));
  ARROW_RETURN_NOT_OK(query.Step());
  return std::string(query.Blob(0));
}

}  // namespace vecferry
