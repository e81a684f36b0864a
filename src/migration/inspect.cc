#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "migration/field_census.h"
#include "migration/hash_sample.h"
#include "migration/open.h"
#include "migration/transforms.h"
#include "pipeline/batch_stage.h"
#include "record/digest.h"
#include "record/distance.h"
#include "record/finite.h"

namespace vecferry {
namespace {

constexpr int64_t kSample = 10'000;
/// Distinct ids, documents and vectors that are told apart exactly: 16 bytes each.
constexpr size_t kMostDistinct = 1 << 20;
/// The same of all vector columns together, and of one where there are very many.
constexpr size_t kMostVectors = 2 << 20, kLeastVectors = 4096;
constexpr size_t kMostTenants = 10'000;
constexpr size_t kListedTenants = 5;
constexpr double kUnitTolerance = 1e-3;

uint64_t HashOf(std::string_view bytes) { return RecordHasher::Key(std::nullopt, bytes).low; }

const char* KindOfId(std::string_view id) {
  const bool negative = id.starts_with('-');
  const std::string_view digits = id.substr(negative ? 1 : 0);
  const bool number = !digits.empty() && digits.size() <= 20 && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number && (digits == "0" ? !negative : digits[0] != '0')) {
    if (negative) return ParseInt(id).ok() ? "i64" : "string";
    return digits.size() < 20 || digits <= "18446744073709551615" ? "u64" : "string";
  }
  return id.size() == 36 && ParseUuid(id) ? "uuid" : "string";
}

/// One vector column.
class VectorCensus {
 public:
  VectorCensus(const VectorSpec& spec, size_t most) : equal_(most) { told_.spec = spec; }

  void Add(const VectorColumn& column, int64_t row) {
    if (column.IsNull(row)) {
      ++told_.missing;
      return;
    }
    ++told_.present;
    if (told_.spec.kind == VectorKind::dense) return AddDense(column.Dense(row));
    const int64_t begin = column.offsets[row], n = column.offsets[row + 1] - begin;
    AddEntries(n);
    if (told_.spec.kind == VectorKind::multi) {
      AddBytes({reinterpret_cast<const char*>(column.data) + begin * column.width, static_cast<size_t>(n * column.width)});
      return;
    }
    const std::string_view indices(reinterpret_cast<const char*>(column.indices + begin), static_cast<size_t>(n) * 4);
    const std::string_view values(reinterpret_cast<const char*>(column.values + begin), static_cast<size_t>(n) * 4);
    AddBytes(std::string(indices) + std::string(values));
  }

  VectorInventory Finish() {
    if (told_.normed > 0) told_.mean_norm /= static_cast<double>(told_.normed);
    told_.equal = {equal_.Repeated(), equal_.exact()};
    return std::move(told_);
  }

 private:
  void AddBytes(std::string_view bytes) {
    told_.bytes += static_cast<int64_t>(bytes.size());
    equal_.Add(HashOf(bytes));
  }

  void AddEntries(int64_t n) {
    told_.least_entries = told_.present == 1 ? n : std::min(told_.least_entries, n);
    told_.greatest_entries = std::max(told_.greatest_entries, n);
    told_.entries += n;
  }

  void AddDense(std::string_view bytes) {
    AddBytes(bytes);
    if (HasNonFinite(told_.spec.element, bytes)) {
      ++told_.non_finite;
      return;
    }
    const double norm = Norm(told_.spec.element, told_.spec.dims, bytes);
    told_.least_norm = told_.normed == 0 ? norm : std::min(told_.least_norm, norm);
    told_.greatest_norm = std::max(told_.greatest_norm, norm);
    told_.mean_norm += norm;
    ++told_.normed;
    told_.unit += std::fabs(norm - 1) <= kUnitTolerance;
    told_.zero += norm == 0;
  }

  VectorInventory told_;
  HashSample equal_;
};

/// Everything that is counted of the records, whatever they are read for.
class Census {
 public:
  explicit Census(const RecordSchema& schema) {
    const size_t share = std::max(kLeastVectors, kMostVectors / std::max<size_t>(1, schema.vectors.size()));
    for (const auto& spec : schema.vectors) vectors_.emplace_back(spec, std::min(share, kMostDistinct));
  }

  void Add(const RecordView& view, int64_t row, Inventory* told) {
    AddId(view, row, told);
    AddTenant(view.tenant(row));
    if (const auto document = view.document(row)) AddDocument(*document, told);
    const auto metadata = view.metadata(row).value_or("{}");
    told->metadata_bytes += static_cast<int64_t>(metadata.size());
    fields_.Add(metadata);
    for (size_t i = 0; i < std::min(vectors_.size(), view.vectors().size()); ++i) vectors_[i].Add(view.vectors()[i], row);
  }

