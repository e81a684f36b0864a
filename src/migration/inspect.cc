#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "migration/open.h"
#include "migration/transforms.h"
#include "pipeline/batch_stage.h"
#include "record/distance.h"

namespace vecferry {
namespace {

constexpr int64_t kSample = 10'000;

std::string TypeOf(const nlohmann::json& value) {
  if (value.is_object() && value.size() == 2 && value.contains("$vf") && value["$vf"].is_string()) return value["$vf"].get<std::string>();
  if (value.is_number_unsigned() || value.is_number_integer()) return "integer";
  if (value.is_number_float()) return "float";
  return value.type_name();
}

class Inspector {
 public:
  Inspector(const Engine& engine, const std::optional<std::string>& id, bool full, int64_t show, const TransformSpec& transforms)
      : engine_(engine), id_(id), full_(full), show_(show), transforms_(transforms) {}

  Result<Inventory> Run(const Location& location) {
    ARROW_ASSIGN_OR_RAISE(OpenedSource opened, OpenSourceSide(engine_, location, {.missing_vector = "keep", .peek = true}));
    ARROW_RETURN_NOT_OK(TransformNow(engine_, &opened, transforms_));
    inventory_.info = opened.info;
    inventory_.complete = true;
    ARROW_ASSIGN_OR_RAISE(const auto splits, opened.source->Splits(1));
    for (const auto& split : splits) {
      ARROW_ASSIGN_OR_RAISE(auto reader, opened.source->Read(split, "", ReadOptions{}));
      while (true) {
        ARROW_RETURN_NOT_OK(engine_.cancel.Check());
        ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
        if (!batch) break;
        Look(*batch);
        if (Enough()) break;
      }
      if (Enough()) break;
    }
    if (norms_ > 0) inventory_.mean_norm /= static_cast<double>(norms_);
    if (id_ && inventory_.samples.empty()) return NoSuchId(location);
    return std::move(inventory_);
  }

 private:
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
      CountFields(view, row);
      CountVectors(view, row);
    }
    inventory_.records += view.rows();
    inventory_.rejects += static_cast<int64_t>(batch.rejects.size());
  }

  void CountFields(const RecordView& view, int64_t row) {
    const auto metadata = nlohmann::json::parse(view.metadata(row).value_or("{}"), nullptr, false);
    if (!metadata.is_object()) return;
    for (const auto& [key, value] : metadata.items()) ++inventory_.fields[key][TypeOf(value)];
  }

  void CountVectors(const RecordView& view, int64_t row) {
    bool first = true;
    for (const auto& column : view.vectors()) {
      if (column.IsNull(row)) {
        ++inventory_.missing_vectors[column.spec.column()];
      } else if (column.spec.kind == VectorKind::dense && std::exchange(first, false)) {
        AddNorm(Norm(column.spec.element, column.spec.dims, column.Dense(row)));
      }
    }
  }

  void AddNorm(double norm) {
    inventory_.least_norm = norms_ == 0 ? norm : std::min(inventory_.least_norm, norm);
    inventory_.greatest_norm = std::max(inventory_.greatest_norm, norm);
    inventory_.mean_norm += norm;
    ++norms_;
  }

  const Engine& engine_;
  const std::optional<std::string> id_;
  const bool full_;
  const int64_t show_;
  const TransformSpec& transforms_;
  Inventory inventory_;
  int64_t norms_ = 0;
};

}  // namespace

Result<Inventory> Inspect(const Engine& engine, const Location& location, const std::optional<std::string>& id, bool full, int64_t show,
                          const TransformSpec& transforms) {
  return Inspector(engine, id, full, show, transforms).Run(location);
}

}  // namespace vecferry
