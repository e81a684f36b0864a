#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant_local/dataset.h"
#include "connectors/qdrant_local/meta.h"

namespace vecferry::qdrant_local {
namespace {

/// Rows at each end of the table that are decoded to learn what columns the records have.
constexpr int64_t kSampledRows = 2000;

struct Range {
  int64_t low = 0, high = -1;  ///< rowids, both included
};

Result<Range> ParseRange(std::string_view text) {
  Range range;
  const auto space = text.find(' ');
  if (space != text.npos) {
    const auto low = ParseInt(text.substr(0, space)), high = ParseInt(text.substr(space + 1));
    if (low.ok() && high.ok()) return Range{*low, *high};
  }
  return MakeError(Category::corrupt, fmt::format("the split '{}' is none of a qdrant-local source", Printable(text, 100)));
}

int64_t FileSize(const fs::path& file) {
  std::error_code ec;
  const auto size = fs::file_size(file, ec);
  return ec ? 0 : static_cast<int64_t>(size);
}

/// What all readers of one source share.
struct Shared {
  Dataset dataset;
  const Layout* layout;
  const CancelToken* cancel;
  std::shared_ptr<const sqlite::Snapshot> file;
  RecordSchema schema;
  KeyIndex keys;
  int64_t bookkeeping = 0;
};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, std::optional<sqlite::Db> db, Range range, ReadOptions options)
      : shared_(std::move(shared)), db_(std::move(db)), range_(range), options_(options),
        points_(shared_->schema, *shared_->layout), builder_(shared_->schema) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->cancel) ARROW_RETURN_NOT_OK(shared_->cancel->Check());
    if (!db_ || range_.low > range_.high) return std::nullopt;
    if (!prepared_) {
      ARROW_ASSIGN_OR_RAISE(rows_, db_->Prepare("SELECT rowid, id, point FROM points WHERE rowid BETWEEN ? AND ? ORDER BY rowid"));
      prepared_ = true;
    }
    rows_.Bind(1, range_.low).Bind(2, range_.high);
    auto batch = Fill();
    rows_.Reset();
    return batch;
  }

 private:
  /// Reads rows until the batch is full. What was begun is dropped on an error, so that it can be called again.
  Result<std::optional<SourceBatch>> Fill() {
    SourceBatch batch;
    int64_t last = range_.low - 1;
    bool any = false;
    const auto taken = [&] { return builder_.rows() + static_cast<int64_t>(batch.rejects.size()); };
    while (taken() == 0 || (taken() < options_.batch_rows && builder_.bytes() < options_.batch_bytes)) {
      auto row = rows_.Step();
      if (!row.ok()) {
        builder_ = BatchBuilder(shared_->schema);
        return row.status();
      }
      if (!*row) {
        last = range_.high;
        break;
      }
      any = true;
      last = rows_.Int(0);
      ReadRow(last, &batch);
    }
    if (!any) {
      range_.low = range_.high + 1;
      return std::nullopt;
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = std::to_string(last);
    range_.low = last + 1;
    return batch;
  }

  void ReadRow(int64_t rowid, SourceBatch* batch) {
    const bool text_key = rows_.ColumnType(1) == sqlite::Type::text;
    PointFacts facts;
    Fault fault = text_key && rows_.ColumnType(2) == sqlite::Type::blob
                      ? points_.Open(rows_.Text(1), rows_.Blob(2), &facts)
                      : Fault{"corrupt-point", "the row is not a text and a blob"};
    // The index goes by keys: a row whose point has another id than its key is told, whatever the index says.
    if (fault.code != "key-mismatch" && shared_->keys.IsOutdated(facts.id, rowid)) return;
    if (!fault) fault = points_.Append(builder_, &facts);
    if (fault) {
      const std::string id = facts.record_id.empty() ? facts.id.Spelled() : facts.record_id;
      batch->rejects.push_back({Printable(id), Printable(facts.tenant), fault.code,
                                fmt::format("row {}: {}", rowid, Printable(fault.message)), ""});
    } else if (facts.rounded) {
      batch->rounded.push_back(builder_.rows() - 1);
    }
  }

  std::shared_ptr<const Shared> shared_;
  std::optional<sqlite::Db> db_;
  Range range_;
  ReadOptions options_;
  PointReader points_;
  BatchBuilder builder_;
  sqlite::Stmt rows_;
  bool prepared_ = false;
};

