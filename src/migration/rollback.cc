#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "migration/deferral.h"
#include "migration/known_run.h"
#include "migration/session.h"
#include "pipeline/batch_writer.h"

namespace vecferry {
namespace {

constexpr size_t kPage = 500;
constexpr size_t kMostListed = 100;

struct Keys {
  std::vector<std::string> tenants, ids;
  size_t size() const { return ids.size(); }
  void Add(std::string_view tenant, std::string_view id) {
    tenants.emplace_back(tenant);
    ids.emplace_back(id);
  }
  std::vector<std::string_view> Tenants(bool has_tenant) const {
    return has_tenant ? std::vector<std::string_view>(tenants.begin(), tenants.end()) : std::vector<std::string_view>();
  }
  std::vector<std::string_view> Ids() const { return {ids.begin(), ids.end()}; }
};

class Undoer {
 public:
  Undoer(const Engine& engine, const RunFolder& folder, bool yes) : engine_(engine), folder_(folder), yes_(yes) {}

  Result<RollbackReport> Run() {
    ARROW_ASSIGN_OR_RAISE(const FileLock lock, RunStore::Lock(folder_));
    ARROW_ASSIGN_OR_RAISE(journal_, Journal::Open(folder_.journal()));
    ARROW_ASSIGN_OR_RAISE(const RunHeader header, journal_->header());
    report_.run_id = header.id;
    if (header.state == "rolled-back") return std::move(report_);
    ARROW_ASSIGN_OR_RAISE(const auto text, journal_->FindIntent(kTargetIntent));
    if (text) {
      ARROW_ASSIGN_OR_RAISE(intent_, TargetIntent::FromJson(*text));
      ARROW_RETURN_NOT_OK(CheckAllowed(header));
      ARROW_RETURN_NOT_OK(Open());
      const Status prepared = target_.sink->Prepare(SpecOfRun());
      // Somebody removed the dataset: what the run did to it went with it.
      if (IsCategory(prepared, Category::not_found)) return NothingLeft();
      ARROW_RETURN_NOT_OK(AtTarget(prepared));
      const Status status = intent_.existed && intent_.on_exists != OnExists::replace ? TakeBackRecords() : TakeBackDataset();
      if (!status.ok()) (void)target_.sink->Abort();
      ARROW_RETURN_NOT_OK(AtTarget(status));
      ARROW_RETURN_NOT_OK(AtTarget(PutBackIndex()));
      ARROW_RETURN_NOT_OK(target_.sink->Abort());
    }
    return Done();
  }

 private:
  Status AtTarget(const Status& status) const { return At(status, Side::sink, target_.location.scheme, intent_.target_uri); }

  Result<RollbackReport> Done() {
    ARROW_RETURN_NOT_OK(journal_->SetState("rolled-back", report_.conflicts > 0 ? exit_code::kDifference : exit_code::kOk));
    return std::move(report_);
  }

  Result<RollbackReport> NothingLeft() {
    engine_.events.Message(fmt::format("{} is gone: there is nothing to take back", intent_.target_uri));
    (void)target_.sink->Abort();
    return Done();
  }

  Status CheckAllowed(const RunHeader& header) const {
    ARROW_ASSIGN_OR_RAISE(const auto finished, journal_->FindIntent("finished"));
    if (intent_.on_exists == OnExists::replace && intent_.existed && finished) {
      return MakeError(Category::refused, "the run replaced a dataset and finished: what was there before is gone",
                       "restore it from a backup");
    }
    if (yes_ || header.state != "finished") return Status::OK();
    return MakeError(Category::refused, fmt::format("this takes back {} in {}", intent_.existed ? "every record that the run wrote" : "the whole dataset", intent_.target_uri),
                     fmt::format("run `vecferry rollback {} --yes`", header.id));
  }

  Status Open() {
    ARROW_ASSIGN_OR_RAISE(const Location location, engine_.registry.Resolve(intent_.target_uri));
    ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, location, intent_.layout));
    if (!target_.sink->undo() && !target_.can.undo) {
      return MakeError(Category::unsupported, fmt::format("{} cannot take records back", location.scheme), "remove the target by hand");
    }
    intents_ = std::make_unique<JournalIntents>(*journal_);
    ARROW_ASSIGN_OR_RAISE(schema_, RecordSchema::FromJson(intent_.schema));
    return Status::OK();
  }

