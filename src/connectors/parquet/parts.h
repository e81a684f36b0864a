#pragma once
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <arrow/type_fwd.h>

#include "columnar/table_writer.h"
#include "files/staged_folder.h"

namespace vecferry::parquet_store {

/// The files of a folder while they are written, one or more for each partition. Few are open at once; the others are closed
/// and gone on with where they were. All of them go on from a state after a crash.
class Parts {
 public:
  using Key = std::optional<std::string>;  ///< the partition's value; nothing: none
  struct Setup {
    columnar::TableOptions table;
    int64_t file_size = 0;
    std::function<std::shared_ptr<arrow::Schema>(const Key&)> schema;
    std::function<std::string(const Key&)> folder;  ///< "" or "key=value/"
  };
  Parts(files::StagedFolder& folder, Setup setup) : folder_(folder), setup_(std::move(setup)) {}

  Status Write(const Key& key, const arrow::RecordBatch& batch);
  /// Makes all durable; the state, JSON text.
  Result<std::string> Flush();
  Status Resume(const std::string& state);
  /// Ends every file. Returns the names of all.
  Result<std::vector<std::string>> Finish();
  /// Removes the side-cars, which are needed until the folder is in its place.
  Status RemoveSidecars();
  void Close();
  bool empty() const { return parts_.empty(); }

 private:
  struct Part {
    Key key;
    std::string relative;
    int64_t size = 0, sidecar = 0;  ///< as flushed
    uint64_t inode = 0;
    bool sealed = false;            ///< no more is written to it
    bool sent = false;              ///< it is whole and in the bucket
    files::GrowingFile data;        ///< open or not
    std::unique_ptr<columnar::TableWriter> writer;
  };
  Result<Part*> PartFor(const Key& key);
  Status OpenPart(Part& part);
  Status FlushPart(Part& part);
  void ClosePart(Part& part);
  Status EndPart(Part& part);
  Status Check(Part& part);
  fs::path Sidecars() const;
  fs::path SidecarOf(const Part& part) const;

  files::StagedFolder& folder_;
  const Setup setup_;
  std::map<std::string, std::unique_ptr<Part>> parts_;  ///< by relative name
  std::map<Key, std::pair<Part*, int>> current_;        ///< and how many files the partition has
  std::list<Part*> open_;                               ///< the one used last in front
};

}  // namespace vecferry::parquet_store