class PointSource final : public Source {
 public:
  PointSource(Dataset dataset, const Layout* layout, std::optional<RecordSchema> known, const CancelToken* cancel)
      : known_(std::move(known)) {
    shared_->dataset = std::move(dataset);
    shared_->layout = layout;
    shared_->cancel = cancel;
  }

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Scan());
    const Dataset& dataset = shared_->dataset;
    const KeyIndex& keys = shared_->keys;
    DatasetInfo info;
    info.store = kScheme;
    info.dataset = dataset.name;
    info.identity = fmt::format("{}:{}#{}", kScheme, CanonicalPath(dataset.root).string(), dataset.name);
    info.schema = shared_->schema;
    info.count = keys.rows - keys.outdated - shared_->bookkeeping;
    info.count_exact = true;
    info.bytes = FileSize(dataset.storage());
    info.consistency = Consistency::snapshot;
    info.layout = shared_->layout->name;
    info.settings[kConfigSetting] = WithoutNulls(dataset.config);
    if (!dataset.aliases.empty()) info.facts["aliases"] = fmt::format("{}", fmt::join(dataset.aliases, ", "));
    AddNotes(&info.notes);
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Scan());
    std::vector<Split> splits;
    if (shared_->keys.rows == 0) return splits;
    ARROW_ASSIGN_OR_RAISE(auto db, shared_->file->Connect());
    ARROW_ASSIGN_OR_RAISE(const int64_t low, db.QueryInt("SELECT min(rowid) FROM points"));
    ARROW_ASSIGN_OR_RAISE(const int64_t high, db.QueryInt("SELECT max(rowid) FROM points"));
    const auto width = static_cast<double>(high) - static_cast<double>(low) + 1;
    const auto parts = static_cast<int64_t>(std::clamp(std::min(static_cast<double>(wanted), width / 100), 1.0, 4096.0));
    const auto boundary = [&](int64_t i) { return low + static_cast<int64_t>(width / static_cast<double>(parts) * static_cast<double>(i)); };
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t first = i == 0 ? low : boundary(i);
      const int64_t last = i == parts - 1 ? high : boundary(i + 1) - 1;
      splits.push_back({fmt::format("{} {}", first, last), fmt::format("rowid {}..{}", first, last),
                        shared_->keys.rows / parts, FileSize(shared_->dataset.storage()) / parts});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Scan());
    ARROW_ASSIGN_OR_RAISE(Range range, ParseRange(split.payload));
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(const int64_t last, ParseInt(from));
      if (last >= range.high) range = Range{};
      else range.low = std::max(range.low, last + 1);
    }
    std::optional<sqlite::Db> db;
    if (shared_->file) {
      ARROW_ASSIGN_OR_RAISE(db, shared_->file->Connect());
    }
    return std::make_unique<Reader>(shared_, std::move(db), range, options);
  }

 private:
  /// Once: the keys, and what columns the records have.
  Status Scan() {
    std::lock_guard guard(mutex_);
    if (scanned_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(shared_->schema, SchemaOfConfig(shared_->dataset.config));
    ARROW_ASSIGN_OR_RAISE(shared_->file, OpenForReading(shared_->dataset));
    if (shared_->file) {
      ARROW_ASSIGN_OR_RAISE(auto db, shared_->file->Connect());
      ARROW_ASSIGN_OR_RAISE(shared_->keys, KeyIndex::Build(db));
      ARROW_RETURN_NOT_OK(Sample(db));
    }
    const KeyIndex& keys = shared_->keys;
    RecordSchema& schema = shared_->schema;
    if (keys.integers && !keys.uuids && !keys.others) schema.id_kind = IdKind::u64;
    else if (keys.uuids && !keys.integers && !keys.others) schema.id_kind = IdKind::uuid;
    else schema.id_kind = IdKind::mixed;
    schema.has_document = saw_document_;
    schema.has_tenant = saw_tenant_;
    if (saw_mapped_ || shared_->layout->id_rule == Layout::IdRule::hash_prefix) schema.id_kind = IdKind::string;
    if (known_) {
      schema.id_kind = known_->id_kind;
      schema.has_document = known_->has_document;
      schema.has_tenant = known_->has_tenant;
    }
    scanned_ = true;
    return Status::OK();
  }

  Status Sample(sqlite::Db& db) {
    RecordSchema schema = shared_->schema;
    schema.has_document = schema.has_tenant = true;
    PointReader reader(schema, *shared_->layout);
    if (const auto& own = shared_->layout->bookkeeping) ARROW_RETURN_NOT_OK(FindBookkeeping(db, reader, own->point_id));
    if (known_) return Status::OK();
    for (const char* order : {"ASC", "DESC"}) {
      BatchBuilder builder(schema);
      ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare(fmt::format("SELECT id, point FROM points ORDER BY rowid {} LIMIT {}", order, kSampledRows)));
      for (;;) {
        ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
        if (!row) break;
        PointFacts facts;
        if (reader.Open(rows.Text(0), rows.Blob(1), &facts) || reader.Append(builder, &facts) || facts.bookkeeping) continue;
        saw_document_ |= facts.has_document;
        saw_tenant_ |= facts.has_tenant;
        saw_mapped_ |= facts.record_id != facts.id.Spelled();
        if (builder.bytes() > (8 << 20)) builder = BatchBuilder(schema);
      }
    }
    return Status::OK();
  }

  Status FindBookkeeping(sqlite::Db& db, PointReader& reader, const std::string& point_id) {
    const auto number = ParseInt(point_id);
    std::string key;
    AppendKey(number.ok() ? PointId::Of(static_cast<uint64_t>(*number)) : PointId::Of(point_id), &key);
    ARROW_ASSIGN_OR_RAISE(auto row, db.Prepare("SELECT point FROM points WHERE id = ?"));
    ARROW_ASSIGN_OR_RAISE(const bool found, row.BindText(1, key).Step());
    PointFacts facts;
    BatchBuilder builder(shared_->schema);
    if (found && !reader.Open(key, row.Blob(0), &facts) && !reader.Append(builder, &facts) && facts.bookkeeping) {
      shared_->bookkeeping = 1;
    }
    return Status::OK();
  }

  void AddNotes(std::vector<Note>* notes) const {
    if (shared_->keys.outdated > 0) {
      notes->push_back({"outdated-copies", "older copies of points under another spelling of their id are left out, as qdrant-client does",
                        shared_->keys.outdated, false});
    }
    if (shared_->bookkeeping) {
      notes->push_back({"bookkeeping", fmt::format("the point {} is the application's book-keeping and is left out",
                                                   shared_->layout->bookkeeping->point_id), 1, false});
    }
    if (!shared_->dataset.lock) {
      notes->push_back({"no-lock", "the folder has no lock file: nothing keeps another program from writing to it meanwhile", -1, true});
    }
    if (shared_->keys.others) {
      notes->push_back({"foreign-ids", "some ids are neither 64-bit numbers nor UUIDs: a Qdrant server does not take them", -1, true});
    }
  }

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::optional<RecordSchema> known_;
  std::mutex mutex_;
  bool scanned_ = false;
  bool saw_document_ = false, saw_tenant_ = false, saw_mapped_ = false;
};

}  // namespace

Result<std::shared_ptr<const sqlite::Snapshot>> OpenForReading(const Dataset& dataset) {
  ARROW_RETURN_NOT_OK(CheckNotLegacy(dataset.directory));
  if (FileSize(dataset.storage()) == 0) return nullptr;
  ARROW_ASSIGN_OR_RAISE(auto file, sqlite::Snapshot::Open(dataset.storage(), {.how = sqlite::Snapshot::How::live}));
  ARROW_ASSIGN_OR_RAISE(auto db, file->Connect());
  ARROW_ASSIGN_OR_RAISE(const bool has_table, db.HasTable("points"));
  if (has_table) return file;
  return MakeError(Category::corrupt, fmt::format("{} has no table 'points'", dataset.storage().string()),
                   "check that the folder is one of qdrant-client's local mode");
}

std::unique_ptr<Source> MakeSource(Dataset dataset, const Layout* layout, std::optional<RecordSchema> known,
                                   const CancelToken* cancel) {
  return std::make_unique<PointSource>(std::move(dataset), layout, std::move(known), cancel);
}

}  // namespace vecferry::qdrant_local
