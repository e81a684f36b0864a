#pragma once
#include <functional>
#include <memory>
#include <string>

#include "connector/connector.h"
#include "files/file.h"
#include "sidecar/sidecar.h"
#include "sidecar/vectors.h"

namespace vecferry::sidecar {

using files::File;

/// What a kind of file of vectors does of the sink's work. Used by one thread at a time.
class VectorForm {
 public:
  virtual ~VectorForm() = default;
  /// Before the first record: takes or refuses the schema (Category::unsupported) and says how vectors are spooled.
  virtual Status Begin(const RecordSchema& schema) = 0;
  /// Category::refused where a file of so many records or fewer cannot be made.
  virtual Status CheckCount(int64_t) const { return Status::OK(); }
  /// Bytes before the first vector of the spool, to be filled by Complete.
  virtual int64_t head_size() const = 0;
  /// Elements of a vector as they are spooled; a row takes elements * BytesOf(stored) bytes.
  virtual RowVectors::Place spooled() const = 0;
  /// Whether rows have ids of their own: those are spooled too.
  virtual bool with_ids() const { return false; }
  /// Appends the stored form of a vector. Category::bad_content: the record is refused. `id` is set where with_ids().
  virtual Status Encode(const RecordView& view, int64_t row, std::string* bytes, int64_t* id) = 0;
  /// Makes the file of the spool, whose rows stand from head_size() on. May be called again after a crash: the spool is cut
  /// to its rows before. Either the spool itself becomes the file (true), or the file is written at `built` (false). Synced.
  virtual Result<bool> Complete(File& spool, int64_t rows, const File* ids, const fs::path& built) = 0;
};

using FormMaker = std::function<std::unique_ptr<VectorForm>()>;

/// Where the files go, and who reads them.
struct PairedTarget {
  std::string store;             ///< "faiss"
  fs::path vectors, side;
  Format format = Format::jsonl;
  std::optional<fs::path> folder;  ///< made for the two where it is missing
  std::function<Result<std::unique_ptr<Source>>()> reopen;
};

/// A sink of a file of vectors and its side-car (Replay::truncate_and_replay). While it is written, plain vectors, ids and
/// side-car lines grow beside their places under names of the run; Finish makes both files of them, puts the side-car in
/// its place and then the vectors: with that last rename the dataset is whole. Each call of `make_form` gives a form of its own: that which writes, and
/// one for each judge of rows.
Result<std::unique_ptr<Sink>> MakePairedSink(PairedTarget target, FormMaker make_form);

}  // namespace vecferry::sidecar
