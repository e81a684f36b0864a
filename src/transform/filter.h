#pragma once
#include <memory>
#include <string>
#include <vector>

#include "record/batch.h"
#include "sqlite/expression.h"
#include "transform/field.h"

namespace vecferry {

/// Tells which records pass all of some conditions. A condition is an expression in SQLite's language over the parts of the record
/// (docs/guide/transforms.md). Not for use by two threads at once.
class Filter {
 public:
  /// Category::usage naming the condition, its fault and where the language is described.
  static Result<std::unique_ptr<Filter>> Compile(const std::vector<std::string>& conditions, const RecordSchema& schema);
  ~Filter();

  /// Whether tenant and id are all that is looked at.
  bool keys_only() const;
  /// A field of the metadata that is named, and what became of asking for it.
  struct Use {
    Field field;
    int64_t asked = 0, found = 0;   ///< records
  };
  std::vector<Use>& uses();
  /// One verdict a row; of each that failed why, in order: Category::bad_content with the code of its reject.
  Status Evaluate(const RecordView& view, std::vector<sqlite::Verdict>* verdicts, std::vector<Status>* why);

 private:
  struct Impl;
  explicit Filter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
