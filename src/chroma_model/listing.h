#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chroma_model/client.h"
#include "connector/connector.h"

/// Which records a split has, as ids. Chroma has no cursor, and its offset shifts with every record that is deleted: records are asked
/// for by their ids, which costs the same at either end of a collection.
namespace vecferry::chroma_model {

/// Splits of about the same number of records. Up to a million ids stand in the splits themselves, read now: what is deleted later is left out,
/// what is added later is not there. Beyond that a split is a stretch of offsets.
Result<std::vector<Split>> SplitsOf(const Client& client, const std::string& collection, int wanted);

/// Some ids that follow each other, and where they stand.
struct IdRun {
  std::vector<std::string> ids;
  int64_t first = 0;       ///< their place in the split
  std::string before;      ///< the id before the first, of a split of offsets
  bool by_offset = false;
  /// The cursor behind the first `n` of them.
  Cursor CursorBehind(size_t n) const;
};

/// Walks along a split.
class IdWalk {
 public:
  /// Category::corrupt for a split or a cursor that is none of this store.
  static Result<IdWalk> Of(std::shared_ptr<Client> client, std::string_view payload, const Cursor& from);
  const std::string& collection() const { return collection_; }
  /// The next ids, at most `most`; none at the end. Category::refused where rows moved while a split of offsets was read.
  Result<IdRun> Take(size_t most);
  /// To where a run begins.
  void GoBack(const IdRun& run);

 private:
  Status Refill();
  std::shared_ptr<Client> client_;
  std::string collection_;
  bool by_offset_ = false;
  int64_t offset_ = 0, count_ = 0;   ///< of a split of offsets
  std::vector<std::string> ids_;     ///< all of the split's, or those that were listed last
  int64_t begin_ = 0;                ///< place of ids_[0] in the split
  int64_t at_ = 0;                   ///< place of the next one
  std::string before_;               ///< the id before it, of a split of offsets
};

}  // namespace vecferry::chroma_model
