#pragma once
#include <deque>
#include <fstream>
#include <future>
#include <unordered_set>

#include "connectors/pinecone/dataset.h"

/// Reading a namespace by what it lists, and an index of pods by a file of ids.
namespace vecferry::pinecone {

/// What all readers of one source share.
struct Shared {
  Dataset dataset;
  RecordForm form;
};

/// An id that is to be fetched, and the cursor behind it.
struct Wanted {
  std::string space, id;
  Cursor behind;
};

/// Some ids and their vectors.
struct Stretch {
  std::vector<Wanted> wanted;
  std::map<std::string, Fetched> fetched;  ///< by namespace; empty where keys are enough
  bool keys_alone = false;
  bool ended = false;                      ///< nothing follows
};

/// Where ids come from. One thread at a time.
class IdStream {
 public:
  virtual ~IdStream() = default;
  /// About `rows` ids from where the stream is; fewer, also none, at the end only. After a failure the same is asked for again.
  virtual Result<Stretch> Next(int64_t rows) = 0;
  /// Whether an id that a fetch did not find is there all the same, as far as the stream knows.
  virtual Result<bool> IsThere(const Wanted& wanted) const = 0;
  /// Of the reject that an id becomes which is there and is not found.
  virtual std::pair<std::string, std::string> MissingAs() const = 0;
  /// At the end: a failure where what was read is not what the split was.
  virtual Status CheckEnd() const { return Status::OK(); }
};

/// Cursors: ["TOKEN", N, "LAST"], N ids of the page that the token gives are done, LAST the last of them; "end" behind everything.
Result<std::unique_ptr<IdStream>> ListOf(std::shared_ptr<const Shared> shared, std::string space, int64_t expected, const Cursor& from);
/// Lines of a file from one offset to another. Cursors are offsets.
Result<std::unique_ptr<IdStream>> FileOf(std::shared_ptr<const Shared> shared, int64_t begin, int64_t end, const Cursor& from);
/// Cuts the file at lines into about `wanted` pieces: their offsets, and the number of lines of each.
struct FilePiece {
  int64_t begin = 0, end = 0, lines = 0;
};
Result<std::vector<FilePiece>> PiecesOf(const std::string& file, int wanted);

std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, std::unique_ptr<IdStream> ids, ReadOptions options, bool ended);

inline constexpr std::string_view kEnd = "end";

}  // namespace vecferry::pinecone
