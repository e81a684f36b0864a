#include "connectors/postgresql/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"

namespace vecferry::postgresql {
namespace {

constexpr const char* kWhat = "reading rows";

Status Altered(std::string_view why) {
  return MakeError(Category::refused, fmt::format("the table was altered while it was read: {}", why), "start anew with --restart");
}

/// Where a table's lock is the only thing wanted of it.
Status LockTables(Client& client, const Relation& relation) {
  if (relation.kind != 'r' && relation.kind != 'p') return Status::OK();
  return client.Exec("LOCK TABLE " + relation.name.Sql() + " IN ACCESS SHARE MODE", Act::read, kWhat).status();
}

Result<std::vector<int64_t>> NodesNow(Client& client, const Relation& relation) {
  std::vector<int64_t> nodes;
  for (const Part& part : relation.parts) {
    ARROW_ASSIGN_OR_RAISE(const int64_t node, FileNode(client, part.oid));
    nodes.push_back(node);
  }
  return nodes;
}

/// What the SELECT gives must be what the mapping was made for: a binary copy says nothing of types.
Status CheckShape(Client& client, const ReadContext& context, const std::string& sql, const RowSelect& select) {
  auto now = client.Describe(sql, kWhat);
  const std::string state = now.ok() ? "" : SqlStateOf(now.status());
  if (state == "42703") return Altered("a column is gone");
  if (state == "42P01" && context.shape.relation.kind != 'q') {
    return MakeError(Category::not_found, fmt::format("the table {} is gone", Printable(context.shape.relation.name.Display(), 200)), "see what became of it, then start anew with --restart");
  }
  ARROW_RETURN_NOT_OK(now.status());
  for (size_t i = 0; i < select.field_of_column.size(); ++i) {
    const int field = select.field_of_column[i];
    const Column& column = context.shape.relation.columns[i];
    if (field < 0 || column.type.as_text()) continue;
    if (now->TypeOf(field) != column.type.base_oid || (column.type.is_vector() && now->TypmodOf(field) != column.type.typmod)) {
      return Altered(fmt::format("the column {} has another type", Printable(column.name, 100)));
    }
  }
  return Status::OK();
}

class RangeReader final : public SplitReader {
 public:
  RangeReader(std::shared_ptr<ReadContext> context, Range range, Position from, const ReadOptions& options)
      : context_(std::move(context)), range_(std::move(range)), position_(std::move(from)), options_(options), select_(MakeSelect(context_->shape, options.keys_only, PartOf())),
        decoder_(context_->shape, select_), parser_(select_.count), builder_(context_->shape.mapping.schema) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (done_) return std::nullopt;
    auto batch = Fill();
    // Rows of a batch that is not given are read again.
    if (!batch.ok()) Drop();
    return batch;
  }

 private:
  const Part* PartOf() const {
    if (range_.kind != Range::Kind::place) return nullptr;
    for (const Part& part : context_->shape.relation.parts) {
      if (part.name.schema == range_.schema && part.name.table == range_.table) return &part;
    }
    return nullptr;
  }

  void Drop() {
    client_.reset();
    pending_ = nullptr;
    builder_ = BatchBuilder(context_->shape.mapping.schema);
  }

  Status Start() {
    if (range_.kind == Range::Kind::place && !PartOf()) return Altered(fmt::format("the partition {} is gone", Printable(range_.table, 100)));
    for (int attempt = 0; attempt < 5; ++attempt) {
      tag_ = context_->snapshot->tag();
      // A place means nothing in another state: the split begins anew.
      if (!position_.place.empty() && position_.tag != tag_) position_ = Position{};
      const std::string sql = RangeSql(context_->shape, select_, range_, position_);
      ARROW_ASSIGN_OR_RAISE(client_, OpenReadSession(*context_, sql, select_));
      if (tag_ != context_->snapshot->tag()) continue;  // the state changed meanwhile
      ARROW_RETURN_NOT_OK(PreferIndex());
      skip_ = position_.same;
      reached_ = position_;
      parser_ = CopyParser(select_.count);
      VF_FAILPOINT("postgresql.read.copy");
      return client_->BeginCopyOut("COPY (" + sql + ") TO STDOUT (FORMAT binary)", kWhat);
    }
    return MakeError({.category = Category::transient, .retry = Retry::after_delay, .next_step = "see whether the server runs well, then run the same command again"}, "the snapshot is lost again and again");
  }

  /// Of a table that was never analysed, as after a load, the planner does not know how wide the rows are, and sorts them all on the server's disk
  /// rather than follow the key's index.
  Status PreferIndex() {
    const Relation& relation = context_->shape.relation;
    if (range_.kind != Range::Kind::key || relation.analysed || (relation.kind != 'r' && relation.kind != 'm')) return Status::OK();
    return client_->Exec("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off", Act::read, kWhat).status();
  }

