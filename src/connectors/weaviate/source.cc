#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/reader.h"

namespace vecferry::weaviate {
namespace {

class ClassSource final : public Source {
 public:
  ClassSource(Dataset dataset, std::optional<RecordSchema> known) : known_(std::move(known)) { shared_->dataset = std::move(dataset); }

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Look());
    const Dataset& dataset = shared_->dataset;
    const weaviate::Look& look = shared_->look;
    DatasetInfo out;
    out.store = kScheme;
    out.dataset = dataset.name;
    out.identity = dataset.identity();
    out.schema = look.shape.schema;
    ARROW_ASSIGN_OR_RAISE(count_, CountObjects(dataset, look.schema));
    out.count = count_;
    out.count_exact = count_ >= 0;
    out.consistency = vecferry::Consistency::live;
    out.layout = dataset.layout->name;
    out.settings[kClassSetting] = look.schema.json;
    out.notes = look.notes;
    AddFacts(&out);
    AddNotes(&out);
    return out;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Look());
    if (count_ < 0 && !shared_->look.schema.multi_tenant) {
      ARROW_ASSIGN_OR_RAISE(count_, CountObjects(shared_->dataset, shared_->look.schema));
    }
    return RangesOf(shared_->look.schema.name, shared_->look.schema.multi_tenant, shared_->look.tenants, wanted, count_);
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look());
    ARROW_ASSIGN_OR_RAISE(Range range, Range::Parse(split.payload));
    if (range.class_name != shared_->look.schema.name) {
      return MakeError(Category::refused, fmt::format("'{}' stood for the class '{}' when the run began, and stands for '{}' now", Printable(shared_->dataset.name),
                                                      Printable(range.class_name), Printable(shared_->look.schema.name)),
                       "point the alias back, name the class itself, or begin anew with --restart");
    }
    ARROW_ASSIGN_OR_RAISE(Position position, Position::Parse(range, from));
    if (shared_->dataset.wake && shared_->look.schema.multi_tenant) ARROW_RETURN_NOT_OK(shared_->dataset.tenants->TakeOver());
    return MakeReader(shared_, std::move(range), std::move(position), options);
  }

  Lookup* lookup() override { return lookup_.get(); }
  Searcher* searcher() override { return searcher_.get(); }

 private:
  /// Once: the class, and what its objects have.
  Status Look() {
    std::lock_guard guard(mutex_);
    if (looked_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(shared_->look, LookAt(shared_->dataset, known_));
    lookup_ = std::make_unique<ObjectsByKey>(shared_->dataset, shared_->look.shape);
    searcher_ = MakeSearcher(shared_->dataset, shared_->look.schema, shared_->look.shape);
    looked_ = true;
    return Status::OK();
  }

  void AddFacts(DatasetInfo* out) const {
    const weaviate::Look& look = shared_->look;
    out->facts["server"] = "Weaviate " + shared_->dataset.client->version();
    if (shared_->dataset.is_alias()) out->facts["class"] = Printable(look.schema.name, 300);
    std::string indexes;
    for (const VectorConfig& vector : look.schema.vectors) {
      const std::string vectorizer = vector.vectorizer.empty() || vector.vectorizer == "none" ? "" : ", vectorizer " + vector.vectorizer;
      indexes += fmt::format("{}{} ({}, {}{})", indexes.empty() ? "" : ", ", vector.name.empty() ? "unnamed" : vector.name, vector.index, DistanceOf(vector.metric), vectorizer);
    }
    if (!indexes.empty()) out->facts["vector indexes"] = Printable(indexes, 1000);
    if (!look.schema.multi_tenant) return;
    int64_t asleep = 0, away = 0;
    for (const Tenant& tenant : look.tenants) asleep += tenant.asleep(), away += !tenant.active() && !tenant.asleep();
    out->facts["tenants"] = fmt::format("{}{}{}", look.tenants.size(), asleep ? fmt::format(", {} inactive", asleep) : "", away ? fmt::format(", {} offloaded", away) : "");
    if (asleep > 0) {
      out->notes.push_back({"inactive-tenants", "tenants are inactive: what they hold is not counted; a copy wakes each for as long as it is read, and puts it back", asleep, false});
    }
    if (away > 0) out->notes.push_back({"offloaded-tenants", "tenants are offloaded and cannot be read", away, true});
  }

  void AddNotes(DatasetInfo* out) const {
    const Dataset& dataset = shared_->dataset;
    if (dataset.written != dataset.name) {
      out->notes.push_back({"class-name", fmt::format("the class is '{}': Weaviate's class names begin with a capital letter", Printable(dataset.name, 300)), -1, false});
    }
    for (const VectorConfig& vector : shared_->look.schema.vectors) {
      if (vector.vectorizer.empty() || vector.vectorizer == "none") continue;
      out->notes.push_back({"not-carried", fmt::format("the vectorizer '{}' is not carried: vectors are, as they are", Printable(vector.vectorizer, 100)), -1, false});
      break;
    }
    const auto references = shared_->look.schema.References();
    if (!references.empty()) {
      out->notes.push_back({"references", "references to other objects are carried as metadata: lists of what they point to", static_cast<int64_t>(references.size()), false});
    }
  }

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  const std::optional<RecordSchema> known_;
  std::mutex mutex_;
  bool looked_ = false;
  int64_t count_ = -1;
  std::unique_ptr<ObjectsByKey> lookup_;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known) { return std::make_unique<ClassSource>(std::move(dataset), std::move(known)); }

}  // namespace vecferry::weaviate
