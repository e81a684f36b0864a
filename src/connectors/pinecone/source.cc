#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/reader.h"

namespace vecferry::pinecone {
namespace {

constexpr int kSampledIds = 100;
constexpr size_t kSampledSpaces = 8;

/// What a look at some records told.
struct SampleFacts {
  bool document = false, tenant = false, sparse = false;
};

std::string LabelOf(const std::string& space) { return "namespace " + Printable(space.empty() ? std::string(kDefaultNamespace) : space, 200); }

class IndexSource final : public Source {
 public:
  IndexSource(Dataset dataset, std::optional<RecordSchema> known) : dataset_(std::move(dataset)), known_(std::move(known)) {}

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Look(true));
    DatasetInfo out;
    out.store = kScheme;
    out.dataset = dataset_.target.one_namespace ? dataset_.target.name_space : "";
    out.identity = dataset_.target.IdentityOf();
    out.schema = shared_->form.schema;
    out.count = dataset_.CountOf(stats_);
    if (!dataset_.target.ids_file.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto pieces, PiecesOf(dataset_.target.ids_file, 1));
      out.count = pieces.empty() ? 0 : pieces.front().lines;
    }
    out.count_exact = false;  // the service counts behind its writes
    out.consistency = Consistency::live;
    out.layout = dataset_.layout_name;
    AddFacts(&out);
    return out;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Look(false));
    if (!dataset_.target.ids_file.empty()) return FileSplits(wanted);
    std::vector<Split> splits;
    for (const std::string& space : Spaces()) {
      const auto at = stats_.namespaces.find(space);
      const int64_t records = at == stats_.namespaces.end() ? 0 : at->second;
      nlohmann::json payload = {{"namespace", space}, {"records", records}};
      splits.push_back({payload.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), LabelOf(space), records, -1});
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look(false));
    const auto json = nlohmann::json::parse(split.payload, nullptr, false);
    if (!json.is_object()) return MakeError(Category::corrupt, "the split cannot be read", "begin anew with --restart");
    const bool ended = from == kEnd;
    std::unique_ptr<IdStream> ids;
    if (json.contains("namespace") && json["namespace"].is_string()) {
      ARROW_ASSIGN_OR_RAISE(ids, ListOf(shared_, json["namespace"].get<std::string>(), ended ? 0 : json.value("records", int64_t{0}), ended ? Cursor() : from));
    } else {
      ARROW_ASSIGN_OR_RAISE(ids, FileOf(shared_, json.value("begin", int64_t{0}), json.value("end", int64_t{0}), ended ? Cursor() : from));
    }
    return MakeReader(shared_, std::move(ids), options, ended);
  }

  Lookup* lookup() override { return lookup_.get(); }
  Searcher* searcher() override { return searcher_.get(); }

 private:
  Result<std::vector<Split>> FileSplits(int wanted) const {
    ARROW_ASSIGN_OR_RAISE(const auto pieces, PiecesOf(dataset_.target.ids_file, wanted));
    std::vector<Split> splits;
    for (const FilePiece& piece : pieces) {
      const nlohmann::json payload = {{"begin", piece.begin}, {"end", piece.end}};
      splits.push_back({payload.dump(), fmt::format("ids at bytes {} to {} of the file", piece.begin, piece.end), piece.lines, -1});
    }
    return splits;
  }

  /// What vectors the index has, and what its records have beside them. Once, but for the counts where they are to be new.
  Status Look(bool again) {
    if (shared_ && !again) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(stats_, dataset_.Stats());
    if (shared_) return Status::OK();
    RecordSchema schema;
    if (known_) {
      schema = *known_;
    } else {
      ARROW_ASSIGN_OR_RAISE(schema, dataset_.SchemaOf(stats_, true));
      ARROW_ASSIGN_OR_RAISE(const SampleFacts facts, Sample(schema));
      ARROW_ASSIGN_OR_RAISE(schema, dataset_.SchemaOf(stats_, facts.sparse));
      schema.has_document = facts.document;
      schema.has_tenant = dataset_.target.one_namespace ? facts.tenant : HasTenants();
    }
    auto shared = std::make_shared<Shared>(Shared{dataset_, dataset_.FormOf(std::move(schema))});
    lookup_ = std::make_unique<VectorsByKey>(dataset_, shared->form);
    searcher_ = MakeSearcher(dataset_, shared->form);
    shared_ = std::move(shared);
    return Status::OK();
  }

  /// Records without tenants are those of the default namespace, whatever others there are.
  std::vector<std::string> Spaces() const {
    const bool alone = !dataset_.target.one_namespace && !shared_->form.schema.has_tenant;
    return alone ? std::vector<std::string>{dataset_.staging} : dataset_.SpacesOf(stats_);
  }

  bool HasTenants() const {
    return std::any_of(stats_.namespaces.begin(), stats_.namespaces.end(), [](const auto& each) { return !each.first.empty(); });
  }

  /// Some records of the largest namespaces, or of the head of the file of ids.
  Result<SampleFacts> Sample(const RecordSchema& schema) const {
    RecordSchema looked = schema;
    looked.has_document = true;
    looked.has_tenant = dataset_.target.one_namespace;
    const RecordForm form = dataset_.FormOf(looked);
    SampleFacts facts;
    ARROW_ASSIGN_OR_RAISE(const auto ids, SampledIds(form));
    for (const auto& [space, list] : ids) {
      ARROW_ASSIGN_OR_RAISE(const Fetched fetched, Fetched::Of(*dataset_.index, space, {list.begin(), list.end()}, kLongestTarget));
      RecordDecoder decoder(form);
      BatchBuilder builder(form.schema);
      for (const auto& id : list) {
        VectorFacts seen;
        const VectorText* vector = fetched.Find(id);
        if (!vector || decoder.Append(*vector, space, builder, &seen)) continue;
        facts.document |= seen.has_document;
        facts.tenant |= seen.has_tenant;
        facts.sparse |= seen.has_sparse;
      }
    }
    return facts;
  }

  Result<std::map<std::string, std::vector<std::string>>> SampledIds(const RecordForm& form) const {
    std::map<std::string, std::vector<std::string>> ids;
    if (!dataset_.target.ids_file.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto stream, FileOf(std::make_shared<Shared>(Shared{dataset_, form}), 0, INT64_MAX, ""));
      ARROW_ASSIGN_OR_RAISE(const Stretch head, stream->Next(kSampledIds));
      for (const Wanted& each : head.wanted) ids[each.space].push_back(each.id);
      return ids;
    }
    std::vector<std::string> spaces = dataset_.SpacesOf(stats_);
    const auto count = [this](const std::string& space) {
      const auto at = stats_.namespaces.find(space);
      return at == stats_.namespaces.end() ? 0 : at->second;
    };
    std::stable_sort(spaces.begin(), spaces.end(), [&](const auto& a, const auto& b) { return count(a) > count(b); });
    spaces.resize(std::min(spaces.size(), kSampledSpaces));
    for (const auto& space : spaces) {
      ARROW_ASSIGN_OR_RAISE(IdPage page, dataset_.index->List(space, "", kSampledIds, ""));
      ids[space] = std::move(page.ids);
    }
    return ids;
  }

  void AddFacts(DatasetInfo* out) const {
    out->facts["namespaces"] = FormatCount(static_cast<int64_t>(stats_.namespaces.size()));
    out->facts["host"] = dataset_.index->Display();
    if (stats_.fullness > 0) out->facts["fullness"] = fmt::format("{:.1f} %", stats_.fullness * 100);
    size_t told = 0;
    for (const auto& [space, count] : stats_.namespaces) {
      if (++told > 20) break;
      out->facts["namespace " + Printable(space.empty() ? std::string(kDefaultNamespace) : space, 100)] = FormatCount(count) + " records";
    }
    if (!dataset_.info) return;
    const IndexInfo& info = *dataset_.info;
    out->facts["index"] = Printable(info.name, 100);
    out->facts["kind"] = info.pod ? "pods" : fmt::format("serverless, {} {}", Printable(info.cloud, 50), Printable(info.region, 50));
    if (!info.state.empty()) out->facts["state"] = Printable(info.state, 50);
    if (info.is_protected) out->facts["protected"] = "against deletion";
    if (!info.ready) out->notes.push_back({"index-not-ready", fmt::format("the service says that the index is {}", Printable(info.state, 50)), -1, true});
  }

  const Dataset dataset_;
  const std::optional<RecordSchema> known_;
  IndexStats stats_;
  std::shared_ptr<const Shared> shared_;
  std::unique_ptr<VectorsByKey> lookup_;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known) { return std::make_unique<IndexSource>(std::move(dataset), std::move(known)); }

}  // namespace vecferry::pinecone