  /// The next row, nothing at the end. A view into the parser.
  Result<const std::vector<Field>*> Row() {
    if (pending_) return std::exchange(pending_, nullptr);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto* row, parser_.Next());
      if (row) return row;
      ARROW_ASSIGN_OR_RAISE(const auto message, client_->CopyRead());
      if (!message) {
        if (!parser_.ended()) return MakeError(Category::corrupt, "the server's copy ends in the middle", "run the same command again: it resumes");
        return nullptr;
      }
      parser_.Feed(*message);
    }
  }

  static int64_t SizeOf(const std::vector<Field>& row) {
    int64_t size = 0;
    for (const Field& field : row) size += std::max(field.size, 0);
    return size;
  }

  /// Whether the row was given before: it has the last key, where keys may repeat.
  Status Advance(const std::vector<Field>& row, bool* given) {
    *given = false;
    if (range_.kind == Range::Kind::place) {
      reached_.place = decoder_.Place(row);
      return Status::OK();
    }
    if (range_.kind == Range::Kind::nulls) {
      *given = skip_ > 0;
      if (*given) --skip_;
      else ++reached_.same;
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(decoder_.Key(row, &key_));
    if (context_->shape.mapping.unique_key || key_ != reached_.key) {
      std::swap(reached_.key, key_);
      reached_.same = context_->shape.mapping.unique_key ? 0 : 1;
      skip_ = 0;
      return Status::OK();
    }
    *given = skip_ > 0;
    if (*given) --skip_;
    else ++reached_.same;
    return Status::OK();
  }

  Result<std::optional<SourceBatch>> Fill() {
    if (!client_) ARROW_RETURN_NOT_OK(Start());
    SourceBatch batch;
    int64_t rows = 0, bytes = 0;
    while (rows < options_.batch_rows) {
      ARROW_ASSIGN_OR_RAISE(const auto* row, Row());
      if (!row) {
        done_ = true;
        client_.reset();
        break;
      }
      const int64_t size = SizeOf(*row);
      if (rows > 0 && bytes + size > options_.batch_bytes) {
        pending_ = row;
        break;
      }
      bool given = false;
      ARROW_RETURN_NOT_OK(Advance(*row, &given));
      if (given) continue;
      ARROW_ASSIGN_OR_RAISE(const auto outcome, decoder_.Decode(*row, builder_, &batch.rejects));
      if (outcome.taken && !outcome.exact) batch.rounded.push_back(builder_.rows() - 1);
      ++rows;
      bytes += size;
    }
    if (rows == 0) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    if (range_.kind == Range::Kind::place) reached_.tag = tag_;
    position_ = reached_;
    batch.next = position_.ToText();
    return batch;
  }

  const std::shared_ptr<ReadContext> context_;
  const Range range_;
  Position position_;                       ///< behind the last batch that was given
  Position reached_;                        ///< behind the last row that was read
  const ReadOptions options_;
  const RowSelect select_;
  RowDecoder decoder_;
  CopyParser parser_;
  BatchBuilder builder_;
  std::unique_ptr<Client> client_;
  const std::vector<Field>* pending_ = nullptr;
  std::vector<std::string> key_;
  std::string tag_;                         ///< of the state that the session sees
  int64_t skip_ = 0;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<Client>> OpenReadSession(ReadContext& context, const std::string& select_sql, const RowSelect& select) {
  for (int attempt = 0;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(auto client, context.snapshot->Reader());
    const Status locked = LockTables(*client, context.shape.relation);
    if (SqlStateOf(locked) == "42P01") {
      return MakeError(Category::not_found, fmt::format("the table {} is gone", Printable(context.shape.relation.name.Display(), 200)), "see what became of it, then start anew with --restart");
    }
    ARROW_RETURN_NOT_OK(locked);
    ARROW_RETURN_NOT_OK(CheckShape(*client, context, select_sql, select));
    ARROW_ASSIGN_OR_RAISE(auto nodes, NodesNow(*client, context.shape.relation));
    const std::lock_guard lock(context.mutex);
    if (nodes == context.file_nodes) return client;
    if (attempt >= 3) return Altered("its rows are written anew again and again");
    context.file_nodes = std::move(nodes);
    ARROW_RETURN_NOT_OK(context.snapshot->Renew());
  }
}

Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<ReadContext> context, const Split& split, const Cursor& from, const ReadOptions& options) {
  ARROW_ASSIGN_OR_RAISE(Range range, Range::Parse(split.payload));
  ARROW_ASSIGN_OR_RAISE(Position position, Position::Parse(from));
  if (range.kind != Range::Kind::place) {
    std::vector<std::string> key;
    for (const int column : context->shape.mapping.key) key.push_back(context->shape.relation.columns[static_cast<size_t>(column)].name);
    const bool same = key == range.key && (position.key.empty() || position.key.size() == key.size());
    if (!same) return MakeError(Category::refused, "the table is no longer split by the key that the run was planned with", "start anew with --restart");
  }
  return std::make_unique<RangeReader>(std::move(context), std::move(range), std::move(position), options);
}

}  // namespace vecferry::postgresql
