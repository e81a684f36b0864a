#include <algorithm>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "connector/row_judge.h"
#include "connectors/vdf/group.h"
#include "connectors/vdf/meta.h"
#include "connectors/vdf/vdf.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"
#include "files/whole_sink.h"

namespace vecferry::vdf {
namespace {

constexpr size_t kMaxGroups = 64;       ///< of one namespace: records beyond them are refused
constexpr size_t kMaxNamespaces = 10000;
constexpr const char* kLibraryVersion = "0.1.248";

Status BadState() { return MakeError(Category::corrupt, "no state of a VDF folder", "start again with --restart"); }

class VdfSink final : public files::WholeSink {
 public:
  VdfSink(files::Place place, const std::string& index, bool json_text)
      : WholeSink("a VDF folder", "the folder is"), place_(place), index_(index.empty() ? "index" : index), folder_(std::move(place), "vdf"),
        json_text_(json_text), fit_(CapabilitiesOfVdf(json_text)), split_(json_text) {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = files::IdentityOf("vdf", place_) + "#" + index_;
    ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
    if (!there) return info;
    ARROW_ASSIGN_OR_RAISE(const auto files, place_.Files());
    if (files.empty()) return info;
    if (!place_.is_local()) info.replace = ReplaceMode::window;
    ARROW_ASSIGN_OR_RAISE(const Meta meta, ReadMeta(place_));
    for (const auto& [name, spaces] : meta.indexes) {
      if (name == index_) continue;
      return MakeError(Category::refused, fmt::format("{} holds another index, {}", place_.text(), Printable(name, 100)), "a folder is written as a whole: name another");
    }
    if (!meta.indexes.contains(index_)) return info;
    info.exists = true;
    ARROW_ASSIGN_OR_RAISE(const auto source, vdf::OpenSource(place_, index_, true));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo facts, source->Describe());
    info.count = facts.count;
    info.schema = facts.schema;
    return info;
  }

  Result<RowJudge> JudgeOf(const SinkSpec&) const override {
    return JudgeEach([split = MetadataSplit(json_text_)](const RecordView& batch, int64_t row) mutable -> std::optional<RowReject> {
      const Status status = Take(batch, row, split).status();
      if (status.ok()) return std::nullopt;
      return RowReject{row, FactsOf(status).code, status.message()};
    });
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(CheckSchemaFits(CapabilitiesOfVdf(json_text_), spec.schema));
    if (!spec.resumed) {
      ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
      ARROW_RETURN_NOT_OK(files::CheckMayWrite(spec, there, place_));
      ARROW_RETURN_NOT_OK(CheckOnlyOurs());
    }
    schema_ = spec.schema;
    model_ = spec.model;
    reserved_ = {"id"};
    names_.clear();
    for (const auto& vector : schema_.vectors) {
      names_.push_back(vector.name.empty() ? "vector" : vector.name);
      if (names_.back() == "id" || names_.back() == "document" || names_.back().find_first_of(",=/") != std::string::npos || std::count(names_.begin(), names_.end(), names_.back()) > 1) {
        return MakeError(Category::unsupported, fmt::format("a vector named {} has no column in VDF", Printable(names_.back(), 100)), "rename it on the way");
      }
    }
    reserved_.insert(reserved_.end(), names_.begin(), names_.end());
    if (schema_.has_document) reserved_.push_back("document");
    return folder_.Begin(spec);
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    VF_FAILPOINT("vdf.write.before");
    WriteOutcome outcome;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      Status status;
      if (const auto reject = fit_.Check(batch, row)) status = BadRecord(reject->code, reject->message);
      else status = Add(batch, row);
      if (status.ok()) continue;
      if (!IsCategory(status, Category::bad_content)) return status;
      outcome.rejects.push_back({row, FactsOf(status).code, status.message()});
    }
    return outcome;
  }

