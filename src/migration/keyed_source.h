#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

namespace vecferry {

/// A source of which certain records may be wanted, asked for by key. Splits that KeyedSplits made are lists of ids, for an inner source that
/// finds records by key; all others are its own.
class KeyedSource final : public Source {
 public:
  explicit KeyedSource(std::unique_ptr<Source> inner) : inner_(std::move(inner)) {}
  Result<DatasetInfo> Describe() override { return inner_->Describe(); }
  Result<std::vector<Split>> Splits(int wanted) override {
    return only_ ? Result<std::vector<Split>>(*only_) : inner_->Splits(wanted);
  }
  /// From now on Splits gives these; nothing: all of the source.
  void Only(std::optional<std::vector<Split>> splits) { only_ = std::move(splits); }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override;
  Lookup* lookup() override { return inner_->lookup(); }
  Searcher* searcher() override { return inner_->searcher(); }
  bool Moved() const override { return inner_->Moved(); }

 private:
  std::unique_ptr<Source> inner_;
  std::optional<std::vector<Split>> only_;
};

/// Splits for those records, a few thousand each. `tenants` is empty or as long as `ids`.
std::vector<Split> KeyedSplits(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids);

}  // namespace vecferry
