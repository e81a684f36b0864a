#pragma once
#include <map>
#include <string>
#include <string_view>

#include "migration/hash_sample.h"
#include "migration/inventory.h"
#include "record/json.h"

namespace vecferry {

/// Gathers what the metadata of records holds, by top-level field. Metadata that is no valid object counts as none.
class FieldCensus {
 public:
  FieldCensus();
  ~FieldCensus();
  void Add(std::string_view metadata);
  /// Into inventory->fields and fields_left_out. Ends the census.
  void Finish(Inventory* inventory);

  static constexpr size_t kMostFields = 1000;
  static constexpr size_t kMostValues = 1024;  ///< distinct values of a field that are counted exactly

 private:
  class Visitor;
  std::unique_ptr<Visitor> visitor_;
  JsonReader reader_;
};

}  // namespace vecferry