  Result<std::string> Flush() override {
    if (folder_.finished() || folder_.finished_before()) return state_;
    VF_FAILPOINT("vdf.flush.before");
    for (auto& [name, space] : spaces_) {
      while (!space.groups.empty()) {
        ARROW_RETURN_NOT_OK(WriteFile(space, space.groups.back()));
        space.groups.pop_back();
      }
    }
    auto state = nlohmann::json{{"c", counter_}, {"n", nlohmann::json::array()}};
    for (const auto& [name, space] : spaces_) state["n"].push_back({{"t", name}, {"d", space.folder}, {"r", space.rows}, {"f", space.files}});
    return state_ = state.dump();
  }

  Status Resume(const std::string& text) override {
    state_ = text;
    if (folder_.finished_before()) return Status::OK();
    spaces_.clear();
    counter_ = 1;
    const auto state = text.empty() ? nlohmann::json{{"c", 1}, {"n", nlohmann::json::array()}} : nlohmann::json::parse(text, nullptr, false);
    std::set<std::string> files;
    try {
      counter_ = state.at("c").get<int64_t>();
      for (const auto& item : state.at("n")) {
        Space& space = spaces_[item.at("t").get<std::string>()];
        space.folder = item.at("d").get<std::string>();
        space.rows = item.at("r").get<int64_t>();
        space.files = item.at("f").get<std::vector<std::string>>();
        files.insert(space.files.begin(), space.files.end());
      }
    } catch (const nlohmann::json::exception&) {
      return BadState();
    }
    for (const auto& file : files) {
      std::error_code ec;
      if (!fs::exists(folder_.root() / file, ec)) return MakeError(Category::corrupt, fmt::format("{} is gone", (folder_.root() / file).string()), "start again with --restart");
    }
    return folder_.KeepOnly(files);
  }

  Status Finish() override {
    if (folder_.finished() || folder_.finished_before()) return Status::OK();
    ARROW_RETURN_NOT_OK(Flush().status());
    if (spaces_.empty()) {
      // An empty index still has a file, for its columns.
      ARROW_ASSIGN_OR_RAISE(Space* space, SpaceOf(""));
      ARROW_RETURN_NOT_OK(WriteFile(*space, Group(Shape(Shape::Kind::object))));
    }
    std::vector<std::string> files;
    for (const auto& [name, space] : spaces_) files.insert(files.end(), space.files.begin(), space.files.end());
    ARROW_RETURN_NOT_OK(WriteFileAtomic(folder_.root() / kMetaFile, MetaText(files), 0644));
    files.push_back(kMetaFile);
    return folder_.Finish(files);
  }

