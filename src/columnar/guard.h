#pragma once
#include <new>
#include <string>
#include <type_traits>

#include <parquet/exception.h>

#include "base/error.h"
#include "base/text.h"

namespace vecferry::columnar {

/// The library's words on one line, without its line breaks at the end.
inline std::string Words(std::string text) {
  text.erase(text.find_last_not_of("\n ") + 1);
  return Printable(text, 400);
}

/// A failure of the Parquet library about a file's bytes, or of its reading. What is classified already stays.
inline Status FromParquet(const arrow::Status& status, const std::string& name) {
  if (status.ok() || FactsOf(status).category != Category::internal) return status;
  if (status.IsOutOfMemory()) return MakeError(Category::too_large, name + " asks for more memory than a batch may take", "write it with smaller pages or row groups");
  return MakeError(Category::corrupt, name + ": " + Words(status.message()), "check the file with the program that made it");
}

/// Runs what may throw: no exception of the Parquet library leaves.
template <class F>
auto Guard(const std::string& name, F&& act) -> std::invoke_result_t<F> {
  try {
    auto result = act();
    if constexpr (std::is_same_v<std::invoke_result_t<F>, Status>) return FromParquet(result, name);
    else return result.ok() ? std::move(result) : std::invoke_result_t<F>(FromParquet(result.status(), name));
  } catch (const parquet::ParquetStatusException& e) {
    return FromParquet(e.status(), name);
  } catch (const std::bad_alloc&) {
    return MakeError(Category::too_large, name + " asks for more memory than there is");
  } catch (const std::exception& e) {
    return MakeError(Category::corrupt, name + ": " + Words(e.what()), "check the file with the program that made it");
  }
}

}  // namespace vecferry::columnar