  SinkSpec SpecOfRun() const {
    SinkSpec spec;
    spec.schema = schema_;
    spec.layout = target_.layout;
    spec.on_exists = intent_.on_exists == OnExists::fail ? OnExists::upsert : intent_.on_exists;
    spec.run_id = report_.run_id;
    spec.existed = intent_.existed;
    spec.resumed = true;
    spec.intents = intents_.get();
    return spec;
  }

  Status PutBackIndex() {
    IndexDeferral* const index = target_.sink->indexing();
    if (!index) return Status::OK();
    const bool shared = !(intent_.existed && intent_.on_exists == OnExists::replace);
    return IndexKeeper(engine_, *journal_, *index, {target_.info.identity, intent_.target_uri, intent_.layout, report_.run_id, shared}).PutBack(false);
  }

  Status TakeBackDataset() {
    ARROW_ASSIGN_OR_RAISE(const auto finished, journal_->FindIntent("finished"));
    // What was never whole was never anybody else's either.
    if (!finished || intent_.on_exists == OnExists::replace) return Drop();
    ARROW_ASSIGN_OR_RAISE(const bool touched, DeleteOurs());
    return touched ? Status::OK() : Drop();
  }

  Status Drop() {
    VF_FAILPOINT("rollback.drop.before");
    ARROW_RETURN_NOT_OK(target_.sink->undo()->DropDataset());
    VF_FAILPOINT("rollback.drop.after");
    report_.dropped = true;
    return Status::OK();
  }

  /// The form of the records in which the journal knows them.
  DigestScope WrittenScope() const {
    return WordScope(ChangeOf(target_.can, schema_));
  }

  /// Reads the target. Where everything in it is as the run left it nothing is changed and false returned; else the
  /// run's records that are still as it wrote them are deleted, the others listed.
  Result<bool> DeleteOurs() {
    ARROW_ASSIGN_OR_RAISE(const WrittenHashes written, LoadWritten(*journal_));
    ARROW_ASSIGN_OR_RAISE(const auto source, target_.sink->OpenReadBack());
    Keys ours;
    ScanOptions options;
    options.scope = WrittenScope();
    ARROW_ASSIGN_OR_RAISE(const ScanResult scan, Scan(engine_, *source, options, "rollback", static_cast<int64_t>(written.size()),
                                                      [&](const RecordView& view, int64_t row, const RecordHash& hash) -> Status {
      const auto at = written.find(hash.key.low);
      if (at != written.end() && at->second == RecordWord(hash)) {
        ours.Add(view.tenant(row).value_or(""), view.id(row));
      } else {
        Conflict(view.tenant(row).value_or(""), view.id(row), at == written.end() ? "written by somebody else" : "changed since the run");
      }
      return Status::OK();
    }));
    for (const auto& reject : scan.first_rejects) Conflict(reject.tenant, reject.id, "cannot be read: " + reject.message);
    report_.deleted = static_cast<int64_t>(ours.size());
    if (report_.conflicts == 0 && !intent_.existed) return false;
    ARROW_RETURN_NOT_OK(Delete(ours));
    return true;
  }

  Status Delete(const Keys& keys) {
    const auto ids = keys.Ids(), tenants = keys.Tenants(schema_.has_tenant);
    for (size_t at = 0; at < ids.size(); at += kPage) {
      const size_t n = std::min(kPage, ids.size() - at);
      const auto begin = static_cast<std::ptrdiff_t>(at), end = static_cast<std::ptrdiff_t>(at + n);
      VF_FAILPOINT("rollback.delete.before");
      ARROW_RETURN_NOT_OK(target_.sink->undo()->DeleteIds(
          tenants.empty() ? tenants : std::vector<std::string_view>(tenants.begin() + begin, tenants.begin() + end),
          std::vector<std::string_view>(ids.begin() + begin, ids.begin() + end)));
      VF_FAILPOINT("rollback.delete.after");
    }
    return Status::OK();
  }

