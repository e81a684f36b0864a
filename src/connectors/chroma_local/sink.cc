#include "connectors/chroma_local/sink.h"

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/records.h"
#include "connector/keyed_undo.h"
#include "connectors/chroma_local/server.h"
#include "connectors/chroma_local/source.h"

namespace vecferry::chroma_local {
namespace {

/// The server lives as long as somebody has its client.
struct Connection {
  std::shared_ptr<Server> server;
  std::shared_ptr<chroma_model::Client> client;
};

class DirectorySink final : public Sink, public KeyedUndo {
 public:
  DirectorySink(SinkWishes wishes, const OpenContext& context, const Capabilities& can)
      : wishes_(std::move(wishes)), layout_(context.layout), cancel_(context.cancel), can_(can) {}

  /// Offline: a server would make the folder, or bring an old one up to date.
  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = IdentityOf(wishes_.open);
    ARROW_ASSIGN_OR_RAISE(const bool there, CheckFolder(&info.notes));
    if (!there) return info;
    OpenContext context;
    context.cancel = cancel_;
    context.layout = layout_;
    context.settings["peek"] = "true";
    auto wishes = wishes_.open;
    wishes.damaged_is_missing = true;
    auto directory = Directory::Open(wishes, context);
    if (IsCategory(directory.status(), Category::not_found)) return info;
    ARROW_RETURN_NOT_OK(directory.status());
    const Metric metric = (*directory)->metric();
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo found, MakeSource(std::move(*directory))->Describe());
    info.exists = true;
    info.count = found.count;
    info.schema = found.schema;
    if (info.schema.vectors.empty()) info.schema.vectors.push_back({"", VectorKind::dense, Element::f32, 0, metric, ""});
    info.notes.insert(info.notes.end(), found.notes.begin(), found.notes.end());
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    return inner_->Prepare(spec);
  }

  std::vector<Note> Foresee(const SinkSpec& spec) const override { return inner_ ? inner_->Foresee(spec) : std::vector<Note>{}; }
  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override { return chroma_model::JudgeBy(spec.schema, spec.layout ? *spec.layout : *layout_, wishes_.json_text); }
  Result<WriteOutcome> Write(const RecordView& batch) override { return inner_ ? inner_->Write(batch) : NotPrepared(); }
  Result<std::string> Flush() override { return inner_ ? inner_->Flush() : NotPrepared(); }
  Status Resume(const std::string& state) override { return inner_ ? inner_->Resume(state) : NotPrepared(); }
  Status Finish() override { return inner_ ? inner_->Finish() : NotPrepared(); }
  Status Abort() override { return inner_ ? inner_->Abort() : Status::OK(); }
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override { return inner_ ? inner_->KeyOf(tenant, id) : std::string(id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return inner_ ? inner_->InjectiveKeys(schema) : !schema.has_tenant; }
  Lookup* lookup() override { return inner_ ? inner_->lookup() : nullptr; }
  Undo* undo() override { return this; }
  IndexDeferral* indexing() override { return inner_ ? inner_->indexing() : nullptr; }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return inner_ ? inner_->OpenReadBack() : NotPrepared(); }

  // ---- Undo, of a sink that was only described too
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    return inner_->undo();
  }
  Status DropDataset() override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    return inner_->undo()->DropDataset();
  }

 private:
  Status EnsureConnected() {
    std::lock_guard guard(mutex_);
    if (inner_) return Status::OK();
    std::vector<Note> notes;
    ARROW_RETURN_NOT_OK(CheckFolder(&notes).status());
    return Connect();
  }

  static Status NotPrepared() { return MakeError(Category::internal, "the folder's server was not started"); }

  /// Whether there is a folder of Chroma; one that cannot be written as it is is refused.
  Result<bool> CheckFolder(std::vector<Note>* notes) const {
    const auto database = DatabaseOf(wishes_.open.folder);
    if (!database.ok()) {
      std::error_code ec;
      if (!fs::exists(wishes_.open.folder, ec) || (fs::is_directory(wishes_.open.folder, ec) && fs::is_empty(wishes_.open.folder, ec))) return false;
      return MakeError(Category::refused, fmt::format("{} exists and is no folder of Chroma", wishes_.open.folder.string()), "name a new folder, or one of Chroma's");
    }
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, sqlite::Snapshot::Open(*database, {.how = sqlite::Snapshot::How::peek}));
    ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot->Connect());
    ARROW_ASSIGN_OR_RAISE(const Tables tables, ProbeTables(db));
    if (tables.generation() == "1.x") return true;
    if (!wishes_.migrate) {
      return MakeError(Category::refused,
                       fmt::format("{} was written by chromadb {}: a server of 1.x would bring the whole folder to its own form, and {} could not open it any more",
                                   database->parent_path().string(), tables.generation(), tables.generation()),
                       "copy the folder first and then say ?migrate=true, or write into another folder");
    }
    notes->push_back({"migrates", fmt::format("the folder was written by chromadb {} and is brought to the form of the installed server, for good", tables.generation()), -1, true});
    return true;
  }

  Status Connect() {
    const fs::path& folder = wishes_.open.folder;
    auto connection = std::make_shared<Connection>();
    ARROW_ASSIGN_OR_RAISE(connection->server, Server::Start(folder.filename() == kDatabaseFile ? folder.parent_path() : folder, wishes_.program, cancel_));
    chroma_model::Address address;
    address.endpoint = {.host = "127.0.0.1", .port = connection->server->port()};
    address.tenant = wishes_.open.tenant;
    address.database = wishes_.open.database;
    ARROW_ASSIGN_OR_RAISE(connection->client, chroma_model::Client::Connect(std::move(address), cancel_));
    chroma_model::Dataset dataset;
    dataset.client = std::shared_ptr<chroma_model::Client>(connection, connection->client.get());
    dataset.store = kScheme;
    dataset.name = wishes_.open.collection;
    dataset.identity = IdentityOf(wishes_.open);
    dataset.layout = layout_;
    dataset.cancel = cancel_;
    dataset.json_text = wishes_.json_text;
    auto inner = chroma_model::MakeSink(std::move(dataset), can_);
    ARROW_RETURN_NOT_OK(inner->Describe().status());
    inner_ = std::move(inner);
    return Status::OK();
  }

  const SinkWishes wishes_;
  const Layout* layout_;
  const CancelToken* cancel_;
  const Capabilities& can_;
  std::mutex mutex_;
  std::unique_ptr<Sink> inner_;
};

}  // namespace

std::unique_ptr<Sink> MakeSink(SinkWishes wishes, const OpenContext& context, const Capabilities& can) {
  return std::make_unique<DirectorySink>(std::move(wishes), context, can);
}

}  // namespace vecferry::chroma_local
