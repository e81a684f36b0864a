#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "migration/search_scan.h"

namespace vecferry {

/// A query as a file gives it.
struct GivenQuery {
  std::vector<float> values;
  std::optional<std::string> column;  ///< name of the vector, as in VectorSpec; nothing: every column of its dimensions
  std::string tenant;
  std::string label;                  ///< for people, "" where the file names none
};

/// The queries that a file holds, known by its content: a NumPy array of one or two dimensions (float16, float32, float64, int8, uint8
/// or whole numbers of 32 or 64 bits), JSON lines (an array of numbers, or an object with `vector` and optionally `column`, `tenant` and `id`),
/// or lines of numbers with blanks, tabs, commas or semicolons between them, `#` before a remark. Category::corrupt with the line where it is none
/// of these, at most kMostQueries.
Result<std::vector<GivenQuery>> ParseQueries(std::string_view content);
inline constexpr size_t kMostQueries = 100'000;
Result<std::vector<GivenQuery>> ReadQueries(const std::string& file);

/// Queries by column name.
using QuerySet = std::map<std::string, std::vector<Query>>;

/// Those of the given ones that fit each of the columns. Category::usage where one fits none.
Result<QuerySet> QueriesFor(const std::vector<GivenQuery>& given, const std::vector<VectorSpec>& columns);

/// For each column the vectors of up to options.query_count records, chosen by a hash of their keys and the seed, with noise: the same
/// whatever the order of reading. `with_tenant`: each is asked among the records of its tenant. `read` is how many records there are.
Result<QuerySet> SampleQueries(const Engine& engine, Source& source, const std::vector<VectorSpec>& columns, const SearchOptions& options, const AcceptKey& accept,
                               bool with_tenant, int64_t total, int jobs, int64_t* read);

/// The same of one column, from the beginnings of several parts of the source alone: quick, and not spread evenly.
Result<std::vector<Query>> SampleSome(const Engine& engine, Source& source, const VectorSpec& column, const SearchOptions& options, bool with_tenant);

/// The vector of `values`, moved by noise of options' length; of numbers that are whole rounded, of bits flipped. `word` makes it repeatable.
std::vector<float> WithNoise(const VectorSpec& spec, std::vector<float> values, double noise, uint64_t word);

}  // namespace vecferry
