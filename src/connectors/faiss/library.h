#pragma once
#include <functional>
#include <memory>
#include <mutex>

#include "base/files.h"

namespace faiss {
struct Index;
}

/// Calls of libfaiss. Its exceptions end here, and so do its threads' numbers: OpenMP and BLAS take two at most.
namespace vecferry::faiss_files {

inline constexpr int kThreads = 2;

/// Runs `act` with the threads bounded; what it throws is a failure of that category about `what`. std::bad_alloc is Category::refused.
Status WithFaiss(const std::string& what, const std::function<void()>& act);

/// An index whose vectors libfaiss alone can decode; loaded whole at the first call. Thread-safe.
class LibraryIndex {
 public:
  explicit LibraryIndex(fs::path path);
  ~LibraryIndex();
  /// Reconstructions of rows in the order of their ids inside FAISS.
  Status Decode(int64_t first, int64_t n, float* out);
  /// The ids of an IVF index, sorted; nothing for others.
  Result<std::shared_ptr<const std::vector<int64_t>>> ListIds();
  /// The nearest k of one query: scores and ids as FAISS numbers them, -1 where there are fewer. `exact`: an IVF index looks into every list.
  Status Search(const float* query, int k, bool exact, float* scores, int64_t* ids);

 private:
  struct Loaded;
  Status Load();
  fs::path path_;
  std::mutex mutex_;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace vecferry::faiss_files