  /// An existing dataset: where it was empty every record of ours goes, else the before-images come back.
  Status TakeBackRecords() {
    if (intent_.count == 0) return DeleteOurs().status();
    ARROW_ASSIGN_OR_RAISE(const WrittenHashes written, LoadWritten(*journal_));
    ARROW_ASSIGN_OR_RAISE(const auto removed, LoadRemoved(*journal_));
    for (const auto& record : removed) removed_.insert(record.key);
    int64_t below = INT64_MAX;
    while (true) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto page, journal_->BeforeImagesBelow(below, static_cast<int64_t>(kPage)));
      if (page.empty()) return Status::OK();
      ARROW_RETURN_NOT_OK(TakeBackPage(page, written));
      below = page.back().first;
    }
  }

  Status TakeBackPage(const std::vector<std::pair<int64_t, BeforeImage>>& page, const WrittenHashes& written) {
    Keys all;
    for (const auto& [sequence, image] : page) all.Add(image.tenant, image.id);
    ARROW_ASSIGN_OR_RAISE(const auto now, target_.sink->undo()->Capture(all.Tenants(schema_.has_tenant), all.Ids()));
    ARROW_ASSIGN_OR_RAISE(const auto ours, Ours(all, written));
    Keys restore, remove;
    std::vector<std::string_view> images;
    std::vector<int64_t> done;
    for (size_t i = 0; i < page.size(); ++i) {
      const BeforeImage& image = page[i].second;
      done.push_back(page[i].first);
      if (now[i] == image.image) continue;  // as it was: never written, or taken back before
      const bool removed = removed_.contains(RecordHasher::Key(TenantOf(image), image.id).low);
      const bool as_left = removed ? !now[i] : ours.contains({image.tenant, image.id}) || Unacknowledged(image, written, now[i].has_value());
      if (!as_left) {
        Conflict(image.tenant, image.id, now[i] ? "changed since the run" : "deleted since the run");
      } else if (image.image) {
        restore.Add(image.tenant, image.id);
        images.push_back(*image.image);
      } else {
        remove.Add(image.tenant, image.id);
      }
    }
    VF_FAILPOINT("rollback.restore.before");
    ARROW_RETURN_NOT_OK(target_.sink->undo()->Restore(restore.Tenants(schema_.has_tenant), restore.Ids(), images));
    ARROW_RETURN_NOT_OK(Delete(remove));
    VF_FAILPOINT("rollback.restore.after");
    report_.restored += static_cast<int64_t>(restore.size());
    report_.deleted += static_cast<int64_t>(remove.size());
    return journal_->MarkRestored(done);
  }

  /// A record of a batch that was written but not acknowledged when the run was killed: the journal has its image and no
  /// hash. Nobody else could have written it while the run was unfinished.
  bool Unacknowledged(const BeforeImage& image, const WrittenHashes& written, bool exists) const {
    const auto key = RecordHasher::Key(TenantOf(image), image.id).low;
    return exists && !written.contains(key);
  }

  std::optional<std::string_view> TenantOf(const BeforeImage& image) const {
    return schema_.has_tenant ? std::optional<std::string_view>(image.tenant) : std::nullopt;
  }

  /// Which of these records are still as the run wrote them.
  Result<std::set<std::pair<std::string, std::string>>> Ours(const Keys& keys, const WrittenHashes& written) {
    ARROW_ASSIGN_OR_RAISE(const RecordView found, target_.sink->lookup()->Get(keys.Tenants(schema_.has_tenant), keys.Ids()));
    RecordHasher hasher(WrittenScope());
    std::set<std::pair<std::string, std::string>> ours;
    for (int64_t row = 0; row < found.rows(); ++row) {
      const auto hash = hasher.Hash(found, row);
      if (!hash.ok()) continue;
      const auto at = written.find(hash->key.low);
      if (at != written.end() && at->second == RecordWord(*hash)) ours.emplace(std::string(found.tenant(row).value_or("")), std::string(found.id(row)));
    }
    return ours;
  }

  void Conflict(std::string_view tenant, std::string_view id, std::string why) {
    ++report_.conflicts;
    if (report_.listed.size() < kMostListed) {
      report_.listed.push_back({DifferenceClass::changed_at_target, std::string(id), std::string(tenant), "record", "as the run left it", std::move(why)});
    }
  }

  const Engine& engine_;
  const RunFolder folder_;
  const bool yes_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<JournalIntents> intents_;
  TargetIntent intent_;
  OpenedTarget target_;
  RecordSchema schema_;
  std::set<uint64_t> removed_;   ///< key words of records that the run took out
  RollbackReport report_;
};

}  // namespace

Result<RollbackReport> Rollback(const Engine& engine, const RunFolder& run, bool yes) { return Undoer(engine, run, yes).Run(); }

}  // namespace vecferry