  void Finish(Inventory* told) {
    fields_.Finish(told);
    for (auto& vector : vectors_) told->vectors.push_back(vector.Finish());
    told->equal_ids = {ids_.Repeated(), ids_.exact()};
    told->equal_documents = {documents_.Repeated(), documents_.exact()};
    told->tenants = {distinct_tenants_.Distinct(), distinct_tenants_.exact()};
    std::vector<std::pair<std::string, int64_t>> all(tenants_.begin(), tenants_.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    all.resize(std::min(all.size(), kListedTenants));
    told->largest_tenants = std::move(all);
  }

 private:
  void AddId(const RecordView& view, int64_t row, Inventory* told) {
    const std::string_view id = view.id(row);
    ids_.Add(RecordHasher::Key(view.tenant(row), id).low);
    ++told->id_kinds[KindOfId(id)];
    told->longest_id = std::max(told->longest_id, static_cast<int64_t>(id.size()));
    told->id_bytes += static_cast<int64_t>(id.size());
  }

  void AddTenant(std::optional<std::string_view> tenant) {
    if (!tenant) return;
    distinct_tenants_.Add(HashOf(*tenant));
    auto found = tenants_.find(*tenant);
    if (found == tenants_.end() && tenants_.size() < kMostTenants) found = tenants_.emplace(std::string(*tenant), 0).first;
    if (found != tenants_.end()) ++found->second;
  }

  void AddDocument(std::string_view text, Inventory* told) {
    ++told->documents;
    told->document_bytes += static_cast<int64_t>(text.size());
    told->longest_document = std::max(told->longest_document, static_cast<int64_t>(text.size()));
    if (text.empty()) ++told->empty_documents;
    else documents_.Add(HashOf(text));
  }

  FieldCensus fields_;
  std::vector<VectorCensus> vectors_;
  HashSample ids_{kMostDistinct}, documents_{kMostDistinct}, distinct_tenants_{kMostDistinct};
  std::map<std::string, int64_t, std::less<>> tenants_;
};

class Inspector {
 public:
  Inspector(const Engine& engine, const std::optional<std::string>& id, bool full, int64_t show, const TransformSpec& transforms)
      : engine_(engine), id_(id), full_(full), show_(show), transforms_(transforms) {}

  Result<Inventory> Run(const Location& location) {
    ARROW_ASSIGN_OR_RAISE(OpenedSource opened, OpenSourceSide(engine_, location, {.missing_vector = "keep", .peek = true}));
    ARROW_RETURN_NOT_OK(TransformNow(engine_, &opened, transforms_));
    inventory_.info = opened.info;
    inventory_.complete = true;
    inventory_.single = id_.has_value();
    census_.emplace(opened.info.schema);
    ARROW_ASSIGN_OR_RAISE(const auto splits, opened.source->Splits(1));
    for (const auto& split : splits) {
      ARROW_RETURN_NOT_OK(ReadSplit(*opened.source, split));
      if (Enough()) break;
    }
    if (id_ && inventory_.samples.empty()) return NoSuchId(location);
    census_->Finish(&inventory_);
    return std::move(inventory_);
  }

 private:
  Status ReadSplit(Source& source, const Split& split) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read(split, "", ReadOptions{}));
    while (!Enough()) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      Look(*batch);
      Report();
    }
    return Status::OK();
  }

  bool Enough() {
    const bool enough = id_ ? !inventory_.samples.empty() : !full_ && inventory_.records + inventory_.rejects >= kSample;
    if (enough) inventory_.complete = inventory_.info.count == inventory_.records + inventory_.rejects;
    return enough;
  }

  Status NoSuchId(const Location& location) const {
    return At(MakeError(Category::not_found, fmt::format("there is no record '{}'", Printable(*id_, 200)), "ids are written as the store spells them"),
              Side::source, location.scheme, DatasetName(location));
  }

  void Look(const SourceBatch& batch) {
    const RecordView& view = batch.records;
    for (int64_t row = 0; row < view.rows(); ++row) {
      const bool wanted = id_ ? view.id(row) == *id_ : static_cast<int64_t>(inventory_.samples.size()) < show_;
      if (wanted) inventory_.samples.push_back(RecordLine(view, row));
      if (!id_) census_->Add(view, row, &inventory_);
    }
    inventory_.records += view.rows();
    inventory_.rejects += static_cast<int64_t>(batch.rejects.size());
  }

  void Report() {
    if (engine_.clock.Now() - reported_ < std::chrono::milliseconds(200)) return;
    reported_ = engine_.clock.Now();
    Progress progress;
    progress.phase = "inspect";
    progress.done = progress.session = inventory_.records + inventory_.rejects;
    progress.rejected = inventory_.rejects;
    progress.total = full_ ? inventory_.info.count : std::min(inventory_.info.count, kSample);
    progress.seconds = std::chrono::duration<double>(reported_ - began_).count();
    engine_.events.Send({Event::Kind::progress, "", progress, {}});
  }

  const Engine& engine_;
  const std::optional<std::string> id_;
  const bool full_;
  const int64_t show_;
  const TransformSpec& transforms_;
  const Clock::Steady::time_point began_ = engine_.clock.Now();
  Clock::Steady::time_point reported_ = began_;
  Inventory inventory_;
  std::optional<Census> census_;
};

}  // namespace

int64_t Inventory::vector_bytes() const {
  int64_t bytes = 0;
  for (const auto& vector : vectors) bytes += vector.bytes;
  return bytes;
}

int64_t Inventory::Whole(int64_t bytes) const {
  if (complete) return bytes;
  if (info.count < 0 || records == 0) return -1;
  return static_cast<int64_t>(static_cast<double>(bytes) * static_cast<double>(info.count) / static_cast<double>(records));
}

Result<Inventory> Inspect(const Engine& engine, const Location& location, const std::optional<std::string>& id, bool full, int64_t show,
                          const TransformSpec& transforms) {
  return Inspector(engine, id, full, show, transforms).Run(location);
}

}  // namespace vecferry