  Status Abort() override { return folder_.Close(), Status::OK(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override {
    if (folder_.finished() || folder_.finished_before()) return vdf::OpenSource(place_, index_, false);
    return files::MakeEmptySource("vdf", files::IdentityOf("vdf", place_) + "#" + index_, schema_);
  }

  Status DropDataset() override { return folder_.Drop({".parquet", kMetaFile}); }

 private:
  struct Space {
    std::string folder;              ///< relative: "docs" or "docs/3"
    int64_t rows = 0;
    std::vector<std::string> files;  ///< written, relative
    std::vector<Group> groups;       ///< not yet written
  };

  Status CheckOnlyOurs() const {
    ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
    if (!there) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto files, place_.Files());
    return files::CheckOnlyOurs(place_, files, [](const std::string& relative) { return relative.ends_with(".parquet") || relative == kMetaFile; });
  }

  /// The metadata of a record that can be held.
  static Result<RowMetadata> Take(const RecordView& batch, int64_t row, MetadataSplit& split) {
    if (const auto tenant = batch.tenant(row); tenant && tenant->empty()) return BadRecord("empty-tenant", "an empty tenant, which VDF does not tell from none");
    return split.Of(batch.metadata(row).value_or("{}"));
  }

  Status Add(const RecordView& batch, int64_t row) {
    ARROW_ASSIGN_OR_RAISE(const RowMetadata metadata, Take(batch, row, split_));
    const Shape& shape = metadata.shape;
    ARROW_ASSIGN_OR_RAISE(Space* space, SpaceOf(std::string(batch.tenant(row).value_or(""))));
    auto group = std::find_if(space->groups.begin(), space->groups.end(), [&shape](const Group& known) { return known.Fits(shape); });
    if (group == space->groups.end()) {
      if (space->groups.size() == kMaxGroups) return BadRecord("metadata-mixed-types", fmt::format("its fields are of other types than in {} kinds of record before it", kMaxGroups));
      space->groups.emplace_back(Shape(Shape::Kind::object));
      group = space->groups.end() - 1;
    }
    group->Add(batch, row, shape);
    return Status::OK();
  }

  Result<Space*> SpaceOf(const std::string& tenant) {
    const auto found = spaces_.find(tenant);
    if (found != spaces_.end()) return &found->second;
    if (spaces_.size() == kMaxNamespaces) return MakeError(Category::limit, fmt::format("more than {} tenants", kMaxNamespaces));
    Space& space = spaces_[tenant];
    // Each namespace has a folder that no other's is in.
    space.folder = PercentEncode(index_, " ") + (schema_.has_tenant ? "/" + std::to_string(spaces_.size()) : "");
    return &space;
  }

  Status WriteFile(Space& space, const Group& group) {
    const std::string relative = fmt::format("{}/{}.parquet", space.folder, counter_);
    ARROW_RETURN_NOT_OK(folder_.MakeParents(relative));
    ARROW_RETURN_NOT_OK(group.Write(folder_.root() / relative, schema_, names_, reserved_, split_));
    ++counter_;
    space.rows += group.rows();
    space.files.push_back(relative);
    return Status::OK();
  }

  std::string MetaText(const std::vector<std::string>& files) const {
    using Json = nlohmann::ordered_json;
    const std::string top = place_.name();
    auto structure = Json::array();
    for (const auto& file : files) structure.push_back(top + "/" + file);
    structure.push_back(top + "/" + kMetaFile);
    auto namespaces = Json::array();
    for (const auto& [name, space] : spaces_) namespaces.push_back(NamespaceMeta(name, space));
    const char* user = std::getenv("USER");
    const double now = Clock::System().WallSeconds();
    const Json meta = {{"version", kLibraryVersion}, {"file_structure", structure}, {"author", user && IsValidUtf8(user) ? user : "unknown"}, {"exported_from", "vecferry"},
                       {"indexes", {{index_, namespaces}}}, {"exported_at", FormatUtc(now)}, {"id_column", nullptr}};
    return meta.dump(4) + "\n";
  }

  nlohmann::ordered_json NamespaceMeta(const std::string& name, const Space& space) const {
    using Json = nlohmann::ordered_json;
    auto models = Json::object();
    for (size_t i = 0; i < names_.size(); ++i) {
      const std::string& own = schema_.vectors[i].model;
      models[names_[i]] = {{"model_name", !own.empty() ? own : model_.empty() ? kNoModel : model_}, {"text_column", schema_.has_document ? "document" : kNoModel},
                           {"dimensions", schema_.vectors[i].dims}, {"vector_column", names_[i]}};
    }
    return {{"namespace", name}, {"index_name", index_}, {"total_vector_count", space.rows}, {"exported_vector_count", space.rows}, {"dimensions", schema_.vectors[0].dims},
            {"model_name", models[names_[0]]["model_name"]}, {"model_map", models}, {"vector_columns", names_}, {"data_path", space.folder},
            {"metric", NameOf(schema_.vectors[0].metric)}, {"index_config", nullptr}, {"schema_dict_str", nullptr}};
  }

  const files::Place place_;
  const std::string index_;
  files::StagedFolder folder_;
  const bool json_text_;
  RowFit fit_;
  MetadataSplit split_;
  RecordSchema schema_;
  std::string model_, state_;
  std::vector<std::string> names_, reserved_;
  std::map<std::string, Space> spaces_;
  int64_t counter_ = 1;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const files::Place& place, const std::string& index, bool json_text) {
  ARROW_RETURN_NOT_OK(files::StagedFolder::CheckPlace(place));
  return std::make_unique<VdfSink>(place, index, json_text);
}

}  // namespace vecferry::vdf
